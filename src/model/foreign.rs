//! Text that another process chose: names, arguments, paths.

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

    /// What follows the last separator of a path; `\\` is one where a drive letter leads.
    pub fn base_name(&self) -> &str {
        let path = &self.0;
        let is_windows = path.as_bytes().get(1..3) == Some(b":\\");
        let start = path
            .rfind(|c| c == '/' || (is_windows && c == '\\'))
            .map_or(0, |at| at + 1);
        &path[start..]
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
}
