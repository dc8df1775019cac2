//! What portwho does to the system. Nothing else acts.

mod private_file;
mod spawn;
mod try_bind;

pub use private_file::create_private;
pub use spawn::run_instead;
pub use try_bind::try_bind;
