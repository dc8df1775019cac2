//! Facts of the terminal, and the streams.

use std::io::{self, IsTerminal, Write};

use super::failure::Failure;
use super::values::When;

/// Columns of the terminal that standard output is; `None` for a pipe or a file.
pub fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    // A terminal of no columns does not know its size.
    let size = terminal_size::terminal_size_of(io::stdout());
    Some(size.map_or(0, |(width, _)| width.0))
        .filter(|width| *width > 0)
        .or(Some(80))
}

/// Whether to colour standard output: <https://no-color.org>, `TERM=dumb`, and a console of Windows that
/// does not know escape codes. One that does must be asked to heed them.
pub fn wants_colour(when: When) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match when {
        When::Always => {
            anstyle_query::windows::enable_ansi_colors();
            true
        }
        When::Never => false,
        When::Auto => {
            io::stdout().is_terminal()
                && !is_set("NO_COLOR")
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
                && anstyle_query::windows::enable_ansi_colors() != Some(false)
        }
    }
}

/// Writes an answer to standard output. A reader that has left is no error.
///
/// # Errors
/// Any other error of writing, a full disk for instance.
pub fn answer(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let result = write(&mut out).and_then(|()| out.flush());
    // What could not be written must not be tried again when the writer is dropped.
    let _ = out.into_parts();
    result.or_else(|error| Failure::of_writing(&error).map_or(Ok(()), Err))
}

/// Writes a line to standard error; where that fails there is nobody to tell.
pub fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
