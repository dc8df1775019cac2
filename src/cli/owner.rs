//! `--expect` and `--owner`: who should hold a port.

use super::failure::{Failure, quote};
use crate::judge::Expected;

/// Reads `name=postgres`, `user=www-data`, `pid=1234`. Several of one kind widen, kinds narrow.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn parse(texts: &[String]) -> Result<Option<Expected>, Failure> {
    let mut expected = Expected::default();
    for text in texts {
        let bad = || {
            Failure::usage(format!("{} is no owner", quote(text)))
                .hint("for instance 'name=postgres', 'user=www-data', 'pid=1234'")
        };
        let (key, value) = text.split_once('=').ok_or_else(bad)?;
        match key {
            _ if value.is_empty() => return Err(bad()),
            "name" => expected.names.insert(value.to_owned()),
            "user" => expected.users.insert(value.to_owned()),
            "pid" => expected.pids.insert(super::selector::parse_pid(value)?),
            _ => return Err(bad()),
        };
    }
    Ok(Some(expected).filter(|expected| !expected.is_empty()))
}
