//! States that do not listen: bound, closing, closed; and what of IPv4 an IPv6 socket takes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use super::held::{NO_SOCK_DIAG, answers_sock_diag, inode, kernel_is, row_of, rows_of};
use crate::answer::{assert_owned, at, pids, portwho};
use crate::scene::{self, port, until};

/// A UDP socket that receives from another alone, and that other.
fn connected_udp() -> (UdpSocket, UdpSocket) {
    let (socket, peer) = (scene::udp(), scene::udp());
    socket.connect(peer.local_addr().unwrap()).unwrap();
    (socket, peer)
}

/// A TCP socket on 127.0.0.1 that is bound, and does not listen.
fn bound() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    socket.into()
}

#[test]
fn a_dual_stack_listener_says_that_it_takes_ipv4() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let Ok(listener) = scene::wildcard_listener(false) else {
        skip!("no IPv6 here");
    };
    let selector = format!("tcp:{}", port(&listener));
    let row = portwho(&[&selector, "--json"]).only_row();
    assert_eq!(row["v6only"], false);
    for format in ["table", "card", "plain"] {
        let shown = portwho(&[&selector, "--format", format]).stdout;
        assert!(shown.contains("+IPv4"), "{shown}");
    }
    let four = portwho(&[&selector, "-4", "--json"]).rows();
    assert_eq!(rows_of(&four, inode(&listener)).len(), 1);
}

#[test]
fn an_ipv6_only_listener_is_not_found_by_an_ipv4_address() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let Ok(listener) = scene::wildcard_listener(true) else {
        skip!("no IPv6 here");
    };
    let (port, inode) = (port(&listener), inode(&listener));
    let rows = portwho(&[&format!("tcp:[::1]:{port}"), "--json"]).rows();
    assert_eq!(row_of(&rows, inode)["v6only"], true);
    let table = portwho(&[&format!("tcp:[::1]:{port}"), "--format", "table"]).stdout;
    assert!(!table.contains("+IPv4"), "{table}");
    for selector in [
        &["tcp", &format!("127.0.0.1:{port}")],
        &["-4", &format!("tcp:{port}")],
    ] {
        let rows = portwho(&[selector.as_slice(), &["--json"]].concat()).rows();
        assert!(rows_of(&rows, inode).is_empty(), "{rows:#?}");
    }
}

#[test]
fn a_connected_udp_socket_is_found_by_its_port_alone() {
    let (socket, peer) = connected_udp();
    let [port, peer_port] = [&socket, &peer].map(|end| end.local_addr().unwrap().port());
    let listed = portwho(&["-u", "--json"]).rows();
    assert!(rows_of(&listed, inode(&socket)).is_empty());
    assert_eq!(rows_of(&listed, inode(&peer)).len(), 1);
    let rows = portwho(&[&format!("udp:{port}"), "--json"]).rows();
    let row = row_of(&rows, inode(&socket));
    assert_eq!(row["state"], "established");
    assert_eq!(row["peer_address"], "127.0.0.1");
    assert_eq!(row["peer_port"], peer_port);
    assert_owned(row, &[std::process::id()]);
}

#[test]
fn a_socket_that_is_bound_without_listening_is_found_by_its_port_alone() {
    if !kernel_is((6, 8)) {
        skip!("the kernel shows no bound sockets before 6.8");
    }
    let socket = bound();
    let inode = inode(&socket);
    let answer = portwho(&[&format!("tcp:{}", port(&socket)), "--json"]);
    if answer.json()["source"] != "sock_diag" {
        skip!("the kernel does not answer sock_diag");
    }
    let rows = answer.rows();
    let row = row_of(&rows, inode);
    assert_eq!(row["state"], "bound");
    assert_owned(row, &[std::process::id()]);
    assert_eq!(row["peer_port"], Value::Null);
    assert!(rows_of(&portwho(&["--json"]).rows(), inode).is_empty());
    let card = portwho(&[&format!("tcp:{}", port(&socket))]).stdout;
    assert!(card.contains("not listening"), "{card}");
}

/// Waits for the row of a TCP port to come to a state.
fn in_state(port: u16, state: &str, arguments: &[&str]) -> Value {
    let selector = format!("tcp:{port}");
    until(state, || {
        let rows = portwho(&[&[selector.as_str(), "--json"], arguments].concat()).rows();
        let found = at(&rows, "tcp", port);
        found.into_iter().find(|row| row["state"] == state).cloned()
    })
}

#[track_caller]
fn assert_nobodys(row: &Value) {
    assert_eq!(row["owner_status"], "none", "{row:#}");
    assert!(pids(row).is_empty(), "{row:#}");
    for field in ["uid", "user", "inode"] {
        assert_eq!(row[field], Value::Null, "{row:#}");
    }
}

#[test]
fn a_socket_in_time_wait_has_no_owner_and_no_user() {
    let listener = scene::listener();
    let (client, accepted) = scene::connection(&listener);
    let source = client.local_addr().unwrap().port();
    // Who closes first waits.
    scene::close(accepted);
    scene::close(client);
    let port = port(&listener);
    let row = in_state(port, "time_wait", &[]);
    assert_nobodys(&row);
    assert_eq!(row["peer_port"], source);
    assert_nobodys(&in_state(port, "time_wait", &["--source", "proc"]));
    drop(listener);
    let card = portwho(&[&format!("tcp:{port}")]);
    assert_eq!(card.code, Some(0), "{card:?}");
    assert!(card.stdout.contains("TIME-WAIT"), "{card:?}");
}

#[test]
fn a_peer_that_has_closed_leaves_close_wait() {
    let listener = scene::listener();
    let (client, accepted) = scene::connection(&listener);
    scene::close(accepted);
    let source = client.local_addr().unwrap().port();
    let row = in_state(source, "close_wait", &[]);
    assert_owned(&row, &[std::process::id()]);
    assert_eq!(row["inode"], inode(&client));
    let table = portwho(&[&format!("tcp:{source}"), "--format", "table"]).stdout;
    assert!(table.contains("CLOSE-WAIT"), "{table}");
}

#[test]
fn a_closed_socket_whose_peer_lingers_has_no_owner() {
    let listener = scene::listener();
    let (_client, accepted) = scene::connection(&listener);
    scene::close(accepted);
    assert_nobodys(&in_state(port(&listener), "fin_wait_2", &[]));
}

#[test]
fn a_connection_that_nobody_has_accepted_yet_has_no_owner() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let listener = scene::listener();
    let at_port = port(&listener);
    let clients = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", at_port)).unwrap());
    let rows = until("connections that wait", || {
        let rows = portwho(&[&format!("tcp:{at_port}"), "--json"]).rows();
        (rows.len() == 1 + clients.len()).then_some(rows)
    });
    assert_eq!(row_of(&rows, inode(&listener))["recv_queue"], clients.len());
    for row in &rows[1..] {
        assert_eq!(row["state"], "established");
        assert_nobodys(row);
    }
    let card = portwho(&[&format!("tcp:{at_port}")]).stdout;
    assert!(card.contains("2 of "), "{card}");
}

#[test]
fn a_dual_stack_listener_has_its_ipv4_connections() {
    let Ok(listener) = scene::wildcard_listener(false) else {
        skip!("no IPv6 here");
    };
    let client = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let selector = format!("tcp:127.0.0.1:{}", port(&listener));
    let rows = portwho(&[&selector, "--json"]).rows();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    row_of(&rows, inode(&listener));
    assert_eq!(row_of(&rows, inode(&accepted))["family"], "ipv6");
    let card = portwho(&[&selector]).stdout;
    let client = client.local_addr().unwrap().to_string();
    assert!(
        card.contains("1 connection") && card.contains(&client),
        "{card}"
    );
}

/// More rows than one answer of the kernel holds.
#[test]
fn many_sockets_are_all_listed() {
    let sockets: Vec<_> = (0..300).map(|_| scene::udp()).collect();
    let rows = portwho(&["-u", "--json"]).rows();
    for socket in &sockets {
        row_of(&rows, inode(socket));
    }
}
