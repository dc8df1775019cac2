//! Finds holders by a BPF `task_file` iterator: the kernel walks the descriptors itself, for a tenth
//! of what `/proc/*/fd` costs, and tells of processes that `/proc` would not show. And finds the
//! programs that choose sockets for a network namespace.

pub mod btf;
pub mod program;
pub mod record;

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod iterate;
#[cfg(target_os = "linux")]
mod map;
#[cfg(target_os = "linux")]
pub mod steering;

#[cfg(target_os = "linux")]
pub use iterate::{holders, may_be_permitted};
