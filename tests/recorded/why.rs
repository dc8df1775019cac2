//! `portwho why`: pages and documents on recordings.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};

use crate::contract::{allowed, list};
use crate::{Answer, capture, portwho};

fn why(name: &str, arguments: &[&str]) -> Answer {
    let file = capture(name);
    let from = ["why", "--from", file.to_str().unwrap()];
    portwho([&from[..], arguments].concat())
}

/// The groups of holders.
fn holders(arguments: &[&str]) -> Vec<Value> {
    let answer = why("web1", &[arguments, &["--json"]].concat());
    let document = allowed(&answer.stdout);
    assert_eq!(document["kind"], "why");
    list(&document["holders"]).to_vec()
}

#[test]
fn a_page_tells_all_that_can_be_acted_on() {
    for (arguments, snapshot) in [
        (":3000", file!["snapshots/why_shell.txt"].raw()),
        (":80", file!["snapshots/why_service.txt"].raw()),
        (":8085", file!["snapshots/why_container.txt"].raw()),
        (":8084", file!["snapshots/why_workers.txt"].raw()),
        (":18080", file!["snapshots/why_rule.txt"].raw()),
        (
            "state=time_wait",
            file!["snapshots/why_time_wait.txt"].raw(),
        ),
        (":2049", file!["snapshots/why_kernel.txt"].raw()),
        (":4000", file!["snapshots/why_bound.txt"].raw()),
        (":51114", file!["snapshots/why_client.txt"].raw()),
    ] {
        assert_data_eq!(why("web1", &[arguments]).shown(), snapshot);
    }
}

#[test]
fn parents_are_named_up_to_the_first_process() {
    let [node] = &holders(&[":3000"])[..] else {
        panic!("one group holds it")
    };
    let parents: Vec<(&Value, &Value)> = list(&node["parents"])
        .iter()
        .map(|parent| (&parent["name"], &parent["pid"]))
        .collect();
    let names = ["bash", "sshd", "sshd", "sshd", "systemd"].map(Value::from);
    let pids = [14221, 14220, 14201, 812, 1].map(Value::from);
    assert_eq!(parents, names.iter().zip(&pids).collect::<Vec<_>>());
    assert_eq!(node["if_killed"]["restarted"], false);
    assert_eq!(node["next"], json!(["kill 27897"]));
}

#[test]
fn a_service_is_ended_by_its_manager_and_not_by_a_signal() {
    let [nginx] = &holders(&[":80"])[..] else {
        panic!("one group holds it")
    };
    assert_eq!(nginx["pid"], 1100, "the one that started the others");
    assert_eq!(nginx["executable_state"], "replaced");
    assert_eq!(nginx["next"], json!(["systemctl stop nginx.service"]));
    let ports: Vec<&Value> = list(&nginx["listens_on"])
        .iter()
        .map(|one| &one["port"])
        .collect();
    assert_eq!(
        ports,
        [80, 80, 443].map(Value::from).iter().collect::<Vec<_>>()
    );
}

#[test]
fn what_restarts_a_service_is_told() {
    for (port, restarted) in [
        (":8084", json!(true)),
        (":5432", json!(false)),
        (":80", Value::Null),
    ] {
        let found = holders(&[port]);
        assert_eq!(found[0]["if_killed"]["restarted"], restarted, "{port}");
    }
}

#[test]
fn connections_are_counted_by_who_is_at_the_other_end() {
    let found = holders(&[":3000"]);
    let connected: Vec<(&Value, &Value)> = list(&found[0]["connected"])
        .iter()
        .map(|one| (&one["connections"], &one["processes"][0]["name"]))
        .collect();
    let (one, nginx, curl) = (json!(1), json!("nginx"), json!("curl"));
    assert_eq!(connected, [(&one, &nginx), (&one, &curl)]);
}

#[test]
fn a_client_names_the_other_end_of_its_connection() {
    let [curl] = &holders(&[":51114"])[..] else {
        panic!("one group holds it")
    };
    let [node] = list(&curl["connected"]) else {
        panic!("it has one peer: {curl:#}")
    };
    assert_eq!(node["peer_address"], "127.0.0.1");
    assert_eq!(node["connections"], 1);
    assert_eq!(node["processes"][0]["name"], "node");
    // A closed connection connects nobody.
    for closed in holders(&["state=time_wait"]) {
        assert_eq!(closed["connected"], json!([]), "{closed:#}");
    }
}

#[test]
fn a_pool_with_a_listener_for_each_is_told_once() {
    let [envoy] = &holders(&[":8085"])[..] else {
        panic!("one group holds it")
    };
    assert_eq!(list(&envoy["sockets"]).len(), 2);
    let told = envoy["if_killed"]["message"].as_str().unwrap();
    assert!(told.starts_with("1 more process holds the port"), "{told}");
    assert_eq!(envoy["next"], json!(["docker stop edge"]));
}

#[test]
fn an_owner_that_cannot_be_seen_is_said_to_be_there() {
    let answer = why("ordinary-user", &["tcp"]);
    assert_eq!(answer.code, 0);
    assert!(
        answer.stdout.contains("the owner cannot be seen"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("sudo portwho why :"),
        "{}",
        answer.stdout
    );
}

#[test]
fn root_is_to_look_where_the_user_did() {
    let everywhere = why("ordinary-user", &["tcp", "--all-netns"]).stdout;
    let next = "sudo portwho why --all-netns :22\n";
    assert!(everywhere.contains(next), "{everywhere}");
}

#[test]
fn nothing_and_cannot_tell_have_their_exit_codes() {
    let nothing = why("web1", &[":9"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (1, ""));
    assert_eq!(nothing.stderr, "portwho: nothing uses port 9\n");
    let unknown = why("unknown-table", &["udp:9"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    let bare = portwho(["why"]);
    assert_eq!(bare.code, 2, "{bare:?}");
    let document = why("web1", &[":9", "--json"]);
    assert_eq!(document.code, 1);
    assert_eq!(allowed(&document.stdout)["holders"], json!([]));
}

#[test]
fn nothing_that_another_chose_acts_on_a_terminal() {
    let page = why("hostile", &["tcp", "udp", "--color", "never"]).stdout;
    assert!(page.contains("held by"), "{page}");
    let acts = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!page.contains(acts), "{page}");
    for line in page.lines().filter(|line| !line.is_empty()) {
        let starts = ["tcp ", "udp ", "mptcp ", "udplite ", "raw ", "  "];
        assert!(starts.iter().any(|start| line.starts_with(start)), "{line}");
    }
}
