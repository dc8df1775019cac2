//! What listens, on every system.

use std::process::id;

use crate::answer::{assert_owned, at, common_sources, portwho, sees_bound};
use crate::scene::{self, is_free, port};

#[test]
fn a_listener_is_found_by_its_port_with_its_process() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let answer = portwho(&[&selector, "--json"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let row = answer.only_row();
    assert_eq!(row["state"], "listen");
    assert_eq!(row["local_address"], "127.0.0.1");
    assert_eq!(row["family"], "ipv4");
    assert_eq!(row["exposure"], "loopback");
    assert_eq!(row["peer_address"], serde_json::Value::Null);
    assert!(crate::answer::pids(&row).contains(&id()), "{row:#}");
}

#[test]
fn the_list_has_listeners_and_unconnected_udp_sockets_alone() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    let udp = scene::udp();
    let answer = portwho(&["--json"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let rows = answer.rows();
    let listed = at(&rows, "tcp", port(&listener));
    assert_eq!(listed.len(), 1, "the accepted end is not listed");
    assert_eq!(listed[0]["state"], "listen");
    assert_owned(listed[0], &[id()]);
    let datagram = at(&rows, "udp", udp.local_addr().unwrap().port());
    assert_eq!(datagram.len(), 1);
    assert_eq!(datagram[0]["state"], "unconnected");
    let client = client.local_addr().unwrap().port();
    assert!(at(&rows, "tcp", client).is_empty());
}

#[test]
fn a_free_port_exits_1_with_one_line_on_stderr() {
    // Another program may take the port while portwho looks; then another one is asked for.
    let (answer, port) = scene::until("a port that stays free", || {
        let port = scene::free_port();
        let answer = is_free(port).then(|| portwho(&[&format!(":{port}")]))?;
        is_free(port).then_some((answer, port))
    });
    if !sees_bound(&answer) {
        skip!("bound sockets cannot be seen here, so no port is known to be free");
    }
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
    let line = format!("portwho: nothing uses port {port}\n");
    assert_eq!(answer.stderr, line);
}

#[test]
fn a_dual_stack_listener_is_found_by_an_ipv4_address() {
    let Ok(listener) = scene::wildcard_listener(false) else {
        skip!("no IPv6 here");
    };
    let port = port(&listener);
    let rows = portwho(&[&format!("tcp:127.0.0.1:{port}"), "--json"]).rows();
    // Windows has a row of each family for it.
    let row = rows.iter().find(|row| row["family"] == "ipv6");
    let row = row.unwrap_or_else(|| panic!("{rows:#?}"));
    assert_eq!(row["local_address"], "::");
    assert_eq!(row["exposure"], "all");
}

/// macOS tells of descriptors, not of sockets.
#[test]
fn a_listener_of_several_descriptors_is_one_row_of_one_owner() {
    if cfg!(target_os = "windows") {
        skip!(
            "Windows has a row for each socket, Wine one for each handle: neither is ours to merge"
        );
    }
    let listener = scene::listener();
    let _second = listener.try_clone().unwrap();
    let port = format!("tcp:{}", port(&listener));
    for source in common_sources() {
        let row = portwho(&[&port, "-l", "--json", "--source", source]).only_row();
        assert_owned(&row, &[id()]);
    }
}

#[test]
fn a_connection_of_several_descriptors_is_one_row_for_each_end() {
    let listener = scene::listener();
    let (client, accepted) = scene::connection(&listener);
    let _more = [client.try_clone().unwrap(), accepted.try_clone().unwrap()];
    let server = port(&listener);
    for source in common_sources() {
        let answer = portwho(&["-a", &format!("tcp:{server}"), "--json", "--source", source]);
        let rows = answer.rows();
        assert_eq!(rows.len(), 2, "{source}: {rows:#?}");
        for row in &rows {
            assert_owned(row, &[id()]);
        }
    }
}
