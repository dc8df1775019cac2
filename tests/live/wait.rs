//! `wait`, on every system, for what is there already or does not come.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::id;

use socket2::{Domain, Socket, Type};

use crate::answer::{at, pids, portwho};
use crate::scene::{self, port};

/// Long enough for what is there, on any machine.
const LONG: &str = "5m";

/// A socket that keeps its port from others, and does not listen.
fn bound() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, format!("127.0.0.1:{port}"))
}

#[test]
fn what_listens_is_reached_at_once_and_the_answer_is_all_that_is_printed() {
    let listener = scene::listener();
    let selector = format!(":{}", port(&listener));
    let answer = portwho(&["wait", &selector, "--timeout", LONG]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.stderr, "");
    assert!(answer.stdout.contains(&id().to_string()), "{answer:?}");
    let json = portwho(&["wait", &selector, "--json"]);
    assert_eq!(json.code, Some(0), "{json:?}");
    assert_eq!(json.json()["kind"], "wait");
    assert!(pids(&json.only_row()).contains(&id()), "{json:?}");
    assert_eq!(json.stderr, "");
    let quiet = portwho(&["wait", &selector, "--quiet"]);
    let printed = (quiet.stdout.as_str(), quiet.stderr.as_str());
    assert_eq!((quiet.code, printed), (Some(0), ("", "")));
}

#[test]
fn what_does_not_come_exits_1_when_the_time_has_run_out() {
    let (_bound, selector) = bound();
    let answer = portwho(&["wait", &selector, "--timeout", "60ms"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
    let complaints = answer.complaints();
    assert_eq!(complaints.len(), 1, "{answer:?}");
    assert!(complaints[0].contains(&selector), "{answer:?}");
    let json = portwho(&["wait", &selector, "--timeout", "0s", "--json"]);
    assert_eq!(json.code, Some(1), "{json:?}");
    assert!(json.rows().is_empty(), "{json:?}");
}

#[test]
fn several_selectors_are_all_waited_for() {
    let (first, second) = (scene::listener(), scene::listener());
    let selectors = [&first, &second].map(|listener| format!(":{}", port(listener)));
    let (_bound, absent) = bound();
    let both = portwho(&["wait", &selectors[0], &selectors[1], "--json"]);
    assert_eq!(both.code, Some(0), "{both:?}");
    let rows = both.rows();
    for listener in [&first, &second] {
        assert_eq!(at(&rows, "tcp", port(listener)).len(), 1, "{rows:#?}");
    }
    let lacking = portwho(&["wait", &selectors[0], &absent, "--timeout", "60ms"]);
    assert_eq!(lacking.code, Some(1), "{lacking:?}");
    assert!(lacking.stderr.contains(&absent), "{lacking:?}");
    assert!(!lacking.stderr.contains(&selectors[0]), "{lacking:?}");
}

#[test]
fn a_connection_does_not_listen() {
    let listener = scene::listener();
    let (_client, _accepted) = scene::connection(&listener);
    let selector = format!("127.0.0.1:{}", port(&listener));
    drop(listener);
    let answer = portwho(&["wait", &selector, "--timeout", "0"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let gone = portwho(&["wait", &selector, "--gone", "--timeout", LONG]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
}

#[test]
fn what_listens_is_not_gone() {
    let listener = scene::listener();
    let selector = format!(":{}", port(&listener));
    let answer = portwho(&["wait", "--gone", &selector, "--timeout", "60ms"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
    drop(listener);
    let answer = portwho(&["wait", "--gone", &selector, "--timeout", LONG]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), ""));
    // A system that hides sockets which only have the port leaves that open, and says so.
    let is_of_bound = |line: &&str| line.contains("bound without listening cannot be seen");
    let others = answer.stderr.lines().filter(|line| !is_of_bound(line));
    assert_eq!(others.count(), 0, "{answer:?}");
    let json = portwho(&["wait", "--gone", &selector, "--json"]);
    assert_eq!(json.json()["kind"], "wait");
    assert!(json.rows().is_empty(), "{json:?}");
}

#[test]
fn a_udp_socket_is_waited_for_by_its_protocol() {
    let (_bound, _) = bound();
    let socket = scene::udp();
    let selector = format!("udp:{}", socket.local_addr().unwrap().port());
    let answer = portwho(&["wait", &selector, "--timeout", LONG, "--json"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.only_row()["protocol"], "udp");
}

#[test]
fn the_expected_owner_is_reached_and_a_stranger_ends_the_wait_if_wanted() {
    let listener = scene::listener();
    let selector = format!("127.0.0.1:{}", port(&listener));
    let own = format!("pid={}", id());
    let answer = portwho(&["wait", &selector, "--owner", &own, "--timeout", LONG]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    for last in [["--fail-fast", "--timeout=5m"], ["--timeout", "60ms"]] {
        let owner = ["wait", &selector, "--owner", "pid=1"];
        let answer = portwho(&[&owner[..], &last].concat());
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert_eq!(answer.stdout, "");
        let stranger = format!("(pid {})", id());
        let told = answer.stderr.matches(&stranger).count();
        assert_eq!(told, 1, "told once: {answer:?}");
    }
}

#[test]
fn quiet_says_it_by_the_exit_code_alone() {
    let (_bound, absent) = bound();
    let listener = scene::listener();
    let present = format!("127.0.0.1:{}", port(&listener));
    for arguments in [
        [absent.as_str(), "--timeout=0"].as_slice(),
        &[&present, "--gone", "--timeout=0"],
        &[&present, "--owner=pid=1", "--fail-fast"],
    ] {
        let answer = portwho(&[&["wait", "--quiet"], arguments].concat());
        assert_eq!(answer.code, Some(1), "{arguments:?} {answer:?}");
        assert_eq!(answer.stdout, "", "{arguments:?}");
        assert_eq!(answer.stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_command_is_refused_with_what_to_write() {
    let listener = scene::listener();
    let selector = format!(":{}", port(&listener));
    let command = ["wait", &selector, "--timeout=0", "--", "npm", "test"];
    let answer = portwho(&command);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
    let hint = format!("hint: portwho wait {selector} && npm test");
    assert_eq!(answer.stderr.lines().last(), Some(&*hint), "{answer:?}");
}

#[test]
fn bad_usage_is_exit_2() {
    for arguments in [
        [].as_slice(),
        &["99999"],
        &["state=established"],
        &["peer=:80"],
        &[":80", "--timeout", "soon"],
        &[":80", "--timeout", "-1s"],
        &[":80", "--fail-fast"],
        &[":80", "--gone", "--owner", "pid=1"],
        &[":80", "--owner", "postgres"],
    ] {
        let answer = portwho(&[&["wait"], arguments].concat());
        assert_eq!(answer.code, Some(2), "{arguments:?} {answer:?}");
        let is_usage = answer.stderr.starts_with("portwho: ");
        assert!(is_usage && answer.stdout.is_empty(), "{answer:?}");
    }
}
