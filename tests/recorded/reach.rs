//! Who receives for an address, on recordings.

use serde_json::{Value, json};

use crate::contract::{allowed, list};
use crate::{portwho_fed, replay};

fn codes(document: &Value) -> Vec<&str> {
    let notes = list(&document["notes"]);
    notes
        .iter()
        .filter_map(|note| note["code"].as_str())
        .collect()
}

#[test]
fn an_address_of_another_machine_is_answered_with_the_connections_to_it() {
    let answer = replay("web1", &["203.0.113.9:22"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""));
    let said = "203.0.113.9 is not an address of this machine: 'portwho peer=203.0.113.9:22' looks \
                for connections to it";
    assert!(answer.stderr.contains(said), "{}", answer.stderr);
    let document = allowed(&replay("web1", &["203.0.113.0/24:22", "--json"]).stdout);
    assert_eq!(codes(&document), ["address-elsewhere"]);
    assert_eq!(
        (&document["complete"], &document["notes"][0]["count"]),
        (&json!(true), &json!(0))
    );
    // The other end of its connections.
    let peers = allowed(&replay("web1", &["-a", "--json"]).stdout);
    let peer = list(&peers["sockets"]).iter().find_map(|row| {
        let address = row["peer_address"].as_str()?;
        let is_far = address.contains('.') && !address.starts_with("127.") && address != "10.0.0.5";
        is_far.then(|| (address.to_owned(), row["peer_port"].as_u64().unwrap()))
    });
    let (address, port) = peer.expect("a connection to another machine");
    let address = address.trim_start_matches("::ffff:");
    let end = format!("{address}:{port}");
    let count =
        list(&allowed(&replay("web1", &[&format!("peer={end}"), "--json"]).stdout)["sockets"])
            .len();
    let told = allowed(&replay("web1", &[&end, "--json"]).stdout);
    assert_eq!(told["notes"][0]["count"], json!(count), "{told}");
    assert!(count > 0);
}

#[test]
fn where_addresses_are_not_known_it_cannot_be_told_who_receives_for_one() {
    let answer = replay("hidepid", &["10.0.0.9:22"]);
    assert_eq!(
        (answer.code, answer.stdout.as_str()),
        (3, ""),
        "{}",
        answer.stderr
    );
    let said = "the addresses of this machine cannot be read: 1 socket may receive there";
    assert!(answer.stderr.contains(said), "{}", answer.stderr);
    let document = allowed(&replay("hidepid", &["10.0.0.9:22", "--json"]).stdout);
    assert_eq!(document["complete"], json!(false));
    assert!(codes(&document).contains(&"addresses-unknown"));
    // The loopback is every machine's, and a socket's own address is its own.
    assert_eq!(replay("hidepid", &["127.0.0.1:22"]).code, 0);
    assert_eq!(replay("hidepid", &["10.0.0.5:22"]).code, 0);
}

/// A recording of a network with devices of its own.
fn recording(route_localnet: bool) -> String {
    let listener = |address: &str, port: u16, interface: u32| {
        json!({
            "protocol": "tcp", "state": "listen", "interface": interface, "uid": 0,
            "local": {"address": address, "port": port}, "peer": {"address": "0.0.0.0", "port": 0},
            "inode": port, "handle": port, "v6only": null, "recv_queue": 0, "send_queue": 0,
        })
    };
    let device = |name: &str, kind: Value| {
        json!({
            "name": name, "kind": kind, "is_loopback": name == "lo", "is_up": true, "master": null,
            "route_localnet": false,
        })
    };
    let route = |network: &str, length: u8, device: &str| json!({"network": network, "length": length, "device": device});
    json!({
        "version": 1, "about": "a recording",
        "machine": {"host": "router", "os": "Linux", "taken_at": 0},
        "zone": {"name": null, "offset": 0}, "users": {}, "processes": [],
        "holders": {"holders": [], "as_root": true, "refused": 0, "blind": []},
        "sockets": {
            "tables": [{
                "protocol": "tcp", "family": null, "via": "sock_diag", "outcome": "read",
                "sockets": [
                    listener("0.0.0.0", 7001, 2), listener("0.0.0.0", 7002, 1),
                    listener("127.0.0.1", 7003, 0), listener("0.0.0.0", 7004, 0),
                ],
            }],
            "interfaces": {"1": "lo", "2": "wan"}, "netns": 7, "sees_bound": true,
            "network": {
                "devices": [device("lo", Value::Null), device("wan", json!("veth"))],
                "addresses": [
                    {"address": "127.0.0.1", "interface": "lo"},
                    {"address": "10.7.7.1", "interface": "wan"},
                ],
                "routes": [
                    route("127.0.0.0", 8, "lo"), route("10.7.7.1", 32, "wan"),
                    route("10.8.0.0", 16, "lo"),
                ],
                "route_localnet": route_localnet,
                "tcp_l3mdev_accept": false, "udp_l3mdev_accept": false,
            },
        },
    })
    .to_string()
}

fn ports(recording: &str, arguments: &[&str]) -> Vec<u64> {
    let arguments = [&["--from", "-", "--json"], arguments].concat();
    let document = allowed(&portwho_fed(&arguments, recording.as_bytes()).stdout);
    let rows = list(&document["sockets"]).iter();
    rows.map(|row| row["local_port"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_recording_keeps_who_receives_for_an_address() {
    let closed = recording(false);
    let of = |address| ports(&closed, &[address]);
    assert_eq!(of("127.0.0.1"), [7002, 7003, 7004]);
    assert_eq!(of("10.7.7.1"), [7001, 7004]);
    assert_eq!(of("10.8.9.9"), [7001, 7002, 7004]);
    assert_eq!(of("10.7.7.0/24"), [7001, 7004]);
    assert_eq!(of("10.8.9.0/30"), [7001, 7002, 7004]);
    assert_eq!(of("10.7.8.0/24"), [0; 0]);
    assert_eq!(
        ports(&recording(true), &["127.0.0.1"]),
        [7001, 7002, 7003, 7004]
    );
    let shown = |recording: &str| {
        let arguments = [
            "--from",
            "-",
            "--format",
            "plain",
            "--columns",
            "port,reach",
        ];
        portwho_fed(&arguments, recording.as_bytes()).stdout
    };
    let told = "7001/tcp\taddress\n7002/tcp\tthis host\n7003/tcp\tthis host\n7004/tcp\teveryone\n";
    assert!(shown(&closed).ends_with(told), "{}", shown(&closed));
    let told = told.replace("7003/tcp\tthis host", "7003/tcp\taddress");
    assert!(shown(&recording(true)).ends_with(&told));
}

#[test]
fn a_redacted_recording_says_the_same_of_who_reaches_a_socket() {
    let mut capture =
        portwho::read::capture::Capture::read(&mut recording(true).as_bytes()).unwrap();
    capture.redact();
    let mut text = Vec::new();
    capture.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for secret in ["wan", "10.7.7", "10.8.0"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert_eq!(ports(&text, &["127.0.0.1"]), [7001, 7002, 7003, 7004]);
    assert_eq!(ports(&text, &["198.18.0.1"]), [7001, 7004], "{text}");
}

/// A page names the device to which a listener is bound.
#[test]
fn a_page_names_the_device_of_each_listener() {
    let why = |arguments: &[&str]| {
        let arguments = [&["why", "--from", "-"], arguments].concat();
        portwho_fed(&arguments, recording(false).as_bytes()).stdout
    };
    let page = why(&[":7001"]);
    assert!(
        page.contains("tcp 0.0.0.0%wan:7001  LISTEN  reachable through wan only"),
        "{page}"
    );
    assert!(
        page.contains("0.0.0.0%wan:7001/tcp  reached through wan at 10.7.7.1 (wan)"),
        "{page}"
    );
    let page = why(&[":7004"]);
    assert!(
        page.contains("0.0.0.0:7004/tcp  reached at 127.0.0.1 (lo), 10.7.7.1 (wan)"),
        "{page}"
    );
    let document = allowed(&why(&[":7002", "--json"]));
    assert_eq!(document["holders"][0]["listens_on"][0]["interface"], "lo");
    assert_eq!(
        document["holders"][0]["listens_on"][0]["reached_at"][0]["address"],
        "127.0.0.1"
    );
}
