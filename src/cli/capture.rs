//! `portwho capture FILE`: records what the readers saw.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure, quote};
use super::values::SourceName;
use super::{source, terminal};
use crate::act::create_private;
use crate::model::cause;
use crate::read::capture::Capture;

/// Record what the readers saw, to be replayed with --from
///
/// The recording holds the names, command lines and directories of processes, and the addresses of
/// their peers; --redact replaces what tells about people.
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// File to write, readable by you alone; "-" for standard output
    pub file: std::path::PathBuf,
    /// Replace arguments, directories, addresses and names of users and of the host
    #[arg(long)]
    pub redact: bool,
    /// Record every network namespace (root sees all of them)
    #[arg(long)]
    pub all_netns: bool,
    /// Overwrite the file if it is there
    #[arg(long)]
    pub force: bool,
    /// Where to read from
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    pub source: SourceName,
}

const CONTENTS: &str = "the recording holds names, command lines and directories of processes, and \
                        addresses of peers: --redact takes them out";

pub fn run(args: &CaptureArgs) -> Result<Exit, Failure> {
    let to_stdout = args.file == Path::new("-");
    let is_file = !to_stdout && std::fs::metadata(&args.file).map_or(true, |found| found.is_file());
    if !is_file && !args.redact && !args.force {
        let what = if to_stdout {
            "standard output".to_owned()
        } else {
            quote(&args.file.to_string_lossy())
        };
        return Err(
            Failure::usage(format!("{what} is not a file, and {CONTENTS}"))
                .hint("add --redact, or --force to write it as it is"),
        );
    }
    if is_file && args.file.exists() && !args.force {
        return Err(Failure::usage(format!(
            "{} is there already",
            quote(&args.file.to_string_lossy())
        ))
        .hint("add --force to overwrite it"));
    }
    let mut source = source::open_live(args.source, None)?;
    let mut capture = Capture::record(source.as_mut(), source::namespaces(args.all_netns));
    if args.redact {
        capture.redact();
    } else {
        terminal::tell(format_args!("portwho: note: {CONTENTS}"));
    }
    if to_stdout {
        terminal::answer(|out| capture.write(out))?;
        return Ok(Exit::Yes);
    }
    let failed = |error| {
        Failure::unknown(format!(
            "{}: {}",
            quote(&args.file.to_string_lossy()),
            cause(&error)
        ))
    };
    let file = create_private(&args.file).map_err(failed)?;
    let mut out = std::io::BufWriter::new(file);
    capture
        .write(&mut out)
        .and_then(|()| out.flush())
        .map_err(failed)?;
    Ok(Exit::Yes)
}
