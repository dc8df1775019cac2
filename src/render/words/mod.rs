//! Words for what the model holds, for people.

mod ephemeral;
mod map;
mod verdicts;
mod what;
mod why;

pub use ephemeral::*;
pub use map::*;
pub use verdicts::*;
pub use what::{
    OPENED, container, containers, diversion, dnat, dnat_target, each_once, in_container, leads_to,
    listens_there, meaning, of_owners, projects, role, socket_unit, units, what, without_listener,
};
pub use why::{
    command_line, halt_sentence, heading, local_end, no_owner, origin_sentence, place,
    program_note, queue_sentence, services, user_of, waiting_sentence, wrapped,
};

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{
    Endpoint, Exposure, Family, Owner, OwnerStatus, Process, Reach, Row, Socket, State, in_text,
};

/// `10.0.0.1`, `[::1]`, `[fe80::1%eth0]`.
pub fn address(end: &Endpoint, interface: Option<&str>) -> String {
    match (end.address, interface) {
        (IpAddr::V4(v4), _) => ipv4(v4),
        (IpAddr::V6(v6), Some(interface)) if is_link_local(v6) => format!("[{v6}%{interface}]"),
        (IpAddr::V6(v6), _) => format!("[{v6}]"),
    }
}

/// `10.0.0.1`, `::1`.
pub fn bare_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => ipv4(v4),
        IpAddr::V6(v6) => v6.to_string(),
    }
}

/// What `Display` would give, in a seventh of the time: long lists are mostly made of addresses.
fn ipv4(address: Ipv4Addr) -> String {
    let mut text = String::with_capacity("255.255.255.255:65535".len());
    let mut digits = itoa::Buffer::new();
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        text.push_str(digits.format(octet));
    }
    text
}

/// A number and what follows it, in a fraction of the time of `format!`.
pub fn number(number: impl itoa::Integer, rest: &str) -> String {
    let mut text = String::with_capacity("65535/udplite".len());
    text.push_str(itoa::Buffer::new().format(number));
    text.push_str(rest);
    text
}

fn is_link_local(address: std::net::Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}

/// The local address, with the device that the socket is bound to.
pub fn bound_address(socket: &Socket) -> String {
    let mut text = address(&socket.local, socket.interface());
    if let Some(interface) = socket.interface()
        && !text.contains('%')
    {
        text = format!("{text}%{interface}");
    }
    text
}

/// The same, with whether a listener on `::` takes IPv4 as well.
pub fn local_address(socket: &Socket) -> String {
    let mut text = bound_address(socket);
    let is_wildcard = socket.family() == Family::Ipv6 && socket.local.is_wildcard();
    if is_wildcard && socket.state.is_listening() {
        text.push_str(match socket.v6only {
            Some(false) => " +IPv4",
            Some(true) => "",
            None => " +IPv4?",
        });
    }
    text
}

/// `0.0.0.0%eth0:80`, `[::1]:80`.
pub fn bound_end(socket: &Socket) -> String {
    let port = socket.local.port.map(|port| number(port, ""));
    let address = bound_address(socket);
    port.map_or(address.clone(), |port| format!("{address}:{port}"))
}

/// `10.0.0.1:80`, `[::1]:80`.
pub fn endpoint(end: &Endpoint, interface: Option<&str>) -> String {
    let mut text = address(end, interface);
    if let Some(port) = end.port {
        text.push(':');
        text.push_str(itoa::Buffer::new().format(port));
    }
    text
}

/// `80/tcp`; of a raw socket its IP protocol, by name where it has one that people know.
pub fn port(socket: &Socket) -> String {
    match (socket.local.port, socket.ip_protocol) {
        (Some(port), _) => number(port, "/") + socket.protocol.as_str(),
        (None, Some(number)) => format!("{}/raw", ip_protocol(number.get())),
        (None, None) => socket.protocol.to_string(),
    }
}

/// Name of an IP protocol number, IANA's registry.
pub fn ip_protocol(number: u8) -> String {
    match number {
        1 => "icmp".into(),
        2 => "igmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        47 => "gre".into(),
        50 => "esp".into(),
        51 => "ah".into(),
        58 => "icmpv6".into(),
        89 => "ospf".into(),
        132 => "sctp".into(),
        other => other.to_string(),
    }
}

/// Who can reach a listener, in a word for a column.
pub fn reach(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Loopback => "this host",
        Exposure::Address => "address",
        Exposure::All => "everyone",
    }
}

/// Who can reach a listener, in a sentence.
pub fn reach_sentence(socket: &Socket) -> Option<String> {
    Some(match socket.reach()? {
        Reach::Loopback | Reach::LoopbackDevice => "only this machine can reach it".into(),
        Reach::RoutedLoopback => {
            "other machines can reach it too: route_localnet lets them in".into()
        }
        Reach::Isolated => {
            "only its own network namespace can reach it: no other interface is up".into()
        }
        Reach::Device(device) => format!("reachable through {device} only"),
        Reach::AddressOnDevice(device) => {
            format!("reachable on this address, through {device} only")
        }
        Reach::Multicast => "receives what is sent to this multicast group".into(),
        Reach::Broadcast => "receives what is broadcast to this address".into(),
        Reach::NoSuchAddress => "not reachable: no interface has this address".into(),
        Reach::Address => "reachable on this address".into(),
        Reach::All => match (socket.family(), socket.v6only) {
            (Family::Ipv4, _) => "reachable on every IPv4 address".into(),
            (Family::Ipv6, Some(true)) => "reachable on every IPv6 address".into(),
            (Family::Ipv6, Some(false)) => "reachable on every address, IPv4 and IPv6".into(),
            (Family::Ipv6, None) => {
                "reachable on every IPv6 address; whether on IPv4 too is unknown".into()
            }
        },
    })
}

/// The state as a heading: `LISTEN`, `TIME-WAIT`.
pub fn state(state: State) -> &'static str {
    match state {
        State::Listen => "LISTEN",
        State::Unconnected => "UNCONNECTED",
        State::Bound => "BOUND",
        State::Established => "ESTABLISHED",
        State::SynSent => "SYN-SENT",
        State::SynRecv => "SYN-RECV",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::TimeWait => "TIME-WAIT",
        State::CloseWait => "CLOSE-WAIT",
        State::LastAck => "LAST-ACK",
        State::Closing => "CLOSING",
        State::Closed => "CLOSED",
    }
}

/// What a socket that neither listens nor is connected does to its port.
pub fn state_sentence(socket: &Socket) -> Option<&'static str> {
    match socket.state {
        State::Bound => Some("bound, but not listening: it can keep others from this port"),
        State::TimeWait => {
            Some("a closed connection: the kernel keeps its port for up to a minute")
        }
        _ => None,
    }
}

/// The name of a process, for a sentence or a list; words where it has none.
pub fn name(process: &Process) -> Cow<'_, str> {
    if process.name.is_empty() {
        NO_NAME.into()
    } else {
        process.name.in_sentence()
    }
}

/// The same, however long the name is, for lists that programs read.
pub fn whole_name(process: &Process) -> Cow<'_, str> {
    if process.name.is_empty() {
        NO_NAME.into()
    } else {
        process.name.in_text()
    }
}

const NO_NAME: &str = "(no name)";

/// Names of the owners: one name with its count, or all of them.
pub fn processes(row: &Row) -> String {
    names(&row.owners).unwrap_or_else(|| nobody(row).into())
}

/// One name with its count, or all of them; nothing for nobody.
pub fn names(owners: &[Owner]) -> Option<String> {
    if let [one] = owners {
        return Some(name(&one.process).into());
    }
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    for owner in owners {
        let name = name(&owner.process);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match (names.as_slice(), owners.len()) {
        ([], _) => None,
        ([one], count) => Some(format!("{one} ×{count}")),
        (many, _) => Some(many.join(", ")),
    }
}

/// What stands for the owners where none is listed.
pub fn nobody(row: &Row) -> &'static str {
    match row.owner_status {
        OwnerStatus::Hidden | OwnerStatus::Partial => "(hidden)",
        OwnerStatus::Unfound => "(not found)",
        OwnerStatus::Kernel => "(kernel)",
        OwnerStatus::None | OwnerStatus::Known | OwnerStatus::Skipped => "-",
    }
}

/// The user of the first owner, else of the socket; a number where it has no name.
pub fn user(row: &Row) -> Option<String> {
    let of = |name: Option<&str>, uid: Option<u32>| {
        name.map(str::to_owned)
            .or_else(|| uid.map(|uid| number(uid, "")))
    };
    match row.owners.first() {
        Some(Owner { process, .. }) => of(process.user.as_deref(), process.uid),
        None => of(row.socket.user_name(), row.socket.uid()),
    }
}

/// The same for a sentence.
pub fn user_in_text(row: &Row) -> Option<String> {
    user(row).map(|user| in_text(&user).into_owned())
}

/// How long ago, in one unit: `5 s`, `2 h`, `3 d`.
pub fn age(from: i64, now: i64) -> String {
    let seconds = now.saturating_sub(from).max(0);
    match seconds {
        0..60 => number(seconds, " s"),
        60..3600 => number(seconds / 60, " min"),
        3600..86_400 => number(seconds / 3600, " h"),
        86_400..31_536_000 => number(seconds / 86_400, " d"),
        _ => number(seconds / 31_536_000, " y"),
    }
}

/// When something began, as precisely as its age makes of interest: `10:14`, `12 Nov 10:14`, `3 Mar 2025`.
pub fn moment(from: i64, now: i64, zone: &TimeZone) -> Option<String> {
    let from = Timestamp::from_second(from).ok()?.to_zoned(zone.clone());
    let now = Timestamp::from_second(now).ok()?.to_zoned(zone.clone());
    let format = if from.date() == now.date() {
        "%H:%M"
    } else if from.year() == now.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y"
    };
    Some(from.strftime(format).to_string())
}

/// The network namespace as people are told it: `(this)` is the reader's own, `own`.
pub fn netns_seen_from(own: Option<u64>, socket: &Socket) -> Option<String> {
    if socket.netns().is_some() && socket.netns() == own {
        return Some("(this)".to_owned());
    }
    netns(socket)
}

/// The network namespace: its name, else its inode number.
pub fn netns(socket: &Socket) -> Option<String> {
    let name = socket.netns_name();
    name.map(|name| name.unclean().to_owned())
        .or_else(|| Some(socket.netns()?.to_string()))
}

/// The queue of a socket: for a listener, connections that wait and how many may.
pub fn queue(socket: &Socket) -> Option<String> {
    let received = socket.recv_queue?;
    Some(match (socket.state, socket.send_queue) {
        (State::Listen, Some(limit)) => format!("{received} of {limit}"),
        (State::Listen, None) => received.to_string(),
        (_, sent) => format!("{received}/{}", sent.unwrap_or(0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_written_as_the_library_writes_it() {
        for octets in [[0, 0, 0, 0], [10, 0, 200, 9], [255; 4], [127, 100, 1, 42]] {
            let address = Ipv4Addr::from(octets);
            assert_eq!(ipv4(address), address.to_string());
        }
    }

    #[test]
    fn an_age_has_one_unit() {
        for (seconds, words) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7200, "2 h"),
            (259_200, "3 d"),
            (40_000_000, "1 y"),
        ] {
            assert_eq!(age(0, seconds), words);
        }
    }

    #[test]
    fn a_moment_is_as_precise_as_its_age_asks() {
        let now = 1_763_636_400; // 2025-11-20T11:00:00Z
        assert_eq!(moment(now - 3600, now, &TimeZone::UTC).unwrap(), "10:00");
        assert_eq!(
            moment(now - 86_400, now, &TimeZone::UTC).unwrap(),
            "19 Nov 11:00"
        );
        assert_eq!(
            moment(now - 400 * 86_400, now, &TimeZone::UTC).unwrap(),
            "16 Oct 2024"
        );
        assert_eq!(moment(i64::MAX, now, &TimeZone::UTC), None);
    }
}
