//! The sockets of a list, one by one, so that no second copy of all of them is made.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};
use std::rc::Rc;

use super::{INDENT, LINES_UP_TO, append, buffered};
use crate::model::{Owner, Process, Row, Snapshot};
use crate::render::contract::{OwnerOut, RowOut, Sockets};

/// Writes the list as one document.
pub fn write(kind: &'static str, snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let mut head = Vec::new();
    append(&Sockets::new(kind, snapshot), 0, &mut head)?;
    buffered(out, |out| {
        out.write_all(without(&head, b"]\n}"))?;
        let mut texts = Texts::default();
        for (at, row) in snapshot.rows.iter().enumerate() {
            out.write_all(if at > 0 { b",\n" } else { b"\n" })?;
            (0..LINES_UP_TO).try_for_each(|_| out.write_all(INDENT))?;
            out.write_all(texts.of(row)?)?;
        }
        if !snapshot.rows.is_empty() {
            out.write_all(b"\n")?;
            out.write_all(INDENT)?;
        }
        out.write_all(b"]\n}\n")
    })
}

/// Writes a document for each socket, each on its line.
pub fn write_each(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    buffered(out, |out| {
        let mut texts = Texts::default();
        snapshot.rows.iter().try_for_each(|row| {
            out.write_all(texts.of(row)?)?;
            out.write_all(b"\n")
        })
    })
}

/// Makes the texts of sockets. That of a process is made once, however many sockets it owns: it is the
/// longer part of each.
#[derive(Default)]
struct Texts {
    /// The text of the last socket.
    socket: Vec<u8>,
    /// Up to the descriptors, by the place of the process.
    owners: HashMap<*const Process, Vec<u8>>,
}

impl Texts {
    fn of(&mut self, row: &Row) -> io::Result<&[u8]> {
        self.socket.clear();
        append(&RowOut::without_owners(row), LINES_UP_TO, &mut self.socket)?;
        let length = without(&self.socket, b"]}").len();
        self.socket.truncate(length);
        for (at, owner) in row.owners.iter().enumerate() {
            if at > 0 {
                self.socket.extend(b", ");
            }
            self.append_owner(owner)?;
        }
        self.socket.extend(b"]}");
        Ok(&self.socket)
    }

    fn append_owner(&mut self, owner: &Owner) -> io::Result<()> {
        let told = match self.owners.entry(Rc::as_ptr(&owner.process)) {
            Entry::Occupied(told) => told.into_mut(),
            Entry::Vacant(place) => {
                let mut text = Vec::new();
                append(
                    &OwnerOut::without_fds(&owner.process),
                    LINES_UP_TO,
                    &mut text,
                )?;
                text.truncate(without(&text, b"null}").len());
                place.insert(text)
            }
        };
        self.socket.extend(&*told);
        append(&owner.fds.numbers(), LINES_UP_TO, &mut self.socket)?;
        self.socket.push(b'}');
        Ok(())
    }
}

/// The text of an object up to its last field's value, which says as yet that there is nothing.
fn without<'a>(text: &'a [u8], nothing: &[u8]) -> &'a [u8] {
    debug_assert!(text.ends_with(nothing), "the last field is another");
    text.strip_suffix(nothing).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::model::{Endpoint, Foreign, OwnerStatus, ProcessKey, Protocol, Socket, State};

    fn row(owners: Vec<Owner>) -> Row {
        let socket = Socket {
            protocol: Protocol::Tcp,
            state: State::Listen,
            local: Endpoint::new([127, 0, 0, 1], 80),
            peer: None,
            ip_protocol: None,
            v6only: None,
            user: None,
            inode: NonZeroU64::new(7),
            site: None,
            recv_queue: None,
            send_queue: Some(128),
            handle: None,
        };
        Row {
            socket,
            owner_status: OwnerStatus::Known,
            owners: owners.into_iter().collect(),
            role: None,
        }
    }

    #[test]
    fn sockets_that_are_put_together_are_what_the_contract_says() {
        let process = |pid, name: &str| {
            let key = ProcessKey { pid, start: 1 };
            Rc::new(Process::named(key, Foreign::from_bytes(name.as_bytes())))
        };
        let (one, other) = (process(8, "null}"), process(9, "]}\u{1b}\""));
        let owner = |process: &Rc<Process>, fds: &[u32]| Owner {
            process: process.clone(),
            fds: fds.iter().copied().collect(),
        };
        let rows = vec![
            row(Vec::new()),
            row(vec![owner(&one, &[3])]),
            row(vec![owner(&one, &[4, 5]), owner(&other, &[])]),
            row(vec![owner(&other, &[6])]),
        ];
        let mut texts = Texts::default();
        for row in &rows {
            let mut plain = Vec::new();
            append(&RowOut::new(row), LINES_UP_TO, &mut plain).unwrap();
            let text = texts.of(row).unwrap().to_vec();
            assert_eq!(String::from_utf8(text), String::from_utf8(plain));
        }
    }
}
