//! Sockets on the addresses that a port can be held on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use super::truth::{Options, PLAIN};
use crate::scene::close;

/// An address to bind, and whether a socket there leaves IPv4 alone.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub ip: IpAddr,
    only_v6: bool,
}

const ANY6: Place = Place::at(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
const PLACES: [Place; 6] = [
    Place::at(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    Place::at(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    Place::at(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ANY6,
    Place {
        only_v6: true,
        ..ANY6
    },
    // An IPv4 address of an IPv6 socket.
    Place::at(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())),
];

/// The places that this machine has.
pub fn places() -> impl Iterator<Item = Place> {
    let is_here = |place: &Place| place.bound(Type::STREAM, PLAIN).is_ok();
    PLACES.into_iter().filter(is_here)
}

impl Place {
    pub const fn at(ip: IpAddr) -> Self {
        Self { ip, only_v6: false }
    }

    /// A socket that could be bound here.
    pub fn socket(self, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
        let address = SocketAddr::new(self.ip, 0);
        let socket = Socket::new(Domain::for_address(address), kind, protocol)?;
        if self.ip.is_ipv6() {
            socket.set_only_v6(self.only_v6)?;
        }
        Ok(socket)
    }

    /// A socket bound here, to a port of the kernel's choice.
    pub fn bound(self, kind: Type, options: Options) -> io::Result<Socket> {
        let socket = self.socket(kind, None)?;
        options.set(&socket)?;
        socket.bind(&SocketAddr::new(self.ip, 0).into())?;
        Ok(socket)
    }

    /// A socket bound here, to a port that it names itself: it has that until it is closed.
    pub fn bound_on_purpose(self, options: Options) -> io::Result<Socket> {
        let free = self.bound(Type::STREAM, PLAIN)?;
        let address = SocketAddr::new(self.ip, port(&free));
        close(free);
        let socket = self.socket(Type::STREAM, None)?;
        options.set(&socket)?;
        socket.bind(&address.into())?;
        Ok(socket)
    }

    pub fn listener(self, options: Options) -> io::Result<Socket> {
        let socket = self.bound(Type::STREAM, options)?;
        socket.listen(8)?;
        Ok(socket)
    }

    /// Where clients find a socket of this place.
    pub fn reached_at(self) -> Vec<IpAddr> {
        let four = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
        match self.ip {
            ip if !ip.is_unspecified() => vec![ip.to_canonical()],
            IpAddr::V4(_) => vec![four],
            IpAddr::V6(_) if self.only_v6 => vec![six],
            IpAddr::V6(_) => vec![four, six],
        }
    }
}

pub fn port(socket: &Socket) -> u16 {
    address(socket).port()
}

fn address(socket: &Socket) -> SocketAddr {
    socket.local_addr().unwrap().as_socket().unwrap()
}

/// Connects a socket to an address and port.
pub fn connect(socket: &Socket, ip: IpAddr, port: u16) {
    try_connect(socket, ip, port).unwrap();
}

/// Connects a socket to an address and port, where it is let in.
pub fn try_connect(socket: &Socket, ip: IpAddr, port: u16) -> io::Result<()> {
    // An IPv6 socket reaches IPv4 by a mapped address.
    let ip = match (ip, address(socket)) {
        (IpAddr::V4(ip), SocketAddr::V6(_)) => ip.to_ipv6_mapped().into(),
        (ip, _) => ip,
    };
    socket.connect(&SocketAddr::new(ip, port).into())
}

/// A connection from this socket to the listener at this address; gives the accepted one.
pub fn accept(listener: &Socket, ip: IpAddr, client: &Socket) -> Socket {
    connect(client, ip, port(listener));
    listener.accept().unwrap().0
}
