//! Standard output as it is: the library's own takes EBADF, of one that cannot be written, for success.

use std::io::{self, Write};

/// Standard output without a buffer.
pub struct StandardOutput;

impl Write for StandardOutput {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::fd::AsFd;
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
