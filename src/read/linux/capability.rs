//! What the kernel lets this process do.

pub use rustix::thread::CapabilitySet as Capability;
use rustix::thread::capabilities;

/// Whether this process has all of these effective capabilities, capabilities(7), in the user namespace
/// that it lives in.
pub fn has(wanted: Capability) -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted))
}
