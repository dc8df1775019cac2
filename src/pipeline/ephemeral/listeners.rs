//! Listeners that advice speaks of: those in a wider range, and those that do not keep up.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::owners::keys;
use super::Ephemeral;
use crate::judge::{Budget, Usage, wants_more_ports, wider};
use crate::model::{
    Endpoint, Handles, Namespaces, NetworkDepth, PortSet, Protocol, Row, Scope, Sender, Socket,
    State,
};
use crate::normalize::{Names, join, place_in_network, sockets};
use crate::read::Source;

/// TCP ports with a listener in the range that would be proposed, where one would be.
pub fn listening_around(source: &mut dyn Source, usage: &Usage) -> Vec<u16> {
    let Some(range) = usage.pool.range().and_then(wider) else {
        return Vec::new();
    };
    if !wants_more_ports(usage) {
        return Vec::new();
    }
    let raw = source.sockets(&scope(PortSet::from_ranges([range])));
    let rows = raw.tables.iter().flat_map(|table| &table.sockets);
    let listening = rows.filter(|row| row.state == State::Listen);
    let mut ports: Vec<u16> = listening.filter_map(|row| row.local.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn scope(ports: PortSet) -> Scope {
    Scope {
        protocols: [Protocol::Tcp].into_iter().collect(),
        family: None,
        states: [State::Listen].into_iter().collect(),
        ports: Some(ports),
        other_ends: false,
        namespaces: Namespaces::Own,
        addresses: false,
        network: NetworkDepth::Nothing,
    }
}

/// Finds out which of the peers that do not answer are this machine, and the listeners there whose
/// queue is full, with their owners.
pub fn look_for_listeners(source: &mut dyn Source, asked: &Ephemeral, usage: &mut Usage) {
    let silent = usage.budgets.iter();
    let silent = silent.filter(|budget| budget.count(State::SynSent) > 0);
    let peers: BTreeSet<(IpAddr, Endpoint)> = silent
        .filter_map(|budget: &Budget| Some((budget.key.local, budget.key.peer?)))
        .collect();
    if peers.is_empty() {
        return;
    }
    let network = source.network(NetworkDepth::Whole);
    let has = |address| network.as_ref().and_then(|network| network.has(address)) == Some(true);
    let is_own = |(local, peer): &&(IpAddr, Endpoint)| {
        let there = peer.canonical();
        there.is_loopback() || there == *local || has(there)
    };
    usage.own_peers = peers.iter().filter(is_own).map(|(_, peer)| *peer).collect();
    let ports = usage.own_peers.iter().filter_map(|peer| peer.port);
    let ports = PortSet::from_ranges(ports.map(|port| (port, port)));
    if usage.own_peers.is_empty() {
        return;
    }
    let raw = source.sockets(&scope(ports));
    let netns = raw.netns;
    let mut listeners = sockets(raw);
    if let Some(network) = &network {
        place_in_network(&mut listeners, netns, network);
    }
    listeners.retain(|row| is_full(&row.socket));
    name_owners(source, asked, &mut listeners);
    for peer in &usage.own_peers {
        let takes = |row: &&Row| listens_at(&row.socket, peer);
        if let Some(row) = listeners.iter().find(takes) {
            usage.overrun.insert(*peer, row.clone());
        }
    }
}

/// Linux lets one more wait than the limit says (`sk_acceptq_is_full` in include/net/sock.h).
fn is_full(socket: &Socket) -> bool {
    let queue = socket.recv_queue.zip(socket.send_queue);
    socket.state == State::Listen && queue.is_some_and(|(waiting, limit)| waiting > limit)
}

fn listens_at(socket: &Socket, peer: &Endpoint) -> bool {
    socket.local.port == peer.port && socket.receives(peer.address, Sender::Here) != Some(false)
}

fn name_owners(source: &mut dyn Source, asked: &Ephemeral, rows: &mut [Row]) {
    let handles: Handles = rows.iter().filter_map(|row| row.socket.handle()).collect();
    if handles.is_empty() {
        return;
    }
    let mut raw = source.holders(&handles);
    let keys = keys(raw.holders.iter().map(|holder| holder.process));
    let processes = source.processes(&keys, asked.depth);
    join(rows, &mut raw, processes, &Names::default());
}
