//! A socket as portwho speaks of it, after normalization.

use std::rc::Rc;

use super::{Endpoint, Exposure, Family, Foreign, Protocol, State};

/// One socket of the system. Unknown is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    pub protocol: Protocol,
    pub state: State,
    pub local: Endpoint,
    /// The other end; `None` when there is none.
    pub peer: Option<Endpoint>,
    /// IP protocol number of a raw socket.
    pub ip_protocol: Option<u8>,
    /// Scope of a link-local address, or the device that the socket is bound to.
    pub interface: Option<Rc<str>>,
    /// Whether an IPv6 socket refuses IPv4; `None` for IPv4 and where the system does not tell.
    pub v6only: Option<bool>,
    pub service: Option<&'static str>,
    pub uid: Option<u32>,
    pub user: Option<Rc<str>>,
    pub inode: Option<u64>,
    /// Inode number of the network namespace.
    pub netns: Option<u64>,
    /// What people call that namespace, where it is not the reader's own.
    pub netns_name: Option<Rc<Foreign>>,
    /// Bytes not yet read; of a listener, connections that wait to be accepted.
    pub recv_queue: Option<u32>,
    /// Bytes not yet acknowledged; of a listener, how many connections may wait.
    pub send_queue: Option<u32>,
    /// What a reader finds the holders by; `None` when nobody can hold the socket.
    pub handle: Option<u64>,
}

impl Socket {
    pub fn family(&self) -> Family {
        self.local.family()
    }

    /// Whether the socket waits for strangers, and so whom it lets in is a question.
    pub fn exposure(&self) -> Option<Exposure> {
        self.state.is_listening().then(|| self.local.exposure())
    }

    /// Whether an IPv6 wildcard socket takes IPv4 as well (RFC 3493, 5.3).
    pub fn is_dual_stack(&self) -> bool {
        self.v6only == Some(false) && self.is_ipv6_wildcard()
    }

    /// Whether IPv4 may reach the socket: by family, as a mapped address, or through a dual stack
    /// that the system has not ruled out.
    pub fn takes_ipv4(&self) -> bool {
        self.family() == Family::Ipv4
            || self.local.is_ipv4_mapped()
            || (self.is_ipv6_wildcard() && self.v6only != Some(true))
    }

    /// The namespace within which the ends of a connection are unique: every namespace has loopback
    /// addresses of its own, other addresses are told apart by routing.
    pub fn loopback_netns(&self) -> Option<u64> {
        let is_loopback = self.local.exposure() == Exposure::Loopback;
        self.netns.filter(|_| is_loopback)
    }

    /// Whether the socket is the other end of this connection.
    pub fn is_other_end_of(&self, connection: &Self) -> bool {
        let end = |end: &Endpoint| (end.canonical(), end.port);
        let faces = |one: &Self, other: &Self| {
            let peer = one.peer.as_ref();
            peer.is_some_and(|peer| end(peer) == end(&other.local))
        };
        faces(self, connection)
            && faces(connection, self)
            && self.loopback_netns() == connection.loopback_netns()
    }

    /// Whether the connection came in by this listener.
    pub fn accepts(&self, connection: &Self) -> bool {
        self.state == State::Listen && self.covers(connection)
    }

    /// Whether the socket has the local end of the other: the same one, or the port on every address.
    pub fn covers(&self, other: &Self) -> bool {
        self.netns == other.netns
            && self.protocol.port_space() == other.protocol.port_space()
            && self.local.port == other.local.port
            && (self.local.canonical() == other.local.canonical()
                || (self.local.is_wildcard()
                    && (self.family() == other.family()
                        || (self.takes_ipv4() && other.takes_ipv4()))))
    }

    fn is_ipv6_wildcard(&self) -> bool {
        self.family() == Family::Ipv6 && self.local.is_wildcard()
    }
}
