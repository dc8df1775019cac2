//! Names of the users that are shown, and numbers of those that are asked for.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::model::{Account, AskedUser, Note, NoteCode, Row};
use crate::normalize::Users;
use crate::read::Source;
use crate::read::raw::RawProcess;

/// Looks the names up. What is said where one cannot be.
pub fn look_up<'a>(
    source: &mut dyn Source,
    users: impl IntoIterator<Item = &'a mut AskedUser>,
) -> Vec<Note> {
    let mut notes = Vec::new();
    for user in users {
        if matches!(user.account, Account::Uid(_)) {
            continue;
        }
        user.account = source.account(&user.text);
        if user.account == Account::Unknown {
            notes.push(Note {
                code: NoteCode::UsersUnknown,
                message: format!(
                    "the number of user {} could not be looked up, so any user may be the one: use \
                     the number itself, user=1234",
                    user.text
                ),
                count: None,
            });
        }
    }
    notes
}

/// The names of the users of rows and of their owners.
pub fn of_rows<'a>(source: &mut dyn Source, rows: impl Iterator<Item = &'a Row>) -> Users {
    let uids = rows.flat_map(|row| {
        let owners = row.owners.iter().map(|owner| owner.process.uid);
        owners.chain([row.socket.uid()]).flatten()
    });
    names(source, uids)
}

/// The names of the users of processes.
pub fn of_processes(source: &mut dyn Source, processes: &[RawProcess]) -> Users {
    names(source, processes.iter().filter_map(|process| process.uid))
}

pub fn names(source: &mut dyn Source, uids: impl Iterator<Item = u32>) -> Users {
    let uids: BTreeSet<u32> = uids.collect();
    if uids.is_empty() {
        return Users::new();
    }
    let names = source.users(&uids).into_iter();
    names.map(|(uid, name)| (uid, Rc::from(name))).collect()
}
