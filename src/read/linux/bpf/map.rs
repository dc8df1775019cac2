//! The kernel's description of its types, mapped where it can be and read where it cannot.

use std::fs::File;
use std::io::{self, Read};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of a file.
pub enum Types {
    Mapped {
        start: *mut std::ffi::c_void,
        length: usize,
    },
    Read(Vec<u8>),
}

impl Types {
    /// Maps the file: to read it takes a call for every page. Kernels before 6.16 cannot map it.
    ///
    /// # Errors
    /// What open(2) or read(2) says.
    #[allow(unsafe_code)]
    pub fn open(path: &str) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // SAFETY: a new mapping where the kernel likes it overlaps nothing; it is only read.
        let mapped = unsafe {
            mmap(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::PRIVATE,
                &file,
                0,
            )
        };
        match mapped {
            Ok(start) if length > 0 => Ok(Self::Mapped { start, length }),
            _ => {
                let mut bytes = Vec::with_capacity(length);
                file.read_to_end(&mut bytes)?;
                Ok(Self::Read(bytes))
            }
        }
    }

    #[allow(unsafe_code)]
    pub fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: the mapping is of this length, lives as long as this value, and the kernel does
            // not change its description of itself while it runs.
            Self::Mapped { start, length } => unsafe {
                std::slice::from_raw_parts(start.cast(), *length)
            },
            Self::Read(bytes) => bytes,
        }
    }
}

impl Drop for Types {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if let Self::Mapped { start, length } = *self {
            // SAFETY: the mapping was made by `open`, and nothing borrowed from it is left.
            let _ = unsafe { munmap(start, length) };
        }
    }
}
