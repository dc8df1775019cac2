//! The nouns that every stage speaks of: endpoint, protocol, state, socket, owner, note, snapshot.
//! No I/O, no operating system, no formatting.

mod cause;
mod endpoint;
mod foreign;
mod holding;
mod limits;
mod meaning;
mod network;
mod note;
mod owner;
mod ports;
mod protocol;
mod reach;
mod scope;
mod services;
mod snapshot;
mod socket;
mod state;
mod trust;
mod user;

pub use cause::cause;
pub use endpoint::{Endpoint, Exposure, Family};
pub use foreign::{Foreign, in_text, is_comm_of, without_exe};
pub use holding::Holding;
pub use limits::{InterfaceAddress, Limits, Rules};
pub use meaning::{
    Container, ContainerId, Diverter, Dnat, Far, Forward, Forwarder, Manager, Meaning, Project,
    Runtime, Unit,
};
pub use network::{Device, LocalRoute, Network, NetworkDepth, prefix_contains};
pub use note::{Note, NoteCode};
pub use owner::{Descriptors, Halt, Owner, OwnerStatus, Owners, Process, ProcessKey, Program};
pub use ports::PortSet;
pub use protocol::{Protocol, ProtocolSet};
pub use reach::{Reach, Sender, one_holds};
pub use scope::{Depth, Destinations, Handles, Namespaces, Scope};
pub use services::{port_of, service_of};
pub use snapshot::{Machine, Role, Row, Snapshot};
pub use socket::{Site, Socket, User};
pub use state::{State, StateSet};
pub use trust::{FileOwner, Provenance, is_believed, names_project};
pub use user::{Account, AskedUser};
