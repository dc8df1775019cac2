//! Rules of the packet filter that take packets past the sockets that have their ports.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use super::commands::stop_container;
use crate::model::{
    Dnat, Family, Limits, Namespaces, Protocol, Reach, Row, Sender, Snapshot, Socket,
};

/// A rule that sends a port elsewhere that sockets have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diversion<'a> {
    pub rule: &'a Dnat,
    pub course: Course,
}

/// Where a rule leads, as seen from who holds the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Where the holder leads too: a runtime publishes a port in both ways.
    Alike,
    /// Elsewhere: the holder never sees packets that match.
    Elsewhere,
    /// The sockets take what is sent over the loopback alone, which the rule need not meet.
    Beside,
}

/// A rule, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded<'a> {
    pub rule: &'a Dnat,
    /// Command to go on with.
    pub next: Option<String>,
}

/// What a rule means for these sockets, if it concerns one of them; it is of the network namespace `own`.
pub fn diversion<'a>(rule: &'a Dnat, rows: &[&Row], own: Option<u64>) -> Option<Diversion<'a>> {
    let met: Vec<&&Row> = rows.iter().filter(|row| meets(rule, row, own)).collect();
    let is_loopback = |row: &&&Row| {
        let reach = row.socket.reach();
        matches!(reach, Some(Reach::Loopback | Reach::LoopbackDevice))
    };
    let course = if met.is_empty() {
        return None;
    } else if met.iter().any(|row| leads_alike(rule, row)) {
        Course::Alike
    } else if rule.address.is_none() && met.iter().all(is_loopback) {
        Course::Beside
    } else {
        Course::Elsewhere
    };
    Some(Diversion { rule, course })
}

/// Whether the socket listens for the protocol on one of the ports, which go from the first to the second.
fn listens(socket: &Socket, protocol: Protocol, (first, last): (u16, u16)) -> bool {
    let port = socket.local.port;
    socket.state.is_listening()
        && socket.protocol.port_space() == protocol
        && port.is_some_and(|port| (first..=last).contains(&port))
}

/// Whether a packet that the socket waits for may match the rule.
fn meets(rule: &Dnat, row: &Row, own: Option<u64>) -> bool {
    let socket = &row.socket;
    let is_of_family = match rule.family {
        None => true,
        Some(Family::Ipv4) => socket.takes_ipv4(),
        Some(Family::Ipv6) => socket.family() == Family::Ipv6 && !socket.local.is_ipv4_mapped(),
    };
    let of_address = |address: IpAddr| {
        let is_among = |(first, last): &(IpAddr, IpAddr)| (*first..=*last).contains(&address);
        rule.address.is_none_or(|of_rule| of_rule == address)
            && (rule.among.is_empty() || rule.among.iter().any(is_among))
    };
    let receives = |address| socket.receives(address, Sender::Anywhere) != Some(false);
    !rule.keeps()
        && socket.netns() == rule.netns.as_ref().map(|far| far.netns).or(own)
        && listens(socket, rule.protocol, rule.ports)
        && is_of_family
        && rule.address.is_none_or(receives)
        && (socket.local.is_wildcard() || of_address(socket.local.canonical()))
}

fn leads_alike(rule: &Dnat, row: &Row) -> bool {
    let role = row.role.as_deref();
    let Some(forward) = role.and_then(|role| role.forwards_to.as_ref()) else {
        return false;
    };
    let to = rule.to.map(|to| SocketAddr::new(to, rule.target_ports().0));
    let id = |container: Option<&Rc<crate::model::Container>>| {
        container.map(|container| container.identity.clone())
    };
    let behind = id(forward.container.as_ref());
    (to.is_some() && forward.to.unclean().parse().ok() == to)
        || (behind.is_some() && behind == id(rule.container.as_ref()))
}

/// The rules of an answer, each with a command to go on with.
pub fn forwarded<'a>(snapshot: &'a Snapshot, limits: &Limits) -> Vec<Forwarded<'a>> {
    let one = |rule: &'a Dnat| Forwarded {
        rule,
        next: next(rule, snapshot.namespaces, limits),
    };
    snapshot.forwards.iter().map(one).collect()
}

/// What ends a container, or else shows who listens where the rule leads.
fn next(rule: &Dnat, namespaces: Namespaces, limits: &Limits) -> Option<String> {
    if let Some(container) = rule.container.as_deref() {
        return stop_container(container);
    }
    let port = rule.target_ports().0;
    let sudo = if limits.uid == Some(0) { "" } else { "sudo " };
    Some(match (rule.to, namespaces) {
        (None, _) if rule.netns.is_some() => format!("{sudo}portwho why --all-netns :{port}"),
        (None, _) => format!("{sudo}portwho why :{port}"),
        (Some(_), Namespaces::Own) => format!("{sudo}portwho --all-netns :{port}"),
        (Some(_), Namespaces::All) if rule.listener.is_some() => {
            format!("{sudo}portwho why --all-netns :{port}")
        }
        // It is on another machine, or nobody listens there.
        (Some(address), Namespaces::All) => format!("ip route get {address}"),
    })
}

/// Who listens where a rule leads, in another network namespace than the reader's; `None` where that may
/// be in more than one.
pub fn listener_behind<'a>(rule: &Dnat, found: &'a Snapshot) -> Option<&'a Row> {
    let to = rule.to?;
    let ports = rule.target_ports();
    let has = |socket: &Socket| {
        let of_family = to.is_ipv6() || socket.takes_ipv4();
        let addresses = socket.netns().and_then(|netns| found.elsewhere.get(&netns));
        of_family && addresses.is_some_and(|all| all.iter().any(|one| one.address == to))
    };
    let takes = |row: &&Row| {
        let socket = &row.socket;
        socket.netns() != found.netns
            && listens(socket, rule.protocol, ports)
            && (socket.local.canonical() == to || (socket.local.is_wildcard() && has(socket)))
    };
    let mut rows = found.rows.iter().filter(takes);
    let one = rows.next()?;
    rows.all(|row| row.socket.netns() == one.socket.netns())
        .then_some(one)
}
