//! What portwho does to the system. Nothing else acts.

mod private_file;
mod spawn;
mod standard_output;
mod try_bind;

pub use private_file::{Existing, open_device, write_private};
pub use spawn::run_instead;
pub use standard_output::StandardOutput;
pub use try_bind::try_bind;
