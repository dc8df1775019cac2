//! Gets every table that is asked for: by sock_diag, or from `/proc/net` where the kernel refuses.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::dump::{self, DumpError};
use super::errno::Errno;
use super::inet_diag::state_bits;
use super::live::Method;
use super::proc_net;
use super::sock_diag::SockDiag;
use super::wire::{ByteOrder, Request};
use crate::model::{Family, Protocol, Scope};
use crate::read::raw::{Outcome, RawSocket, RawSockets, RawTable, Via};

/// First kernel that shows sockets that are bound without listening.
const BOUND_SINCE: (u32, u32) = (6, 8);

/// Reads the tables of the scope.
pub fn read(method: Method, scope: &Scope) -> RawSockets {
    let mut reader = Reader {
        method,
        scope,
        link: match method {
            Method::ProcNet => Err(Errno::NOENT),
            Method::Auto | Method::SockDiag => SockDiag::open(),
        },
        buffer: vec![0; dump::BUFFER],
        sequence: 0,
    };
    let mut tables = Vec::new();
    for protocol in scope.protocols.iter() {
        reader.read_protocol(protocol, &mut tables);
    }
    let by_sock_diag =
        |table: &RawTable| table.protocol == Protocol::Tcp && table.via == Via::SockDiag;
    RawSockets {
        interfaces: interfaces(&tables),
        netns: rustix::fs::stat("/proc/self/ns/net")
            .ok()
            .map(|stat| stat.st_ino),
        sees_bound: tables.iter().any(by_sock_diag) && kernel_release() >= BOUND_SINCE,
        tables,
    }
}

struct Reader<'a> {
    method: Method,
    scope: &'a Scope,
    link: Result<SockDiag, Errno>,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Reader<'_> {
    fn read_protocol(&mut self, protocol: Protocol, tables: &mut Vec<RawTable>) {
        if protocol == Protocol::Tcp && self.scope.family.is_none() && self.link.is_ok() {
            let (sockets, result) = self.dump(protocol, None);
            let outcome = match result {
                Ok(()) => Some(Outcome::Read),
                Err(DumpError::Refused(_)) => None,
                Err(error) => Some(Outcome::Partial {
                    why: error.to_string(),
                }),
            };
            if let Some(outcome) = outcome {
                tables.push(RawTable {
                    protocol,
                    family: None,
                    via: Via::SockDiag,
                    outcome,
                    sockets,
                });
                return;
            }
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            if self.scope.includes(family) {
                tables.push(self.read_table(protocol, family));
            }
        }
    }

    fn read_table(&mut self, protocol: Protocol, family: Family) -> RawTable {
        let table = |via, outcome, sockets| RawTable {
            protocol,
            family: Some(family),
            via,
            outcome,
            sockets,
        };
        let (rows, result) = self.dump(protocol, Some(family));
        let refusal = match result {
            Ok(()) => return table(Via::SockDiag, Outcome::Read, rows),
            Err(DumpError::Refused(errno)) => errno,
            Err(error) => {
                return table(
                    Via::SockDiag,
                    Outcome::Partial {
                        why: error.to_string(),
                    },
                    rows,
                );
            }
        };
        let Some(file) = proc_net::file_name(protocol, family) else {
            return table(Via::SockDiag, self.without_mptcp(refusal), rows);
        };
        let why = format!("sock_diag: {refusal}");
        if self.method == Method::SockDiag {
            return table(Via::SockDiag, Outcome::Unknown { why }, rows);
        }
        match std::fs::read(Path::new("/proc/net").join(file)) {
            Ok(text) => {
                let (sockets, skipped) = proc_net::decode_table(&text, protocol, ByteOrder::NATIVE);
                let outcome = match (skipped, self.method) {
                    (0, Method::ProcNet) => Outcome::Read,
                    (0, _) => Outcome::Fallback { why },
                    _ => Outcome::Partial {
                        why: format!("{skipped} lines of /proc/net/{file} are unreadable"),
                    },
                };
                table(Via::ProcNet, outcome, sockets)
            }
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && is_absent(protocol, family) =>
            {
                table(Via::ProcNet, Outcome::Absent, Vec::new())
            }
            Err(error) => {
                let why = match self.method {
                    Method::ProcNet => format!("/proc/net/{file}: {error}"),
                    _ => format!("{why}; /proc/net/{file}: {error}"),
                };
                table(Via::ProcNet, Outcome::Unknown { why }, rows)
            }
        }
    }

    /// MPTCP sockets stand in the table of TCP too: without a table of their own they are not told apart.
    fn without_mptcp(&self, refusal: Errno) -> Outcome {
        let unsupported = refusal == Errno::NOENT && !Path::new("/proc/sys/net/mptcp").exists();
        if unsupported || self.scope.protocols.contains(Protocol::Tcp) {
            Outcome::Absent
        } else {
            Outcome::Unknown {
                why: format!("sock_diag: {refusal}"),
            }
        }
    }

    fn dump(
        &mut self,
        protocol: Protocol,
        family: Option<Family>,
    ) -> (Vec<RawSocket>, Result<(), DumpError>) {
        let states = self
            .scope
            .states
            .iter()
            .fold(0, |bits, state| bits | state_bits(state, protocol));
        let request = Request {
            family: family.map(|family| match family {
                Family::Ipv4 => AddressFamily::INET.as_raw() as u8,
                Family::Ipv6 => AddressFamily::INET6.as_raw() as u8,
            }),
            protocol: number(protocol),
            states,
            ports: self.scope.ports.as_ref().filter(|_| protocol.has_ports()),
            other_ends: self.scope.other_ends,
        };
        match &mut self.link {
            Err(errno) => (Vec::new(), Err(DumpError::Refused(*errno))),
            Ok(_) if states == 0 => (Vec::new(), Ok(())),
            Ok(link) => dump::dump(
                link,
                &mut self.buffer,
                &request,
                protocol,
                &mut self.sequence,
            ),
        }
    }
}

/// `IPPROTO_*`, linux/in.h.
fn number(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::UdpLite => 136,
        Protocol::Raw => 255,
        Protocol::Mptcp => 262,
    }
}

/// Whether a missing file means a missing protocol, not a missing `/proc/net`.
fn is_absent(protocol: Protocol, family: Family) -> bool {
    let exists = |file: &str| Path::new("/proc/net").join(file).exists();
    let family_is_off = family == Family::Ipv6 && !exists("if_inet6");
    exists("udp") && (family_is_off || protocol == Protocol::UdpLite)
}

/// Names of the interfaces that rows carry, netdevice(7).
fn interfaces(tables: &[RawTable]) -> BTreeMap<u32, String> {
    let indices = tables
        .iter()
        .flat_map(|table| &table.sockets)
        .map(|socket| socket.interface);
    let mut names: BTreeMap<u32, String> = indices
        .filter(|index| *index != 0)
        .map(|index| (index, String::new()))
        .collect();
    if !names.is_empty()
        && let Ok(any) = socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
    {
        for (index, name) in &mut names {
            *name = netdevice::index_to_name(&any, *index).unwrap_or_default();
        }
    }
    names.retain(|_, name| !name.is_empty());
    names
}

/// The first two numbers of the kernel's release, uname(2).
fn kernel_release() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
