//! The program on recordings: captures in, output and exit code out.
//!
//! No privileges, no system access, the same answer on every OS. What each capture shows stands in
//! `tests/captures/README.md`.

mod any_bytes;
mod any_text;
mod bad_usage;
mod cards;
mod columns;
mod contract;
mod damaged;
mod ephemeral;
mod exit_codes;
mod formats;
mod generated;
mod habits;
mod honesty;
mod hostile;
mod kernel_bytes;
mod layout;
mod many;
mod map;
mod meaning;
// The scripts are run where archives are made, by bash.
#[cfg(unix)]
mod packaging;
mod reach;
mod readme;
mod redacted;
mod sctp;
mod selectors;
mod sources;
mod verbs;
mod why;
mod widths;
mod windows;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the program said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// The answer of a run that had something to show and nothing to say about it.
    #[track_caller]
    pub fn shown(self) -> String {
        assert_eq!((self.code, &*self.stderr), (0, ""), "{}", self.stdout);
        self.stdout
    }
}

/// The program in an environment that is the same everywhere.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portwho"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"] {
        command.env_remove(variable);
    }
    command.env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// Runs the program with these arguments.
pub fn portwho(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Answer {
    ended(command().args(arguments))
}

/// Runs a prepared command to its end.
pub fn ended(command: &mut Command) -> Answer {
    answer(&command.output().expect("portwho runs"))
}

/// Runs the program with a text on its standard input.
pub fn portwho_fed(arguments: &[&str], input: &[u8]) -> Answer {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("portwho runs");
    // A program that does not read its input to the end has reasons of its own.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    answer(&child.wait_with_output().expect("portwho ends"))
}

fn answer(output: &std::process::Output) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the output is UTF-8");
    Answer {
        code: output.status.code().expect("portwho is not killed"),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// A file under `tests/captures/`, by its name without ending.
pub fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name)
        .with_extension("json")
}

/// Replays a capture.
pub fn replay(name: &str, arguments: &[&str]) -> Answer {
    let mut command = command();
    command.arg("--from").arg(capture(name)).args(arguments);
    ended(&mut command)
}

/// Splits a command line at its blanks, which no argument of these tests holds.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
