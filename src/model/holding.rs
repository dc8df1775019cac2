//! How many sockets of a group a process holds.

use std::rc::Rc;

use super::Process;

/// A process with the number of sockets of one group that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub process: Rc<Process>,
    pub sockets: u32,
    /// Those of them that the peer has closed and the process has not (CLOSE_WAIT).
    pub close_wait: u32,
}
