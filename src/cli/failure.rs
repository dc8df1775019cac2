//! Exit codes, and the one way in which errors are told.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::model::cause;
use crate::render::Clean;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Yes: something matched.
    Yes,
    /// No: nothing matched.
    No,
    /// The question could not be understood.
    Usage,
    /// Cannot tell.
    Unknown,
    /// As a command that was run did.
    Of(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Yes => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Of(code) => code,
        })
    }
}

/// An error, as the user sees it: one line, perhaps a hint, and an exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
    pub exit: Exit,
}

impl Failure {
    /// Bad input. The message may quote it with [`quote`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: Exit::Usage,
        }
    }

    /// Something that could not be done, so that no answer can be given.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            exit: Exit::Unknown,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error of writing the answer; `None` for a reader that has left, which is no error.
    pub fn of_writing(error: &io::Error) -> Option<Self> {
        (error.kind() != io::ErrorKind::BrokenPipe).then(|| Self::of_output(error))
    }

    /// An answer that could not be written.
    pub fn of_output(error: &io::Error) -> Self {
        Self::unknown(format!("standard output: {}", cause(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "portwho: {}", Clean::new(&self.message))?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", Clean::new(hint))?;
        }
        Ok(())
    }
}

/// Longest quotation of bad input, in columns.
const LONGEST: usize = 60;

/// Input in quotes, cleaned and shortened.
pub fn quote(input: &str) -> String {
    // Cleaning all of a huge argument to show its start would be work for nothing.
    let start: String = input.chars().take(LONGEST + 1).collect();
    format!("'{}'", Clean::new(&start).cut(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_clean_and_short() {
        assert_eq!(quote("80;ls"), "'80;ls'");
        assert_eq!(quote("\x1b[2J"), "'\\x1b[2J'");
        let long = quote(&"x".repeat(1_000_000));
        assert!(long.len() < 70 && long.ends_with("…'"));
    }
}
