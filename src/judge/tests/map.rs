//! Who talks to whom, in scenes of a few sockets.

use super::*;
use crate::model::{Owners, Unit};
use crate::select::{Place, Query, View};

mod namespaces;
mod pools;

fn end(text: &str) -> Endpoint {
    let at: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(at.ip(), at.port())
}

fn listens(at: &str, program: &str, pid: u32) -> Row {
    let mut row = listener("::", Some(false), program, pid);
    row.socket.local = end(at);
    row
}

fn talks(local: &str, peer: &str, program: &str, pid: u32) -> Row {
    let mut row = listens(local, program, pid);
    row.socket.state = State::Established;
    row.socket.peer = Some(end(peer));
    row
}

/// Both ends of a connection on this machine.
fn connected(client: (&str, u32), local: &str, server: (&str, u32), peer: &str) -> [Row; 2] {
    [
        talks(local, peer, client.0, client.1),
        talks(peer, local, server.0, server.1),
    ]
}

fn with(row: Row, change: impl FnOnce(&mut Process)) -> Row {
    let mut process = (*row.owners[0].process).clone();
    change(&mut process);
    let process = Rc::new(process);
    Row {
        owners: Owners::One(Owner {
            process,
            fds: Descriptors::Unknown,
        }),
        ..row
    }
}

fn unowned(row: Row, owner_status: OwnerStatus, inode: Option<u64>) -> Row {
    let inode = inode.and_then(NonZeroU64::new);
    let socket = Socket {
        inode,
        handle: inode,
        ..row.socket
    };
    Row {
        socket,
        owner_status,
        owners: Owners::Nobody,
        role: None,
    }
}

fn in_unit(row: Row, name: &str) -> Row {
    with(row, |process| {
        process.meaning.unit = Some(Unit {
            name: Foreign::new(name),
            slice: None,
            manager: crate::model::Manager::System,
            user: None,
            claimed: false,
        });
    })
}

fn system() -> Limits {
    Limits {
        ephemeral: Some((32768, 60999)),
        addresses: vec![[127, 0, 0, 1].into(), [10, 0, 0, 5].into()],
        ..Limits::default()
    }
}

/// `nginx 1100,1101`; of a holder that is not seen, how much is known.
fn called(map: &Map, rows: &[Row], at: Option<usize>) -> String {
    let Some(service) = at.map(|at| &map.services[at]) else {
        return "elsewhere".into();
    };
    let Some(first) = service.owners.first() else {
        return rows[service.rows[0]].owner_status.as_str().into();
    };
    let pids: Vec<_> = service
        .owners
        .iter()
        .map(|owner| owner.process.key.pid.to_string())
        .collect();
    format!("{} {}", first.process.name.unclean(), pids.join(","))
}

/// `curl 1 -> :80 nginx 2 x1`, in the order of the map.
fn told(map: &Map, rows: &[Row]) -> Vec<String> {
    let link = |link: &Link| {
        let ends = [link.from, link.to].map(|at| called(map, rows, at));
        let [from, to] = ends;
        format!("{from} -> :{} {to} x{}", link.port, link.connections)
    };
    map.links.iter().map(link).collect()
}

fn links(rows: &[Row]) -> Vec<String> {
    told(&map(rows, &system(), None), rows)
}

fn services(rows: &[Row]) -> Vec<String> {
    let map = map(rows, &system(), None);
    let all = 0..map.services.len();
    all.map(|at| called(&map, rows, Some(at))).collect()
}

fn proxy() -> Vec<Row> {
    let (nginx, node, python) = (("nginx", 1), ("node", 2), ("python3", 3));
    [
        vec![
            listens("0.0.0.0:443", "nginx", 1),
            listens("127.0.0.1:3000", "node", 2),
            listens("127.0.0.1:4000", "python3", 3),
            talks("10.0.0.5:443", "198.51.100.7:50001", "nginx", 1),
            talks("10.0.0.5:443", "198.51.100.8:50001", "nginx", 1),
            talks("127.0.0.1:41000", "192.0.2.9:5432", "node", 2),
            talks("127.0.0.1:41001", "192.0.2.9:5432", "node", 2),
        ],
        connected(nginx, "127.0.0.1:40001", node, "127.0.0.1:3000").to_vec(),
        connected(nginx, "127.0.0.1:40002", node, "127.0.0.1:3000").to_vec(),
        connected(nginx, "127.0.0.1:40003", python, "127.0.0.1:4000").to_vec(),
    ]
    .concat()
}

const PROXIED: [&str; 4] = [
    "nginx 1 -> :3000 node 2 x2",
    "nginx 1 -> :4000 python3 3 x1",
    "elsewhere -> :443 nginx 1 x2",
    "node 2 -> :5432 elsewhere x2",
];

#[test]
fn a_proxy_stands_between_elsewhere_and_its_backends() {
    let rows = proxy();
    let map = map(&rows, &system(), None);
    assert_eq!(told(&map, &rows), PROXIED);
    assert_eq!(
        services(&rows),
        ["nginx 1", "node 2", "python3 3"],
        "by port"
    );
    let inbound = map.links.iter().find(|link| link.from.is_none()).unwrap();
    assert_eq!(inbound.peers.len(), 2);
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    let mut rows = proxy();
    for _ in 0..rows.len() {
        rows.rotate_left(1);
        assert_eq!(links(&rows), PROXIED);
    }
    rows.reverse();
    assert_eq!(links(&rows), PROXIED);
}

#[test]
fn a_chain_of_one_program_is_a_chain() {
    let rows = [
        vec![
            listens("127.0.0.1:5001", "relay", 1),
            listens("127.0.0.1:5002", "relay", 2),
            listens("127.0.0.1:5003", "relay", 3),
        ],
        connected(
            ("relay", 1),
            "127.0.0.1:40001",
            ("relay", 2),
            "127.0.0.1:5002",
        )
        .to_vec(),
        connected(
            ("relay", 2),
            "127.0.0.1:40002",
            ("relay", 3),
            "127.0.0.1:5003",
        )
        .to_vec(),
    ]
    .concat();
    let chain = ["relay 1 -> :5002 relay 2 x1", "relay 2 -> :5003 relay 3 x1"];
    assert_eq!(links(&rows), chain);
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|row| in_unit(row, "a.service"))
        .collect();
    assert_eq!(links(&rows), chain, "of one unit");
}

#[test]
fn a_holder_that_cannot_be_seen_is_shown_and_not_guessed() {
    let [client, server] = connected(("x", 1), "127.0.0.1:40000", ("y", 2), "127.0.0.1:3000");
    let rows = [
        unowned(
            listens("127.0.0.1:3000", "y", 2),
            OwnerStatus::Hidden,
            Some(1),
        ),
        unowned(
            listens("127.0.0.1:4000", "z", 2),
            OwnerStatus::Hidden,
            Some(2),
        ),
        unowned(client, OwnerStatus::Hidden, Some(3)),
        unowned(server, OwnerStatus::Hidden, Some(4)),
        unowned(
            listens("0.0.0.0:2049", "nfsd", 2),
            OwnerStatus::None,
            Some(5),
        ),
    ];
    assert_eq!(links(&rows), ["hidden -> :3000 hidden x1"]);
    assert_eq!(services(&rows), ["none", "hidden", "hidden", "hidden"]);
}

#[test]
fn a_connection_that_nobody_has_accepted_goes_to_the_listener() {
    let [client, server] = connected(("curl", 1), "127.0.0.1:40000", ("", 0), "127.0.0.1:3000");
    let rows = [
        listens("127.0.0.1:3000", "node", 2),
        client,
        unowned(server, OwnerStatus::None, None),
    ];
    assert_eq!(links(&rows), ["curl 1 -> :3000 node 2 x1"]);
}

#[test]
fn what_no_process_has_any_more_is_left_out() {
    let mut over = unowned(
        talks("10.0.0.5:3000", "192.0.2.1:50000", "", 0),
        OwnerStatus::None,
        None,
    );
    for state in [
        State::FinWait1,
        State::FinWait2,
        State::LastAck,
        State::TimeWait,
    ] {
        over.socket.state = state;
        let rows = [listens("0.0.0.0:3000", "node", 2), over.clone()];
        assert!(links(&rows).is_empty(), "{state:?}");
    }
}

#[test]
fn a_client_that_has_not_let_go_still_shows_whose_it_was() {
    let mut client = talks("127.0.0.1:40000", "127.0.0.1:6379", "node", 1);
    client.socket.state = State::CloseWait;
    let rows = [listens("0.0.0.0:6379", "redis", 2), client.clone()];
    assert_eq!(links(&rows), ["node 1 -> :6379 redis 2 x1"]);
    let map = map(&[client], &system(), None);
    assert!(map.links[0].peers.first().unwrap().is_here);
    assert!(!map.links[0].is_listening);
}

#[test]
fn without_a_listener_the_ports_tell_who_connected() {
    let rows = connected(("old", 1), "127.0.0.1:8080", ("curl", 2), "127.0.0.1:40000");
    let map = map(&rows, &system(), None);
    assert_eq!(told(&map, &rows), ["curl 2 -> :8080 old 1 x1"]);
    assert!(!map.links[0].is_listening);
    let rows = [talks("10.0.0.5:8080", "192.0.2.1:50000", "old", 1)];
    assert_eq!(links(&rows), ["elsewhere -> :8080 old 1 x1"]);
}

#[test]
fn a_connection_of_a_socket_to_itself_is_counted_as_one() {
    let rows = [talks("127.0.0.1:5000", "127.0.0.1:5000", "old", 1)];
    let map = map(&rows, &system(), None);
    assert_eq!(told(&map, &rows), ["old 1 -> :5000 old 1 x1"]);
    assert_eq!(map.links[0].self_connections, 1);
    let two = connected(("a", 1), "127.0.0.1:5000", ("b", 2), "127.0.0.1:5001");
    assert_eq!(
        super::map(&two, &system(), None).links[0].self_connections,
        0
    );
}

#[test]
fn a_mapped_address_is_the_same_end() {
    let rows = [
        listens("[::]:5432", "postgres", 1),
        talks(
            "[::ffff:127.0.0.1]:5432",
            "[::ffff:127.0.0.1]:40000",
            "postgres",
            1,
        ),
        talks("127.0.0.1:40000", "127.0.0.1:5432", "psql", 2),
    ];
    assert_eq!(links(&rows), ["psql 2 -> :5432 postgres 1 x1"]);
}

#[test]
fn loopback_is_another_in_another_namespace() {
    let rows = connected(("curl", 1), "127.0.0.1:40000", ("web", 2), "127.0.0.1:80");
    let [mut client, server] = rows;
    client.socket = client.socket.in_netns(Some(7));
    let told = links(&[listens("127.0.0.1:80", "web", 2), client, server]);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_datagram_client_talks_to_who_receives_at_its_peer() {
    let udp = |mut row: Row, state: State| {
        row.socket.protocol = Protocol::Udp;
        row.socket.state = state;
        row
    };
    let rows = [
        udp(listens("0.0.0.0:53", "dnsmasq", 1), State::Unconnected),
        udp(
            talks("127.0.0.1:40000", "127.0.0.1:53", "dig", 2),
            State::Established,
        ),
    ];
    assert_eq!(links(&rows), ["dig 2 -> :53 dnsmasq 1 x1"]);
}

#[test]
fn narrowing_leaves_what_is_asked_for_and_its_neighbours() {
    let rows = proxy();
    let asked = Query {
        view: View::Everything,
        names: vec!["python".into()],
        ..Query::default()
    };
    let narrowed = map(&rows, &system(), None).narrow(&rows, &asked);
    assert_eq!(told(&narrowed, &rows), ["nginx 1 -> :4000 python3 3 x1"]);
    let is_asked: Vec<bool> = narrowed.services.iter().map(|one| one.is_asked).collect();
    assert_eq!(is_asked, [false, true]);
    let port = Query {
        view: View::Everything,
        places: vec![Place {
            ports: Some(crate::model::PortSet::one(443)),
            ..Place::default()
        }],
        ..Query::default()
    };
    let narrowed = map(&rows, &system(), None).narrow(&rows, &port);
    assert_eq!(narrowed.links.len(), 3);
    let nothing = Query {
        names: vec!["absent".into()],
        ..asked
    };
    assert_eq!(
        map(&rows, &system(), None).narrow(&rows, &nothing),
        Map::default()
    );
}
