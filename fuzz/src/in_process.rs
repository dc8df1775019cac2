//! Runs the program within this process, its streams being files in memory.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::stdio::{dup2_stderr, dup2_stdout};

use portwho::cli::Exit;

use crate::properties::verbs::Run;

fn in_memory() -> File {
    let made = memfd_create("portwho", MemfdFlags::CLOEXEC);
    File::from(made.expect("files in memory can be made"))
}

fn whole(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .expect("a file in memory is read");
    bytes
}

fn again(stream: impl AsFd) -> OwnedFd {
    stream
        .as_fd()
        .try_clone_to_owned()
        .expect("a stream can be had again")
}

/// Runs the program on a recording.
///
/// # Panics
/// Where the streams cannot be replaced.
pub fn run(arguments: &[&str], recording: &[u8]) -> Run {
    let mut input = in_memory();
    input
        .write_all(recording)
        .expect("a file in memory is written");
    let place = format!("/proc/self/fd/{}", input.as_raw_fd());
    let (own_out, own_err) = (again(std::io::stdout()), again(std::io::stderr()));
    let (out, err) = (in_memory(), in_memory());
    dup2_stdout(&out)
        .and_then(|()| dup2_stderr(&err))
        .expect("streams are replaced");
    let all = [&["portwho"], arguments, &["--from", &place]].concat();
    let exit = std::panic::catch_unwind(|| portwho::cli::run(all.into_iter().map(Into::into)));
    dup2_stdout(&own_out)
        .and_then(|()| dup2_stderr(&own_err))
        .expect("streams are given back");
    let (stdout, stderr) = (whole(out), whole(err));
    let exit = exit.unwrap_or_else(|panic| {
        eprintln!("{arguments:?}: {}", String::from_utf8_lossy(&stderr));
        std::panic::resume_unwind(panic)
    });
    Run {
        code: match exit {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Of(code) => i32::from(code),
        },
        stdout,
        stderr,
    }
}
