//! What must be said beside the rows: tables and owners that could not be read, and what would help.

use super::sockets::namespace_name;
use crate::model::{Family, Foreign, Note, NoteCode, Protocol, Row, Scope, State};
use crate::read::raw::{Outcome, RawNamespace, RawSockets, RawTable};

/// Notes on the tables that a scope asked for.
pub fn table_notes(raw: &RawSockets, scope: &Scope) -> Vec<Note> {
    let mut notes: Vec<Note> = raw
        .tables
        .iter()
        .filter_map(|table| table_note(table, ""))
        .collect();
    notes.extend(raw.elsewhere.iter().flat_map(namespace_notes));
    if scope.states.contains(State::Bound) {
        notes.extend(unseen_note(raw.all_tables()));
    }
    // Who asks for one protocol does not ask for those that are not read.
    if Protocol::DEFAULT
        .into_iter()
        .all(|one| scope.protocols.contains(one))
    {
        notes.extend(dccp_note(raw));
    }
    notes.extend(refusal(raw.namespaces_refused));
    if raw.lacks_namespaces {
        notes.push(Note {
            code: NoteCode::NamespacesRefused,
            message: "the recording holds one network namespace alone: 'portwho capture \
                      --all-netns' records all of them"
                .into(),
            count: None,
        });
    }
    let asked_bound = scope.states.contains(State::Bound)
        && [Protocol::Tcp, Protocol::Mptcp]
            .into_iter()
            .any(|protocol| scope.protocols.contains(protocol));
    if asked_bound && !raw.sees_bound {
        notes.push(Note {
            code: NoteCode::BoundUnseen,
            message:
                "TCP sockets that are bound without listening cannot be seen here (that takes \
                      Linux 6.8 and sock_diag): 'portwho check' can tell whether a port is free"
                    .into(),
            count: None,
        });
    }
    notes
}

/// What must be said of sockets that the system counts and does not show.
fn unseen_note<'a>(tables: impl Iterator<Item = &'a RawTable>) -> Option<Note> {
    let unseen: u64 = tables.map(|table| u64::from(table.unseen)).sum();
    let which = match unseen {
        0 => return None,
        1 => "1 SCTP socket neither listens nor is connected".to_owned(),
        many => format!("{many} SCTP sockets neither listen nor are connected"),
    };
    Some(Note {
        code: NoteCode::BoundUnseen,
        message: format!(
            "{which}, and Linux does not show which port such a socket is bound to: 'portwho check \
             sctp:PORT' can tell whether a port is free"
        ),
        count: Some(unseen),
    })
}

/// What must be said of sockets of DCCP.
fn dccp_note(raw: &RawSockets) -> Option<Note> {
    let elsewhere = raw.elsewhere.iter().map(|one| one.sockets.dccp_sockets);
    let count: u64 = elsewhere.chain([raw.dccp_sockets]).map(u64::from).sum();
    let which = match count {
        0 => return None,
        1 => "1 DCCP socket is".to_owned(),
        many => format!("{many} DCCP sockets are"),
    };
    Some(Note {
        code: NoteCode::ProtocolsUnread,
        message: format!("{which} not read: 'ss --dccp -a' lists such sockets"),
        count: Some(count),
    })
}

/// Notes on another network namespace: one, where nothing of it could be read.
fn namespace_notes(namespace: &RawNamespace) -> Vec<Note> {
    let name = namespace_name(namespace).unwrap_or_else(|| {
        let inode = namespace.sockets.netns.unwrap_or(0);
        Foreign::new(inode.to_string())
    });
    let name = name.unclean();
    let tables = &namespace.sockets.tables;
    let mut reasons = tables.iter().map(|table| match &table.outcome {
        Outcome::Unknown { why } => Some(why),
        _ => None,
    });
    if let Some(Some(why)) = reasons.next()
        && reasons.all(|reason| reason == Some(why))
    {
        return vec![Note {
            code: NoteCode::TableUnknown,
            message: format!("network namespace {name}: cannot be read: {why}"),
            count: None,
        }];
    }
    let place = format!(" in network namespace {name}");
    tables
        .iter()
        .filter_map(|table| table_note(table, &place))
        .collect()
}

fn refusal(processes: u32) -> Option<Note> {
    let message = match processes {
        0 => return None,
        1 => "1 process does not tell its network namespace: it may have been missed".to_owned(),
        many => format!(
            "{many} processes do not tell their network namespaces: some may have been missed"
        ),
    };
    Some(Note {
        code: NoteCode::NamespacesRefused,
        message,
        count: Some(u64::from(processes)),
    })
}

fn table_note(table: &RawTable, place: &str) -> Option<Note> {
    let family = match table.family {
        Some(Family::Ipv4) => " over IPv4",
        Some(Family::Ipv6) => " over IPv6",
        None => "",
    };
    let name = format!("{}{family}{place}", table.protocol);
    let (code, message) = match &table.outcome {
        Outcome::Read | Outcome::Absent => return None,
        Outcome::Fallback { why } => (
            NoteCode::TableFallback,
            format!(
                "{name}: read from {}, which tells less, since {why}",
                table.via.as_str()
            ),
        ),
        Outcome::Partial { why } => (
            NoteCode::TablePartial,
            format!("{name}: sockets may be missing: {why}"),
        ),
        Outcome::Unknown { why } => (
            NoteCode::TableUnknown,
            format!("{name}: cannot be read: {why}"),
        ),
    };
    Some(Note {
        code,
        message,
        count: None,
    })
}

/// That an address is none of this machine's, how many sockets are connected to it, and the selector of
/// those.
pub fn elsewhere_note(address: &str, connections: usize, selector: &str) -> Note {
    let command = format!("'portwho {selector}'");
    let connected = match connections {
        0 => format!(": {command} looks for connections to it"),
        1 => format!("; 1 socket is connected to it: {command} shows it"),
        many => format!("; {many} sockets are connected to it: {command} lists them"),
    };
    Note {
        code: NoteCode::AddressElsewhere,
        message: format!("{address} is not an address of this machine{connected}"),
        count: Some(connections as u64),
    }
}

/// That sockets may receive for an address, of which it is not known whether it is this machine's.
pub fn unknown_addresses_note(sockets: usize) -> Note {
    let receive = match sockets {
        1 => "1 socket may receive there".to_owned(),
        many => format!("{many} sockets may receive there"),
    };
    Note {
        code: NoteCode::AddressesUnknown,
        message: format!("the addresses of this machine cannot be read: {receive}"),
        count: Some(sockets as u64),
    }
}

/// What must be said of sockets whose users have no number in the reader's user namespace.
pub fn users_note<'a>(rows: impl IntoIterator<Item = &'a Row>, raw: &RawSockets) -> Option<Note> {
    let rows = rows.into_iter().filter(|_| raw.lacks_users);
    let unknown = rows.filter(|row| row.socket.has_unknown_user()).count();
    let whose = match unknown {
        0 => return None,
        1 => "the user of 1 socket is".to_owned(),
        many => format!("the users of {many} sockets are"),
    };
    Some(Note {
        code: NoteCode::UsersUnmapped,
        message: format!("{whose} unknown: this user namespace has no number for them"),
        count: Some(unknown as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_dccp_are_said_to_be_unread_where_they_may_match() {
        let raw = RawSockets {
            dccp_sockets: 1,
            sees_bound: true,
            ..RawSockets::default()
        };
        let notes = |raw: &RawSockets, protocols: &[Protocol]| {
            let scope = Scope {
                protocols: protocols.iter().copied().collect(),
                ..Scope::everything()
            };
            let notes = table_notes(raw, &scope).into_iter();
            notes
                .map(|note| (note.code, note.count))
                .collect::<Vec<_>>()
        };
        let unread = [(NoteCode::ProtocolsUnread, Some(1))];
        assert_eq!(notes(&raw, &Protocol::DEFAULT), unread);
        assert_eq!(notes(&raw, &Protocol::ALL), unread);
        assert_eq!(notes(&raw, &[Protocol::Sctp]), []);
        assert_eq!(notes(&RawSockets::default(), &[Protocol::Sctp]), []);
    }
}
