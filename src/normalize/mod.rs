//! Stage 2: turns raw tables into sockets, and joins sockets to their owners. Pure.

mod ended;
mod holdings;
mod join;
mod left_out;
mod meaning;
mod name;
mod notes;
mod once;
mod owner_notes;
mod rules_notes;
mod script;
mod sockets;
mod status;
mod tunnel;

pub use ended::settle_ended;
pub use holdings::{Group, Held, holdings};
pub use join::{Names, Users, join, name_users, process};
pub use left_out::{is_of_left_out, left_out_notes};
pub use meaning::{
    dnat, find_forwards, find_socket_units, is_known_by_arguments, name_namespaces,
    wanted_containers,
};
pub use name::full_name;
pub use notes::{elsewhere_note, table_notes, unknown_addresses_note, users_note};
pub use owner_notes::{Unseen, counted_owner_notes, owner_notes};
pub use rules_notes::{far_rules_note, note_in, programs_notes, unread_notes};
pub use sockets::{Gathering, far, network_of, place_in_network, sockets};
