//! `--expect` and `--owner`: who should hold a port.

use super::failure::{Failure, quote};
use crate::judge::Expected;
use crate::model::{AskedUser, Note};
use crate::read::Source;

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
            "user" => expected.users.insert(AskedUser::new(value)),
            "pid" => expected.pids.insert(super::selector::parse_pid(value)?),
            _ => return Err(bad()),
        };
    }
    Ok(Some(expected).filter(|expected| !expected.is_empty()))
}

/// Looks up the users that are named. What is said where one cannot be.
pub fn look_up(source: &mut dyn Source, expected: Option<&mut Expected>) -> Vec<Note> {
    let Some(expected) = expected else {
        return Vec::new();
    };
    let mut users: Vec<AskedUser> = std::mem::take(&mut expected.users).into_iter().collect();
    let notes = crate::look_up_users(source, &mut users);
    expected.users.extend(users);
    notes
}
