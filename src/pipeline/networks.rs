//! Asks for what is known of the network, where that decides what matches or who reaches a socket.

use super::Survey;
use crate::model::{
    Family, Namespaces, Network, NetworkDepth, Note, ProtocolSet, Reach, Row, Scope, StateSet,
};
use crate::normalize::{
    elsewhere_note, network_of, place_in_network, sockets, unknown_addresses_note,
};
use crate::read::Source;
use crate::read::raw::RawSockets;
use crate::select::{Addresses, Place, Query};

/// How much to ask of other namespaces, before any socket has been seen.
pub fn beforehand(survey: &Survey) -> NetworkDepth {
    match survey.query.asked_addresses().next() {
        Some(_) => NetworkDepth::Whole,
        None => survey.network,
    }
}

/// Finds out what decides whether sockets match; says whether anything was asked for that.
pub fn to_decide(
    source: &mut dyn Source,
    rows: &mut [Row],
    query: &Query,
    netns: Option<u64>,
) -> bool {
    let is_open = |row: &Row| {
        row.socket.netns() == netns
            && query.wants(&row.socket)
            && query.is_reached(&row.socket).is_none()
    };
    if !rows.iter().any(is_open) {
        return false;
    }
    let network = source.network(NetworkDepth::Whole);
    if let Some(network) = &network {
        place_in_network(rows, netns, network);
    }
    network.is_some()
}

/// Leaves the rows of which it cannot be told whether they match, since the addresses are not known; and
/// says so.
pub fn doubt(rows: &mut Vec<Row>, query: &Query) -> Option<Note> {
    let before = rows.len();
    rows.retain(|row| !query.hangs_on_addresses(&row.socket));
    let left = before - rows.len();
    (left > 0).then(|| unknown_addresses_note(left))
}

/// Finds out who reaches the listeners, as far as that is shown.
pub fn to_show(source: &mut dyn Source, rows: &mut [Row], survey: &Survey, netns: Option<u64>) {
    let needed = |row: &Row| {
        let is_unknown = row.socket.netns() == netns && row.socket.network().is_none();
        match row.socket.reach().filter(|_| is_unknown) {
            None => NetworkDepth::Nothing,
            Some(Reach::Loopback) if row.socket.local.canonical().is_ipv6() => {
                NetworkDepth::Nothing
            }
            Some(Reach::Address | Reach::AddressOnDevice(_) | Reach::Device(_)) => {
                NetworkDepth::Whole
            }
            Some(_) => NetworkDepth::Devices,
        }
    };
    let needed = rows.iter().map(needed).max().unwrap_or_default();
    let depth = match survey.addresses {
        true if needed != NetworkDepth::Nothing => survey.network,
        _ => needed.min(survey.network),
    };
    if depth != NetworkDepth::Nothing
        && let Some(network) = source.network(depth)
    {
        place_in_network(rows, netns, &network);
    }
}

/// Where nothing matches: the addresses that were asked for and are none of this machine's.
pub fn elsewhere(source: &mut dyn Source, survey: &Survey, raw: &RawSockets) -> Vec<Note> {
    let asked: Vec<(&Addresses, Option<&Place>)> = {
        let places = survey.query.places.iter();
        let with_port = places.filter_map(|place| Some((place.addresses.as_ref()?, Some(place))));
        let alone = survey.query.addresses.iter().map(|one| (one, None));
        with_port.chain(alone).collect()
    };
    if !asked
        .iter()
        .any(|(addresses, _)| addresses.hang_on_network())
    {
        return Vec::new();
    }
    let mut networks: Vec<Network> = source.network(NetworkDepth::Whole).into_iter().collect();
    let are_all_known = !networks.is_empty();
    let others: Option<Vec<Network>> = raw.elsewhere.iter().map(network_of).collect();
    let Some(others) = others.filter(|_| are_all_known) else {
        return Vec::new();
    };
    networks.extend(others);
    let mut notes = Vec::new();
    for (addresses, place) in asked {
        if is_of_none(addresses, &networks) {
            let end = Place {
                addresses: Some(addresses.clone()),
                ..place.cloned().unwrap_or_default()
            };
            let selector = format!("peer={end}");
            let connections = connected_to(source, &end, survey.namespaces);
            notes.push(elsewhere_note(
                &addresses.to_string(),
                connections,
                &selector,
            ));
        }
    }
    notes
}

/// Whether none of the networks has one of these addresses.
fn is_of_none(addresses: &Addresses, networks: &[Network]) -> bool {
    let Addresses::Prefix {
        network: first,
        length,
        ..
    } = addresses
    else {
        return false;
    };
    let lacks = |network: &Network| {
        let is_broadcast = network.broadcast_devices(*first).next().is_some();
        let known = network.within((*first, *length));
        !is_broadcast && known.is_some_and(|known| known.is_empty())
    };
    addresses.hang_on_network() && networks.iter().all(lacks)
}

/// How many sockets have a peer there.
fn connected_to(source: &mut dyn Source, end: &Place, namespaces: Namespaces) -> usize {
    let protocols = end.protocol.map(ProtocolSet::meant_by);
    let is_ipv6 = end
        .addresses
        .as_ref()
        .is_some_and(|one| one.are_of(Family::Ipv6));
    let scope = Scope {
        protocols: protocols.unwrap_or_else(ProtocolSet::all),
        family: Some(Family::Ipv6).filter(|_| is_ipv6),
        states: StateSet::all(),
        ports: None,
        other_ends: false,
        namespaces,
        addresses: false,
        network: NetworkDepth::Nothing,
    };
    let rows = sockets(source.sockets(&scope));
    let has = |row: &&Row| {
        let socket = &row.socket;
        let peer = socket.peer.as_ref();
        peer.is_some_and(|peer| end.is_end(socket.protocol, peer, socket.interface()))
    };
    rows.iter().filter(has).count()
}
