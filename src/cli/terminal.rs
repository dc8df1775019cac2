//! Facts of the terminal, and the streams.

use std::io::{self, IsTerminal, Write};

use super::failure::Failure;
use super::values::When;
use crate::act::StandardOutput;

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
    let mut out = io::BufWriter::with_capacity(64 * 1024, StandardOutput);
    let result = write(&mut out).and_then(|()| out.flush());
    // What could not be written must not be tried again when the writer is dropped.
    let _ = out.into_parts();
    result.or_else(|error| Failure::of_writing(&error).map_or(Ok(()), Err))
}

/// Writes to standard output what is written again and again: on a terminal in the place of what it
/// was before, else below it, after a blank line where it is for people. Whether somebody still reads.
///
/// # Errors
/// Any error of writing other than that nobody does.
pub fn repaint(text: &[u8], for_people: bool) -> Result<bool, Failure> {
    let mut out = StandardOutput;
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let result = if for_people && io::stdout().is_terminal() && !is_dumb {
        out.write_all(&in_place(text, height()))
    } else {
        let blank: &[u8] = if for_people { b"\n" } else { b"" };
        out.write_all(&[text, blank].concat())
    };
    match result.and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) => Failure::of_writing(&error).map_or(Ok(false), Err),
    }
}

/// Lines that are shown of what is repainted on a terminal; `None` where nothing limits them.
pub fn room() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    Some(height().saturating_sub(1)).filter(|room| is_terminal && *room > 0)
}

/// Lines of the terminal that standard output is.
fn height() -> usize {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(0, |(_, height)| usize::from(height.0))
}

/// Text with the escape sequences (ECMA-48) that put it at the top, no line broken or left over, and
/// none below the last line: that would move the rest.
fn in_place(text: &[u8], height: usize) -> Vec<u8> {
    const HOME: &[u8] = b"\x1b[H";
    const NO_WRAP: &[u8] = b"\x1b[?7l";
    const WRAP: &[u8] = b"\x1b[?7h";
    // Before a line is written: after one that is as wide as the terminal, the cursor stands on its
    // last character.
    const CLEAR_LINE: &[u8] = b"\x1b[K";
    const CLEAR_REST: &[u8] = b"\x1b[J";
    let room = if height > 1 { height - 1 } else { usize::MAX };
    let mut out = [HOME, NO_WRAP].concat();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|byte| *byte == b'\n').take(room) {
        out.extend([CLEAR_LINE, line, b"\r\n"].concat());
    }
    out.extend([WRAP, CLEAR_REST].concat());
    out
}

/// Writes a line to standard error; where that fails there is nobody to tell.
pub fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repainted_keeps_to_the_lines_of_the_terminal() {
        let shown = |height| String::from_utf8(in_place(b"a\nb\nc\n", height)).unwrap();
        assert_eq!(
            shown(0),
            "\x1b[H\x1b[?7l\x1b[Ka\r\n\x1b[Kb\r\n\x1b[Kc\r\n\x1b[?7h\x1b[J"
        );
        assert!(shown(3).contains('b') && !shown(3).contains('c'));
    }
}
