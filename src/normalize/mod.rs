//! Stage 2: turns raw tables into sockets, and joins sockets to their owners. Pure.

mod join;
mod name;
mod notes;
mod services;
mod sockets;

pub use join::{Users, join};
pub use name::full_name;
pub use notes::{owner_notes, table_notes};
pub use services::{port_of, service_of};
pub use sockets::sockets;
