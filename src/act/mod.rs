//! What portwho does to the system. Nothing else acts.

mod private_file;

pub use private_file::create_private;
