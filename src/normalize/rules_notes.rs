//! What must be said of rules and programs that may take packets past the sockets of a port.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Far, Note, NoteCode};
use crate::read::raw::{RawForwards, RawMark, RawProgram};

/// Notes on what could not be read, and on rules that are not understood, so many of them.
pub fn unread_notes(raw: &RawForwards, doubts: usize) -> Vec<Note> {
    let rules = match (&raw.refused, doubts) {
        (Some(why), _) => Some(format!("cannot be read: {why}")),
        (None, 0) => None,
        (None, 1) => Some("have one that is not understood".into()),
        (None, many) => Some(format!("have {many} that are not understood")),
    };
    let rules = rules.map(|rules| {
        format!(
            "the DNAT rules of the packet filter {rules}: they may send elsewhere what comes to a \
             port"
        )
    });
    let services = raw.services_refused.as_ref().map(|why| {
        format!(
            "the services of the load balancer cannot be read: {why}: they may send elsewhere what \
             comes to a port"
        )
    });
    let programs = raw.programs_refused.as_ref().map(|why| {
        format!(
            "the BPF programs that choose sockets cannot be read: {why}: they may send any port to \
             any socket"
        )
    });
    let count = u64::try_from(doubts).ok().filter(|count| *count > 0);
    let note = |message, count| Note {
        code: NoteCode::RulesUnread,
        message,
        count,
    };
    let rules = rules.map(|message| note(message, count));
    let others = services.into_iter().chain(programs);
    rules
        .into_iter()
        .chain(others.map(|message| note(message, None)))
        .collect()
}

/// A note on the rules of other network namespaces that could not be entered, so many of them.
pub fn far_rules_note(others: usize) -> Option<Note> {
    let whose = match others {
        0 => return None,
        1 => "another network namespace".to_owned(),
        many => format!("{many} other network namespaces"),
    };
    Some(Note {
        code: NoteCode::RulesUnread,
        message: format!(
            "the DNAT rules of {whose} are not read: they may send elsewhere what comes to a port \
             there"
        ),
        count: None,
    })
}

/// The same note of another network namespace.
pub fn note_in(note: Note, far: Option<&Far>) -> Note {
    match far {
        None => note,
        Some(far) => Note {
            message: format!("in netns {}: {}", far.label(), note.message),
            ..note
        },
    }
}

/// Notes on what may take any port: programs that choose sockets, and services for marked packets.
pub fn programs_notes(raw: &RawForwards) -> Vec<Note> {
    let programs = raw.programs.iter().map(program);
    let messages = programs.chain(raw.marks.iter().map(service));
    let note = |message| Note {
        code: NoteCode::PortsSteered,
        message,
        count: None,
    };
    messages.map(note).collect()
}

fn program(program: &RawProgram) -> String {
    let id = program.id;
    let name = match &program.name {
        Some(name) => format!("'{}' (id {id})", name.unclean()),
        None => format!("with id {id}"),
    };
    format!(
        "the BPF program {name} chooses the socket for what comes to this network namespace \
         (sk_lookup): it may send any port to any socket"
    )
}

fn service(service: &RawMark) -> String {
    let server = |(address, port): &(IpAddr, u16)| match port {
        0 => address.to_string(),
        port => SocketAddr::new(*address, *port).to_string(),
    };
    let servers: Vec<String> = service.servers.iter().map(server).collect();
    let servers = match servers.as_slice() {
        [] => "no server".to_owned(),
        all => all.join(", "),
    };
    format!(
        "an IPVS service sends packets with the mark {:#x} to {servers}: they may be of any port",
        service.mark
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Foreign;

    #[test]
    fn each_thing_that_was_not_read_is_named() {
        let raw = RawForwards {
            services_refused: Some("/proc/net/ip_vs: a line is not understood".into()),
            programs_refused: Some("Operation not permitted".into()),
            ..RawForwards::default()
        };
        let begins = [
            "the DNAT rules of the packet filter have 2 that are not understood: ",
            "the services of the load balancer cannot be read: /proc/net/ip_vs: a line is not",
            "the BPF programs that choose sockets cannot be read: Operation not permitted: ",
        ];
        let notes = unread_notes(&raw, 2);
        assert_eq!(notes.len(), begins.len());
        for (note, begin) in notes.iter().zip(begins) {
            assert_eq!(note.code, NoteCode::RulesUnread);
            assert!(note.message.starts_with(begin), "{}", note.message);
        }
        assert_eq!(unread_notes(&RawForwards::default(), 0), []);
    }

    #[test]
    fn a_note_on_another_namespace_names_it() {
        let raw = RawForwards {
            refused: Some("too many".into()),
            ..RawForwards::default()
        };
        let begins = |far: Option<&Far>, begin: &str| {
            let note = note_in(unread_notes(&raw, 0).remove(0), far);
            assert!(note.message.starts_with(begin), "{}", note.message);
        };
        let mut far = Far {
            netns: 4_026_532_177,
            name: Some(Foreign::new("blue")),
        };
        begins(None, "the DNAT rules of the packet filter");
        begins(Some(&far), "in netns blue: the DNAT rules");
        far.name = None;
        begins(Some(&far), "in netns 4026532177: the DNAT rules");
    }

    #[test]
    fn programs_and_services_for_marks_are_named() {
        let servers = vec![
            ("10.0.0.1".parse().unwrap(), 80),
            ("fd00::2".parse().unwrap(), 0),
        ];
        let program = |id, name: Option<&str>| RawProgram {
            id,
            name: name.map(Foreign::new),
        };
        let raw = RawForwards {
            programs: vec![program(12, Some("tubular")), program(13, None)],
            marks: vec![RawMark { mark: 15, servers }],
            ..RawForwards::default()
        };
        let notes = programs_notes(&raw);
        let begins = [
            "the BPF program 'tubular' (id 12) chooses the socket",
            "the BPF program with id 13 chooses the socket",
            "an IPVS service sends packets with the mark 0xf to 10.0.0.1:80, fd00::2: they may",
        ];
        assert_eq!(notes.len(), begins.len());
        for (note, begin) in notes.iter().zip(begins) {
            assert_eq!(note.code, NoteCode::PortsSteered);
            assert!(note.message.starts_with(begin), "{}", note.message);
        }
    }
}
