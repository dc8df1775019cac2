//! Networks of their own, and interfaces.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener};

use rustix::net::{AddressFamily, SocketType, netdevice, socket};
use socket2::{Domain, Socket, Type};

use super::apart::{ip, on_own_network};
use super::held::{NO_SOCK_DIAG, answers_sock_diag, inode, row_of, rows_of};
use crate::answer::{assert_owned, portwho};
use crate::scene::{self, port};

#[test]
fn another_network_namespace_is_another_world() {
    let outside = scene::listener();
    let scene = on_own_network(|| {
        let empty = portwho(&["--json"]);
        assert_eq!(empty.code, Some(1), "{empty:?}");
        assert!(empty.rows().is_empty(), "{empty:?}");
        assert_eq!(empty.json()["complete"], true);
        let told = portwho(&[]);
        assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""), "{told:?}");

        let inside = scene::listener();
        let (_client, _accepted) = scene::connection(&inside);
        let row = portwho(&["--json"]).only_row();
        assert_eq!(row["inode"], inode(&inside));
        assert_owned(&row, &[std::process::id()]);
        (inside, row["netns"].clone())
    });
    let (inside, netns) = match scene {
        Ok(told) => told,
        Err(why) => skip!("no network of its own: {why}"),
    };
    assert!(netns.is_u64(), "{netns}");
    let rows = portwho(&["--json"]).rows();
    assert!(rows_of(&rows, inode(&inside)).is_empty());
    assert_ne!(row_of(&rows, inode(&outside))["netns"], netns);
}

/// A listener on `fe80::1` of an interface.
fn link_local(interface: &str, port: u16) -> std::io::Result<TcpListener> {
    let any = socket(AddressFamily::INET6, SocketType::DGRAM, None)?;
    let scope = netdevice::name_to_index(any, interface)?;
    let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    TcpListener::bind(SocketAddrV6::new(address, port, 0, scope))
}

#[test]
fn a_link_local_address_is_told_and_selected_with_its_interface() {
    let scene = on_own_network(|| {
        ip(&["address", "add", "fe80::1/64", "dev", "lo", "nodad"])?;
        let listener = link_local("lo", 0)?;
        let port = port(&listener);
        let row = portwho(&[&format!("[fe80::1%lo]:{port}"), "--json"]).only_row();
        assert_eq!(row["interface"], "lo");
        assert_eq!(row["local_address"], "fe80::1");
        let table = portwho(&[&format!("[fe80::1]:{port}"), "--format", "table"]).stdout;
        assert!(table.contains("[fe80::1%lo]"), "{table}");
        let elsewhere = portwho(&[&format!("[fe80::1%eth9]:{port}"), "--json"]);
        assert!(elsewhere.rows().is_empty(), "{elsewhere:?}");
        std::io::Result::Ok(())
    });
    if let Err(why) = scene.and_then(|scene| scene) {
        skip!("no link-local address: {why}");
    }
}

#[test]
fn one_address_on_two_interfaces_is_two_places() {
    let scene = on_own_network(|| {
        ip(&[
            "link", "add", "left", "type", "veth", "peer", "name", "right",
        ])?;
        for side in ["left", "right"] {
            ip(&["link", "set", side, "up"])?;
            ip(&["address", "add", "fe80::1/64", "dev", side, "nodad"])?;
        }
        let left = link_local("left", 0)?;
        let port = port(&left);
        let right = link_local("right", port)?;
        let both = portwho(&[&format!("[fe80::1]:{port}"), "--json"]).rows();
        assert_eq!(both.len(), 2, "{both:#?}");
        for (side, listener) in [("left", &left), ("right", &right)] {
            let row = portwho(&[&format!("[fe80::1%{side}]:{port}"), "--json"]).only_row();
            assert_eq!(row["interface"], side);
            assert_eq!(row["inode"], inode(listener));
        }
        std::io::Result::Ok(())
    });
    if let Err(why) = scene.and_then(|scene| scene) {
        skip!("no two interfaces: {why}");
    }
}

#[test]
fn a_socket_bound_to_a_device_names_it() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    if let Err(why) = socket.bind_device(Some(b"lo")) {
        skip!("SO_BINDTODEVICE: {why}");
    }
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    socket.bind(&any.into()).unwrap();
    socket.listen(16).unwrap();
    let listener = TcpListener::from(socket);
    let selector = format!("tcp:{}", port(&listener));
    let rows = portwho(&[&selector, "--json"]).rows();
    assert_eq!(row_of(&rows, inode(&listener))["interface"], "lo");
    for format in ["table", "card"] {
        let shown = portwho(&[&selector, "--format", format]).stdout;
        assert!(shown.contains("%lo"), "{shown}");
    }
}
