//! Standard output as it is: the library's own takes EBADF, of one that cannot be written, for success.

use std::io::{self, Write};

/// Standard output without a buffer.
pub struct StandardOutput;

impl Write for StandardOutput {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::fd::AsFd;
        #[cfg(target_os = "linux")]
        if at_start::was_closed() {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(rustix::io::write(io::stdout().as_fd(), bytes)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Whether there was a standard output when the program was started. Before `main` the library opens
/// `/dev/null` in place of one that is closed, so that nothing that is opened later becomes it.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod at_start {
    use std::sync::atomic::{AtomicBool, Ordering};

    static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

    // SAFETY: the C library calls what stands in this section before it starts the program, with arguments
    // that a function without any may leave alone (System V ABI, initialization functions).
    #[used]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        // SAFETY: asks for a flag of a descriptor, and touches no memory.
        let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
        WAS_CLOSED.store(flags < 0, Ordering::Relaxed);
    }

    pub fn was_closed() -> bool {
        WAS_CLOSED.load(Ordering::Relaxed)
    }
}
