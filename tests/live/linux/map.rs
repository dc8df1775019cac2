//! `map` on processes that pass connections on: what is a service, and who talks to whom.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::apart::{alone, ip, on_own_network};
use super::held::{Held, has_tool, helper_named, open_folder};
use super::users::Scene;
use crate::answer::{Answer, pids, portwho};
use crate::scene::{self, connection, port};

/// A relay under a name of its own, and the ports at which it listens.
fn relay(folder: &TempDir, name: &str, listeners: u32, to: &[u32]) -> io::Result<(Held, Vec<u32>)> {
    let path = folder.path().join(name);
    let path = if path.exists() {
        path
    } else {
        helper_named(folder, name)?
    };
    let mut command = Command::new(path);
    command.arg("relay").arg(listeners.to_string());
    command.args(to.iter().map(u32::to_string));
    // Outside of any project.
    Held::telling(command.current_dir("/"))
}

fn map(arguments: &[&str]) -> Answer {
    let answer = portwho(&[&["map"], arguments].concat());
    assert_eq!(answer.code, Some(0), "{answer:?}");
    answer
}

/// A service by its processes.
type Pids = Vec<u32>;

/// The links of a document: from, port, to, connections.
fn links(document: &Value) -> BTreeSet<(Pids, u64, Pids, u64)> {
    let services = document["services"].as_array().unwrap();
    let end = |id: &Value| match id.as_u64() {
        Some(id) => pids(&services[usize::try_from(id).unwrap()]),
        None => Vec::new(),
    };
    let links = document["links"].as_array().unwrap().iter();
    links
        .map(|link| {
            let number = |key: &str| link[key].as_u64().unwrap();
            let (from, to) = (end(&link["from"]), end(&link["to"]));
            (from, number("port"), to, number("connections"))
        })
        .collect()
}

#[test]
fn a_proxy_in_front_of_two_servers_is_seen_at_once() {
    let folder = open_folder();
    if let Err(why) = helper_named(&folder, "front") {
        skip!("{why}");
    }
    alone!(|| {
        let (left, left_port) = relay(&folder, "left", 1, &[]).unwrap();
        let (right, right_port) = relay(&folder, "right", 1, &[]).unwrap();
        let (left_port, right_port) = (left_port[0], right_port[0]);
        let targets = [left_port, left_port, right_port];
        let (front, front_port) = relay(&folder, "front", 1, &targets).unwrap();
        let front_port = front_port[0];
        let (client, _) = relay(&folder, "browser", 0, &[front_port]).unwrap();

        let [client, front, left, right] = [&client, &front, &left, &right].map(Held::pid);
        let expected = BTreeSet::from([
            (vec![client], front_port.into(), vec![front], 1),
            (vec![front], left_port.into(), vec![left], 2),
            (vec![front], right_port.into(), vec![right], 1),
        ]);
        assert_eq!(links(&map(&["--json"]).json()), expected);

        let text = map(&[&format!(":{front_port}")]).stdout;
        let lines: Vec<&str> = text.lines().collect();
        let [heading, by, first, second] = lines.as_slice() else {
            panic!("{text}");
        };
        assert!(heading.starts_with(&format!("front  127.0.0.1:{front_port}  pid {front}")));
        assert!(
            by.contains(&format!("← :{front_port}")) && by.contains("browser"),
            "{text}"
        );
        let mut servers = [(left_port, "left", 2), (right_port, "right", 1)];
        servers.sort_unstable();
        for ((port, name, count), line) in servers.into_iter().zip([first, second]) {
            assert!(line.contains(&format!("→ :{port}  {name}")), "{text}");
            assert!(line.contains(&format!("{count} connection")), "{text}");
        }
        for format in ["dot", "mermaid"] {
            let graph = map(&["--format", format]).stdout;
            for name in ["browser", "front", "left", "right"] {
                assert!(graph.contains(&format!("\"{name}")), "{graph}");
            }
            let arrow = if format == "dot" { " -> " } else { " -->|" };
            assert_eq!(graph.matches(arrow).count(), 3, "{graph}");
        }
    });
}

#[test]
fn a_chain_of_one_program_is_told_link_by_link() {
    let folder = open_folder();
    if let Err(why) = helper_named(&folder, "relay") {
        skip!("{why}");
    }
    alone!(|| {
        let (last, last_port) = relay(&folder, "relay", 1, &[]).unwrap();
        let (middle, middle_port) = relay(&folder, "relay", 1, &last_port).unwrap();
        let (first, _) = relay(&folder, "relay", 1, &middle_port).unwrap();
        let [first, middle, last] = [&first, &middle, &last].map(Held::pid);
        let expected = BTreeSet::from([
            (vec![first], middle_port[0].into(), vec![middle], 1),
            (vec![middle], last_port[0].into(), vec![last], 1),
        ]);
        assert_eq!(links(&map(&["--json"]).json()), expected);

        // The ends are neighbours of the middle, and not asked for.
        let document = map(&["--json", &format!("pid={middle}")]).json();
        assert_eq!(links(&document), expected);
        let services = document["services"].as_array().unwrap();
        let asked = services.iter().filter(|one| one["asked"] == true);
        assert_eq!(asked.map(pids).collect::<Vec<_>>(), [[middle]]);
        // What is two steps away is no neighbour.
        let document = map(&["--json", &format!("pid={last}")]).json();
        assert_eq!(links(&document).len(), 1);
    });
}

#[test]
fn workers_are_one_service_whoever_of_them_has_the_connection() {
    let (parent, told) = match Held::helper("workers") {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let (port, workers) = told.split_first().unwrap();
    let to = u16::try_from(*port).unwrap();
    let _client = TcpStream::connect(("127.0.0.1", to)).unwrap();
    let document = map(&["--json", &format!("tcp:{port}")]).json();
    let mut all: Vec<u32> = workers.to_vec();
    all.push(parent.pid());
    all.sort_unstable();
    let services = document["services"].as_array().unwrap();
    let asked: Vec<_> = services.iter().filter(|one| one["asked"] == true).collect();
    let [service] = asked.as_slice() else {
        panic!("{document:#}");
    };
    assert_eq!(pids(service), all);
    // Nobody has accepted it: it is its listener's.
    let links = links(&document);
    let own = links
        .iter()
        .find(|(_, at, ..)| *at == u64::from(*port))
        .unwrap();
    assert_eq!((&own.2, own.3), (&all, 1), "{document:#}");
    assert!(own.0.contains(&std::process::id()), "{document:#}");
}

#[test]
fn what_an_ordinary_user_cannot_see_stays_on_the_map() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let _pair = connection(&scene.root);
    let place = format!("tcp:{}", port(&scene.root));
    let answer = scene.ask(&["map", "--json", &place]).unwrap();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["complete"], false);
    let services = document["services"].as_array().unwrap();
    let server = services.iter().find(|one| one["asked"] == true).unwrap();
    assert_eq!(
        (&server["owner_status"], &server["label"]),
        (&"hidden".into(), &"(hidden)".into())
    );
    let link = &document["links"][0];
    assert_eq!(
        (&link["to"], &link["connections"]),
        (&server["id"], &1.into()),
        "{document:#}"
    );
    assert!(
        link["from"].is_u64(),
        "a client on this machine is no stranger: {document:#}"
    );
    let named = scene.ask(&["map", "name=no-such-name"]).unwrap();
    assert_eq!(named.code, Some(3), "{named:?}");
}

#[test]
fn an_own_address_is_not_elsewhere() {
    alone!(|| {
        // Documentation addresses, RFC 5737.
        for address in ["192.0.2.1/32", "192.0.2.2/32"] {
            ip(&["address", "add", address, "dev", "lo"]).unwrap();
        }
        // Nobody is at the other ends; a datagram socket does not ask.
        let own = UdpSocket::bind("192.0.2.1:0").unwrap();
        own.connect("192.0.2.2:9").unwrap();
        let loopback = UdpSocket::bind("127.0.0.1:0").unwrap();
        loopback.connect("127.0.0.1:9").unwrap();
        let document = map(&["--json"]).json();
        let links = document["links"].as_array().unwrap();
        let peers: BTreeSet<_> = links
            .iter()
            .flat_map(|link| link["peers"].as_array().unwrap())
            .map(|peer| {
                (
                    peer["address"].as_str().unwrap(),
                    &peer["on_this_machine"] == true,
                )
            })
            .collect();
        let expected = BTreeSet::from([("127.0.0.1", true), ("192.0.2.2", true)]);
        assert_eq!(peers, expected, "{document:#}");
        for format in ["text", "dot", "mermaid"] {
            let told = map(&["--format", format]).stdout;
            assert!(!told.contains("elsewhere"), "{told}");
            assert_eq!(told.matches("(not seen)").count(), 2, "{told}");
        }
    });
}

#[test]
fn one_program_at_one_port_of_two_namespaces_is_two_services() {
    let folder = open_folder();
    let program = match helper_named(&folder, "twin") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let twin = |listener: TcpListener| {
        let port = port(&listener);
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let held = Held::holding(Command::new(&program).current_dir("/"), listener).unwrap();
        (held, client, port)
    };
    let mine = match on_own_network(|| twin(scene::listener())) {
        Ok(mine) => mine,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let (one, _client, port) = mine;
    let again = || twin(TcpListener::bind(("127.0.0.1", port)).unwrap());
    let (other, _other_client, _) = on_own_network(again).unwrap();

    let place = format!(":{port}");
    let document = map(&["--all-netns", "--json", &place]).json();
    let services = document["services"].as_array().unwrap();
    for held in [&one, &other] {
        let service = services.iter().find(|one| pids(one) == [held.pid()]);
        let listener = &service.expect("a service of its own")["listeners"][0];
        let link = std::fs::read_link(format!("/proc/{}/ns/net", held.pid())).unwrap();
        assert_eq!(
            link.to_str().unwrap(),
            format!("net:[{}]", listener["netns"])
        );
        assert_eq!(listener["netns_name"], Value::Null);
        let own = links(&document);
        let own: Vec<_> = own.iter().filter(|link| link.2 == [held.pid()]).collect();
        let [(_, at, _, count)] = own.as_slice() else {
            panic!("{document:#}");
        };
        assert_eq!((*at, *count), (u64::from(port), 1), "{document:#}");

        let netns = format!("in netns {}", listener["netns"]);
        let pid = format!("pid {}", held.pid());
        for format in ["text", "dot", "mermaid"] {
            let told = map(&["--all-netns", "--format", format, &place]).stdout;
            let mut lines = told.lines();
            let is_told = lines.any(|line| line.contains(&pid) && line.contains(&netns));
            assert!(is_told, "{pid}, {netns} in {told}");
        }
    }
}

#[test]
fn graphviz_draws_this_machine() {
    if !has_tool("dot") {
        skip!("there is no dot");
    }
    let listener = scene::listener();
    let _pair = connection(&listener);
    let digraph = map(&["--format", "dot"]).stdout;
    let turn = crate::answer::turn();
    let mut dot = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(turn);
    let mut input = dot.stdin.take().unwrap();
    input.write_all(digraph.as_bytes()).unwrap();
    drop(input);
    let drawn = dot.wait_with_output().unwrap();
    // It may lack fonts, and say so.
    let complaint = String::from_utf8_lossy(&drawn.stderr);
    assert!(
        drawn.status.success() && !complaint.contains("syntax"),
        "{complaint}"
    );
    let svg = String::from_utf8(drawn.stdout).unwrap();
    assert!(svg.contains(&format!(":{}", port(&listener))), "{svg}");
}
