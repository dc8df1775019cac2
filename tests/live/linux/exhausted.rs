//! `ephemeral` where ports run out for others than those who use them, against what the kernel gives.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::apart::alone;
use super::ephemeral::{FIRST, address, narrow, server, set};
use crate::answer::portwho;
use crate::scene::{close, until};

fn told(arguments: &[&str]) -> Value {
    portwho(&[&["ephemeral", "--json"], arguments].concat()).json()
}

/// The budget of a local address.
#[track_caller]
fn of<'a>(document: &'a Value, local: &str) -> &'a Value {
    let mut budgets = document["budgets"].as_array().unwrap().iter();
    let found = budgets.find(|budget| budget["local_address"] == local);
    found.unwrap_or_else(|| panic!("{document:#}"))
}

/// How many more sockets can be made.
fn more<T>(make: impl Fn() -> io::Result<T>) -> usize {
    let held: Vec<T> = std::iter::from_fn(|| make().ok()).take(50).collect();
    held.len()
}

#[test]
fn a_range_that_listeners_hold_is_full_for_every_peer() {
    alone!(|| {
        let server = server(5000);
        narrow(10);
        let listen = |port| TcpListener::bind(("127.0.0.7", port)).unwrap();
        let held: Vec<_> = (FIRST..FIRST + 10).map(listen).collect();
        assert!(TcpStream::connect(address(&server)).is_err());
        let answer = portwho(&["ephemeral", "--fail-at", "80%"]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stderr.contains("no port of the range is left"));
        let advice = &told(&[])["advice"][0];
        assert_eq!(advice["code"], "no-ports");
        let mine = format!("(pid {})", std::process::id());
        assert!(advice["message"].as_str().unwrap().contains(&mine));
        drop(held);
        set("ip_local_reserved_ports", &format!("{FIRST}-{}", FIRST + 9));
        assert!(TcpStream::connect(address(&server)).is_err());
        let answer = portwho(&["ephemeral", "--fail-at", "80%", "--quiet"]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
    });
}

#[test]
fn a_udp_port_that_is_told_to_be_free_can_be_bound() {
    alone!(|| {
        narrow(20);
        let bind = |address: &'static str| move || UdpSocket::bind((address, 0));
        let wide: Vec<_> = (0..9).map(|_| bind("0.0.0.0")().unwrap()).collect();
        let here = bind("127.0.0.1")().unwrap();
        // The kernel may choose the same port for both, which then counts once.
        let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
        let mut there = std::iter::repeat_with(|| bind("127.0.0.2")().unwrap());
        let there = there.find(|there| port(there) != port(&here)).unwrap();
        let dual = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
        let any = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0));
        dual.set_only_v6(false).unwrap();
        let has_dual = dual.bind(&any.into()).is_ok();
        for (source, local) in [
            ("native", "127.0.0.1"),
            ("proc", "127.0.0.1"),
            ("native", "0.0.0.0"),
        ] {
            let document = told(&["udp", "--source", source]);
            let budget = of(&document, local);
            let free = budget["free"].as_u64().unwrap() as usize;
            let given = match local {
                "0.0.0.0" => more(bind("0.0.0.0")),
                _ => more(bind("127.0.0.1")),
            };
            assert_eq!(free, given, "{source}: {budget:#}");
            let others = if local == "0.0.0.0" { 2 } else { 9 };
            let others = others + u64::from(has_dual);
            assert_eq!(budget["used_elsewhere"], others, "{source}: {budget:#}");
        }
        drop((wide, here, there, dual));
    });
}

#[test]
fn a_connection_bound_to_an_interface_has_what_the_others_leave() {
    alone!(|| {
        let server = server(5000);
        narrow(20);
        let to = address(&server);
        let held: Vec<_> = (0..18).map(|_| TcpStream::connect(to).unwrap()).collect();
        let bound = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind_device(Some(b"lo"))?;
            socket.connect(&to.into())?;
            io::Result::Ok(socket)
        };
        let first = match bound() {
            Ok(socket) => socket,
            Err(error) => skip!("no socket is bound to an interface: {error}"),
        };
        let document = told(&[]);
        let budgets = document["budgets"].as_array().unwrap().iter();
        let found = budgets.into_iter().find(|one| one["interface"] == "lo");
        let budget = found.unwrap_or_else(|| panic!("{document:#}"));
        assert_eq!(budget["used_elsewhere"], 18, "{budget:#}");
        let free = budget["free"].as_u64().unwrap() as usize;
        assert_eq!(more(bound), free, "{budget:#}");
        drop((first, held));
    });
}

#[test]
fn a_listener_of_this_machine_that_does_not_accept_is_named() {
    alone!(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 5003));
        socket.bind(&at.into()).unwrap();
        socket.listen(0).unwrap();
        narrow(20);
        let attempt = |_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&at.into());
            client
        };
        let held: Vec<Socket> = (0..8).map(attempt).collect();
        let message = until("attempts without an answer", || {
            let document = told(&[]);
            let advice = document["advice"].as_array().unwrap().iter();
            let one = advice.into_iter().find(|one| one["code"] == "unanswered")?;
            Some(one["message"].as_str().unwrap().to_owned())
        });
        let mine = format!("(pid {})", std::process::id());
        assert!(message.contains(&mine), "{message}");
        assert!(message.contains("accept()"), "{message}");
        assert!(!message.contains("firewall"), "{message}");
        drop(held);
    });
}

/// What a forecast hangs on.
#[test]
fn a_recording_says_how_long_time_wait_lasts_yet() {
    alone!(|| {
        let server = server(5000);
        let client = TcpStream::connect(address(&server)).unwrap();
        let accepted = server.accept().unwrap().0;
        close(client);
        close(accepted);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capture.json");
        for source in ["native", "proc"] {
            let row = until("TIME-WAIT", || {
                let name = file.to_str().unwrap();
                let answer = portwho(&["capture", name, "--source", source, "--force"]);
                assert_eq!(answer.code, Some(0), "{answer:?}");
                let text = std::fs::read(&file).unwrap();
                let recording: Value = serde_json::from_slice(&text).unwrap();
                let tables = recording["sockets"]["tables"].as_array().unwrap().iter();
                let mut rows = tables.flat_map(|table| table["sockets"].as_array().unwrap());
                rows.find(|row| row["state"] == "time_wait").cloned()
            });
            let left = row["time_wait_left"].as_u64();
            assert!(matches!(left, Some(1..=60_000)), "{source}: {row}");
        }
    });
}
