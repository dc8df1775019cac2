//! The one cleaner of text that somebody else chose.

use std::borrow::Cow;
use std::fmt::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::Foreign;

/// Text that is safe on a terminal and stays on its line. There is no way to make one that does not clean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clean(Cow<'static, str>);

/// Columns of one text that people are shown on a line that nothing else limits: another program may
/// have chosen it, as long as it liked. What is made for programs has texts whole.
pub const LONGEST: usize = 600;

impl Clean {
    /// Makes visible what would act: control characters as `\n` or `\x1b`, marks of direction and
    /// characters without width as `\u{202e}`.
    pub fn new(text: &str) -> Self {
        Self(Cow::Owned(clean(text).into_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Columns of a terminal that the text takes.
    pub fn width(&self) -> usize {
        width(&self.0)
    }

    /// The text with so many blanks behind it.
    #[must_use]
    pub fn padded(&self, blanks: usize) -> Self {
        Self(Cow::Owned(format!("{}{:blanks$}", self.0, "")))
    }

    /// The text in at most so many columns, its cut end marked.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.width() <= columns {
            return self.clone();
        }
        match columns.checked_sub(1) {
            Some(room) => Self(Cow::Owned(fitting(self.0.chars(), room) + "…")),
            None => Self::default(),
        }
    }

    /// The text in at most [`LONGEST`] columns.
    #[must_use]
    pub fn short(&self) -> Self {
        self.cut(LONGEST)
    }

    /// The text in at most so many columns, both its ends kept.
    #[must_use]
    pub fn cut_middle(&self, columns: usize) -> Self {
        if self.width() <= columns || columns < 3 {
            return self.cut(columns);
        }
        let end: String = fitting(self.0.chars().rev(), (columns - 1) / 2)
            .chars()
            .rev()
            .collect();
        let start = fitting(self.0.chars(), columns - 1 - end.width());
        Self(Cow::Owned(format!("{start}…{end}")))
    }
}

/// Keeps text that is clean already as it is, without a copy.
impl From<Cow<'static, str>> for Clean {
    fn from(text: Cow<'static, str>) -> Self {
        match clean(&text) {
            Cow::Borrowed(_) => Self(text),
            Cow::Owned(cleaned) => Self(Cow::Owned(cleaned)),
        }
    }
}

impl From<&Foreign> for Clean {
    fn from(text: &Foreign) -> Self {
        Self::new(text.unclean())
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Columns of a terminal that clean text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// The first of these characters that fit into so many columns.
fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    chars
        .take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

fn clean(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte);
    // All of them, so that the compiler looks at many at once.
    if text
        .bytes()
        .fold(true, |so_far, byte| so_far & is_plain(byte))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        // Writing to a string does not fail.
        let _ = match c {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            c if c.is_control() => write!(out, "\\x{:02x}", c as u32),
            c if acts(c) => write!(out, "\\u{{{:x}}}", c as u32),
            c => out.write_char(c),
        };
    }
    Cow::Owned(out)
}

/// Whether the text is of printable ASCII alone.
pub fn is_plain(text: &str) -> bool {
    // Every byte is looked at, so that the compiler may look at many at once.
    let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
    text.bytes()
        .fold(true, |all, byte| all & is_printable(byte))
}

/// Whether a character changes how others are shown, or is not seen itself (Unicode general category
/// Cf, line and paragraph separators, fillers, variation selectors).
pub fn acts(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays() {
        for text in ["nginx", "a b (c)", "größe", "日本語", "", "C:\\x"] {
            assert_eq!(Clean::new(text).as_str(), text);
        }
    }

    #[test]
    fn whatever_acts_on_a_terminal_is_shown_instead() {
        for (text, shown) in [
            ("\x1b[31mred", "\\x1b[31mred"),
            ("\u{9b}31m", "\\x9b31m"),
            ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
            ("a\nb\tc\rd\x08", "a\\nb\\tc\\rd\\x08"),
            ("\u{202e}exe.fdp", "\\u{202e}exe.fdp"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{2028}", "\\u{2028}"),
            ("\x7f", "\\x7f"),
        ] {
            assert_eq!(Clean::new(text).as_str(), shown);
        }
    }

    #[test]
    fn no_character_survives_that_acts() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let shown = Clean::new(&c.to_string());
            assert!(
                !shown.as_str().chars().any(|c| c.is_control() || acts(c)),
                "{:x}",
                c as u32
            );
            assert!(shown.as_str() == "" || shown.as_str().lines().count() == 1);
        }
    }

    #[test]
    fn wide_characters_are_cut_whole() {
        let wide = Clean::new("日本語");
        assert_eq!(wide.width(), 6);
        assert_eq!(wide.cut(6).as_str(), "日本語");
        assert_eq!(wide.cut(5).as_str(), "日本…");
        assert_eq!(wide.cut(4).as_str(), "日…");
        assert_eq!(wide.cut(1).as_str(), "…");
        assert_eq!(wide.cut(0).as_str(), "");
        assert_eq!(wide.cut_middle(5).as_str(), "日…語");
    }

    #[test]
    fn both_ends_stay_where_the_middle_is_cut() {
        let peer = Clean::new("[::ffff:127.0.0.1]:35450");
        assert_eq!(peer.cut_middle(24), peer);
        assert_eq!(peer.cut_middle(15).as_str(), "[::ffff…]:35450");
        assert_eq!(peer.cut_middle(2).as_str(), "[…");
    }
}
