//! When `check` binds: where only a bind can tell, once, and it never listens.

use super::budget::calls;
use super::held::kernel_is;
use crate::answer::portwho;
use crate::scene::{self, is_free, port, until};

/// The calls of a check that concern a socket of its own; why not, where nothing can be traced.
fn binds(arguments: &[&str]) -> Result<Vec<String>, String> {
    if !kernel_is((6, 8)) {
        return Err("bound sockets are hidden here, so that everything takes a bind".into());
    }
    let (answer, calls) = calls(&[&["check", "--json"], arguments].concat())?;
    if answer.json()["source"] != "sock_diag" {
        return Err("the kernel does not answer sock_diag".into());
    }
    let own = |call: &String| {
        let is = |name: &str| call.starts_with(name);
        let acts = is("bind(") && !call.contains("AF_NETLINK")
            || is("listen(")
            || is("connect(")
            || is("socket(AF_INET");
        acts && !call.contains("resumed")
    };
    Ok(calls.into_iter().filter(own).collect())
}

/// Asserts that one socket was made and bound, and nothing else was done with it.
#[track_caller]
fn assert_binds_once(calls: &[String]) {
    let names: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.split('(').next())
        .collect();
    assert_eq!(names, ["socket", "bind"], "{calls:#?}");
}

#[test]
fn what_the_tables_decide_is_not_tried() {
    let listener = scene::listener();
    let taken = format!("127.0.0.1:{}", port(&listener));
    match binds(&[&taken]) {
        Ok(calls) => assert!(calls.is_empty(), "{calls:#?}"),
        Err(why) => skip!("{why}"),
    }
    let calls = until("a port that stays free", || {
        let port = scene::free_port();
        let calls = is_free(port).then(|| binds(&[&port.to_string()]).unwrap())?;
        is_free(port).then_some(calls)
    });
    assert!(calls.is_empty(), "{calls:#?}");
    let udp = scene::udp();
    let held = format!("udp:{}", udp.local_addr().unwrap().port());
    let calls = binds(&[&held]).unwrap();
    assert!(calls.is_empty(), "{calls:#?}");
}

#[test]
fn a_bound_socket_makes_one_bind_of_it() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    let spec = socket
        .local_addr()
        .unwrap()
        .as_socket()
        .unwrap()
        .to_string();
    match binds(&[&spec]) {
        Ok(calls) => assert_binds_once(&calls),
        Err(why) => skip!("{why}"),
    }
    for unasked in ["--no-probe", "--no-reuse-addr", "--expect=name=postgres"] {
        let calls = binds(&[&spec, unasked]).unwrap();
        assert!(calls.is_empty(), "{unasked} {calls:#?}");
    }
    let calls = binds(&[&spec, "--probe"]).unwrap();
    assert_binds_once(&calls);
}

#[test]
fn time_wait_makes_one_bind_of_it() {
    let listener = scene::listener();
    let spec = listener.local_addr().unwrap().to_string();
    let (client, accepted) = scene::connection(&listener);
    // Who closes first waits.
    scene::close(accepted);
    scene::close(client);
    drop(listener);
    until("TIME-WAIT", || {
        let rows = portwho(&[&format!("tcp:{spec}"), "--json"]).rows();
        (rows.len() == 1 && rows[0]["state"] == "time_wait").then_some(())
    });
    match binds(&[&spec]) {
        Ok(calls) => assert_binds_once(&calls),
        Err(why) => skip!("{why}"),
    }
    let calls = binds(&[&spec, "--no-probe"]).unwrap();
    assert!(calls.is_empty(), "{calls:#?}");
}

#[test]
fn a_probe_confirms_what_the_tables_say() {
    let listener = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&listener));
    match binds(&[&spec, "--probe"]) {
        Ok(calls) => assert_binds_once(&calls),
        Err(why) => skip!("{why}"),
    }
}

#[test]
fn what_is_waited_for_is_not_touched() {
    let listener = scene::listener();
    let selector = format!(":{}", port(&listener));
    let (answer, calls) = match calls(&["wait", &selector]) {
        Ok(traced) => traced,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let acts = |call: &&String| {
        ["connect(", "socket(AF_INET"]
            .iter()
            .any(|name| call.starts_with(name))
    };
    let acts: Vec<_> = calls
        .iter()
        .filter(acts)
        .filter(|call| !call.contains("AF_UNIX"))
        .collect();
    assert!(acts.is_empty(), "{acts:#?}");
}
