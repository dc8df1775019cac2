//! Stage 2: turns raw tables into sockets, and joins sockets to their owners. Pure.

mod holdings;
mod join;
mod name;
mod notes;
mod services;
mod sockets;

pub use holdings::{Group, holdings};
pub use join::{Users, join};
pub use name::full_name;
pub use notes::{counted_owner_notes, owner_notes, table_notes};
pub use services::{port_of, service_of};
pub use sockets::sockets;
