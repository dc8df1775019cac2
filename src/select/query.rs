//! What is wanted: selectors of one kind widen, different kinds narrow.

use super::owned::{
    has_project, has_unit, is_container, is_named, is_of, is_of_container, is_of_project,
    is_of_unit, meanings,
};
use super::place::{Addresses, Place, Reception};
use crate::model::{
    Account, AskedUser, Depth, Family, Namespaces, NetworkDepth, PortSet, Process, Protocol,
    ProtocolSet, Row, Scope, Socket, State, StateSet, one_holds,
};

/// Everything that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pub view: View,
    pub protocols: ProtocolSet,
    /// IPv4 means what takes IPv4, dual-stack sockets included.
    pub family: Option<Family>,
    /// Selectors with a port.
    pub places: Vec<Place>,
    /// Selectors with an address and no port.
    pub addresses: Vec<Addresses>,
    /// What it takes to receive for such an address.
    pub reception: Reception,
    pub states: StateSet,
    /// Literal local ends (`local=`).
    pub locals: Vec<Place>,
    /// Literal peers (`peer=`).
    pub peers: Vec<Place>,
    /// Whether connections of sockets to themselves alone are wanted.
    pub to_themselves: bool,
    pub pids: Vec<u32>,
    pub users: Vec<AskedUser>,
    /// Parts of process names.
    pub names: Vec<String>,
    /// Parts of names of systemd units.
    pub units: Vec<String>,
    /// Parts of names of containers, or beginnings of their ids.
    pub containers: Vec<String>,
    /// Parts of names of projects, or paths at or above their directories.
    pub projects: Vec<String>,
}

/// Which states are looked at where no selector says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// What listens; every state where a port is asked for.
    #[default]
    Usual,
    /// What listens, even where a port is asked for (`-l`).
    Listening,
    /// Every state of every protocol (`-a`).
    Everything,
}

impl Query {
    /// The port, when the query asks for exactly one and nothing else than where.
    pub fn single_port(&self) -> Option<u16> {
        match self.places.as_slice() {
            [
                Place {
                    ports: Some(ports), ..
                },
            ] => ports.single(),
            _ => None,
        }
    }

    /// Whether the query asks for ports and for nothing else.
    pub fn asks_for_a_port_alone(&self) -> bool {
        let is_bare = |place: &Place| place.protocol.is_none() && place.addresses.is_none();
        self.places.iter().all(is_bare)
            && self.addresses.is_empty()
            && self.states.is_empty()
            && self.locals.is_empty()
            && self.peers.is_empty()
            && !self.asks_for_owners()
    }

    /// Whether owners decide which rows match.
    pub fn asks_for_owners(&self) -> bool {
        self.deciding_depth().is_some()
    }

    /// Whether what a process was started with, or where, may decide which rows match.
    pub fn asks_by_details(&self) -> bool {
        !(self.names.is_empty() && self.projects.is_empty())
    }

    /// How much of owners must be read before it is known which rows match; `None` where all match.
    pub fn deciding_depth(&self) -> Option<Depth> {
        if !self.projects.is_empty() {
            Some(Depth::Full)
        } else if !(self.units.is_empty() && self.containers.is_empty()) {
            Some(Depth::Meaning)
        } else if self.asks_for_process_facts() || !self.pids.is_empty() {
            Some(Depth::Names)
        } else {
            None
        }
    }

    /// Whether names or users of owners decide which rows match.
    pub fn asks_for_process_facts(&self) -> bool {
        !(self.users.is_empty() && self.names.is_empty())
    }

    /// Whether every row that matches listens.
    pub fn wants_listeners_only(&self) -> bool {
        self.wanted_states().iter().all(State::is_listening)
    }

    /// What to ask the system for: at least every row that matches.
    pub fn scope(&self) -> Scope {
        Scope {
            protocols: self.wanted_protocols(),
            // Mapped addresses and dual stacks of IPv6 tables take IPv4.
            family: self.family.filter(|family| *family == Family::Ipv6),
            states: self.wanted_states(),
            ports: self.wanted_ports(),
            other_ends: false,
            namespaces: Namespaces::Own,
            addresses: false,
            network: NetworkDepth::Nothing,
        }
    }

    /// Whether the socket can match, by all that is known without its owners.
    pub fn wants(&self, socket: &Socket) -> bool {
        let family = match self.family {
            None => true,
            Some(Family::Ipv4) => socket.takes_ipv4(),
            Some(Family::Ipv6) => socket.family() == Family::Ipv6 && !socket.local.is_ipv4_mapped(),
        };
        let interface = socket.interface();
        family
            && (!self.to_themselves || socket.is_connected_to_itself())
            && self.wanted_protocols().contains(socket.protocol)
            && self.wanted_states().contains(socket.state)
            && self.is_reached(socket) != Some(false)
            && any(&self.locals, |place| {
                place.is_end(socket.protocol, &socket.local, interface)
            })
            && any(&self.peers, |place| {
                socket
                    .peer
                    .as_ref()
                    .is_some_and(|peer| place.is_end(socket.protocol, peer, interface))
            })
    }

    /// Whether the socket receives for an address and port that were asked for; `None` where that cannot
    /// be told.
    pub fn is_reached(&self, socket: &Socket) -> Option<bool> {
        let by = self.reception;
        let places = one_of(self.places.iter().map(|place| place.reaches(socket, by)));
        let addresses = one_of(self.addresses.iter().map(|one| one.reach(socket, by)));
        match (places, addresses) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }

    /// Whether the socket may match alone because the machine's addresses are not known. A socket can be
    /// bound to no others, as a rule.
    pub fn hangs_on_addresses(&self, socket: &Socket) -> bool {
        let is_known = socket
            .network()
            .is_some_and(crate::model::Network::knows_addresses);
        let mut asked = self.asked_addresses();
        !is_known
            && socket.local.canonical().is_unspecified()
            && self.is_reached(socket).is_none()
            && asked.any(Addresses::hang_on_network)
    }

    /// The addresses for which a receiver is asked for.
    pub fn asked_addresses(&self) -> impl Iterator<Item = &Addresses> {
        let of_places = self
            .places
            .iter()
            .filter_map(|place| place.addresses.as_ref());
        of_places.chain(&self.addresses)
    }

    /// Whether the row matches, its owners known.
    pub fn matches(&self, row: &Row) -> bool {
        any(&self.pids, |pid| {
            row.owners.iter().any(|owner| owner.process.key.pid == *pid)
        }) && any(&self.users, |user| {
            user.is(row.socket.uid(), row.socket.user_name()) == Some(true)
                || row
                    .owners
                    .iter()
                    .any(|owner| is_of(user, &owner.process) == Some(true))
        }) && any(&self.names, |part| {
            row.owners
                .iter()
                .any(|owner| is_named(&owner.process, part))
        }) && any(&self.units, |part| is_of_unit(row, part))
            && any(&self.containers, |part| is_of_container(row, part))
            && any(&self.projects, |part| is_of_project(row, part))
    }

    /// Whether a process is one of the owners that are asked for.
    pub fn asks_for(&self, process: &Process) -> bool {
        any(&self.pids, |pid| process.key.pid == *pid)
            && any(&self.users, |user| is_of(user, process) == Some(true))
            && any(&self.names, |part| is_named(process, part))
            && any(&self.units, |part| has_unit(&process.meaning, part))
            && any(&self.containers, |part| {
                let container = process.meaning.proven_container();
                container.is_some_and(|one| is_container(one, part))
            })
            && any(&self.projects, |part| has_project(&process.meaning, part))
    }

    /// Whether an owner that was not seen, a name that no runtime told, or a user of whom too little is
    /// known could make the row match.
    pub fn could_match(&self, row: &Row) -> bool {
        let lacks_names = || {
            let mut containers = meanings(row).filter_map(|meaning| meaning.proven_container());
            !self.containers.is_empty() && containers.any(|container| container.name.is_none())
        };
        self.asks_for_owners()
            && (row.owner_status.may_hide_owners() || lacks_names() || self.may_be_a_users(row))
            && !self.matches(row)
    }

    /// Whether a process may be one of the users' that are asked for, for all that is known of them.
    pub fn may_be_of_users(&self, process: &Process) -> bool {
        let mut users = self.users.iter();
        users.any(|user| is_of(user, process).is_none())
    }

    /// The same of a socket, which is its own user's or an owner's.
    fn may_be_a_users(&self, row: &Row) -> bool {
        let mut users = self.users.iter();
        let mut owners = row.owners.iter();
        row.socket.handle.is_some()
            && ((row.socket.has_unknown_user() && !self.users.is_empty())
                || users.any(|user| user.account == Account::Unknown)
                || owners.any(|owner| self.may_be_of_users(&owner.process)))
    }

    pub(super) fn wanted_protocols(&self) -> ProtocolSet {
        let by_places: Option<ProtocolSet> = self
            .places
            .iter()
            .chain(&self.locals)
            .chain(&self.peers)
            .map(|place| place.protocol.map(ProtocolSet::meant_by))
            .try_fold(ProtocolSet::EMPTY, |all, one| Some(all.union(one?)));
        let usual = match self.view {
            View::Everything => ProtocolSet::all(),
            _ if self.asks_for_a_port() => Protocol::ALL
                .into_iter()
                .filter(|protocol| protocol.has_ports())
                .collect(),
            _ => Protocol::DEFAULT.into_iter().collect(),
        };
        let chosen = if self.protocols.is_empty() {
            None
        } else {
            Some(self.protocols)
        };
        match (chosen, by_places.filter(|set| !set.is_empty())) {
            (Some(chosen), Some(places)) => chosen.intersection(places),
            (Some(set), None) | (None, Some(set)) => set,
            (None, None) => usual,
        }
    }

    pub(super) fn wanted_states(&self) -> StateSet {
        if !self.states.is_empty() {
            return self.states;
        }
        match self.view {
            View::Everything => StateSet::all(),
            View::Listening => StateSet::listening(),
            View::Usual if self.asks_for_a_port() || !self.peers.is_empty() => StateSet::all(),
            View::Usual => StateSet::listening(),
        }
    }

    fn asks_for_a_port(&self) -> bool {
        let places = self.places.iter().chain(&self.locals);
        places.into_iter().any(|place| place.ports.is_some())
    }

    fn wanted_ports(&self) -> Option<PortSet> {
        let of = |places: &[Place]| {
            let ports: Option<Vec<&PortSet>> =
                places.iter().map(|place| place.ports.as_ref()).collect();
            let ports = ports.filter(|ports| !ports.is_empty())?;
            Some(
                ports
                    .into_iter()
                    .fold(PortSet::default(), |all, ports| all.union(ports)),
            )
        };
        of(&self.places).or_else(|| of(&self.locals))
    }
}

/// The same of tests that may be undecided.
fn one_of(tests: impl ExactSizeIterator<Item = Option<bool>>) -> Option<bool> {
    match tests.len() {
        0 => Some(true),
        _ => one_holds(tests),
    }
}

/// Selectors of one kind widen; none of a kind asks for nothing.
fn any<T>(selectors: &[T], test: impl FnMut(&T) -> bool) -> bool {
    selectors.is_empty() || selectors.iter().any(test)
}
