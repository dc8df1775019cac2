//! One line, put together of its cells.

use super::{GAP, Head};
use crate::render::cell::Tone;
use crate::render::clean;
use crate::render::paint::paint;

/// A line as it grows. The next one takes its room.
pub struct Line {
    text: String,
    /// They wait for the text that follows them, so that no line ends with any.
    blanks: usize,
    colour: bool,
}

impl Line {
    pub fn new(colour: bool) -> Self {
        Self {
            text: String::new(),
            blanks: 0,
            colour,
        }
    }

    pub fn begin(&mut self) {
        self.text.clear();
        self.blanks = 0;
    }

    /// Adds clean text in a column of this width.
    pub fn add(&mut self, text: &str, tone: Tone, head: &Head, width: usize) {
        let rest = width.saturating_sub(clean::width(text));
        let (before, after) = if head.right { (rest, 0) } else { (0, rest) };
        self.blanks += before;
        if !text.is_empty() {
            add_blanks(self.blanks, &mut self.text);
            if self.colour {
                self.text.push_str(&paint(text, tone, true));
            } else {
                self.text.push_str(text);
            }
            self.blanks = 0;
        }
        self.blanks += after + GAP;
    }

    /// Gives the line, with its end.
    pub fn end(&mut self) -> &[u8] {
        self.text.push('\n');
        self.text.as_bytes()
    }
}

fn add_blanks(mut count: usize, line: &mut String) {
    const BLANKS: &str = "                                ";
    while count > 0 {
        let now = count.min(BLANKS.len());
        line.push_str(&BLANKS[..now]);
        count -= now;
    }
}
