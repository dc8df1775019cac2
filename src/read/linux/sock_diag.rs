//! The live netlink socket, sock_diag(7).

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags, SocketFlags, SocketType,
    recvmsg, sendto, socket_with,
};

use super::dump::{Datagram, Link};
use super::errno::Errno;

/// A `NETLINK_SOCK_DIAG` socket.
pub struct SockDiag(OwnedFd);

impl SockDiag {
    /// # Errors
    /// What socket(2) says: EPROTONOSUPPORT without the kernel's support, EPERM or EACCES under a
    /// seccomp filter or a security module.
    pub fn open() -> Result<Self, Errno> {
        let protocol = Some(netlink::SOCK_DIAG);
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        Ok(Self(socket))
    }
}

impl Link for SockDiag {
    fn send(&mut self, message: &[u8]) -> Result<(), Errno> {
        sendto(
            &self.0,
            message,
            SendFlags::empty(),
            &SocketAddrNetlink::new(0, 0),
        )?;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, Errno> {
        let mut control = RecvAncillaryBuffer::default();
        let mut parts = [IoSliceMut::new(buffer)];
        let received = recvmsg(&self.0, &mut parts, &mut control, RecvFlags::empty())?;
        let sender = received
            .address
            .and_then(|any| SocketAddrNetlink::try_from(any).ok());
        Ok(Datagram {
            length: received.bytes,
            truncated: received.flags.contains(ReturnFlags::TRUNC),
            from_kernel: sender.is_some_and(|sender| sender.pid() == 0),
        })
    }

    fn reopen(&mut self) -> Result<(), Errno> {
        *self = Self::open()?;
        Ok(())
    }
}
