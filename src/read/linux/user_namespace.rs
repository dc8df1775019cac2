//! Which numbers of users mean something in the reader's user namespace, user_namespaces(7).

use std::sync::OnceLock;

use super::capability::{self, Capability};
use super::proc_text::{covers_every_uid, parse_number};

/// `st_ino` of the first user namespace, PROC_USER_INIT_INO in linux/proc_ns.h.
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// DEFAULT_OVERFLOWUID, include/linux/highuid.h.
const DEFAULT_OVERFLOW: u32 = 65534;

/// Whether this process lives in the first user namespace; `None` where `/proc` does not say.
pub fn is_first() -> Option<bool> {
    let namespace = rustix::fs::stat("/proc/self/ns/user").ok()?.st_ino;
    Some(namespace == FIRST_USER_NAMESPACE)
}

/// The number under which the kernel shows every user who has none in this user namespace; `None` where
/// all users have one.
pub fn overflow_uid() -> Option<u32> {
    static OVERFLOW: OnceLock<Option<u32>> = OnceLock::new();
    *OVERFLOW.get_or_init(|| {
        let map = std::fs::read("/proc/self/uid_map").ok()?;
        if covers_every_uid(&map) {
            return None;
        }
        let told = std::fs::read("/proc/sys/kernel/overflowuid").ok();
        let told = told.and_then(|text| parse_number(&text));
        Some(told.unwrap_or(DEFAULT_OVERFLOW))
    })
}

/// The user that a number of the kernel's stands for; `None` where it may stand for many.
pub fn known(uid: u32) -> Option<u32> {
    Some(uid).filter(|uid| overflow_uid() != Some(*uid))
}

/// Whether a process into which the kernel lets nobody look from here lives outside this user namespace:
/// its user has no number, or the reader may look into everything within (`ptrace_has_cap` in
/// kernel/ptrace.c asks for the capability in the process's own namespace).
pub fn is_outside(uid: Option<u32>) -> bool {
    static MAY_LOOK_WITHIN: OnceLock<bool> = OnceLock::new();
    is_first() == Some(false)
        && (uid.is_some_and(|uid| known(uid).is_none())
            || *MAY_LOOK_WITHIN.get_or_init(|| capability::has(Capability::SYS_PTRACE)))
}
