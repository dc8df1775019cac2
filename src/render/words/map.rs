//! Words for services and links.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::what::each_once;
use super::{
    address, bound_address, in_container, leads_to, names, nobody, of_owners, socket_unit,
};
use crate::judge::{Link, Peer, Service};
use crate::model::{Container, Endpoint, Protocol, Row, Socket};

/// Pids, and things that a service is part of, that are named; more are counted.
const NAMED: usize = 3;
/// Ends at which a service listens that are named; more are counted.
const ENDS: usize = 8;

/// The name of a service, with the number of its processes.
pub fn service(service: &Service, rows: &[Row]) -> String {
    let first = service.rows.first().and_then(|at| rows.get(*at));
    names(&service.owners).unwrap_or_else(|| {
        let word = first.map_or("-", nobody);
        let word = if word == "-" { "(no process)" } else { word };
        word.to_owned()
    })
}

/// `pid 811`, `pids 1100, 1101, 1102`; of a hidden owner the user.
pub fn pids(service: &Service, rows: &[Row]) -> Option<String> {
    let pids: Vec<String> = service
        .owners
        .iter()
        .map(|owner| owner.process.key.pid.to_string())
        .collect();
    let first = service.rows.first().and_then(|at| rows.get(*at));
    match pids.as_slice() {
        [] => first
            .and_then(super::user_in_text)
            .map(|user| format!("user {user}")),
        [pid] => Some(format!("pid {pid}")),
        _ => some(&pids, NAMED).map(|pids| format!("pids {pids}")),
    }
}

/// What the service is to people, and where its tunnels lead.
pub fn purpose(service: &Service, rows: &[Row]) -> Option<String> {
    let roles = || {
        let listeners = service.listeners.iter().filter_map(|at| rows.get(*at));
        listeners.filter_map(|row| row.role.as_deref())
    };
    let leads = roles().filter_map(|role| role.forwards_to.as_ref());
    some(&each_once(leads.map(leads_to)), NAMED)
        .or_else(|| some(&each_once(of_owners(&service.owners)), NAMED))
        .or_else(|| some(&each_once(roles().filter_map(socket_unit)), NAMED))
}

/// Where the service listens: `:80`, `127.0.0.1:3000`, `:53/udp`.
pub fn ends(service: &Service, rows: &[Row]) -> Option<String> {
    let listeners = service.listeners.iter().filter_map(|at| rows.get(*at));
    let ends = each_once(listeners.map(|row| listening_end(&row.socket)));
    some(&ends, ENDS)
}

/// The network namespaces of the rows that are not the reader's own, and what they are called.
pub fn other_namespaces(rows: &[Row], own: Option<u64>) -> BTreeMap<u64, String> {
    let sockets = rows.iter().map(|row| &row.socket);
    sockets
        .filter(|socket| socket.netns() != own)
        .filter_map(|socket| Some((socket.netns()?, super::netns(socket)?)))
        .collect()
}

/// `in netns web`; of a service that has sockets in the reader's own namespace as well `also in`.
pub fn namespace(
    service: &Service,
    rows: &[Row],
    others: &BTreeMap<u64, String>,
) -> Option<String> {
    let all = service.rows.iter().filter_map(|at| rows.get(*at));
    let all: BTreeSet<Option<u64>> = all.map(|row| row.socket.netns()).collect();
    let name = |netns: &Option<u64>| others.get(netns.as_ref()?).cloned();
    let names: Vec<String> = all.iter().filter_map(name).collect();
    let also = if names.len() < all.len() { "also " } else { "" };
    some(&names, NAMED).map(|names| format!("{also}in netns {names}"))
}

/// Where an address of this machine is, if not in the reader's own namespace.
pub fn peer_namespace(peer: &Peer, others: &BTreeMap<u64, String>) -> Option<String> {
    let name = others.get(&peer.netns?)?;
    Some(format!("in netns {name}"))
}

fn listening_end(socket: &Socket) -> String {
    let mut text = if socket.local.is_wildcard() && socket.interface().is_none() {
        String::new()
    } else {
        bound_address(socket)
    };
    let port = socket.local.port.unwrap_or(0);
    text.push_str(&link_port(socket.protocol.port_space(), port));
    text
}

/// `:80`, `:53/udp`.
pub fn link_port(protocol: Protocol, port: u16) -> String {
    match protocol {
        Protocol::Tcp => format!(":{port}"),
        other => format!(":{port}/{other}"),
    }
}

/// `10.0.0.9:5432`.
pub fn peer_end(peer: &Peer, link: &Link) -> String {
    peer_address(peer) + &link_port(link.protocol, link.port)
}

pub fn peer_address(peer: &Peer) -> String {
    let end = Endpoint {
        address: peer.address,
        port: None,
    };
    address(&end, peer.interface.as_deref())
}

/// Who is at the end of which no socket is seen.
pub fn unseen_end(link: &Link) -> &'static str {
    if link.peers.iter().any(|peer| !peer.is_here) {
        "elsewhere"
    } else {
        "(not seen)"
    }
}

/// `12 connections from 4 addresses`; and what they lack.
pub fn weight(link: &Link) -> String {
    let mut text = connections(link.connections);
    match (link.from, link.peers.first()) {
        (None, Some(only)) if link.peers.len() == 1 => {
            text += &format!(" from {}", peer_address(only));
        }
        (None, _) => text += &format!(" from {} addresses", link.peers.len()),
        (Some(_), _) => {}
    }
    if link.self_connections > 0 {
        let socket = match (link.self_connections, link.connections) {
            (1, 1) => "a socket connected to itself".to_owned(),
            (own, all) if own == all => "sockets connected to themselves".to_owned(),
            (own, _) => format!("{own} of sockets connected to themselves"),
        };
        text += &format!(", {socket}");
    } else if !link.is_listening && link.to.is_some() && link.protocol == Protocol::Tcp {
        // Two ends can also have connected to each other, and over UDP nothing accepts.
        text += ", no listener: it has ended, or there was none";
    }
    text
}

/// `1 connection`, `2 connections`.
pub fn connections(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} connection{plural}")
}

/// The containers of which addresses are known, by those.
pub fn addressed(rows: &[Row]) -> BTreeMap<IpAddr, &Container> {
    let behind = rows.iter().filter_map(|row| {
        let forward = row.role.as_deref()?.forwards_to.as_ref()?;
        forward.container.as_deref()
    });
    let owners = rows.iter().flat_map(|row| &row.owners);
    let within = owners.filter_map(|owner| owner.process.meaning.container.as_deref());
    behind
        .chain(within)
        .flat_map(|container| {
            let addresses = container.addresses.iter();
            addresses.map(move |address| (*address, container))
        })
        .collect()
}

/// What is known of an end elsewhere: its container, else what its port is registered for.
pub fn peer_purpose(
    link: &Link,
    containers: &BTreeMap<IpAddr, &Container>,
    service: Option<&'static str>,
) -> Option<String> {
    let container = link
        .peers
        .first()
        .and_then(|peer| containers.get(&peer.address));
    container
        .map(|container| in_container(container))
        .or_else(|| service.map(str::to_owned))
}

/// The first of many, and how many more there are; nothing of none.
fn some(all: &[String], named: usize) -> Option<String> {
    let more = all.len().saturating_sub(named);
    let text = all
        .iter()
        .take(named)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match (all.len(), more) {
        (0, _) => None,
        (_, 0) => Some(text),
        _ => Some(format!("{text} +{more}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(protocol: Protocol, connections: usize, own: usize, is_listening: bool) -> String {
        weight(&Link {
            from: Some(0),
            to: Some(1),
            protocol,
            port: 5000,
            peers: BTreeSet::new(),
            connections,
            self_connections: own,
            is_listening,
        })
    }

    #[test]
    fn a_listener_is_missed_only_where_there_could_have_been_one() {
        let gone = "1 connection, no listener: it has ended, or there was none";
        assert_eq!(said(Protocol::Tcp, 1, 0, true), "1 connection");
        assert_eq!(said(Protocol::Tcp, 1, 0, false), gone);
        assert_eq!(said(Protocol::Udp, 1, 0, false), "1 connection");
    }

    #[test]
    fn connections_of_sockets_to_themselves_are_named() {
        let own = |connections, own| said(Protocol::Tcp, connections, own, false);
        assert_eq!(own(1, 1), "1 connection, a socket connected to itself");
        assert_eq!(own(2, 2), "2 connections, sockets connected to themselves");
        assert_eq!(
            own(3, 1),
            "3 connections, 1 of sockets connected to themselves"
        );
    }
}
