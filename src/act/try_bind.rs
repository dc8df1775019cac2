//! A bind that settles what no table shows. The socket is closed at once and never listens.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use crate::judge::{Bound, Claim, Options};
use crate::model::{Protocol, cause};

/// Binds the claim as a server with these options would, and closes the socket.
pub fn try_bind(claim: &Claim, options: Options) -> Bound {
    let scope = match claim.interface.as_deref().map(scope) {
        None => 0,
        Some(Ok(index)) => index,
        Some(Err(error)) => return bound(Err(error)),
    };
    let address = claim.socket_address(scope);
    let result = bind(address, claim.protocol, options);
    let without_ipv6 = claim.address.is_none()
        && result.as_ref().is_err_and(|error| {
            error.kind() == io::ErrorKind::AddrNotAvailable || is_unsupported(error)
        });
    if without_ipv6 {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, claim.port));
        return bound(bind(address, claim.protocol, options));
    }
    bound(result)
}

fn bound(result: io::Result<()>) -> Bound {
    match result {
        Ok(()) => Bound::Yes,
        Err(error) => Bound::No(error.kind(), cause(&error)),
    }
}

fn bind(address: SocketAddr, protocol: Protocol, options: Options) -> io::Result<()> {
    let (kind, number) = match protocol {
        Protocol::Udp => (Type::DGRAM, None),
        Protocol::Sctp if has_sctp() => (Type::STREAM, Some(IPPROTO_SCTP.into())),
        // To ask for a socket could make the kernel load the module.
        Protocol::Sctp => return Err(io::Error::other("the kernel has not loaded SCTP")),
        _ => (Type::STREAM, None),
    };
    let socket = Socket::new(Domain::for_address(address), kind, number).map_err(untried)?;
    if address.is_ipv6() {
        socket
            .set_only_v6(!address.ip().is_unspecified())
            .map_err(untried)?;
    }
    if options.reuse_addr && !takes_over(protocol) {
        socket.set_reuse_address(true).map_err(untried)?;
    }
    #[cfg(unix)]
    if options.reuse_port {
        socket.set_reuse_port(true).map_err(untried)?;
    }
    socket.bind(&address.into())
}

/// IANA's number, the same on every system.
const IPPROTO_SCTP: i32 = 132;

/// Whether the kernel has SCTP, as far as this system says so.
fn has_sctp() -> bool {
    #[cfg(target_os = "linux")]
    let protocols = std::fs::read_to_string("/proc/net/protocols").unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let protocols = String::new();
    protocols.lines().any(|line| line.starts_with("SCTP "))
}

/// Whether SO_REUSEADDR would take the port from whoever has it, as on Windows: no TCP server sets it there.
/// <https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse>
fn takes_over(protocol: Protocol) -> bool {
    cfg!(windows) && protocol.is_stream()
}

/// An error from before the bind: whatever its kind, it says nothing of the port.
fn untried(error: io::Error) -> io::Error {
    if is_unsupported(&error) {
        error
    } else {
        io::Error::other(error)
    }
}

/// Whether the system has no such address family.
fn is_unsupported(error: &io::Error) -> bool {
    #[cfg(unix)]
    const NO_SUCH_FAMILY: i32 = libc::EAFNOSUPPORT;
    // WSAEAFNOSUPPORT, winsock2.h.
    #[cfg(not(unix))]
    const NO_SUCH_FAMILY: i32 = 10047;
    error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

/// The index of an interface by its name or number.
fn scope(interface: &str) -> io::Result<u32> {
    if let Ok(index) = interface.parse() {
        return Ok(index);
    }
    #[cfg(target_os = "linux")]
    {
        let any = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        Ok(rustix::net::netdevice::name_to_index(&any, interface)?)
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "give the number of the interface",
    ))
}
