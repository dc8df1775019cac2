//! BPF programs that choose the socket for what comes to the network namespace of this thread
//! (`BPF_PROG_TYPE_SK_LOOKUP`, from Linux 5.9 on): they may give any port to any socket.

use std::fs::File;
use std::io;

use super::calls::{attached, name_of_program};
use crate::model::Foreign;
use crate::read::linux::errno::Errno;
use crate::read::linux::netfilter::Refusal;
use crate::read::raw::{RawForwards, RawProgram};

/// `BPF_SK_LOOKUP` of `enum bpf_attach_type`.
const SK_LOOKUP: u32 = 36;

/// Adds those that are attached, none where the kernel knows no such programs: takes CAP_NET_ADMIN, and
/// CAP_SYS_ADMIN for their names.
///
/// # Errors
/// Why they could not be read.
pub fn programs(found: &mut RawForwards) -> Result<(), Refusal> {
    // Without /proc nothing says either that there are rules.
    let Ok(namespace) = File::open("/proc/thread-self/ns/net") else {
        return Ok(());
    };
    let attached = attached(&namespace, SK_LOOKUP).or_else(|error| refused(&error))?;
    let program = |id| RawProgram {
        id,
        name: name_of_program(id)
            .ok()
            .filter(|name| !name.is_empty())
            .map(|name| Foreign::new(String::from_utf8_lossy(&name).into_owned())),
    };
    found.programs = attached.into_iter().map(program).collect();
    Ok(())
}

fn refused(error: &io::Error) -> Result<Vec<u32>, Refusal> {
    match error.raw_os_error().map(Errno) {
        // An older kernel, or one that is built without such programs: ENOSYS.
        Some(Errno::INVAL | Errno(libc::ENOSYS)) => Ok(Vec::new()),
        Some(errno @ (Errno::PERM | Errno::ACCES)) => Err(Refusal {
            why: format!("{errno}, that takes CAP_NET_ADMIN"),
            lacks_privilege: true,
        }),
        _ => Err(Refusal {
            why: error.to_string(),
            lacks_privilege: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_such_programs_has_none_and_a_refusal_is_no_such_answer() {
        let refused = |errno: Errno| {
            let refused = refused(&io::Error::from_raw_os_error(errno.0));
            refused.map_err(|refusal| refusal.lacks_privilege)
        };
        assert_eq!(refused(Errno::INVAL), Ok(Vec::new()));
        assert_eq!(refused(Errno::PERM), Err(true));
        assert_eq!(refused(Errno::NOENT), Err(false));
    }
}
