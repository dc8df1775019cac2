//! Text that another process chose: names, arguments, paths.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Text from outside, as lossy UTF-8 and otherwise as it came: it may hold escape sequences.
///
/// It has no `Display`: the one way to a terminal is through `render::Clean`, the one way to JSON
/// through [`Foreign::unclean`] and an escaping writer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Foreign(String);

impl Foreign {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Takes bytes as the system gave them; what is not UTF-8 becomes U+FFFD.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text with whatever it holds. Never write it to a terminal.
    pub fn unclean(&self) -> &str {
        &self.0
    }

    /// The text as a part of a list: in quotes where it holds marks that could end its place there, and
    /// pass for the words of others. As unclean as the text itself.
    pub fn in_text(&self) -> Cow<'_, str> {
        in_text(&self.0)
    }

    /// The same in a sentence, which a text of any length would bury: its beginning, where it is long.
    pub fn in_sentence(&self) -> Cow<'_, str> {
        match self.0.char_indices().nth(LONGEST) {
            None => in_text(&self.0),
            Some((end, _)) => Cow::Owned(in_text(&format!("{}…", &self.0[..end])).into_owned()),
        }
    }

    /// What follows the last separator of a path; `\\` is one where a drive letter leads.
    pub fn base_name(&self) -> &str {
        let path = &self.0;
        let is_windows = self.is_windows_path();
        let start = path
            .rfind(|c| c == '/' || (is_windows && c == '\\'))
            .map_or(0, |at| at + 1);
        &path[start..]
    }

    /// The base name of a path to a program; on Windows without ".exe".
    pub fn program_name(&self) -> &str {
        let name = self.base_name();
        if self.is_windows_path() {
            without_exe(name)
        } else {
            name
        }
    }

    /// Whether a drive letter leads, as in `C:\`.
    pub fn is_windows_path(&self) -> bool {
        self.0.as_bytes().get(1..3) == Some(b":\\")
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Characters of a text that a sentence has room for.
const LONGEST: usize = 100;

/// A part of a foreign text as [`Foreign::in_text`] gives the whole.
pub fn in_text(text: &str) -> Cow<'_, str> {
    let is_mark = |c: char| ";,()'\"\u{d7}\u{2190}\u{2192}".contains(c);
    let has_marks = text.contains(is_mark) || text.contains(": ") || text.contains("  ");
    if has_marks || text.trim() != text || text.split(' ').any(is_dashes) {
        Cow::Owned(format!("'{}'", text.replace('\'', "\\'")))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a word is what stands for a pause, or for nothing.
fn is_dashes(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| "-\u{2013}\u{2014}".contains(c))
}

/// The name of a program of Windows without its ending, as people say it.
pub fn without_exe(name: &str) -> &str {
    let at = name.len().saturating_sub(".exe".len());
    match name.split_at_checked(at) {
        Some((stem, ending)) if !stem.is_empty() && ending.eq_ignore_ascii_case(".exe") => stem,
        _ => name,
    }
}

/// Whether Linux would show a program of this name as `comm`: it cuts names to 15 bytes
/// (TASK_COMM_LEN less the NUL).
pub fn is_comm_of(comm: &str, name: &str) -> bool {
    const CUT: usize = 15;
    name == comm || (comm.len() >= CUT && name.as_bytes().starts_with(comm.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_names_of_both_worlds() {
        for (path, name) in [
            ("/usr/bin/python3", "python3"),
            ("python3", "python3"),
            ("/usr/bin/", ""),
            ("", ""),
            (r"C:\Windows\svchost.exe", "svchost.exe"),
            (r"/bin/a\b", r"a\b"),
        ] {
            assert_eq!(Foreign::new(path).base_name(), name, "{path}");
        }
    }

    #[test]
    fn a_name_with_marks_of_a_sentence_is_quoted_in_one() {
        for plain in [
            "nginx",
            "Web Content",
            "kworker/0:1",
            "php-fpm8.2",
            "größe",
            "",
        ] {
            assert_eq!(Foreign::new(plain).in_text(), plain);
        }
        for marked in [
            "db; port is ok",
            "a, b",
            "nginx (pid 1)",
            "db -- free",
            "nginx \u{d7}4",
            "-",
            " db",
            "db  user root",
            "pid: 1",
            "\"",
        ] {
            let quoted = format!("'{marked}'");
            assert_eq!(Foreign::new(marked).in_text(), quoted);
        }
        assert_eq!(Foreign::new("a' (b").in_text(), r"'a\' (b'");
    }

    #[test]
    fn a_sentence_has_the_beginning_of_a_long_text() {
        let long = "é".repeat(LONGEST);
        assert_eq!(Foreign::new(long.clone()).in_sentence(), long);
        let longer = Foreign::new(format!("{long}x"));
        assert_eq!(longer.in_sentence(), format!("{long}…"));
        assert_eq!(longer.in_text(), longer.unclean());
        let quoted = Foreign::new(format!(";{}", "x".repeat(LONGEST)));
        let beginning = "x".repeat(LONGEST - 1);
        assert_eq!(quoted.in_sentence(), format!("';{beginning}…'"));
    }

    #[test]
    fn programs_of_windows_are_named_without_their_ending() {
        for (path, name) in [
            (r"C:\Windows\svchost.exe", "svchost"),
            (r"Z:\x\nginx.EXE", "nginx"),
            (r"C:\a\.exe", ".exe"),
            (r"C:\a\é", "é"),
            (r"C:\a\setup.msi", "setup.msi"),
            ("/usr/bin/wine.exe", "wine.exe"),
        ] {
            assert_eq!(Foreign::new(path).program_name(), name, "{path}");
        }
    }
}
