//! What is apart because it is in another network namespace, and which ends are of this machine.

use super::*;
use crate::model::InterfaceAddress;

const OWN: Option<u64> = Some(1);

fn within(mut row: Row, netns: u64) -> Row {
    row.socket = row.socket.in_netns(Some(netns));
    row
}

fn links_of(rows: &[Row]) -> Vec<String> {
    told(&map(rows, &system(), OWN), rows)
}

/// What is told of the only end that is not seen.
fn peer(rows: &[Row]) -> Peer {
    let map = map(rows, &system(), OWN);
    let peers = map.links.iter().flat_map(|link| &link.peers);
    let peers: Vec<&Peer> = peers.collect();
    let [peer] = peers.as_slice() else {
        panic!("{peers:?}");
    };
    (*peer).clone()
}

#[test]
fn one_program_at_one_port_of_two_namespaces_is_two_services() {
    let listener = |pid| listens("127.0.0.1:80", "nginx", pid);
    let rows = [within(listener(1), 1), within(listener(2), 2)];
    assert_eq!(services(&rows), ["nginx 1", "nginx 2"]);
    let rows = rows.map(|row| within(row, 1));
    assert_eq!(services(&rows), ["nginx 1,2"]);
}

#[test]
fn clients_of_two_namespaces_are_two_services() {
    let client = |pid| talks("10.0.0.7:40000", "192.0.2.1:443", "curl", pid);
    let rows = [within(client(1), 1), within(client(2), 2)];
    assert_eq!(services(&rows), ["curl 1", "curl 2"]);
    let rows = rows.map(|row| in_unit(row, "fetch.service"));
    assert_eq!(services(&rows), ["curl 1", "curl 2"]);
}

#[test]
fn unseen_holders_of_two_namespaces_are_two() {
    let hidden = |netns| {
        let row = listens("127.0.0.1:80", "nginx", 1);
        within(unowned(row, OwnerStatus::Hidden, Some(netns)), netns)
    };
    assert_eq!(services(&[hidden(1), hidden(2)]).len(), 2);
    assert_eq!(services(&[hidden(1), within(hidden(2), 1)]).len(), 1);
}

#[test]
fn an_unseen_loopback_is_of_its_namespace() {
    // A process may have sockets in both.
    let client = || talks("127.0.0.1:40000", "127.0.0.1:81", "curl", 1);
    let rows = [within(client(), 1), within(client(), 2)];
    assert_eq!(links_of(&rows), ["curl 1 -> :81 elsewhere x1"; 2]);
    for (netns, row) in [1, 2].into_iter().zip(&rows) {
        let peer = peer(std::slice::from_ref(row));
        assert_eq!((peer.is_here, peer.netns), (true, Some(netns)));
    }
}

#[test]
fn whoever_connects_from_this_machine_is_apart_from_who_does_from_elsewhere() {
    let server = |peer| talks("10.0.0.5:80", peer, "nginx", 1);
    let rows = [
        listens("0.0.0.0:80", "nginx", 1),
        server("127.0.0.1:40000"),
        server("10.0.0.5:40001"),
        server("192.0.2.1:40002"),
        server("192.0.2.2:40003"),
    ];
    assert_eq!(links(&rows), ["elsewhere -> :80 nginx 1 x2"; 2]);
}

#[test]
fn an_own_address_is_of_this_machine_in_any_namespace() {
    let peer_of = |local, to| peer(&[within(talks(local, to, "curl", 1), 2)]);
    let own = peer_of("172.17.0.2:40000", "10.0.0.5:81");
    assert_eq!((own.is_here, own.netns), (true, OWN), "of the reader's");
    let own = peer_of("172.17.0.2:40000", "172.17.0.2:81");
    assert_eq!((own.is_here, own.netns), (true, Some(2)), "of the socket's");
    let far = peer_of("172.17.0.2:40000", "192.0.2.1:81");
    assert_eq!((far.is_here, far.netns), (false, None));
}

#[test]
fn a_listener_of_another_namespace_does_not_take_what_goes_to_this_one() {
    let client = within(talks("172.17.0.2:40000", "10.0.0.5:80", "curl", 1), 2);
    let listener = |netns, name, pid| within(listens("0.0.0.0:80", name, pid), netns);
    let rows = [client, listener(1, "nginx", 2), listener(2, "apache", 3)];
    assert_eq!(links_of(&rows), ["curl 1 -> :80 nginx 2 x1"]);
}

#[test]
fn an_address_that_one_other_namespace_has_is_of_this_machine() {
    let having = |address: &str| {
        vec![InterfaceAddress {
            address: address.parse().unwrap(),
            interface: "eth0".into(),
        }]
    };
    let limits = Limits {
        elsewhere: [
            (2, having("172.17.0.2")),
            (3, having("172.17.0.3")),
            (4, having("172.17.0.4")),
            (5, having("172.17.0.4")),
        ]
        .into(),
        ..system()
    };
    let peer_of = |netns, to: &str| {
        let rows = [within(talks("10.9.0.9:40000", to, "curl", 1), netns)];
        let map = map(&rows, &limits, OWN);
        let peer = map.links[0].peers.first().unwrap().clone();
        (peer.is_here, peer.netns)
    };
    assert_eq!(peer_of(1, "172.17.0.2:81"), (true, Some(2)));
    assert_eq!(peer_of(2, "172.17.0.3:81"), (true, Some(3)));
    assert_eq!(peer_of(1, "172.17.0.4:81"), (false, None), "of which?");
    assert_eq!(peer_of(5, "172.17.0.4:81"), (true, Some(5)), "of its own");
}
