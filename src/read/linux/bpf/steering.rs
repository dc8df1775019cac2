//! BPF programs that choose the socket for what comes to the network namespace of this thread
//! (`BPF_PROG_TYPE_SK_LOOKUP`, from Linux 5.9 on): they may give any port to any socket.

use std::fs::File;

use super::calls::{attached, name_of_program};
use crate::model::Foreign;
use crate::read::raw::RawProgram;

/// `BPF_SK_LOOKUP` of `enum bpf_attach_type`.
const SK_LOOKUP: u32 = 36;

/// Those that are attached: takes CAP_NET_ADMIN, and CAP_SYS_ADMIN for their names. None where that is
/// refused, or the kernel knows no such programs.
pub fn programs() -> Vec<RawProgram> {
    let Ok(namespace) = File::open("/proc/thread-self/ns/net") else {
        return Vec::new();
    };
    let program = |id| RawProgram {
        id,
        name: name_of_program(id)
            .ok()
            .filter(|name| !name.is_empty())
            .map(|name| Foreign::new(String::from_utf8_lossy(&name).into_owned())),
    };
    let attached = attached(&namespace, SK_LOOKUP).unwrap_or_default();
    attached.into_iter().map(program).collect()
}
