//! A socket as portwho speaks of it, after normalization.

use std::num::{NonZeroU8, NonZeroU64};
use std::rc::Rc;

use super::services::service_of;
use super::{Endpoint, Exposure, Family, Foreign, Network, Protocol, State};

/// One socket of the system. Unknown is `None`, never zero. There are many of them: what several
/// share stands elsewhere, and is pointed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    pub protocol: Protocol,
    pub state: State,
    pub local: Endpoint,
    /// The other end; `None` when there is none.
    pub peer: Option<Endpoint>,
    /// IP protocol number of a raw socket; there is none for 0, which stands for "any".
    pub ip_protocol: Option<NonZeroU8>,
    /// Whether an IPv6 socket refuses IPv4; `None` for IPv4 and where the system does not tell.
    pub v6only: Option<bool>,
    pub user: Option<Rc<User>>,
    pub inode: Option<NonZeroU64>,
    /// Where it lives, as far as that is known.
    pub site: Option<Rc<Site>>,
    /// Bytes not yet read; of a listener, connections that wait to be accepted.
    pub recv_queue: Option<u32>,
    /// Bytes not yet acknowledged; of a listener, how many connections may wait.
    pub send_queue: Option<u32>,
    /// What a reader finds the holders by; `None` when nobody can hold the socket.
    pub handle: Option<NonZeroU64>,
}

/// Whose a socket is; all that a user has share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub name: Option<Rc<str>>,
}

/// A part of the machine's network; its sockets share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Site {
    /// Inode number of the network namespace.
    pub netns: Option<u64>,
    /// What people call that namespace, where it is not the reader's own.
    pub netns_name: Option<Foreign>,
    /// Scope of a link-local address, or the device that the socket is bound to.
    pub interface: Option<Rc<str>>,
    /// What is known of the network, where it was asked for.
    pub network: Option<Rc<Network>>,
}

impl Socket {
    /// What a reader finds the holders by, as it names it.
    pub fn handle(&self) -> Option<u64> {
        self.handle.map(NonZeroU64::get)
    }

    /// The service that the local port is registered for.
    pub fn service(&self) -> Option<&'static str> {
        service_of(self.protocol, self.local.port?)
    }

    pub fn uid(&self) -> Option<u32> {
        self.user.as_ref().map(|user| user.uid)
    }

    pub fn user_name(&self) -> Option<&str> {
        self.user.as_ref()?.name.as_deref()
    }

    /// Whether it has a user who is not known: the kernel names that of every socket with an inode, as
    /// far as the user has a number in the reader's user namespace.
    pub fn has_unknown_user(&self) -> bool {
        self.inode.is_some() && self.user.is_none()
    }

    /// Inode number of the network namespace.
    pub fn netns(&self) -> Option<u64> {
        self.site.as_ref()?.netns
    }

    /// What people call that namespace, where it is not the reader's own.
    pub fn netns_name(&self) -> Option<&Foreign> {
        self.site.as_ref()?.netns_name.as_ref()
    }

    /// Scope of a link-local address, or the device that the socket is bound to.
    pub fn interface(&self) -> Option<&str> {
        self.site.as_ref()?.interface.as_deref()
    }

    /// The same socket in another network namespace.
    #[must_use]
    pub fn in_netns(self, netns: Option<u64>) -> Self {
        let site = Site {
            netns,
            ..self.site.as_deref().cloned().unwrap_or_default()
        };
        Self {
            site: Some(Rc::new(site)),
            ..self
        }
    }

    pub fn family(&self) -> Family {
        self.local.family()
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
        self.netns().filter(|_| is_loopback)
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

    /// Whether the socket is its own other end: it was bound, or given a port, and connected to that very
    /// port while nothing listened there (RFC 9293, 3.5, simultaneous open).
    pub fn is_connected_to_itself(&self) -> bool {
        self.local.port.is_some() && self.is_other_end_of(self)
    }

    /// Whether the connection came in by this listener.
    pub fn accepts(&self, connection: &Self) -> bool {
        self.state == State::Listen && self.covers(connection)
    }

    /// Whether the socket has the local end of the other: the same one, or the port on every address. What
    /// a socket accepts is bound to the device that it is bound to itself.
    pub fn covers(&self, other: &Self) -> bool {
        let device = self.interface();
        self.netns() == other.netns()
            && self.protocol.port_space() == other.protocol.port_space()
            && self.local.port == other.local.port
            && device.is_none_or(|device| other.interface() == Some(device))
            && self.is_bound_to(other.local.address) != Some(false)
    }

    fn is_ipv6_wildcard(&self) -> bool {
        self.family() == Family::Ipv6 && self.local.is_wildcard()
    }
}
