//! The ways to read agree on one scene, with each other and with ss(8).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use serde_json::Value;

use super::held::{Held, NO_SOCK_DIAG, answers_sock_diag, has_tool, inode, rows_of};
use crate::answer::{at, pids, portwho, run};
use crate::scene::{self, port, until};

/// Sockets that stay as they are while several programs look at them.
struct Scene {
    listeners: Vec<TcpListener>,
    connection: (TcpStream, TcpStream),
    udp: UdpSocket,
    _held: Held,
}

impl Scene {
    fn new() -> Self {
        let mut listeners = vec![scene::listener(), scene::listener()];
        listeners.extend(
            [true, false]
                .map(scene::wildcard_listener)
                .into_iter()
                .flatten(),
        );
        let connection = scene::connection(&listeners[1]);
        Self {
            _held: Held::sleep(listeners[0].try_clone().unwrap()),
            connection,
            udp: scene::udp(),
            listeners,
        }
    }

    fn inodes(&self) -> Vec<u64> {
        let mut inodes: Vec<u64> = self.listeners.iter().map(inode).collect();
        inodes.extend([inode(&self.connection.0), inode(&self.connection.1)]);
        inodes.push(inode(&self.udp));
        inodes
    }

    /// What a source tells of the scene, row by row.
    fn told_by(&self, source: &str, fields: &[&str]) -> BTreeSet<String> {
        let answer = portwho(&["-a", "--json", "--source", source]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let rows = answer.rows();
        let tell = |row: &Value| {
            let facts: Vec<String> = fields.iter().map(|field| row[*field].to_string()).collect();
            format!("{} {:?}", facts.join(" "), pids(row))
        };
        let inodes = self.inodes();
        let found = inodes.iter().flat_map(|inode| rows_of(&rows, *inode));
        found.map(tell).collect()
    }
}

#[test]
fn the_native_reader_sees_what_the_portable_one_sees() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let scene = Scene::new();
    let fields = ["protocol", "state", "local_address", "local_port"];
    let native = scene.told_by("native", &fields);
    assert_eq!(native.len(), scene.inodes().len(), "{native:#?}");
    let portable = scene.told_by("portable", &fields);
    assert_eq!(portable.len(), native.len(), "{portable:#?}");
    assert!(native.is_superset(&portable), "{native:#?} {portable:#?}");
}

#[test]
fn proc_net_and_sock_diag_agree() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let scene = Scene::new();
    let fields = [
        "protocol",
        "family",
        "state",
        "local_address",
        "local_port",
        "peer_address",
        "peer_port",
        "exposure",
        "uid",
        "user",
        "inode",
        "netns",
        "recv_queue",
        "owner_status",
    ];
    let native = scene.told_by("native", &fields);
    assert_eq!(native.len(), scene.inodes().len(), "{native:#?}");
    assert_eq!(native, scene.told_by("proc", &fields));
    assert_eq!(native, scene.told_by("auto", &fields));
}

/// One line of `ss -H`, in the words of the JSON contract: protocol, state, address and port, peer's port.
type Line = (String, String, String, Option<u16>, Option<u16>);

fn parse_ss(line: &str, protocol: Option<&str>) -> Option<Line> {
    let mut words = line.split_whitespace();
    let protocol = protocol.or_else(|| words.next())?;
    let state = match words.next()? {
        "ESTAB" => "established".into(),
        "UNCONN" => "unconnected".into(),
        state => state.to_lowercase().replace('-', "_"),
    };
    let mut ends = words.skip(2).map(|end| end.rsplit_once(':'));
    let ((address, port), (_, peer)) = (ends.next()??, ends.next()??);
    // ss writes a socket of both families as '*'.
    let address = address.trim_matches(['[', ']']).replace('*', "::");
    Some((
        protocol.into(),
        state,
        address,
        port.parse().ok(),
        peer.parse().ok(),
    ))
}

fn line_of(row: &Value) -> Line {
    let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let port = |field: &str| row[field].as_u64().map(|port| port.try_into().unwrap());
    let (local, peer) = (port("local_port"), port("peer_port"));
    (
        text("protocol"),
        text("state"),
        text("local_address"),
        local,
        peer,
    )
}

#[test]
fn ss_lists_the_same_sockets() {
    if !has_tool("ss") {
        skip!("ss is not there");
    }
    let scene = Scene::new();
    let (waiting, accepted) = scene::connection(&scene.listeners[1]);
    drop(accepted);
    drop(waiting);
    let server = port(&scene.listeners[1]);
    until("TIME-WAIT", || {
        let rows = portwho(&[&format!("tcp:{server}"), "--json"]).rows();
        let rows = at(&rows, "tcp", server);
        rows.iter()
            .any(|row| row["state"] == "time_wait")
            .then_some(())
    });
    // An address with its port is the scene's alone, where the port alone need not be.
    let locals = scene.listeners.iter().map(|listener| listener.local_addr());
    let locals = locals.chain([scene.connection.0.local_addr(), scene.udp.local_addr()]);
    let locals: BTreeSet<_> = locals.map(Result::unwrap).collect();
    let is_ours = |line: &Line| {
        let address = line.2.parse::<IpAddr>().ok();
        let end = address.zip(line.3).map(SocketAddr::from);
        end.is_some_and(|end| locals.contains(&end))
    };
    for (options, protocol) in [("-tuna", None), ("-tln", Some("tcp"))] {
        let look = || -> (BTreeSet<Line>, BTreeSet<Line>) {
            let ss = run(Command::new("ss").args(["-H", options]));
            assert_eq!(ss.code, Some(0), "{ss:?}");
            let lines = ss
                .stdout
                .lines()
                .filter_map(|line| parse_ss(line, protocol));
            let theirs = lines.filter(is_ours).collect();
            let rows = portwho(&[options, "--json"]).rows();
            (rows.iter().map(line_of).filter(is_ours).collect(), theirs)
        };
        // A client of another test may have the port of the scene's client for another peer, and be
        // gone between the two looks; what lasts, both must see.
        let mut looks = (0..10).map(|_| look());
        let (ours, theirs) = looks
            .find(|(ours, theirs)| ours == theirs)
            .unwrap_or_else(look);
        let least = if protocol.is_some() {
            scene.listeners.len()
        } else {
            6
        };
        assert!(ours.len() >= least, "{ours:#?}");
        assert_eq!(ours, theirs, "{options}");
    }
}
