//! Linux error numbers by name, on every system: decoders and their tests are built everywhere.

use std::fmt;

/// An errno of Linux (asm-generic/errno.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    pub const PERM: Self = Self(1);
    pub const NOENT: Self = Self(2);
    pub const SRCH: Self = Self(3);
    pub const INTR: Self = Self(4);
    pub const AGAIN: Self = Self(11);
    pub const ACCES: Self = Self(13);
    pub const INVAL: Self = Self(22);
    pub const PROTONOSUPPORT: Self = Self(93);
    pub const NOBUFS: Self = Self(105);
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            1 => "not permitted (EPERM)",
            2 => "the kernel lacks it (ENOENT)",
            3 => "no such process (ESRCH)",
            4 => "interrupted by signals (EINTR)",
            11 => "it changes all the time (EAGAIN)",
            12 => "out of memory (ENOMEM)",
            13 => "permission denied (EACCES)",
            16 => "busy (EBUSY)",
            22 => "invalid (EINVAL)",
            23 | 24 => "too many open files (EMFILE)",
            92 => "no such option (ENOPROTOOPT)",
            93 => "no such netlink protocol (EPROTONOSUPPORT)",
            97 => "no such address family (EAFNOSUPPORT)",
            105 => "out of buffer space (ENOBUFS)",
            111 => "connection refused (ECONNREFUSED)",
            other => return write!(f, "error {other}"),
        };
        f.write_str(words)
    }
}

#[cfg(target_os = "linux")]
impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.raw_os_error())
    }
}
