//! Protocols that most tools leave out.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use super::held::{inode, row_of, rows_of};
use crate::answer::{assert_owned, portwho};
use crate::scene::port;

/// A socket of a protocol on 127.0.0.1; an error where the kernel lacks it, or refuses.
fn bound(kind: Type, protocol: i32) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, kind, Some(Protocol::from(protocol)))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}

#[test]
fn an_mptcp_listener_is_one_row_and_counts_as_tcp() {
    let socket = match bound(Type::STREAM, libc::IPPROTO_MPTCP) {
        Ok(socket) => socket,
        Err(why) => skip!("MPTCP: {why}"),
    };
    socket.listen(16).unwrap();
    let listener = TcpListener::from(socket);
    let inode = inode(&listener);
    let port = port(&listener).to_string();
    let told = portwho(&["mptcp", "--json"]).json()["notes"].to_string();
    if told.contains("mptcp") {
        skip!("this kernel cannot tell MPTCP from TCP: {told}");
    }
    for arguments in [
        ["-a"].as_slice(),
        &["-t"],
        &["tcp"],
        &["tcp", &port],
        &[&format!("tcp:{port}")],
        &[&format!(":{port}")],
        &[&format!("mptcp:{port}")],
        &["-tlnp"],
    ] {
        let rows = portwho(&[arguments, &["--json"]].concat()).rows();
        let row = row_of(&rows, inode);
        assert_eq!(row["protocol"], "mptcp", "{arguments:?}");
        assert_eq!(row["state"], "listen", "{arguments:?}");
        assert_owned(row, &[std::process::id()]);
    }
    let udp = portwho(&["-u", "--json"]).rows();
    assert!(rows_of(&udp, inode).is_empty());
}

#[test]
fn a_udp_lite_socket_is_shown_where_all_is_asked_for() {
    let socket = match bound(Type::DGRAM, libc::IPPROTO_UDPLITE) {
        Ok(socket) => socket,
        Err(why) => skip!("UDP-Lite: {why}"),
    };
    let inode = inode(&socket);
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    for arguments in [&["-a", "--json"], &[&format!("udplite:{port}"), "--json"]] {
        let rows = portwho(arguments).rows();
        let row = row_of(&rows, inode);
        assert_eq!(row["protocol"], "udplite");
        assert_eq!(row["state"], "unconnected");
        assert_eq!(row["local_port"], port);
        assert_owned(row, &[std::process::id()]);
    }
    let udp = portwho(&[&format!("udp:{port}"), "--json"]).rows();
    assert!(rows_of(&udp, inode).is_empty());
}

#[test]
fn the_number_of_a_raw_socket_is_a_protocol_and_no_port() {
    const ICMP: u16 = 1;
    let socket = match bound(Type::RAW, libc::IPPROTO_ICMP) {
        Ok(socket) => socket,
        Err(why) => skip!("raw sockets: {why}"),
    };
    let inode = inode(&socket);
    for arguments in [["-a", "--json"], ["raw", "--json"]] {
        let rows = portwho(&arguments).rows();
        let row = row_of(&rows, inode);
        assert_eq!(row["protocol"], "raw");
        assert_eq!(row["ip_protocol"], ICMP);
        assert_eq!(row["local_port"], Value::Null);
        assert_eq!(row["local_address"], "127.0.0.1");
        assert_owned(row, &[std::process::id()]);
    }
    let as_a_port = portwho(&[&format!(":{ICMP}"), "--json"]).rows();
    assert!(rows_of(&as_a_port, inode).is_empty());
    assert!(rows_of(&portwho(&["--json"]).rows(), inode).is_empty());
}
