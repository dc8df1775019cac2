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
    let port = port_of(&socket);
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

/// A socket of SCTP, which the kernel must have loaded already.
fn sctp() -> std::io::Result<(Socket, u16)> {
    let protocols = std::fs::read_to_string("/proc/net/protocols")?;
    if !protocols.lines().any(|line| line.starts_with("SCTP ")) {
        return Err(std::io::Error::other("the kernel has no SCTP"));
    }
    let socket = bound(Type::STREAM, libc::IPPROTO_SCTP)?;
    let port = port_of(&socket);
    Ok((socket, port))
}

fn port_of(socket: &Socket) -> u16 {
    socket.local_addr().unwrap().as_socket().unwrap().port()
}

#[test]
fn a_listener_of_sctp_is_listed_with_its_owner_and_keeps_its_port() {
    let (socket, port) = match sctp() {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    socket.listen(16).unwrap();
    let inode = inode(&socket);
    let (port, pid) = (port.to_string(), std::process::id());
    for arguments in [
        [].as_slice(),
        &["-S"],
        &["sctp"],
        &[&format!("sctp:{port}")],
        &[&format!(":{port}")],
        &[&format!("pid={pid}")],
        &["-a"],
    ] {
        let rows = portwho(&[arguments, &["--json"]].concat()).rows();
        let row = row_of(&rows, inode);
        assert_eq!(row["protocol"], "sctp", "{arguments:?}");
        assert_eq!(row["state"], "listen", "{arguments:?}");
        assert_eq!(row["local_address"], "127.0.0.1", "{arguments:?}");
        assert_owned(row, &[pid]);
    }
    for arguments in [["-t", "--json"], ["-u", "--json"]] {
        let rows = portwho(&arguments).rows();
        assert!(rows_of(&rows, inode).is_empty(), "{arguments:?}");
    }
    let checked = portwho(&["check", &format!("sctp:{port}")]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let expected = format!("pid={pid}");
    let checked = portwho(&["check", &format!("sctp:{port}"), "--expect", &expected]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let free = portwho(&["free", "--sctp", &port]);
    assert_eq!((free.code, free.stdout.as_str()), (Some(1), ""), "{free:?}");
}

#[test]
fn an_association_of_sctp_is_kept_apart_from_its_listener() {
    let (socket, port) = match sctp() {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    socket.listen(16).unwrap();
    let (client, _) = sctp().unwrap();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    client.connect(&to.into()).unwrap();
    // Nobody has accepted it: it is of the listener's socket.
    let rows = portwho(&[&format!("sctp:{port}"), "--json"]).rows();
    let of_listener = rows_of(&rows, inode(&socket));
    let mut states: Vec<_> = of_listener.iter().map(|row| &row["state"]).collect();
    states.sort_by_key(|state| state.to_string());
    assert_eq!(states, ["established", "listen"], "{rows:?}");
    let connected = of_listener.iter().find(|row| row["state"] == "established");
    assert_eq!(connected.unwrap()["peer_port"], port_of(&client));
    let peers = portwho(&[&format!("peer=:{port}"), "sctp", "--json"]).rows();
    assert_owned(row_of(&peers, inode(&client)), &[std::process::id()]);
}

#[test]
fn a_socket_of_sctp_that_is_only_bound_is_not_shown_and_not_denied() {
    let (_bound, port) = match sctp() {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    let spec = format!("sctp:{port}");
    let listed = portwho(&[&spec]);
    assert_eq!(listed.code, Some(3), "{listed:?}");
    assert!(listed.stderr.contains("does not show"), "{listed:?}");
    let checked = portwho(&["check", &spec]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let untried = portwho(&["check", "--no-probe", &spec]);
    assert_eq!(untried.code, Some(3), "{untried:?}");
}

/// Without the kernel's SCTP nothing is asked that could load it.
#[test]
fn without_sctp_its_ports_are_unknown_to_check_and_nothing_to_a_list() {
    if sctp().is_ok() {
        skip!("the kernel has SCTP");
    }
    let listed = portwho(&["sctp:2905", "-v"]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
    let checked = portwho(&["check", "sctp:2905"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(
        checked.stdout.contains("has not loaded SCTP"),
        "{checked:?}"
    );
    let protocols = std::fs::read_to_string("/proc/net/protocols").unwrap();
    assert!(!protocols.contains("SCTP"), "nothing has loaded it");
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
