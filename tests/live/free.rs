//! `free`, on every system: the ports that it names are free, and they are as asked for.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::answer::{Answer, portwho};
use crate::scene::{self, port, until};

/// The ports that are named, one a line.
fn ports(answer: &Answer) -> Vec<u16> {
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.complaints().is_empty(), "{answer:?}");
    let lines = answer.stdout.lines();
    lines.map(|line| line.parse().unwrap()).collect()
}

/// Asks until the ports that are named can be bound: another program may be faster.
fn bound<T>(arguments: &[&str], bind: impl Fn(u16) -> std::io::Result<T>) -> (Vec<u16>, Vec<T>) {
    until("ports that stay free", || {
        let ports = ports(&portwho(&[&["free"], arguments].concat()));
        let bound: Result<Vec<T>, _> = ports.iter().map(|port| bind(*port)).collect();
        bound.ok().map(|bound| (ports, bound))
    })
}

fn bind_tcp(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
}

#[test]
fn the_port_that_is_named_can_be_bound() {
    let (ports, _held) = bound(&[], bind_tcp);
    assert_eq!(ports.len(), 1);
    assert!(ports[0] >= 1024, "{ports:?}");
    let (ports, _held) = bound(&["--udp"], |port| UdpSocket::bind(("0.0.0.0", port)));
    assert_eq!(ports.len(), 1);
    let (ports, _held) = bound(&["--address", "127.0.0.1"], |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
    });
    assert_eq!(ports.len(), 1);
}

#[test]
fn several_ports_are_different_and_in_order() {
    let (ports, _held) = bound(&["20000-29999", "--count", "5"], bind_tcp);
    assert_eq!(ports.len(), 5);
    assert!(ports.is_sorted_by(|a, b| a < b), "{ports:?}");
    let is_asked = |port: &u16| (20_000..=29_999).contains(port);
    assert!(ports.iter().all(is_asked), "{ports:?}");
}

#[test]
fn consecutive_ports_follow_each_other() {
    let (ports, _held) = bound(&["--count", "3", "--consecutive"], bind_tcp);
    let first = ports[0];
    assert_eq!(ports, [first, first + 1, first + 2]);
}

#[test]
fn one_seed_gives_the_same_ports_again() {
    let ask = |seed: &str| ports(&portwho(&["free", "-n", "4", "--seed", seed]));
    let first = until("a machine on which no port changes", || {
        let first = ask("7");
        (ask("7") == first).then_some(first)
    });
    let others = ["8", "9", "10"].map(ask);
    assert!(others.iter().any(|other| *other != first), "{first:?}");
}

#[test]
fn a_range_that_is_held_has_none() {
    let listener = scene::listener();
    let port = port(&listener).to_string();
    for arguments in [
        ["free", &port].as_slice(),
        &["free", &port, "--address", "127.0.0.1"],
    ] {
        let answer = portwho(arguments);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert_eq!(answer.stdout, "");
        let complaints = answer.complaints();
        assert_eq!(complaints.len(), 1, "{answer:?}");
    }
    let json = portwho(&["free", &port, "--json"]);
    assert_eq!(json.code, Some(1), "{json:?}");
    let document = json.json();
    assert_eq!(document["ports"], serde_json::json!([]));
    assert_eq!(document["asked"], 1);
}

#[test]
fn a_held_udp_port_is_no_free_udp_port() {
    let socket = scene::udp();
    let port = socket.local_addr().unwrap().port().to_string();
    let answer = portwho(&["free", &port, "--udp"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
}

#[test]
fn fewer_than_asked_is_not_enough() {
    let (neighbours, _held) = bound(&["-n", "2", "--consecutive"], |port| {
        // The second one stays free.
        bind_tcp(port).map(|socket| (port % 2 == 0).then_some(socket))
    });
    let range = format!("{}-{}", neighbours[0], neighbours[1]);
    let answer = portwho(&["free", &range, "--count", "2"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
    assert!(answer.stderr.contains("of 2"), "{answer:?}");
}

#[test]
fn json_tells_what_was_asked_and_found() {
    let answer = portwho(&[
        "free",
        "--json",
        "--count",
        "2",
        "--udp",
        "--address",
        "127.0.0.1",
    ]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["kind"], "free");
    assert_eq!(document["protocol"], "udp");
    assert_eq!(document["address"], "127.0.0.1");
    assert_eq!(document["asked"], 2);
    assert_eq!(document["ports"].as_array().map(Vec::len), Some(2));
}

#[test]
fn bad_usage_is_exit_2() {
    for arguments in [
        ["90-80"].as_slice(),
        &["0"],
        &["x"],
        &["--count", "0"],
        &["--count", "70000"],
        &["--address", "localhost:80"],
        &["--address", "10.0.0.0/8"],
        &["--json", "--exec", "true"],
        &["--exec"],
        &["--exec", "--"],
        &["--json", "--", "true"],
    ] {
        let answer = portwho(&[&["free"], arguments].concat());
        assert_eq!(answer.code, Some(2), "{arguments:?} {answer:?}");
        assert_eq!(answer.stdout, "", "{arguments:?}");
        assert!(answer.stderr.starts_with("portwho: "), "{answer:?}");
    }
}
