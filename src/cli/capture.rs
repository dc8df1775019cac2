//! `portwho capture FILE`: records what the readers saw.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure, quote};
use super::values::SourceName;
use super::{source, terminal};
use crate::act::{Existing, open_device, write_private};
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
    /// Replace the file, or the link, that is there
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
    let name = quote(&args.file.to_string_lossy());
    let found = std::fs::metadata(&args.file);
    if !to_stdout && found.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return Err(Failure::usage(format!("{name} is a directory")));
    }
    let is_file = !to_stdout && found.map_or(true, |found| found.is_file());
    if !is_file && !args.redact && !args.force {
        let what = if to_stdout {
            "standard output".to_owned()
        } else {
            name.clone()
        };
        return Err(
            Failure::usage(format!("{what} is not a file, and {CONTENTS}"))
                .hint("add --redact, or --force to write it as it is"),
        );
    }
    let is_there = || {
        let failure = Failure::usage(format!("{name} is there already"));
        failure.hint("add --force to replace it")
    };
    // A link is there too, wherever it leads.
    if is_file && std::fs::symlink_metadata(&args.file).is_ok() && !args.force {
        return Err(is_there());
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
    let existing = match args.force {
        true => Existing::Replaced,
        false => Existing::Kept,
    };
    let written = if is_file {
        write_private(&args.file, existing, |out| capture.write(out))
    } else {
        open_device(&args.file).and_then(|device| {
            let mut out = BufWriter::new(device);
            capture.write(&mut out).and_then(|()| out.flush())
        })
    };
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(),
        _ => Failure::unknown(format!("{name}: {}", cause(&error))),
    })?;
    Ok(Exit::Yes)
}
