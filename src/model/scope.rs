//! How much of the machine is asked for: what stage 3 pushes down to stage 1.

use std::net::IpAddr;

use super::{Family, NetworkDepth, PortSet, Protocol, ProtocolSet, StateSet};

/// Which sockets to read. A reader may give more, never less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub protocols: ProtocolSet,
    /// One family, or both.
    pub family: Option<Family>,
    pub states: StateSet,
    /// Local ports; `None` for all of them.
    pub ports: Option<PortSet>,
    /// Whether to give the sockets too whose peer has one of the ports: the other ends of connections
    /// that stay on this machine.
    pub other_ends: bool,
    pub namespaces: Namespaces,
    /// Whether to give the addresses of other namespaces too.
    pub addresses: bool,
    /// How much to give of other namespaces' networks.
    pub network: NetworkDepth,
}

/// Which network namespaces to read, network_namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Namespaces {
    /// The one that the reader lives in.
    #[default]
    Own,
    /// Every one in which a process lives, and every one that has a name.
    All,
}

/// Where packets go that a question is about, whoever may take them on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destinations {
    /// TCP and UDP are told apart, and nothing else.
    pub protocols: ProtocolSet,
    pub ports: PortSet,
    /// First and last of each range; `None` for every address of this machine.
    pub addresses: Option<Vec<(IpAddr, IpAddr)>>,
}

impl Destinations {
    /// Every port of this machine.
    pub fn everywhere() -> Self {
        Self {
            protocols: [Protocol::Tcp, Protocol::Udp].into_iter().collect(),
            ports: PortSet::from_ranges([(1, u16::MAX)]),
            addresses: None,
        }
    }
}

impl Scope {
    /// All sockets of all kinds.
    pub fn everything() -> Self {
        Self {
            protocols: ProtocolSet::all(),
            family: None,
            states: StateSet::all(),
            ports: None,
            other_ends: false,
            namespaces: Namespaces::Own,
            addresses: true,
            network: NetworkDepth::Whole,
        }
    }

    pub fn includes(&self, family: Family) -> bool {
        self.family.is_none_or(|wanted| wanted == family)
    }
}

/// How much to read of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What its name is told by, its user, its parent and its start.
    Names,
    /// What it is to people too: unit and container; arguments of programs that are known by what
    /// they run, and the project of what is no service.
    Meaning,
    /// The command line, the working directory and the project of every process too.
    Full,
    /// What became of its program, and whether its service is started again.
    Whole,
}

/// The handles of the sockets whose holders are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handles(Vec<u64>);

impl Handles {
    pub fn contains(&self, handle: u64) -> bool {
        self.0.binary_search(&handle).is_ok()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

impl FromIterator<u64> for Handles {
    fn from_iter<I: IntoIterator<Item = u64>>(handles: I) -> Self {
        let mut handles: Vec<_> = handles.into_iter().collect();
        handles.sort_unstable();
        handles.dedup();
        Self(handles)
    }
}
