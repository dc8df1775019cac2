//! Gets every table that is asked for: by sock_diag, or from `/proc/net` where the kernel refuses.
//! Knows no system calls: those are behind [`Kernel`].

use std::io;

use super::dump::{self, DumpError, Link};
use super::errno::Errno;
use super::inet_diag::{AF_INET, AF_INET6, state_bits};
use super::wire::{ByteOrder, Request};
use super::{proc_net, sctp};
use crate::model::{Family, Protocol, Scope, State, cause};
use crate::read::Visitor;
use crate::read::raw::{Outcome, RawSocket, RawTable, Via};

/// The way to the socket tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// sock_diag, and `/proc/net` for each table that it does not give.
    Auto,
    /// sock_diag alone.
    SockDiag,
    /// `/proc/net` alone.
    ProcNet,
}

/// A kernel, as far as the reading of tables needs one.
pub trait Kernel {
    type Link: Link;

    /// Opens a netlink socket for sock_diag.
    fn open_link(&mut self) -> Result<Self::Link, Errno>;

    fn read_file(&mut self, path: &str) -> io::Result<Vec<u8>>;

    fn exists(&mut self, path: &str) -> bool;

    /// The first two numbers of the kernel's release, uname(2).
    fn release(&mut self) -> (u32, u32);
}

/// First kernel that counts MPTCP sockets in `/proc/net/protocols`.
const MPTCP_COUNTED_SINCE: (u32, u32) = (6, 3);

/// Reads the tables of the scope.
pub fn read(kernel: &mut impl Kernel, method: Method, scope: &Scope) -> Vec<RawTable> {
    let mut collected = Collected::default();
    let mut tables = visit(kernel, method, scope, &mut collected);
    for (table, sockets) in tables.iter_mut().zip(collected.kept) {
        table.sockets = sockets;
    }
    tables
}

/// Holds what it sees, table by table.
#[derive(Debug, Default)]
pub struct Collected {
    /// Of the table that is being read.
    pub fresh: Vec<RawSocket>,
    pub kept: Vec<Vec<RawSocket>>,
}

impl Visitor for Collected {
    fn see(&mut self, socket: RawSocket) {
        self.fresh.push(socket);
    }

    fn forget(&mut self) {
        self.fresh.clear();
    }

    fn keep(&mut self) {
        self.kept.push(std::mem::take(&mut self.fresh));
    }
}

/// Shows the tables of the scope to a visitor, who keeps each when it is read. What the kernel dumps
/// is held nowhere; a file of `/proc/net` is read whole.
pub fn visit(
    kernel: &mut impl Kernel,
    method: Method,
    scope: &Scope,
    visitor: &mut dyn Visitor,
) -> Vec<RawTable> {
    let link = match method {
        Method::ProcNet => Err(Errno::NOENT),
        Method::Auto | Method::SockDiag => kernel.open_link(),
    };
    let mut reader = Reader {
        kernel,
        method,
        scope,
        link,
        buffer: vec![0; dump::BUFFER],
        sequence: 0,
        visitor,
        protocols: None,
        order: None,
    };
    let mut tables = Vec::new();
    for protocol in scope.protocols.iter() {
        reader.read_protocol(protocol, &mut tables);
    }
    tables
}

struct Reader<'a, K: Kernel> {
    kernel: &'a mut K,
    method: Method,
    scope: &'a Scope,
    link: Result<K::Link, Errno>,
    buffer: Vec<u8>,
    sequence: u32,
    visitor: &'a mut dyn Visitor,
    /// The text of `/proc/net/protocols`, once it has been asked for; `None` within where it is not to be had.
    protocols: Option<Option<Vec<u8>>>,
    /// The kernel's byte order, once it has been asked for.
    order: Option<ByteOrder>,
}

impl<K: Kernel> Reader<'_, K> {
    fn read_protocol(&mut self, protocol: Protocol, tables: &mut Vec<RawTable>) {
        if protocol == Protocol::Tcp && self.scope.family.is_none() && self.link.is_ok() {
            let outcome = match self.dump(protocol, None) {
                Ok(()) => Some(Outcome::Read),
                Err(DumpError::Refused(_)) => None,
                Err(error) => Some(Outcome::Partial {
                    why: error.to_string(),
                }),
            };
            if let Some(outcome) = outcome {
                self.visitor.keep();
                tables.push(RawTable {
                    protocol,
                    family: None,
                    via: Via::SockDiag,
                    outcome,
                    unseen: 0,
                    sockets: Vec::new(),
                });
                return;
            }
        }
        if protocol == Protocol::Sctp {
            return self.read_sctp(tables);
        }
        if protocol == Protocol::Mptcp && self.has_no_mptcp() {
            self.visitor.keep();
            tables.push(RawTable {
                protocol,
                family: None,
                via: Via::ProcNet,
                outcome: Outcome::Absent,
                unseen: 0,
                sockets: Vec::new(),
            });
            return;
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            if self.scope.includes(family) {
                let table = self.read_table(protocol, family);
                self.visitor.keep();
                tables.push(table);
            }
        }
    }

    fn read_table(&mut self, protocol: Protocol, family: Family) -> RawTable {
        let table = |via, outcome| RawTable {
            protocol,
            family: Some(family),
            via,
            outcome,
            unseen: 0,
            sockets: Vec::new(),
        };
        let refusal = match self.dump(protocol, Some(family)) {
            Ok(()) => return table(Via::SockDiag, Outcome::Read),
            Err(DumpError::Refused(errno)) => errno,
            Err(error) => {
                return table(
                    Via::SockDiag,
                    Outcome::Partial {
                        why: error.to_string(),
                    },
                );
            }
        };
        let Some(file) = proc_net::file_name(protocol, family) else {
            return table(Via::SockDiag, self.without_mptcp(refusal));
        };
        let why = format!("sock_diag: {refusal}");
        if self.method == Method::SockDiag {
            return table(Via::SockDiag, Outcome::Unknown { why });
        }
        self.visitor.forget();
        match self.kernel.read_file(&format!("/proc/net/{file}")) {
            Ok(text) => {
                let (sockets, skipped) = proc_net::decode_table(&text, protocol, self.order());
                let outcome = match (skipped, self.method) {
                    _ if !proc_net::is_table(&text) => Outcome::Unknown {
                        why: format!("{why}; /proc/net/{file} is no table"),
                    },
                    (0, Method::ProcNet) => Outcome::Read,
                    (0, _) => Outcome::Fallback { why },
                    _ => Outcome::Partial {
                        why: format!("{skipped} lines of /proc/net/{file} are unreadable"),
                    },
                };
                for socket in sockets {
                    self.visitor.see(socket);
                }
                table(Via::ProcNet, outcome)
            }
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && self.is_absent(protocol, family) =>
            {
                table(Via::ProcNet, Outcome::Absent)
            }
            Err(error) => {
                let why = match self.method {
                    Method::ProcNet => format!("/proc/net/{file}: {}", cause(&error)),
                    _ => format!("{why}; /proc/net/{file}: {}", cause(&error)),
                };
                table(Via::ProcNet, Outcome::Unknown { why })
            }
        }
    }

    /// The order of the bytes in `/proc/net`. Where the program is emulated for another processor, it is
    /// not the program's own.
    fn order(&mut self) -> ByteOrder {
        *self.order.get_or_insert_with(|| {
            let told = self.kernel.read_file("/sys/kernel/cpu_byteorder").ok();
            told.and_then(|text| ByteOrder::named(&text))
                .unwrap_or(ByteOrder::NATIVE)
        })
    }

    /// Whether there is surely no MPTCP socket. To dump none costs the kernel a walk of all its
    /// tokens, some hundred times what it costs to read this count.
    fn has_no_mptcp(&mut self) -> bool {
        self.method != Method::ProcNet
            && self.kernel.release() >= MPTCP_COUNTED_SINCE
            && self
                .protocols()
                .is_some_and(|text| proc_net::count_of(text, "MPTCP") == Some(0))
    }

    fn protocols(&mut self) -> Option<&[u8]> {
        let text = self
            .protocols
            .get_or_insert_with(|| self.kernel.read_file("/proc/net/protocols").ok());
        text.as_deref()
    }

    /// MPTCP sockets stand in the table of TCP too: without a table of their own they are not told apart.
    fn without_mptcp(&mut self, refusal: Errno) -> Outcome {
        let unsupported = refusal == Errno::NOENT && !self.kernel.exists("/proc/sys/net/mptcp");
        if unsupported || self.scope.protocols.contains(Protocol::Tcp) {
            Outcome::Absent
        } else {
            Outcome::Unknown {
                why: format!("sock_diag: {refusal}"),
            }
        }
    }

    fn dump(&mut self, protocol: Protocol, family: Option<Family>) -> Result<(), DumpError> {
        Self::dump_to(
            &mut self.link,
            self.scope,
            &mut self.buffer,
            &mut self.sequence,
            (protocol, family),
            self.visitor,
        )
    }

    fn dump_to(
        link: &mut Result<K::Link, Errno>,
        scope: &Scope,
        buffer: &mut [u8],
        sequence: &mut u32,
        (protocol, family): (Protocol, Option<Family>),
        visitor: &mut dyn Visitor,
    ) -> Result<(), DumpError> {
        let states = requested_states(scope, protocol);
        let request = Request {
            family: family.map(|family| match family {
                Family::Ipv4 => AF_INET,
                Family::Ipv6 => AF_INET6,
            }),
            protocol: number(protocol),
            states,
            ports: scope.ports.as_ref().filter(|_| protocol.has_ports()),
            other_ends: scope.other_ends,
        };
        match link {
            Err(errno) => Err(DumpError::Refused(*errno)),
            Ok(_) if states == 0 => Ok(()),
            Ok(link) => dump::dump(link, buffer, &request, protocol, sequence, visitor),
        }
    }

    /// Whether a missing file means a missing protocol, not a missing `/proc/net`.
    fn is_absent(&mut self, protocol: Protocol, family: Family) -> bool {
        let family_is_off = family == Family::Ipv6 && !self.kernel.exists("/proc/net/if_inet6");
        self.kernel.exists("/proc/net/udp") && (family_is_off || protocol == Protocol::UdpLite)
    }
}

/// Which states to ask for, as bits.
fn requested_states(scope: &Scope, protocol: Protocol) -> u32 {
    let states = scope.states.iter();
    match protocol {
        // What is bound is known by what is not among the others.
        Protocol::Sctp if scope.states.contains(State::Bound) => states
            .chain([State::Listen, State::Established])
            .fold(0, |bits, state| bits | sctp::state_bits(state)),
        Protocol::Sctp => states.fold(0, |bits, state| bits | sctp::state_bits(state)),
        _ => states.fold(0, |bits, state| bits | state_bits(state, protocol)),
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
        Protocol::Sctp => 132,
    }
}

mod sctp_tables;
#[cfg(test)]
mod tests;
