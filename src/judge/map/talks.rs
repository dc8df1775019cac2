//! Who is at the two ends of each connection: rows in; pairs of rows, with the listener between them, out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use crate::model::{Endpoint, Limits, OwnerStatus, Protocol, Row, Socket, State};

/// An address that no socket of the rows has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    pub address: IpAddr,
    /// The scope of a link-local address.
    pub interface: Option<Rc<str>>,
    /// Whether it is an address of this machine all the same.
    pub is_here: bool,
    /// Of an address of this machine, the namespace that has it.
    pub netns: Option<u64>,
}

/// One connection, as far as it is seen. Numbers are indices of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    pub protocol: Protocol,
    /// The port that was connected to.
    pub port: u16,
    pub client: Option<usize>,
    pub server: Option<usize>,
    /// Who takes connections at that port. Without one, the ports alone tell who connected.
    pub listener: Option<usize>,
    /// The end that is not among the rows.
    pub peer: Option<Peer>,
}

type Ends = (Protocol, Option<u64>, (IpAddr, u16), (IpAddr, u16));

/// Whether two programs can still exchange something over a socket in this state, or one waits for the
/// other to let go. SYN-SENT and SYN-RECV have not begun; TIME-WAIT belongs to nobody.
pub fn is_talk(state: State) -> bool {
    matches!(
        state,
        State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
    )
}

/// Each connection once, in the order of the rows. The limits are those of the namespace `own`.
pub fn talks(rows: &[Row], limits: &Limits, own: Option<u64>) -> Vec<Talk> {
    let net = Net::new(rows, limits, own);
    let mut is_done = vec![false; rows.len()];
    let mut all = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Some(ends) = ends(&row.socket).filter(|_| !is_done[at]) else {
            continue;
        };
        let other = net.at_ends(swapped(ends)).find(|other| !is_done[*other]);
        is_done[at] = true;
        if let Some(other) = other {
            is_done[other] = true;
        }
        let talk = match other {
            Some(other) => net.between(at, other),
            None => net.with_elsewhere(at, ends),
        };
        let is_over = |at: Option<usize>| at.is_none_or(|at| is_leftover(&rows[at]));
        if !(is_over(talk.client) && is_over(talk.server)) {
            all.push(talk);
        }
    }
    all
}

/// What the kernel keeps of a connection that its process has closed, until the other side has heard it.
fn is_leftover(row: &Row) -> bool {
    let is_closing = !matches!(row.socket.state, State::Established | State::CloseWait);
    is_closing
        && row.owners.is_empty()
        && row.owner_status == OwnerStatus::None
        && row.socket.inode.is_none()
}

/// The ends of a connection. Addresses of the loopback are others in another network namespace.
fn ends(socket: &Socket) -> Option<Ends> {
    if !is_talk(socket.state) {
        return None;
    }
    let end = |end: &Endpoint| Some((end.canonical(), end.port?));
    let (local, peer) = (end(&socket.local)?, end(socket.peer.as_ref()?)?);
    let is_local = local.0.is_loopback() || peer.0.is_loopback();
    let netns = socket.netns().filter(|_| is_local);
    Some((socket.protocol.port_space(), netns, local, peer))
}

fn swapped((protocol, netns, local, peer): Ends) -> Ends {
    (protocol, netns, peer, local)
}

/// The sockets by what they are looked for.
struct Net<'a> {
    rows: &'a [Row],
    limits: &'a Limits,
    own: Option<u64>,
    listeners: HashMap<(Protocol, Option<u16>), Vec<usize>>,
    connections: HashMap<Ends, Vec<usize>>,
}

impl<'a> Net<'a> {
    fn new(rows: &'a [Row], limits: &'a Limits, own: Option<u64>) -> Self {
        let mut listeners: HashMap<_, Vec<usize>> = HashMap::new();
        let mut connections: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            let socket = &row.socket;
            if socket.state.is_listening() {
                let place = (socket.protocol.port_space(), socket.local.port);
                listeners.entry(place).or_default().push(at);
            } else if let Some(ends) = ends(socket) {
                connections.entry(ends).or_default().push(at);
            }
        }
        Self {
            rows,
            limits,
            own,
            listeners,
            connections,
        }
    }

    fn at_ends(&self, ends: Ends) -> impl Iterator<Item = usize> {
        self.connections.get(&ends).into_iter().flatten().copied()
    }

    /// The listener that takes what is sent to the socket's local end: the one with the same address
    /// before a wildcard.
    fn listener_of(&self, socket: &Socket) -> Option<usize> {
        let place = (socket.protocol.port_space(), socket.local.port);
        let fitting = self.listeners.get(&place)?.iter().copied();
        let mut fitting = fitting.filter(|at| self.rows[*at].socket.covers(socket));
        let first = fitting.next()?;
        let is_exact =
            |at: &usize| self.rows[*at].socket.local.canonical() == socket.local.canonical();
        Some(
            std::iter::once(first)
                .chain(fitting)
                .find(is_exact)
                .unwrap_or(first),
        )
    }

    /// A connection with both ends among the rows.
    fn between(&self, one: usize, other: usize) -> Talk {
        let [first, second] = [one, other].map(|at| &self.rows[at].socket);
        let ports = (port(first), port(second));
        let (is_first, listener) = match (self.listener_of(first), self.listener_of(second)) {
            (Some(listener), None) => (true, Some(listener)),
            (None, Some(listener)) => (false, Some(listener)),
            (of_first, of_second) => {
                let is_first = self.serves(ports.0, ports.1).unwrap_or(ports.0 < ports.1);
                (is_first, if is_first { of_first } else { of_second })
            }
        };
        let (server, client, port) = if is_first {
            (one, other, ports.0)
        } else {
            (other, one, ports.1)
        };
        Talk {
            protocol: first.protocol.port_space(),
            port,
            client: Some(client),
            server: Some(server),
            listener,
            peer: None,
        }
    }

    /// A connection of whose ends one alone is among the rows.
    fn with_elsewhere(&self, at: usize, (protocol, _, local, peer): Ends) -> Talk {
        let socket = &self.rows[at].socket;
        // The socket's own namespace has the loopback, and the address that the socket has itself.
        let is_beside = peer.0.is_loopback() || peer.0 == local.0;
        let netns = if is_beside || self.has(socket.netns(), peer.0) {
            Some(socket.netns())
        } else if self.has(self.own, peer.0) {
            Some(self.own)
        } else {
            self.limits.namespace_elsewhere(peer.0).map(Some)
        };
        let is_here = netns.is_some();
        let netns = netns.flatten();
        let there = || Socket {
            local: Endpoint::new(peer.0, peer.1),
            v6only: None,
            ..socket.clone().in_netns(netns)
        };
        let mut talk = Talk {
            protocol,
            port: local.1,
            client: None,
            server: Some(at),
            listener: self.listener_of(socket),
            peer: Some(Peer {
                address: peer.0,
                interface: socket
                    .interface()
                    .filter(|_| is_link_local(peer.0))
                    .map(Into::into),
                is_here,
                netns: netns.filter(|_| is_here),
            }),
        };
        if talk.listener.is_none() && self.serves(local.1, peer.1) != Some(true) {
            talk.port = peer.1;
            (talk.client, talk.server) = (Some(at), None);
            // The socket at the other end may be gone, and this one not know it yet.
            talk.listener = Some(())
                .filter(|()| is_here)
                .and_then(|()| self.listener_of(&there()));
            talk.peer = talk.peer.filter(|_| talk.listener.is_none());
        }
        talk
    }

    /// Whether the network namespace is known to have the address.
    fn has(&self, netns: Option<u64>, address: IpAddr) -> bool {
        if netns == self.own {
            return self.limits.addresses.contains(&address);
        }
        let all = netns.and_then(|netns| self.limits.elsewhere.get(&netns));
        all.is_some_and(|all| all.iter().any(|one| one.address == address))
    }

    /// Whether the first port is the one that was connected to, where the system's rules tell.
    fn serves(&self, own: u16, peer: u16) -> Option<bool> {
        match [own, peer].map(|port| self.limits.is_ephemeral(port)) {
            [false, true] => Some(true),
            [true, false] => Some(false),
            _ => None,
        }
    }
}

fn port(socket: &Socket) -> u16 {
    socket.local.port.unwrap_or(0)
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}
