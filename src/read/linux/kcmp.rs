//! Whether two tasks share their descriptors, kcmp(2).

/// Whether the two tasks have one table of descriptors; `None` where the kernel does not say.
#[allow(unsafe_code)]
pub fn share_descriptors(first: u32, second: u32) -> Option<bool> {
    const KCMP_FILES: libc::c_long = 2;
    // SAFETY: kcmp takes five integers and touches no memory of this process. libc has no wrapper.
    let order = unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            libc::c_long::from(first),
            libc::c_long::from(second),
            KCMP_FILES,
            0 as libc::c_long,
            0 as libc::c_long,
        )
    };
    (order >= 0).then_some(order == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_shares_with_itself() {
        let own = std::process::id();
        // A seccomp filter may refuse the call; it must not answer wrongly.
        assert_ne!(share_descriptors(own, own), Some(false));
    }
}
