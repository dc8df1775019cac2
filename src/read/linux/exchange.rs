//! One dump over a netlink socket of its own, within a bound of time and size.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::retry_on_intr;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags, SocketFlags,
    SocketType, recvmsg, sendto, socket_with,
};

use super::dump::{BUFFER, DumpError};
use super::errno::Errno;
use super::routes::RTM_GETROUTE;
use super::rtnetlink::{self, Step};

/// Attempts at one dump before it is given up.
const ATTEMPTS: u32 = 3;

/// How much an answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub longest: Duration,
    /// Bytes of the answer.
    pub largest: usize,
}

/// A family of netlink; `None` for `NETLINK_ROUTE`, which has number 0.
pub type Family = Option<Protocol>;

/// Gives what the dump holds, and whether that is all: time or room may have run out.
///
/// # Errors
/// Why there is no answer.
pub fn dump<T: Default>(
    family: Family,
    bounds: Bounds,
    request: impl Fn(u32) -> Vec<u8>,
    read: impl Fn(&[u8], u32, &mut T) -> Step,
) -> Result<(T, bool), DumpError> {
    let deadline = Instant::now() + bounds.longest;
    let mut refused = DumpError::Interrupted;
    for sequence in 1..=ATTEMPTS {
        let socket = ask(family, &request(sequence)).map_err(DumpError::Refused)?;
        let read = |datagram: &[u8], found: &mut T| read(datagram, sequence, found);
        match attempt(&socket, deadline, bounds.largest, read) {
            Err(DumpError::Interrupted) => {}
            Err(error) => {
                refused = error;
                break;
            }
            told => return told,
        }
    }
    Err(refused)
}

fn attempt<T: Default>(
    socket: &OwnedFd,
    deadline: Instant,
    largest: usize,
    read: impl Fn(&[u8], &mut T) -> Step,
) -> Result<(T, bool), DumpError> {
    let mut found = T::default();
    let mut buffer = vec![0; BUFFER];
    let mut room = largest;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || room == 0 {
            return Ok((found, false));
        }
        let length = match receive(socket, &mut buffer, left) {
            Ok(Some(length)) => length,
            Ok(None) => continue,
            // Time ran out.
            Err(rustix::io::Errno::AGAIN) => {
                room = 0;
                continue;
            }
            Err(rustix::io::Errno::NOBUFS) => return Err(DumpError::Interrupted),
            Err(errno) => return Err(DumpError::Refused(errno.into())),
        };
        room = room.saturating_sub(length);
        let bytes = buffer.get(..length).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or(DumpError::Malformed)?;
        match read(bytes, &mut found) {
            Step::More => {}
            Step::Interrupted => return Err(DumpError::Interrupted),
            Step::Malformed => return Err(DumpError::Malformed),
            Step::End { errno: 0 } => return Ok((found, true)),
            Step::End { errno } => return Err(DumpError::Refused(Errno(errno))),
        }
    }
}

/// Opens a socket of the family and sends the request.
fn ask(family: Family, message: &[u8]) -> Result<OwnedFd, Errno> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        family,
    )?;
    if let (None, Some(RTM_GETROUTE)) = (family, rtnetlink::kind(message)) {
        be_strict(&socket);
    }
    let kernel = SocketAddrNetlink::new(0, 0);
    retry_on_intr(|| sendto(&socket, message, SendFlags::empty(), &kernel))?;
    Ok(socket)
}

/// Has the kernel heed what a request for routes says of the table (NETLINK_GET_STRICT_CHK, netlink(7)).
/// One that is too old for that dumps all of them, which are told apart later.
#[allow(unsafe_code)]
fn be_strict(socket: &OwnedFd) {
    const NETLINK_GET_STRICT_CHK: libc::c_int = 12;
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or_default();
    // SAFETY: the option is read from `on`, which outlives the call, and is of that size.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            NETLINK_GET_STRICT_CHK,
            (&raw const on).cast(),
            size,
        );
    }
}

/// Receives a datagram; `None` for one that is not the kernel's.
fn receive(
    socket: &OwnedFd,
    buffer: &mut [u8],
    left: Duration,
) -> rustix::io::Result<Option<usize>> {
    let mut receive = |flags: RecvFlags| {
        retry_on_intr(|| {
            let mut control = RecvAncillaryBuffer::default();
            let mut parts = [IoSliceMut::new(buffer)];
            recvmsg(socket, &mut parts, &mut control, flags)
        })
    };
    // The kernel has the next part of a dump ready, as a rule.
    let received = match receive(RecvFlags::DONTWAIT) {
        Err(rustix::io::Errno::AGAIN) => {
            set_socket_timeout(socket, Timeout::Recv, Some(left))?;
            receive(RecvFlags::empty())?
        }
        told => told?,
    };
    let sender = received
        .address
        .and_then(|any| SocketAddrNetlink::try_from(any).ok());
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(rustix::io::Errno::NOBUFS);
    }
    Ok(sender
        .is_some_and(|sender| sender.pid() == 0)
        .then_some(received.bytes))
}
