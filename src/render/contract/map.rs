//! The contract of `portwho map --json`.

use serde::Serialize;

use super::meaning::{ContainerOut, ForwardOut};
use super::{About, OwnerOut};
use crate::judge::{Link, Peer, Service};
use crate::model::{Exposure, Foreign, OwnerStatus, Row, Socket};
use crate::render::{Atlas, words};

/// Who talks to whom, as `portwho map --json` prints it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Map"))]
pub struct MapOut<'a> {
    #[serde(flatten)]
    about: About<'a>,
    services: Vec<ServiceOut<'a>>,
    links: Vec<LinkOut<'a>>,
}

/// Processes that people see as one, or the unseen holder of sockets.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Service"))]
struct ServiceOut<'a> {
    /// What links refer to; of no meaning beyond this document.
    id: usize,
    /// Names of the processes, for people: "nginx ×3", "(hidden)".
    label: String,
    /// What the processes are part of, for people: "nginx.service", "shop: server.js".
    what: Option<String>,
    /// False for a neighbour of what the selectors asked for.
    asked: bool,
    /// Whose the first of its sockets is.
    uid: Option<u32>,
    user: Option<&'a str>,
    #[cfg_attr(test, schemars(extend("enum" = ["known", "none", "hidden", "partial", "skipped"])))]
    owner_status: &'static str,
    owners: Vec<OwnerOut<'a>>,
    listeners: Vec<ListenerOut<'a>>,
}

/// Where a service listens.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Listener"))]
struct ListenerOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "mptcp", "udp", "udplite", "sctp"])))]
    protocol: &'static str,
    local_address: String,
    local_port: Option<u16>,
    interface: Option<&'a str>,
    netns: Option<u64>,
    /// What people call that network namespace, where it is not the reader's own.
    netns_name: Option<&'a str>,
    v6only: Option<bool>,
    #[cfg_attr(test, schemars(extend("enum" = ["loopback", "address", "all", null])))]
    exposure: Option<&'static str>,
    /// What the port is registered for; not what runs there.
    service: Option<&'static str>,
    socket_unit: Option<&'a str>,
    forwards_to: Option<ForwardOut<'a>>,
}

/// Connections from who connected to who was connected to.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Link"))]
struct LinkOut<'a> {
    /// Id of a service; null for an end that is not seen.
    from: Option<usize>,
    to: Option<usize>,
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "udp", "udplite", "sctp"])))]
    protocol: &'static str,
    /// The port that was connected to.
    port: u16,
    /// What the port is registered for; not what runs there.
    service: Option<&'static str>,
    connections: usize,
    /// How many of these are of a socket to itself, which has the port as long as it lasts.
    self_connections: usize,
    /// Whether a listener is seen at the port; where not, the port numbers alone tell who connected.
    /// Null where the port is elsewhere.
    listening: Option<bool>,
    /// The addresses of the end that is not seen; of an end to which a service connects, one.
    peers: Vec<PeerOut<'a>>,
}

/// An address at the end of a link.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Peer"))]
struct PeerOut<'a> {
    address: String,
    /// Scope of a link-local address.
    interface: Option<&'a str>,
    /// Whether the address is this machine's own, though its socket is not seen.
    on_this_machine: bool,
    /// The network namespace that has the address; null for an address elsewhere.
    netns: Option<u64>,
    /// The container that is known to have the address.
    container: Option<ContainerOut<'a>>,
}

impl<'a> MapOut<'a> {
    pub fn new(atlas: &Atlas<'a>) -> Self {
        let rows = &atlas.snapshot.rows;
        let services = atlas.map.services.iter().enumerate();
        let containers = words::addressed(rows);
        let peer = |peer: &'a Peer| PeerOut {
            address: peer.address.to_string(),
            interface: peer.interface.as_deref(),
            on_this_machine: peer.is_here,
            netns: peer.netns,
            container: containers
                .get(&peer.address)
                .copied()
                .map(ContainerOut::new),
        };
        let link = |link: &'a Link| LinkOut {
            from: link.from,
            to: link.to,
            protocol: link.protocol.as_str(),
            port: link.port,
            service: (atlas.service_of)(link.protocol, link.port),
            connections: link.connections,
            self_connections: link.self_connections,
            listening: link.to.map(|_| link.is_listening),
            peers: link.peers.iter().map(peer).collect(),
        };
        Self {
            about: About {
                complete: atlas.snapshot.is_complete_of(atlas.map.rows(rows)),
                ..About::new("map", atlas.snapshot)
            },
            services: services
                .map(|(id, service)| ServiceOut::new(id, service, rows))
                .collect(),
            links: atlas.map.links.iter().map(link).collect(),
        }
    }
}

impl<'a> ServiceOut<'a> {
    fn new(id: usize, service: &'a Service, rows: &'a [Row]) -> Self {
        let own = || service.rows.iter().filter_map(|at| rows.get(*at));
        // Where one row may have more owners than are seen, so may the service.
        let is_partial = own().any(|row| row.owner_status.may_hide_owners());
        let status = match (service.owners.is_empty(), is_partial) {
            (true, true) => OwnerStatus::Hidden,
            (true, false) => OwnerStatus::None,
            (false, true) => OwnerStatus::Partial,
            (false, false) => OwnerStatus::Known,
        };
        let first = own().next().map(|row| &row.socket);
        let listeners = service.listeners.iter().filter_map(|at| rows.get(*at));
        Self {
            id,
            label: words::service(service, rows),
            what: words::purpose(service, rows),
            asked: service.is_asked,
            uid: first.and_then(Socket::uid),
            user: first.and_then(Socket::user_name),
            owner_status: status.as_str(),
            owners: service.owners.iter().map(OwnerOut::new).collect(),
            listeners: listeners.map(ListenerOut::new).collect(),
        }
    }
}

impl<'a> ListenerOut<'a> {
    fn new(row: &'a Row) -> Self {
        let socket = &row.socket;
        let role = row.role.as_deref();
        Self {
            protocol: socket.protocol.as_str(),
            local_address: socket.local.address.to_string(),
            local_port: socket.local.port,
            interface: socket.interface(),
            netns: socket.netns(),
            netns_name: socket.netns_name().map(Foreign::unclean),
            v6only: socket.v6only,
            exposure: socket.exposure().map(Exposure::as_str),
            service: socket.service(),
            socket_unit: role.and_then(|role| role.socket_unit.as_ref().map(Foreign::unclean)),
            forwards_to: role.and_then(|role| role.forwards_to.as_ref().map(ForwardOut::new)),
        }
    }
}
