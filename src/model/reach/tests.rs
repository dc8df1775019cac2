//! What sockets receive, as connections to them were let in or refused (Linux 6.18); VRFs as the kernel's
//! source has them.

use std::net::IpAddr;
use std::rc::Rc;

use super::*;
use crate::model::{Endpoint, InterfaceAddress, LocalRoute, Network, Site, State};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn device(name: &str, kind: Option<&str>, master: Option<&str>) -> Device {
    Device {
        name: name.into(),
        kind: kind.map(Into::into),
        is_loopback: name == "lo",
        is_up: true,
        master: master.map(Into::into),
        route_localnet: false,
    }
}

fn route(text: &str, device: &str) -> LocalRoute {
    let (network, length) = text.split_once('/').unwrap();
    LocalRoute {
        network: ip(network),
        length: length.parse().unwrap(),
        is_broadcast: network.ends_with(".255"),
        device: device.into(),
    }
}

/// Two devices with an address each, and 10.20.0.0/24 local as a whole.
fn network() -> Network {
    let routes = [
        ("127.0.0.0/8", "lo"),
        ("127.0.0.1/32", "lo"),
        ("10.9.0.1/32", "d0"),
        ("10.9.0.255/32", "d0"),
        ("10.9.1.1/32", "d1"),
        ("10.20.0.0/24", "lo"),
        ("::1/128", "lo"),
        ("fe80::1/128", "d0"),
    ];
    let addresses = [("127.0.0.1", "lo"), ("10.9.0.1", "d0"), ("10.9.1.1", "d1")];
    let address = |(address, interface): (&str, &str)| InterfaceAddress {
        address: ip(address),
        interface: interface.into(),
    };
    Network {
        devices: Some(vec![
            device("lo", None, None),
            device("d0", Some("veth"), None),
            device("d1", Some("veth"), None),
        ]),
        addresses: Some(addresses.map(address).to_vec()),
        routes: Some(routes.map(|(text, device)| route(text, device)).to_vec()),
        route_localnet: Some(false),
        tcp_l3mdev_accept: Some(false),
        udp_l3mdev_accept: Some(false),
    }
}

/// A listener as listings write it: `0.0.0.0%d0`.
fn at(end: &str, network: Option<&Network>) -> Socket {
    let (address, interface) = match end.split_once('%') {
        Some((address, interface)) => (address, Some(interface)),
        None => (end, None),
    };
    let site = Site {
        interface: interface.map(Into::into),
        network: network.cloned().map(Rc::new),
        ..Site::default()
    };
    Socket {
        protocol: Protocol::Tcp,
        state: State::Listen,
        local: Endpoint::new(ip(address), 80),
        peer: None,
        ip_protocol: None,
        v6only: ip(address).is_ipv6().then_some(false),
        user: None,
        inode: None,
        site: Some(Rc::new(site)),
        recv_queue: None,
        send_queue: None,
        handle: None,
    }
}

fn udp(end: &str, network: &Network) -> Socket {
    Socket {
        protocol: Protocol::Udp,
        state: State::Unconnected,
        ..at(end, Some(network))
    }
}

/// From here and from elsewhere.
fn received(socket: &Socket, address: &str) -> [Option<bool>; 2] {
    [Sender::Here, Sender::Elsewhere].map(|from| socket.receives(ip(address), from))
}

const BOTH: [Option<bool>; 2] = [Some(true), Some(true)];
const HERE: [Option<bool>; 2] = [Some(true), Some(false)];
const OUTSIDE: [Option<bool>; 2] = [Some(false), Some(true)];
const NEITHER: [Option<bool>; 2] = [Some(false), Some(false)];

#[test]
fn a_packet_from_here_comes_in_by_the_device_that_has_the_address() {
    let network = network();
    for (end, address, expected) in [
        ("0.0.0.0", "127.0.0.1", HERE),
        ("0.0.0.0", "127.9.9.9", HERE),
        ("0.0.0.0", "10.9.1.1", BOTH),
        ("0.0.0.0", "10.20.0.7", BOTH),
        ("0.0.0.0", "::1", NEITHER),
        ("0.0.0.0%d0", "10.9.0.1", BOTH),
        ("0.0.0.0%d0", "127.0.0.1", NEITHER),
        ("0.0.0.0%d0", "10.9.1.1", OUTSIDE),
        ("0.0.0.0%d0", "10.20.0.7", OUTSIDE),
        ("0.0.0.0%lo", "127.0.0.1", HERE),
        ("0.0.0.0%lo", "10.20.0.7", HERE),
        ("0.0.0.0%lo", "10.9.0.1", NEITHER),
        ("10.9.1.1%d0", "10.9.1.1", OUTSIDE),
        ("10.9.1.1", "10.9.0.1", NEITHER),
        ("::", "127.0.0.1", HERE),
        ("::", "::1", HERE),
        ("::%d0", "10.9.0.1", BOTH),
        ("::%d0", "10.9.1.1", OUTSIDE),
        ("::%lo", "::1", HERE),
        ("fe80::1%d0", "fe80::1", BOTH),
        ("::ffff:10.9.0.1", "10.9.0.1", BOTH),
        ("0.0.0.0", "::ffff:10.9.0.1", BOTH),
    ] {
        let socket = at(end, Some(&network));
        assert_eq!(received(&socket, address), expected, "{end} {address}");
    }
}

#[test]
fn nobody_receives_for_an_address_that_is_not_here() {
    let network = network();
    for (end, address) in [
        ("0.0.0.0", "9.9.9.9"),
        ("::", "2001:db8::9"),
        ("10.99.0.1", "10.99.0.1"),
        ("0.0.0.0", "10.9.0.255"),
        ("0.0.0.0", "255.255.255.255"),
        ("0.0.0.0", "224.0.0.251"),
    ] {
        assert_eq!(
            received(&at(end, Some(&network)), address),
            NEITHER,
            "{end} {address}"
        );
    }
    let datagrams = |end, address| received(&udp(end, &network), address);
    assert_eq!(datagrams("0.0.0.0", "10.9.0.255"), BOTH);
    assert_eq!(datagrams("0.0.0.0%d0", "10.9.0.255"), BOTH);
    assert_eq!(datagrams("0.0.0.0%d1", "10.9.0.255"), NEITHER);
    assert_eq!(datagrams("224.0.0.251", "224.0.0.251"), BOTH);
    assert_eq!(
        datagrams("0.0.0.0", "224.0.0.251"),
        [None, None],
        "it may have joined"
    );
}

#[test]
fn what_is_not_known_is_not_decided() {
    let asked = |end: &str, address| received(&at(end, None), address);
    assert_eq!(asked("0.0.0.0", "10.0.0.9"), [None, None]);
    assert_eq!(asked("0.0.0.0", "127.0.0.1"), [Some(true), None]);
    assert_eq!(asked("::", "::1"), HERE);
    assert_eq!(asked("0.0.0.0%d0", "127.0.0.1"), [Some(false), None]);
    assert_eq!(asked("0.0.0.0%lo", "127.0.0.1"), HERE);
    let unknown = Socket {
        v6only: None,
        ..at("::", Some(&network()))
    };
    assert_eq!(received(&unknown, "10.9.0.1"), [None, None]);
    assert_eq!(received(&unknown, "9.9.9.9"), NEITHER);
    assert_eq!(received(&unknown, "::1"), HERE);
    // Where the addresses alone are known, a prefix may be local as well: the addresses decide.
    let addresses = Network::of_addresses(network().addresses.unwrap());
    let socket = at("0.0.0.0", Some(&addresses));
    assert_eq!(received(&socket, "10.9.0.1"), BOTH);
    assert_eq!(received(&socket, "127.9.9.9"), HERE);
    assert_eq!(received(&socket, "9.9.9.9"), NEITHER);
}

#[test]
fn route_localnet_lets_the_loopback_be_reached_from_outside() {
    let everywhere = Network {
        route_localnet: Some(true),
        ..network()
    };
    let mut by_d0 = network();
    by_d0.devices.as_mut().unwrap()[1].route_localnet = true;
    let mut by_lo = network();
    by_lo.devices.as_mut().unwrap()[0].route_localnet = true;
    let exposure = |end, network: &Network| at(end, Some(network)).exposure();
    for network in [&everywhere, &by_d0] {
        assert_eq!(received(&at("127.0.0.1", Some(network)), "127.0.0.1"), BOTH);
        assert_eq!(
            received(&at("0.0.0.0%d0", Some(network)), "127.0.0.1"),
            OUTSIDE
        );
        assert_eq!(
            received(&at("0.0.0.0%lo", Some(network)), "127.0.0.1"),
            HERE
        );
        assert_eq!(received(&at("::1", Some(network)), "::1"), HERE);
        assert_eq!(exposure("127.0.0.1", network), Some(Exposure::Address));
        assert_eq!(exposure("127.0.0.1%lo", network), Some(Exposure::Loopback));
        assert_eq!(exposure("::1", network), Some(Exposure::Loopback));
        let devices_alone = Network {
            addresses: None,
            routes: None,
            ..network.clone()
        };
        assert_eq!(
            exposure("127.0.0.1", &devices_alone),
            Some(Exposure::Address)
        );
    }
    assert_eq!(exposure("127.0.0.1", &by_lo), Some(Exposure::Loopback));
    assert_eq!(exposure("127.0.0.1", &network()), Some(Exposure::Loopback));
    let by_d1 = received(&at("127.0.0.1%d1", Some(&by_d0)), "127.0.0.1");
    assert_eq!(by_d1, NEITHER, "it takes what comes in by another device");
}

#[test]
fn a_listener_says_whom_it_lets_in() {
    let network = network();
    let mut isolated = network.clone();
    for device in &mut isolated.devices.as_mut().unwrap()[1..] {
        device.is_up = false;
    }
    let reach = |end: &str, network: &Network| {
        let socket = at(end, Some(network));
        (
            format!("{:?}", socket.reach().unwrap()),
            socket.exposure().unwrap(),
        )
    };
    for (end, expected, exposure) in [
        ("0.0.0.0", "All", Exposure::All),
        ("10.9.0.1", "Address", Exposure::Address),
        ("127.0.0.1", "Loopback", Exposure::Loopback),
        ("0.0.0.0%lo", "LoopbackDevice", Exposure::Loopback),
        ("10.20.0.7%lo", "LoopbackDevice", Exposure::Loopback),
        ("0.0.0.0%d0", "Device(\"d0\")", Exposure::Address),
        ("10.9.1.1%d0", "AddressOnDevice(\"d0\")", Exposure::Address),
        ("fe80::1%d0", "Address", Exposure::Address),
        ("224.0.0.251", "Multicast", Exposure::Address),
        ("10.9.0.255", "Broadcast", Exposure::Address),
        ("10.99.0.1", "NoSuchAddress", Exposure::Address),
    ] {
        assert_eq!(
            reach(end, &network),
            (expected.to_owned(), exposure),
            "{end}"
        );
    }
    for end in ["0.0.0.0", "10.9.0.1", "0.0.0.0%d0", "::"] {
        let (said, exposure) = reach(end, &isolated);
        assert_eq!(
            (said.as_str(), exposure),
            ("Isolated", Exposure::Loopback),
            "{end}"
        );
    }
    let socket = at("10.9.0.1", Some(&isolated));
    assert_eq!(
        received(&socket, "10.9.0.1"),
        HERE,
        "the address of a device that is down"
    );
    let no_devices = Network {
        devices: None,
        ..network
    };
    assert_eq!(reach("0.0.0.0", &no_devices).1, Exposure::All);
}

/// A bridge leads in, its ports and a dummy do not.
#[test]
fn what_comes_in_by_a_port_of_a_bridge_comes_in_by_the_bridge() {
    let mut bridged = network();
    bridged.devices = Some(vec![
        device("lo", None, None),
        device("d0", Some("bridge"), None),
        device("d1", Some("veth"), Some("d0")),
    ]);
    assert_eq!(
        received(&at("0.0.0.0%d1", Some(&bridged)), "10.9.0.1"),
        NEITHER
    );
    assert_eq!(
        received(&at("0.0.0.0%d0", Some(&bridged)), "10.9.0.1"),
        BOTH
    );
    let mut alone = network();
    alone.devices = Some(vec![
        device("lo", None, None),
        device("d0", Some("dummy"), None),
    ]);
    assert!(alone.is_isolated());
}

/// As `inet_bound_dev_eq` in net/inet_sock.h and the VRF document of the kernel have it.
#[test]
fn a_vrf_is_a_network_of_its_own() {
    let mut vrf = network();
    vrf.devices = Some(vec![
        device("lo", None, None),
        device("d0", Some("veth"), None),
        device("d1", Some("veth"), Some("blue")),
        device("blue", Some("vrf"), None),
    ]);
    // The address is in the table of the VRF.
    let routes = vrf.routes.as_mut().unwrap();
    routes.retain(|route| route.device != "d1");
    let ask = |end: &str, address: &str, vrf: &Network| received(&at(end, Some(vrf)), address);
    assert_eq!(ask("0.0.0.0", "10.9.1.1", &vrf), NEITHER);
    assert_eq!(ask("0.0.0.0", "10.9.0.1", &vrf), BOTH);
    assert_eq!(ask("0.0.0.0%blue", "10.9.1.1", &vrf), [None, Some(true)]);
    assert_eq!(ask("0.0.0.0%d1", "10.9.1.1", &vrf), [None, Some(true)]);
    assert_eq!(ask("0.0.0.0%blue", "10.9.0.1", &vrf), NEITHER);
    assert_eq!(ask("0.0.0.0%d0", "10.9.1.1", &vrf), NEITHER);
    vrf.tcp_l3mdev_accept = Some(true);
    assert_eq!(ask("0.0.0.0", "10.9.1.1", &vrf), [None, Some(true)]);
    assert_eq!(received(&udp("0.0.0.0", &vrf), "10.9.1.1"), NEITHER);
}

/// What is accepted is bound to the device that the listener is bound to.
#[test]
fn a_listener_on_a_device_accepts_connections_on_that_device() {
    let connection = |end: &str| Socket {
        state: State::Established,
        ..at(end, None)
    };
    let accepts = |listener: &str, end: &str| at(listener, None).accepts(&connection(end));
    assert!(accepts("0.0.0.0%d0", "10.9.0.1%d0"));
    assert!(!accepts("0.0.0.0%d0", "10.9.0.1"));
    assert!(!accepts("0.0.0.0%d0", "10.9.0.1%d1"));
    assert!(accepts("::", "fe80::1%d0"));
    assert!(accepts("::", "10.9.0.1"));
    assert!(!accepts("0.0.0.0", "::1"));
}
