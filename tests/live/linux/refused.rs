//! `check` where something is hidden, forbidden or elsewhere: what it cannot know, it does not say.

use std::process::Command;

use serde_json::Value;

use super::apart::{on_own_network, with_proc_mounted};
use super::held::{assert_hidden, has_tool, is_root};
use super::users::Scene;
use crate::answer::{Answer, PORTWHO, portwho, try_run};
use crate::scene::{self, port};

fn checks(answer: &Answer) -> Vec<Value> {
    answer.json()["checks"].as_array().unwrap().clone()
}

#[test]
fn an_ordinary_user_is_told_that_a_hidden_process_has_the_port() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let spec = format!("127.0.0.1:{}", port(&scene.root));
    for arguments in [
        ["--json"].as_slice(),
        &["--json", "--probe"],
        &["--json", "--no-probe"],
    ] {
        let answer = scene.ask(&[&["check", &spec], arguments].concat()).unwrap();
        assert_eq!(answer.code, Some(1), "{answer:?}");
        let check = &checks(&answer)[0];
        assert_eq!(check["verdict"], "taken");
        assert_hidden(&check["holders"][0]);
        assert_eq!(check["holders"][0]["uid"], 0);
    }
    let table = scene.ask(&["check", &spec]).unwrap();
    assert_eq!(table.code, Some(1), "{table:?}");
    // A small machine may have no names of users.
    let is_named = |user| table.stdout.contains(&format!("hidden process of {user}"));
    assert!(is_named("root") || is_named("0"), "{table:?}");
    assert!(table.stderr.contains("sudo"), "{table:?}");
    let expected = scene
        .ask(&["check", &spec, "--expect", "name=postgres"])
        .unwrap();
    assert_eq!(expected.code, Some(3), "{expected:?}");
    let awaited = ["wait", &spec, "--owner=name=postgres", "--timeout=0"];
    let awaited = scene.ask(&awaited).unwrap();
    assert_eq!(awaited.code, Some(3), "{awaited:?}");
    assert_eq!(awaited.stdout, "");
}

#[test]
fn an_ordinary_user_is_refused_a_privileged_port() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first: u16 = first.unwrap_or_default().trim().parse().unwrap_or(0);
    if first < 2 {
        skip!("no port takes a privilege here");
    }
    let scene = Scene::new();
    let ask = |arguments: &[&str]| match &scene {
        Ok(scene) => scene.ask(arguments).unwrap(),
        Err(_) => portwho(arguments),
    };
    if scene.is_err() && is_root() {
        skip!("{}", scene.err().unwrap_or_default());
    }
    let port = (first - 1).to_string();
    for spec in [port.clone(), format!("udp:127.0.0.1:{port}")] {
        for look in ["--no-probe", "--probe"] {
            let answer = ask(&["check", &spec, "--json", look]);
            assert_eq!(answer.code, Some(1), "{answer:?}");
            let check = &checks(&answer)[0];
            assert_eq!(check["verdict"], "refused", "{check:#}");
            assert_eq!(check["reason"], "privilege", "{check:#}");
        }
    }
    // Nobody but root may: such a port is not named as free.
    let free = ask(&["free", &port]);
    assert_eq!(free.code, Some(1), "{free:?}");
    assert_eq!(free.stdout, "");
}

/// Asserts that verbs that can read nothing say so.
#[track_caller]
fn assert_knows_nothing(ask: impl Fn(&[&str]) -> Answer) {
    let listener = scene::listener();
    let (taken, absent) = (port(&listener).to_string(), scene::free_port().to_string());
    let udp = format!("udp:{absent}");
    for spec in [&taken, &absent, &udp] {
        for look in [
            [].as_slice(),
            &["--no-probe"],
            &["--expect", "name=postgres"],
        ] {
            let answer = ask(&[&["check", spec, "--json"], look].concat());
            assert_eq!(answer.code, Some(3), "{look:?} {answer:?}");
            assert_eq!(checks(&answer)[0]["verdict"], "unknown", "{answer:?}");
            assert_eq!(answer.json()["complete"], false);
            let table = ask(&[&["check", spec], look].concat());
            assert_eq!(table.code, Some(3), "{table:?}");
            assert!(!table.stdout.contains("free"), "{table:?}");
            assert!(table.stderr.contains("cannot be read"), "{table:?}");
        }
    }
    let free = ask(&["free", "--count", "2"]);
    assert_eq!((free.code, free.stdout.as_str()), (Some(3), ""), "{free:?}");
    let free = ask(&["free", "--exec", "true"]);
    assert_eq!(free.code, Some(3), "{free:?}");
    for selector in [&taken, &absent] {
        // Without a time limit: it ends because waiting would not help.
        for gone in [[].as_slice(), &["--gone"]] {
            let answer = ask(&[&["wait", selector], gone].concat());
            let known = (answer.code, answer.stdout.as_str());
            assert_eq!(known, (Some(3), ""), "{answer:?}");
            assert!(answer.stderr.contains("cannot tell"), "{answer:?}");
        }
    }
    let conflicts = ask(&["conflicts"]);
    assert_eq!(conflicts.code, Some(3), "{conflicts:?}");
    assert!(conflicts.stderr.contains("cannot tell"), "{conflicts:?}");
}

#[test]
fn without_any_table_nothing_is_free() {
    let scene = with_proc_mounted(c"tmpfs", c"", || {
        assert_knows_nothing(|arguments| {
            let (verb, rest) = arguments.split_at(1);
            portwho(&[verb, &["--source", "proc"], rest].concat())
        });
    });
    if let Err(why) = scene {
        skip!("/proc cannot be covered: {why}");
    }
}

/// Runs portwho where no socket can be made; whether that was so.
fn without_sockets(arguments: &[&str]) -> (Answer, bool) {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut command = Command::new("strace");
    command.args([
        "-qq",
        "-e",
        "trace=socket",
        "-e",
        "inject=socket:error=EPERM",
        "-o",
    ]);
    let answer = try_run(command.arg(&trace).arg(PORTWHO).args(arguments)).unwrap();
    let text = std::fs::read_to_string(&trace).unwrap_or_default();
    (answer, text.contains("(INJECTED)"))
}

#[test]
fn a_bind_that_cannot_be_tried_tells_nothing() {
    if !has_tool("strace") {
        skip!("strace is not there");
    }
    // The tables of /proc can be read; bound sockets are not among them.
    let spec = format!("127.0.0.77:{}", scene::free_port());
    let (answer, is_refused) = without_sockets(&["check", &spec, "--json"]);
    if !is_refused {
        skip!("strace may not inject: {answer:?}");
    }
    assert_eq!(answer.code, Some(3), "{answer:?}");
    assert_eq!(checks(&answer)[0]["verdict"], "unknown", "{answer:?}");
    let (free, _) = without_sockets(&["free", "--address", "127.0.0.77"]);
    assert_eq!((free.code, free.stdout.as_str()), (Some(3), ""), "{free:?}");
}

#[test]
fn where_the_kernel_refuses_all_that_is_asked_nothing_is_free() {
    if !has_tool("strace") {
        skip!("strace is not there");
    }
    let scene = with_proc_mounted(c"tmpfs", c"", || {
        let (answer, is_refused) = without_sockets(&["check", "1", "--json"]);
        if !is_refused {
            skip!("strace may not inject: {answer:?}");
        }
        assert_knows_nothing(|arguments| without_sockets(arguments).0);
    });
    if let Err(why) = scene {
        skip!("/proc cannot be covered: {why}");
    }
}

#[test]
fn a_holder_in_another_network_namespace_takes_nothing() {
    let outside = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&outside));
    let scene = on_own_network(|| {
        for look in ["--no-probe", "--probe"] {
            let answer = portwho(&["check", &spec, "--json", look]);
            assert_eq!(answer.code, Some(0), "{answer:?}");
            let check = &checks(&answer)[0];
            assert_eq!(check["verdict"], "free", "{check:#}");
            assert_eq!(check["holders"], serde_json::json!([]));
        }
        // An interface of the machine is none of this network.
        let answer = portwho(&["check", "198.51.100.7:8080", "[fe80::1%eth0]:80", "--json"]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        let verdicts: Vec<_> = checks(&answer)
            .iter()
            .map(|check| check["verdict"].clone())
            .collect();
        assert!(
            verdicts.iter().all(|verdict| verdict != "free"),
            "{answer:?}"
        );
    });
    if let Err(why) = scene {
        skip!("no network of its own: {why}");
    }
}

#[test]
fn root_may_bind_a_privileged_port() {
    if !is_root() {
        skip!("only root can hold a privileged port");
    }
    let scene = on_own_network(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:1")?;
        let taken = portwho(&["check", "127.0.0.1:1", "127.0.0.2:1", "--json"]);
        let verdicts: Vec<_> = checks(&taken)
            .iter()
            .map(|check| check["verdict"].clone())
            .collect();
        assert_eq!(verdicts, ["taken", "free"], "{taken:?} {listener:?}");
        std::io::Result::Ok(())
    });
    if let Err(why) = scene.and_then(|scene| scene) {
        skip!("no privileged port: {why}");
    }
}
