//! `check`, on every system: verdicts, expectations, where specs come from, and bad ones.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::{Command, id};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::answer::{Answer, PORTWHO, pids, portwho, run};
use crate::scene::{self, is_free, port, until};

/// The only check of `--json`.
#[track_caller]
fn only_check(answer: &Answer) -> Value {
    let document = answer.json();
    assert_eq!(document["kind"], "check");
    let checks = document["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 1, "{checks:#?}");
    checks[0].clone()
}

#[test]
fn a_port_with_a_listener_is_taken_and_its_owner_named() {
    let listener = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&listener));
    let answer = portwho(&["check", &spec, "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let check = only_check(&answer);
    assert_eq!(check["verdict"], "taken");
    assert_eq!(check["reason"], "held");
    assert_eq!(check["decided_by"], "table");
    assert_eq!(check["address"], "127.0.0.1");
    assert!(pids(&check["holders"][0]).contains(&id()), "{check:#}");
    let table = portwho(&["check", &spec]);
    assert_eq!(table.code, Some(1), "{table:?}");
    let pid = format!("(pid {})", id());
    let line = table.stdout.lines().find(|line| line.contains(&spec));
    assert!(line.is_some_and(|line| line.contains(&pid)), "{table:?}");
}

#[test]
fn a_port_that_nobody_has_is_free() {
    let (answer, table) = until("a port that stays free", || {
        let port = scene::free_port();
        let spec = port.to_string();
        let answers = is_free(port).then(|| {
            let json = portwho(&["check", &spec, "--json"]);
            (json, portwho(&["check", &spec]))
        })?;
        is_free(port).then_some(answers)
    });
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let check = only_check(&answer);
    assert_eq!(check["verdict"], "free");
    assert_eq!(check["address"], Value::Null);
    assert_eq!(check["reason"], Value::Null);
    assert_eq!(check["holders"], serde_json::json!([]));
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.stdout.contains("free"), "{table:?}");
    assert!(table.complaints().is_empty(), "{table:?}");
}

#[test]
fn one_that_is_taken_is_enough_to_exit_1() {
    let listener = scene::listener();
    let taken = format!("127.0.0.1:{}", port(&listener));
    let answer = portwho(&["check", &taken, "udp:127.0.0.1:1-3", &taken, "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let checks = answer.json()["checks"].clone();
    assert_eq!(checks.as_array().map(Vec::len), Some(4), "once each");
}

#[test]
fn a_held_udp_port_is_taken_and_the_tcp_port_of_that_number_is_not() {
    let (udp, tcp) = until("a UDP port whose TCP port is free", || {
        let socket = scene::udp();
        let port = socket.local_addr().unwrap().port();
        let is_free = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        // Elsewhere than on Linux a wildcard can be bound beside it.
        let udp = portwho(&["check", &format!("udp:127.0.0.1:{port}"), "--json"]);
        let tcp = is_free().then(|| portwho(&["check", &port.to_string(), "--json"]))?;
        is_free().then_some((udp, tcp))
    });
    assert_eq!(udp.code, Some(1), "{udp:?}");
    assert_eq!(only_check(&udp)["verdict"], "taken");
    assert_eq!(tcp.code, Some(0), "{tcp:?}");
    let check = only_check(&tcp);
    assert_eq!(check["verdict"], "free");
    let warnings = check["warnings"].as_array().unwrap();
    let is_told = warnings.iter().any(|warning| warning["code"] == "udp-held");
    assert!(is_told, "{check:#}");
}

#[test]
fn an_address_of_another_machine_is_refused() {
    // TEST-NET-2 of RFC 5737.
    let address = Ipv4Addr::new(198, 51, 100, 7);
    match UdpSocket::bind((address, 0)) {
        Err(why) if why.kind() == ErrorKind::AddrNotAvailable => {}
        other => skip!("this machine binds it: {other:?}"),
    }
    for spec in ["198.51.100.7:8080", "udp:198.51.100.7:8080"] {
        let answer = portwho(&["check", spec, "--json"]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        let check = only_check(&answer);
        assert_eq!(check["verdict"], "refused");
        assert_eq!(check["reason"], "address");
        let unasked = portwho(&["check", spec, "--json", "--no-probe"]);
        assert_ne!(only_check(&unasked)["verdict"], "free", "{unasked:?}");
    }
}

#[test]
fn an_expected_owner_exits_0_and_a_stranger_1() {
    let listener = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&listener));
    let (own, other) = (format!("pid={}", id()), "pid=1");
    let answer = portwho(&["check", &spec, "--expect", &own, "--json"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(only_check(&answer)["expectation"], "yes");
    let either = portwho(&["check", &spec, "--expect", other, "--expect", &own]);
    assert_eq!(either.code, Some(0), "{either:?}");
    let answer = portwho(&["check", &spec, "--expect", other, "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(only_check(&answer)["expectation"], "stranger");
    let table = portwho(&["check", &spec, "--expect", other]);
    let stranger = format!("(pid {})", id());
    assert!(table.stdout.contains(&stranger), "{table:?}");
}

#[test]
fn quiet_says_it_by_the_exit_code_alone() {
    let listener = scene::listener();
    let port = format!("127.0.0.1:{}", port(&listener));
    let (own, other) = (format!("pid={}", id()), "pid=1");
    for (arguments, code) in [
        (["--probe"].as_slice(), 1),
        (&["--expect", &own], 0),
        (&["--expect", other], 1),
    ] {
        let answer = portwho(&[&["check", &port, "--quiet"], arguments].concat());
        assert_eq!(answer.code, Some(code), "{answer:?}");
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    }
}

#[test]
fn specs_come_from_a_file_and_from_standard_input() {
    let listeners = [scene::listener(), scene::listener()];
    let ports = listeners.each_ref().map(port);
    let mut file = NamedTempFile::new().unwrap();
    writeln!(
        file,
        "# what we start\n\n  {}  # the server\r\n\ttcp:127.0.0.1:{}\n#1\n",
        ports[0], ports[1]
    )
    .unwrap();
    let by_file = ["check", "--json", "--file", file.path().to_str().unwrap()];
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(PORTWHO);
        command.args(arguments);
        run(command.stdin(File::open(file.path()).unwrap()))
    };
    for arguments in [
        by_file.as_slice(),
        &["check", "--json", "-"],
        &["check", "--json", "--file", "-"],
    ] {
        let answer = ask(arguments);
        assert_eq!(answer.code, Some(1), "{arguments:?} {answer:?}");
        let checks = answer.json()["checks"].as_array().unwrap().clone();
        let checked: Vec<&Value> = checks.iter().map(|check| &check["port"]).collect();
        assert_eq!(checked, [ports[0], ports[1]], "{arguments:?}");
    }
}

/// One line, with a hint or without, and nothing of an answer.
#[track_caller]
fn assert_bad_usage(arguments: &[&str]) {
    let answer = portwho(arguments);
    assert_eq!(answer.code, Some(2), "{arguments:?} {answer:?}");
    assert_eq!(answer.stdout, "", "{arguments:?}");
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert!(lines[0].starts_with("portwho: "), "{answer:?}");
    let hint = &lines[1..];
    assert!(
        hint.iter().all(|line| line.starts_with("hint: ")),
        "{answer:?}"
    );
    assert!(hint.len() <= 1, "{answer:?}");
}

#[test]
fn a_bad_spec_is_one_line_and_exit_2() {
    for spec in [
        "99999",
        "0",
        "90-80",
        "80-",
        "80,",
        "1e3",
        "80;ls",
        "",
        "8\u{661}",
        "-80x",
        "icmp:1",
        "raw:1",
        "10.0.0.0/8:80",
        "127.0.0.1",
        "[::1]",
        "256.0.0.1:80",
        "[::1:80",
        "127.0.0.1:",
        ":",
        "pid=1",
        "name=postgres",
        "nginx",
        "tcp",
        "\x1b[31m80",
        "80\n81",
    ] {
        assert_bad_usage(&["check", "--", spec]);
        assert_bad_usage(&["check", "--", "80", spec]);
    }
}

#[test]
fn bad_options_are_exit_2() {
    let mut empty = NamedTempFile::new().unwrap();
    writeln!(empty, "# nothing").unwrap();
    let empty = empty.path().to_str().unwrap();
    for arguments in [
        ["check"].as_slice(),
        &["check", "--file", empty],
        &["check", "--file", "/no/such/file"],
        &["check", "80", "--probe", "--no-probe"],
        &["check", "80", "--expect", "postgres"],
        &["check", "80", "--expect", "name="],
        &["check", "80", "--expect", "pid=x"],
        &["check", "80", "--format", "xml"],
    ] {
        assert_bad_usage(arguments);
    }
}
