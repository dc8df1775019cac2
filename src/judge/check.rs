//! Can these be bound? What the tables decide is decided from the tables; the rest is left to a bind.

use std::io::ErrorKind;
use std::net::IpAddr;

use super::bind::{Bar, bar, bar_elsewhere};
use super::claim::{Claim, Options};
use crate::model::{Dnat, Limits, Protocol, ProtocolSet, Row, Rules, Socket, State};

/// The answer to "can it be bound?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    Free,
    /// Somebody holds it.
    Taken,
    /// Nobody need hold it: this process may not, or the machine has no such address.
    Refused,
    Unknown,
}

/// What a ruling rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// The socket tables.
    Table,
    /// A real bind, closed at once.
    Bind,
}

/// Why a claim is not free, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The holders say it all.
    Held,
    /// A bind is refused, though no holder is visible.
    UnseenHolder,
    /// The port takes a privilege.
    Privilege,
    /// The system refuses the port to everybody: it is one of these, which it keeps (Windows).
    Excluded(u16, u16),
    /// The system refuses it, for a reason that it does not tell.
    Forbidden,
    /// No interface has the address.
    Address,
    /// A link-local address says nothing without its interface.
    Scope,
    /// A table could not be read.
    Unreadable,
    /// Only a bind would tell, and none was to be made.
    NotTried,
    /// A bind failed for this reason.
    Failed(String),
}

/// Something to know of a claim that does not keep it from being bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// An outgoing connection may take the port at any time.
    Ephemeral,
    /// The system does not give the port out; a bind may still take it.
    Reserved,
    /// A TCP port was asked for; the UDP port of that number is held.
    UdpHeld,
    /// The tables showed a holder, but a bind succeeds.
    BindSucceeds,
    /// A bind succeeds beside a socket that has the port and accepts nothing (TCP), or receives (UDP):
    /// both let the other share it.
    BoundBeside,
    /// The kernel sends what comes to the port elsewhere, past whoever binds it.
    Diverted,
    /// It may: a rule is not understood, or a program may take any port.
    MayBeDiverted,
}

/// Whether a port is held by whom it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// It is held, listening, by whom it should be.
    Yes,
    /// Somebody else listens.
    Stranger,
    /// Nobody listens.
    Nobody,
    /// Who listens could not be seen.
    Unknown,
}

/// The ruling on one claim, with what it rests on. Holders are indices of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub claim: Claim,
    pub ruling: Ruling,
    pub decided: Decided,
    pub reason: Option<Reason>,
    pub holders: Vec<usize>,
    pub warnings: Vec<Warning>,
    /// How an expectation was met, where there was one.
    pub expectation: Option<Met>,
}

/// What a real bind said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    Yes,
    No(ErrorKind, String),
}

/// What the verdicts are made from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Every socket on the claimed ports, TCP and UDP, in every state.
    pub rows: &'a [Row],
    pub limits: &'a Limits,
    /// Protocols of whose sockets some may be missing.
    pub unreadable: ProtocolSet,
    /// Whether TCP sockets that are bound without listening are among the rows.
    pub sees_bound: bool,
    /// Where the kernel sends claimed ports, as far as that is known.
    pub forwards: &'a [Dnat],
    /// Rules that may send claimed ports elsewhere, but are not understood.
    pub doubts: &'a [Dnat],
    /// Whether a program, or a service for marked packets, may take what comes to any port.
    pub is_steered: bool,
}

/// Judges claims over the evidence, for a server with these options.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    pub evidence: Evidence<'a>,
    pub options: Options,
}

impl Bound {
    /// Whether the bind was refused for a reason that says nothing of the port.
    pub fn is_unknown(&self) -> bool {
        use ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        matches!(self, Self::No(kind, _) if ![AddrInUse, AddrNotAvailable, PermissionDenied].contains(kind))
    }
}

impl Check<'_> {
    /// The verdict as far as the tables give it. `Unknown` with [`Reason::NotTried`] is for a bind to settle.
    pub fn judge(&self, claim: &Claim) -> Verdict {
        let Evidence {
            rows,
            limits,
            unreadable,
            sees_bound,
            ..
        } = self.evidence;
        let bars: Vec<(usize, Bar)> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (at, self.bar(&row.socket, claim)))
            .filter(|(_, bar)| *bar != Bar::No)
            .collect();
        let worst = bars.iter().map(|(_, bar)| *bar).max().unwrap_or(Bar::No);
        let is_open = self.is_open(claim.port);
        let (ruling, reason) = match (is_open, limits.may_bind_privileged, worst) {
            _ if claim.lacks_scope() => (Ruling::Refused, Some(Reason::Scope)),
            (false, Some(false), _) => (Ruling::Refused, Some(Reason::Privilege)),
            // Elsewhere's addresses are refused before anybody asks who holds the port.
            _ if self.is_foreign(claim) => (Ruling::Unknown, Some(Reason::NotTried)),
            (_, _, Bar::Yes) => (Ruling::Taken, Some(Reason::Held)),
            _ if limits.rules == Rules::Other => (Ruling::Unknown, Some(Reason::NotTried)),
            _ if unreadable.contains(claim.protocol) => (Ruling::Unknown, Some(Reason::Unreadable)),
            (false, None, _) | (_, _, Bar::Perhaps) => (Ruling::Unknown, Some(Reason::NotTried)),
            // Those of SCTP are never seen.
            _ if claim.protocol == Protocol::Sctp
                || (claim.protocol.is_stream() && !sees_bound) =>
            {
                (Ruling::Unknown, Some(Reason::NotTried))
            }
            _ if !self.is_local(claim) => (Ruling::Unknown, Some(Reason::NotTried)),
            _ => (Ruling::Free, None),
        };
        // What surely bars comes before what may.
        let holders = bars
            .iter()
            .filter(|(_, bar)| worst != Bar::Yes || *bar == Bar::Yes);
        Verdict {
            ruling,
            decided: Decided::Table,
            reason,
            holders: holders.map(|(at, _)| *at).collect(),
            warnings: self.warnings(claim),
            expectation: None,
            claim: claim.clone(),
        }
    }

    /// Whether `free` may offer the port if it can be bound: where a bind beside others succeeds, it
    /// would still be theirs, and what comes to a port that is sent elsewhere never reaches a server. What
    /// is left of connections does not matter on Linux.
    pub fn may_offer(&self, verdict: &Verdict) -> bool {
        if verdict.warnings.contains(&Warning::Diverted) {
            return false;
        }
        let is_other = self.evidence.limits.rules == Rules::Other && !verdict.holders.is_empty();
        let is_shared = is_other || self.bound_holders(verdict).next().is_some();
        verdict.ruling == Ruling::Free || (Self::needs_bind(verdict) && !is_shared)
    }

    /// Whether the tables leave the question to a bind.
    pub fn needs_bind(verdict: &Verdict) -> bool {
        verdict.reason == Some(Reason::NotTried)
    }

    /// The holders that have the port as sockets of their own, not as connections.
    fn bound_holders(&self, verdict: &Verdict) -> impl Iterator<Item = &Socket> {
        let sockets = verdict
            .holders
            .iter()
            .map(|at| &self.evidence.rows[*at].socket);
        sockets.filter(|socket| socket.state == State::Bound || socket.state.is_listening())
    }

    /// Puts what a bind said in place of what the tables left open, or beside what they said.
    pub fn settle(&self, verdict: &mut Verdict, bound: Bound) {
        let by_table = verdict.ruling;
        verdict.decided = Decided::Bind;
        (verdict.ruling, verdict.reason) = match bound {
            Bound::Yes => {
                // Who joins a group asks to share the port with those in it.
                let joins =
                    |socket: &Socket| self.options.reuse_port && socket.state != State::Bound;
                if by_table == Ruling::Taken {
                    verdict.warnings.push(Warning::BindSucceeds);
                } else if self.bound_holders(verdict).any(|socket| !joins(socket)) {
                    verdict.warnings.push(Warning::BoundBeside);
                }
                (Ruling::Free, None)
            }
            Bound::No(ErrorKind::AddrInUse, _) if verdict.holders.is_empty() => {
                (Ruling::Taken, Some(Reason::UnseenHolder))
            }
            Bound::No(ErrorKind::AddrInUse, _) => (Ruling::Taken, Some(Reason::Held)),
            Bound::No(ErrorKind::PermissionDenied, _) => self.denied(verdict),
            Bound::No(ErrorKind::AddrNotAvailable, _) => (Ruling::Refused, Some(Reason::Address)),
            Bound::No(_, why) => (Ruling::Unknown, Some(Reason::Failed(why))),
        };
    }

    /// Names the range of excluded ports that a forbidden one is in.
    pub fn explain(verdict: &mut Verdict, excluded: &[(u16, u16)]) {
        let port = verdict.claim.port;
        let around = |(first, last): &&(u16, u16)| (*first..=*last).contains(&port);
        if let Some((first, last)) = excluded.iter().find(around) {
            verdict.reason = Some(Reason::Excluded(*first, *last));
        }
    }

    /// A port without privilege is denied on Windows (WSAEACCES) where a socket has it for itself or
    /// the system has excluded it, on Linux by a security module.
    fn denied(&self, verdict: &Verdict) -> (Ruling, Option<Reason>) {
        if !self.is_open(verdict.claim.port) {
            (Ruling::Refused, Some(Reason::Privilege))
        } else if self.evidence.limits.rules == Rules::Other && !verdict.holders.is_empty() {
            (Ruling::Taken, Some(Reason::Held))
        } else {
            (Ruling::Refused, Some(Reason::Forbidden))
        }
    }

    /// Whether the port takes no privilege.
    fn is_open(&self, port: u16) -> bool {
        let first = self.evidence.limits.unprivileged_from;
        first.is_none_or(|first| port >= first)
    }

    fn bar(&self, holder: &Socket, claim: &Claim) -> Bar {
        let limits = self.evidence.limits;
        let by_linux = bar(holder, claim, self.options, limits.uid);
        match limits.rules {
            Rules::Linux => by_linux,
            Rules::Other => bar_elsewhere(by_linux, holder, claim),
        }
    }

    /// Whether none of the machine's addresses, which are known, is the claimed one.
    fn is_foreign(&self, claim: &Claim) -> bool {
        !self.evidence.limits.addresses.is_empty()
            && claim.interface.is_none()
            && !self.is_local(claim)
    }

    /// Whether the machine surely has the address.
    fn is_local(&self, claim: &Claim) -> bool {
        let listed = &self.evidence.limits.addresses;
        claim
            .address
            .map(|address| address.to_canonical())
            .is_none_or(|address| {
                // All of 127.0.0.0/8 is where one address of it is.
                let is_loopback = |address: &IpAddr| address.is_ipv4() && address.is_loopback();
                let is_listed = listed.contains(&address)
                    || (is_loopback(&address) && listed.iter().any(is_loopback));
                claim.interface.is_none() && (address.is_unspecified() || is_listed)
            })
    }

    fn warnings(&self, claim: &Claim) -> Vec<Warning> {
        let limits = self.evidence.limits;
        let mut rules = self.evidence.forwards.iter();
        let is_diverted = rules.any(|rule| claim.is_sent_by(rule, limits));
        let mut doubts = self.evidence.doubts.iter();
        let may_be_diverted =
            self.evidence.is_steered || doubts.any(|rule| claim.is_met_by(rule, limits));
        let is_udp_held = claim.protocol == Protocol::Tcp
            && self.evidence.rows.iter().any(|row| {
                let socket = &row.socket;
                (socket.protocol, socket.local.port) == (Protocol::Udp, Some(claim.port))
                    && socket.state == State::Unconnected
            });
        [
            (
                Warning::Ephemeral,
                limits.is_ephemeral(claim.port) && !limits.is_reserved(claim.port),
            ),
            (Warning::Reserved, limits.is_reserved(claim.port)),
            (Warning::UdpHeld, is_udp_held),
            (Warning::Diverted, is_diverted),
            (Warning::MayBeDiverted, may_be_diverted && !is_diverted),
        ]
        .into_iter()
        .filter_map(|(warning, applies)| applies.then_some(warning))
        .collect()
    }
}
