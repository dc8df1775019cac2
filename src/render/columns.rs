//! The one table of columns: all that a format knows of a column stands here.

use super::cell::{Cell, Tone};
use super::sheet::{Head, Shrink};
use super::words;
use crate::model::{Exposure, OwnerStatus, Row, Snapshot};

/// A column of `--format table` and `--format plain`.
pub struct Column {
    /// The name in `--columns`.
    pub name: &'static str,
    pub help: &'static str,
    pub head: Head,
    pub cell: fn(&Row, &Snapshot) -> Cell,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What is shown of listeners where `--columns` says nothing.
pub const DEFAULT: [&str; 9] = [
    "port", "service", "address", "reach", "process", "pid", "what", "user", "since",
];

macro_rules! column {
    ($name:literal, $title:literal, $help:literal, $shrink:expr, $expendable:literal, $right:literal, $cell:expr $(, $vacant:literal)?) => {
        Column {
            name: $name,
            help: $help,
            head: Head {
                title: $title,
                shrink: $shrink,
                expendable: $expendable,
                right: $right,
                pinned: false,
                may_be_vacant: false $(|| $vacant)?,
            },
            cell: $cell,
        }
    };
}

pub static COLUMNS: [Column; 29] = [
    column!(
        "port",
        "PORT",
        "local port and protocol",
        Shrink::Never,
        0,
        false,
        |row, _| { Cell::new(words::port(&row.socket)).tone(Tone::Strong) }
    ),
    column!(
        "service",
        "SERVICE",
        "service that the port is registered for",
        Shrink::End(7),
        4,
        false,
        |row, _| { Cell::of(row.socket.service()).tone(Tone::Faint) }
    ),
    column!(
        "address",
        "ADDRESS",
        "local address; +IPv4 where an IPv6 socket takes IPv4 too",
        Shrink::Middle(15),
        0,
        false,
        |row, _| { Cell::new(words::local_address(&row.socket)) }
    ),
    column!(
        "reach",
        "REACH",
        "who can reach it: this host, one address, everyone",
        Shrink::Never,
        3,
        false,
        |row, _| {
            let exposure = row.socket.exposure();
            let tone = if exposure == Some(Exposure::All) {
                Tone::Alert
            } else {
                Tone::Plain
            };
            exposure.map_or_else(Cell::absent, |exposure| {
                Cell::new(words::reach(exposure)).tone(tone)
            })
        }
    ),
    column!(
        "state",
        "STATE",
        "state of the socket",
        Shrink::Never,
        0,
        false,
        |row, _| { Cell::new(words::state(row.socket.state)) }
    ),
    column!(
        "peer",
        "PEER",
        "address and port at the other end",
        Shrink::Middle(21),
        0,
        false,
        |row, _| {
            let socket = &row.socket;
            Cell::of(
                socket
                    .peer
                    .as_ref()
                    .map(|peer| words::endpoint(peer, socket.interface())),
            )
        }
    ),
    column!(
        "process",
        "PROCESS",
        "name of the owners",
        Shrink::End(12),
        0,
        false,
        |row, _| {
            let tone = if row.owners.is_empty() {
                Tone::Faint
            } else {
                Tone::Strong
            };
            Cell::new(words::processes(row)).tone(tone)
        }
    ),
    column!(
        "pid",
        "PID",
        "process id of the first owner, and how many more there are",
        Shrink::Never,
        0,
        true,
        |row, _| {
            Cell::of(row.owners.first().map(|owner| match row.owners.len() - 1 {
                0 => words::number(owner.process.key.pid, ""),
                more => words::number(owner.process.key.pid, &format!(" +{more}")),
            }))
        }
    ),
    column!(
        "user",
        "USER",
        "user of the owner, else of the socket",
        Shrink::End(8),
        1,
        false,
        |row, _| { Cell::of(words::user(row)) }
    ),
    column!(
        "since",
        "SINCE",
        "how long the first owner has been running",
        Shrink::Never,
        5,
        true,
        |row, snapshot| {
            let started = row
                .owners
                .first()
                .and_then(|owner| owner.process.started_at);
            Cell::of(started.map(|started| words::age(started, snapshot.machine.taken_at)))
                .tone(Tone::Faint)
        }
    ),
    column!(
        "what",
        "WHAT",
        "what the owners are part of: service, container, project, script; where a tunnel leads",
        Shrink::End(14),
        2,
        false,
        |row, _| { Cell::of(words::what(row)) },
        true
    ),
    column!(
        "unit",
        "UNIT",
        "systemd units of the owners, and the socket unit",
        Shrink::End(12),
        5,
        false,
        |row, _| { Cell::of(words::units(row)) }
    ),
    column!(
        "container",
        "CONTAINER",
        "containers of the owners, or behind a proxy",
        Shrink::End(12),
        5,
        false,
        |row, _| { Cell::of(words::containers(row)) }
    ),
    column!(
        "project",
        "PROJECT",
        "projects that the owners were started in",
        Shrink::End(12),
        5,
        false,
        |row, _| { Cell::of(words::projects(row)) }
    ),
    column!(
        "command",
        "COMMAND",
        "command line of the first owner",
        Shrink::End(10),
        6,
        false,
        |row, _| {
            let command = row
                .owners
                .first()
                .and_then(|owner| owner.process.command.as_ref());
            Cell::of(command.map(|words| {
                words
                    .iter()
                    .map(crate::model::Foreign::unclean)
                    .collect::<Vec<_>>()
                    .join(" ")
            }))
        }
    ),
    column!(
        "executable",
        "EXECUTABLE",
        "path of the first owner's program",
        Shrink::Middle(10),
        7,
        false,
        |row, _| {
            let process = row.owners.first().map(|owner| &owner.process);
            Cell::foreign(process.and_then(|process| process.executable.as_ref()))
        }
    ),
    column!(
        "directory",
        "DIRECTORY",
        "working directory of the first owner",
        Shrink::Middle(10),
        7,
        false,
        |row, _| {
            let process = row.owners.first().map(|owner| &owner.process);
            Cell::foreign(process.and_then(|process| process.working_directory.as_ref()))
        }
    ),
    column!(
        "parent",
        "PARENT",
        "process id of the first owner's parent",
        Shrink::Never,
        0,
        true,
        |row, _| {
            Cell::of(
                row.owners
                    .first()
                    .and_then(|owner| owner.process.parent_pid)
                    .map(|pid| pid.to_string()),
            )
        }
    ),
    column!(
        "pids",
        "PIDS",
        "process ids of all owners",
        Shrink::End(10),
        0,
        false,
        |row, _| {
            let pids: Vec<_> = row
                .owners
                .iter()
                .map(|owner| owner.process.key.pid.to_string())
                .collect();
            Cell::of(Some(pids.join(",")).filter(|text| !text.is_empty()))
        }
    ),
    column!(
        "fds",
        "FDS",
        "descriptors of the first owner",
        Shrink::End(6),
        0,
        false,
        |row, _| {
            let fds = row.owners.first().and_then(|owner| owner.fds.numbers());
            Cell::of(fds.map(|fds| fds.iter().map(u32::to_string).collect::<Vec<_>>().join(",")))
        }
    ),
    column!(
        "owners",
        "OWNERS",
        "how much is known of the owners",
        Shrink::Never,
        0,
        false,
        |row, _| {
            let tone = if row.owner_status == OwnerStatus::Known {
                Tone::Plain
            } else {
                Tone::Faint
            };
            Cell::new(row.owner_status.as_str()).tone(tone)
        }
    ),
    column!(
        "protocol",
        "PROTOCOL",
        "transport protocol",
        Shrink::Never,
        0,
        false,
        |row, _| { Cell::new(row.socket.protocol.as_str()) }
    ),
    column!(
        "family",
        "FAMILY",
        "address family",
        Shrink::Never,
        0,
        false,
        |row, _| Cell::new(row.socket.family().as_str())
    ),
    column!(
        "interface",
        "INTERFACE",
        "scope of the address, or the device bound to",
        Shrink::Never,
        0,
        false,
        |row, _| { Cell::of(row.socket.interface().map(str::to_owned)) }
    ),
    column!(
        "queue",
        "QUEUE",
        "bytes to read/acknowledge; of a listener, connections waiting of how many",
        Shrink::Never,
        0,
        true,
        |row, _| { Cell::of(words::queue(&row.socket)) }
    ),
    column!(
        "uid",
        "UID",
        "user id of the socket",
        Shrink::Never,
        0,
        true,
        |row, _| { Cell::of(row.socket.uid().map(|uid| uid.to_string())) }
    ),
    column!(
        "inode",
        "INODE",
        "inode number of the socket",
        Shrink::Never,
        0,
        true,
        |row, _| { Cell::of(row.socket.inode.map(|inode| inode.to_string())) }
    ),
    column!(
        "netns",
        "NETNS",
        "network namespace: its name or inode number; (this) for one's own, where others are shown",
        Shrink::End(6),
        1,
        false,
        |row, _| { Cell::of(words::netns(&row.socket)) }
    ),
    column!(
        "v6only",
        "V6ONLY",
        "whether an IPv6 socket refuses IPv4",
        Shrink::Never,
        0,
        false,
        |row, _| {
            Cell::of(
                row.socket
                    .v6only
                    .map(|v6only| if v6only { "yes" } else { "no" }),
            )
        }
    ),
];
