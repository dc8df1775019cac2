//! What is connected, on every system.

use std::process::id;

use crate::answer::{at, pids, portwho};
use crate::scene::{self, port};

#[test]
fn a_port_shows_its_listener_and_the_connections_through_it() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    let answer = portwho(&[&format!("tcp:{}", port(&listener)), "--json"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let rows = answer.rows();
    let states: Vec<_> = rows.iter().map(|row| row["state"].as_str()).collect();
    assert_eq!(states, [Some("listen"), Some("established")]);
    assert_eq!(rows[1]["peer_address"], "127.0.0.1");
    let client = client.local_addr().unwrap().port();
    assert_eq!(rows[1]["peer_port"], client);
}

#[test]
fn a_client_is_found_by_its_source_port() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    let source = client.local_addr().unwrap().port();
    let answer = portwho(&[&format!("tcp:{source}"), "--json"]);
    let rows = answer.rows();
    // The kernel gives one source port to clients of several listeners.
    let mut found = at(&rows, "tcp", source);
    found.retain(|row| row["peer_port"] == port(&listener));
    assert_eq!(found.len(), 1, "{rows:#?}");
    assert_eq!(found[0]["state"], "established");
    assert_eq!(found[0]["exposure"], serde_json::Value::Null);
    assert!(pids(found[0]).contains(&id()));
    let card = portwho(&[&format!("tcp:{source}")]);
    assert!(card.stdout.contains("nothing listens here"), "{card:?}");
}

#[test]
fn a_selector_for_the_peer_finds_the_client() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    let peer = format!("peer=127.0.0.1:{}", port(&listener));
    let rows = portwho(&["-a", &peer, "--json"]).rows();
    let source = client.local_addr().unwrap().port();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["local_port"], source);
}

#[test]
fn listening_alone_is_shown_where_that_is_asked_for() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    let row = portwho(&["-l", &format!("tcp:{}", port(&listener)), "--json"]).only_row();
    assert_eq!(row["state"], "listen");
    let source = client.local_addr().unwrap().port();
    let answer = portwho(&["-l", &format!("tcp:{source}")]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
}
