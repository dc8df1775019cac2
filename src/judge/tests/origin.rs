//! How a connection came to have a port on which nothing listens.

use super::*;

fn at(text: &str) -> Endpoint {
    let at: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(at.ip(), at.port())
}

fn connection(protocol: Protocol, state: State, local: &str, peer: &str) -> Row {
    let mut socket = socket(protocol, state, "127.0.0.1", None);
    socket.local = at(local);
    socket.peer = Some(at(peer));
    row(socket, Some(("node", 1)))
}

fn established(local: &str, peer: &str) -> Row {
    connection(Protocol::Tcp, State::Established, local, peer)
}

fn listens(address: &str, port: u16) -> Row {
    let mut row = listener(address, None, "redis", 2);
    row.socket.local = Endpoint::new(address.parse::<IpAddr>().unwrap(), port);
    row
}

#[test]
fn whoever_connects_to_a_listener_of_this_machine_is_a_client() {
    let client = established("127.0.0.1:41000", "127.0.0.1:6379");
    for address in ["127.0.0.1", "0.0.0.0"] {
        let listener = listens(address, 6379);
        assert_eq!(origin(&client, [&listener]), Origin::Client, "{address}");
    }
    let own_address = established("10.0.0.5:41000", "10.0.0.5:6379");
    assert_eq!(
        origin(&own_address, [&listens("10.0.0.5", 6379)]),
        Origin::Client
    );
}

#[test]
fn without_such_a_listener_both_are_possible() {
    let row = established("127.0.0.1:8080", "127.0.0.1:41000");
    assert_eq!(origin(&row, []), Origin::Either);
    assert_eq!(origin(&row, [&listens("127.0.0.2", 41000)]), Origin::Either);
    // A listener of this machine does not accept what goes to another.
    let away = established("10.0.0.5:41000", "10.0.0.9:6379");
    assert_eq!(origin(&away, [&listens("0.0.0.0", 6379)]), Origin::Either);
}

#[test]
fn a_request_and_a_connected_udp_socket_are_a_clients() {
    let (local, peer) = ("10.0.0.5:41000", "10.0.0.9:6379");
    let request = connection(Protocol::Tcp, State::SynSent, local, peer);
    assert_eq!(origin(&request, []), Origin::Client);
    let udp = connection(Protocol::Udp, State::Established, local, peer);
    assert_eq!(origin(&udp, []), Origin::Client);
}

#[test]
fn a_socket_with_one_end_twice_is_connected_to_itself() {
    let itself = established("127.0.0.1:5000", "127.0.0.1:5000");
    assert_eq!(origin(&itself, []), Origin::Itself);
    let mapped = established("[::ffff:127.0.0.1]:5000", "127.0.0.1:5000");
    assert!(mapped.socket.is_connected_to_itself());
    let other_port = established("127.0.0.1:5000", "127.0.0.1:5001");
    assert!(!other_port.socket.is_connected_to_itself());
    let other_address = established("127.0.0.1:5000", "127.0.0.2:5000");
    assert!(!other_address.socket.is_connected_to_itself());
    assert!(!listens("127.0.0.1", 80).socket.is_connected_to_itself());
}
