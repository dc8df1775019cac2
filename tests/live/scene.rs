//! Builds a known state of sockets. Every port is the kernel's choice.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::sleep;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Ends the test and tells why, past the harness that keeps the output of tests that pass.
macro_rules! skip {
    ($($why:tt)*) => {{
        crate::scene::tell_skipped(&format!($($why)*));
        return;
    }};
}

pub fn tell_skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    // Without anybody to read it, a skipped test is still no failure.
    let _ = io::Write::write_all(
        &mut io::stderr(),
        format!("{test}: skipped: {why}\n").as_bytes(),
    );
}

/// Waits for a condition, with a bound. Gives what the look gave.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look() {
            return found;
        }
        sleep(Duration::from_millis(25));
    }
    panic!("in vain waited for {what}");
}

/// A TCP listener on 127.0.0.1.
pub fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// A UDP socket on 127.0.0.1 that receives from anybody.
pub fn udp() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// A listener on `[::]`; an error where there is no IPv6.
pub fn wildcard_listener(only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_only_v6(only_v6)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(16)?;
    Ok(socket.into())
}

/// A connection to the listener: the client's end, and the accepted one.
pub fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, from) = listener.accept().unwrap();
    assert_eq!(from, client.local_addr().unwrap());
    // Every process that is started has it otherwise: accept does not say on Windows that none shall.
    #[cfg(windows)]
    socket2::SockRef::from(&accepted)
        .set_no_inherit(true)
        .unwrap();
    (client, accepted)
}

/// Closes a socket now: a process that is just being started would have it a little longer, and
/// what is closed next would be the first.
#[cfg(target_os = "linux")]
pub fn close<T>(socket: T) {
    let _turn = crate::answer::turn();
    drop(socket);
}

pub fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

/// A port that nobody has; somebody may take it any time.
pub fn free_port() -> u16 {
    let listener = listener();
    port(&listener)
}

/// Whether a port is free on every address, for TCP and UDP.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && !TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).is_err_and(in_use)
        && !UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).is_err_and(in_use)
}

fn in_use(error: io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}
