//! The rules of nf_tables of this network namespace, read over netlink within a bound of time and size.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::retry_on_intr;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags, SocketFlags, SocketType,
    recvmsg, sendto, socket_with,
};

use super::dump::{BUFFER, DumpError};
use super::errno::Errno;
use super::nat::{Step, decode, request};
use super::wire::ByteOrder;
use crate::read::raw::RawForwards;

/// There is no NAT without connection tracking; asking where there is none would load modules.
const TRACKING: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
/// Attempts at one dump before it is given up.
const ATTEMPTS: u32 = 3;
const LONGEST: Duration = Duration::from_millis(200);
/// Bytes of one answer: some ten thousand rules.
const LARGEST: usize = 8 << 20;

/// Reads which ports the rules send elsewhere: takes CAP_NET_ADMIN. Where it was refused, or time or room
/// ran out, the answer says so. Rules of the older kind (iptables-legacy) are not among them.
pub fn read_dnat() -> RawForwards {
    if !Path::new(TRACKING).exists() {
        return RawForwards::default();
    }
    let deadline = Instant::now() + LONGEST;
    let mut refused = DumpError::Interrupted;
    for sequence in 1..=ATTEMPTS {
        match attempt(sequence, deadline) {
            Ok(found) => return found,
            Err(DumpError::Interrupted) => {}
            Err(error) => {
                refused = error;
                break;
            }
        }
    }
    RawForwards {
        refused: Some(refused.to_string()),
        ..RawForwards::default()
    }
}

/// Makes one dump over a socket of its own.
fn attempt(sequence: u32, deadline: Instant) -> Result<RawForwards, DumpError> {
    let socket = ask(sequence).map_err(DumpError::Refused)?;
    let mut found = RawForwards::default();
    let mut buffer = vec![0; BUFFER];
    let mut room = LARGEST;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || room == 0 {
            found.refused = Some("there are too many rules".into());
            return Ok(found);
        }
        let length = match receive(&socket, &mut buffer, left) {
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
        match decode(bytes, sequence, ByteOrder::NATIVE, &mut found) {
            Step::More => {}
            Step::Interrupted => return Err(DumpError::Interrupted),
            Step::Malformed => return Err(DumpError::Malformed),
            Step::End { errno: 0 } => {
                return Ok(found);
            }
            Step::End { errno } => return Err(DumpError::Refused(Errno(errno))),
        }
    }
}

/// Opens a `NETLINK_NETFILTER` socket and sends the request.
fn ask(sequence: u32) -> Result<OwnedFd, Errno> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::NETFILTER),
    )?;
    let kernel = SocketAddrNetlink::new(0, 0);
    let message = request(sequence);
    retry_on_intr(|| sendto(&socket, &message, SendFlags::empty(), &kernel))?;
    Ok(socket)
}

/// Receives a datagram; `None` for one that is not the kernel's.
fn receive(
    socket: &OwnedFd,
    buffer: &mut [u8],
    left: Duration,
) -> rustix::io::Result<Option<usize>> {
    set_socket_timeout(socket, Timeout::Recv, Some(left))?;
    let received = retry_on_intr(|| {
        let mut control = RecvAncillaryBuffer::default();
        let mut parts = [IoSliceMut::new(buffer)];
        recvmsg(socket, &mut parts, &mut control, RecvFlags::empty())
    })?;
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
