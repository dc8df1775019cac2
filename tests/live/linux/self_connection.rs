//! Connections on ports without a listener: a socket that is connected to itself, a client's own port, and
//! what a server left that stopped.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::apart::alone;
use crate::answer::{Answer, portwho};
use crate::scene::{self, close};

const ITSELF: &str = "connected to itself";
const OWN_PORT: &str = "a connection uses it as its own port\n";
const LEFT: &str = "is left of a server that stopped";

/// A socket of this kind that is connected to its own end, and its port.
fn to_itself(kind: Type) -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, kind, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let own = socket.local_addr().unwrap();
    socket.connect(&own).unwrap();
    assert_eq!(
        socket.peer_addr().unwrap().as_socket(),
        own.as_socket(),
        "connected to itself"
    );
    let port = own.as_socket().unwrap().port();
    (socket, port)
}

fn says(answer: &Answer, text: &str) -> bool {
    answer.stdout.contains(text)
}

#[test]
fn a_socket_that_is_connected_to_itself_is_said_to_be() {
    alone!(|| {
        let (_socket, port) = to_itself(Type::STREAM);
        let selector = format!(":{port}");
        let card = portwho(&[&selector]);
        assert!(says(&card, ITSELF) && says(&card, "  itself\n"), "{card:?}");
        assert!(!says(&card, OWN_PORT) && !says(&card, LEFT), "{card:?}");
        let why = portwho(&["why", &selector]);
        assert!(says(&why, ITSELF) && says(&why, "1 to itself"), "{why:?}");
        let check = portwho(&["check", "--no-probe", &port.to_string()]);
        assert!(says(&check, "from 127.0.0.1 to itself"), "{check:?}");
        let map = portwho(&["map", &selector]);
        assert!(
            says(&map, "1 connection, a socket connected to itself"),
            "{map:?}"
        );
        assert!(!says(&map, "listener"), "{map:?}");
        let map = portwho(&["map", &selector, "--json"]).json();
        assert_eq!(map["links"][0]["self_connections"], 1);
        let conflicts = portwho(&["conflicts", "--json"]);
        assert_eq!(conflicts.code, Some(1));
        let finding = conflicts.json()["findings"][0].clone();
        assert_eq!(finding["code"], "self-connection");
        assert_eq!(finding["severity"], "warning");
        assert_eq!(finding["port"], port);
        assert_eq!(
            finding["sockets"][0]["owners"][0]["pid"],
            std::process::id()
        );
        let text = portwho(&["conflicts"]);
        assert!(
            says(&text, "self-connection") && says(&text, "to itself"),
            "{text:?}"
        );
    });
}

/// No server is kept from anything by those, and UDP has no listeners that could have ended.
#[test]
fn sockets_of_udp_that_are_connected_are_no_conflict_and_lack_no_listener() {
    alone!(|| {
        let (_itself, port) = to_itself(Type::DGRAM);
        assert_eq!(portwho(&["conflicts"]).code, Some(0));
        let card = portwho(&[&format!(":{port}")]);
        assert!(says(&card, ITSELF), "{card:?}");
        let (one, other) = (scene::udp(), scene::udp());
        one.connect(other.local_addr().unwrap()).unwrap();
        other.connect(one.local_addr().unwrap()).unwrap();
        let port = other.local_addr().unwrap().port();
        let map = portwho(&["map", &format!(":{port}"), "--json"]).json();
        let links = map["links"].as_array().unwrap();
        assert!(
            links.iter().any(|link| link["listening"] == false),
            "{map:#}"
        );
        let text = portwho(&["map"]);
        assert!(
            says(&text, "1 connection") && !says(&text, "listener"),
            "{text:?}"
        );
    });
}

#[test]
fn what_a_stopped_server_left_is_not_called_a_clients_port() {
    alone!(|| {
        let listener = scene::listener();
        let port = scene::port(&listener);
        let (client, _accepted) = scene::connection(&listener);
        let own_port = client.local_addr().unwrap().port();
        let of_client = portwho(&[&format!(":{own_port}")]);
        assert!(says(&of_client, OWN_PORT), "{of_client:?}");
        close(listener);
        let left = portwho(&[&format!(":{port}")]);
        assert!(says(&left, LEFT), "{left:?}");
        // Nothing tells the two ends apart any more.
        let of_client = portwho(&[&format!(":{own_port}")]);
        assert!(says(&of_client, LEFT), "{of_client:?}");
        let map = portwho(&["map"]);
        assert!(
            says(&map, "no listener: it has ended, or there was none"),
            "{map:?}"
        );
    });
}

/// A request that is not answered can only be a client's.
#[test]
fn a_request_to_connect_has_its_own_port() {
    alone!(|| {
        let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        full.bind(&any.into()).unwrap();
        full.listen(0).unwrap();
        let to = full.local_addr().unwrap().as_socket().unwrap();
        // One waits to be accepted; what comes then is not answered.
        let _first = TcpStream::connect(to).unwrap();
        let requests: Vec<Socket> = (0..3)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                let _in_progress = socket.connect(&to.into());
                socket
            })
            .collect();
        let rows = portwho(&["-a", "state=syn_sent", "--json"]).rows();
        assert!(!rows.is_empty() && requests.len() == 3);
        let port = |row: &Value| row["local_port"].as_u64().unwrap();
        let card = portwho(&[&format!(":{}", port(&rows[0]))]);
        assert!(says(&card, OWN_PORT), "{card:?}");
    });
}
