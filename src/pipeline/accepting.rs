//! Listeners at the other ends of connections for which none stands: they say who connected to whom.

use std::collections::HashSet;

use crate::model::{PortSet, Protocol, ProtocolSet, Row, Scope, State, StateSet};
use crate::normalize::sockets;
use crate::read::Source;

/// The listeners of this machine on the ports to which such connections go, without their owners. Nothing
/// is read where there are none.
pub fn listeners(source: &mut dyn Source, rows: &[Row], scope: &Scope) -> Vec<Row> {
    let ports: HashSet<u16> = peers_of_loose(rows);
    if ports.is_empty() {
        return Vec::new();
    }
    let scope = Scope {
        protocols: ProtocolSet::meant_by(Protocol::Tcp),
        states: StateSet::listening(),
        ports: Some(PortSet::from_ranges(
            ports.iter().map(|port| (*port, *port)),
        )),
        other_ends: false,
        ..scope.clone()
    };
    let mut found = sockets(source.sockets(&scope));
    let is_there = |row: &Row| {
        let port = row.socket.local.port;
        row.socket.state == State::Listen && port.is_some_and(|port| ports.contains(&port))
    };
    found.retain(is_there);
    found
}

/// Ports of this machine to which connections go that no listener among the rows has accepted.
fn peers_of_loose(rows: &[Row]) -> HashSet<u16> {
    let listeners: Vec<&Row> = rows
        .iter()
        .filter(|row| row.socket.state == State::Listen)
        .collect();
    let is_loose = |row: &&Row| {
        let socket = &row.socket;
        let is_accepted = || listeners.iter().any(|one| one.socket.accepts(socket));
        socket.protocol.is_stream() && socket.state != State::Listen && !is_accepted()
    };
    let loose = rows.iter().filter(is_loose);
    loose
        .filter_map(|row| {
            let (local, peer) = (row.socket.local.canonical(), row.socket.peer?);
            let address = peer.canonical();
            let is_here = address.is_loopback() || address == local;
            peer.port.filter(|_| is_here)
        })
        .collect()
}
