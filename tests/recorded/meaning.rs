//! What owners are part of: units, containers, projects; and ports that lead elsewhere.

use serde_json::json;

use crate::contract::{document, list, sockets};
use crate::replay;

/// Ports of the rows that an argument selects.
fn ports(selector: &str) -> Vec<u64> {
    let found = sockets("web1", &["-l", selector]);
    let mut ports: Vec<u64> = found
        .iter()
        .filter_map(|row| row["local_port"].as_u64())
        .collect();
    ports.dedup();
    ports
}

#[test]
fn units_containers_and_projects_select() {
    assert_eq!(ports("unit=nginx"), [80, 443]);
    assert_eq!(ports("unit=SSH.service"), [22]);
    assert_eq!(ports("container=edge"), [8085]);
    assert_eq!(ports("container=7d2c1f0b9e8a"), [8085]);
    assert_eq!(ports("project=shop"), [3000]);
    // The path that the page prints.
    for path in ["/srv/shop", "/srv/shop/", "/srv", "/"] {
        assert_eq!(ports(&format!("project={path}")), [3000], "{path}");
    }
    for path in ["/srv/sho", "/srv/shop/web", "/shop"] {
        assert_eq!(ports(&format!("project={path}")), [0; 0], "{path}");
    }
    let nothing = replay("web1", &["unit=no-such-unit"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (1, ""));
}

#[test]
fn kinds_of_selectors_narrow_and_several_of_a_kind_widen() {
    let both = sockets("web1", &["-l", "unit=ssh", "unit=redis", "tcp"]);
    assert_eq!(both.len(), 4, "{both:#?}");
    let none = replay("web1", &["unit=ssh", "user=redis"]);
    assert_eq!(none.code, 1);
}

#[test]
fn an_owner_says_what_it_is_part_of() {
    let found = sockets("web1", &["-l", ":8085"]);
    let owner = &list(&found[0]["owners"])[0];
    assert_eq!(owner["container"]["name"], "edge");
    assert_eq!(owner["container"]["runtime"], "docker");
    assert_eq!(owner["container"]["pod_uid"], json!(null));
    let found = sockets("web1", &["-l", ":3000"]);
    let owner = &list(&found[0]["owners"])[0];
    let project = json!({ "name": "shop", "directory": "/srv/shop", "manifest": "package.json" });
    assert_eq!(owner["project"], project);
    assert_eq!(owner["script"], "server.js");
}

#[test]
fn a_name_of_a_container_is_asked_for_only_where_runtimes_may_be_asked() {
    let found = sockets("web1", &["-l", ":8085", "--no-runtime"]);
    let container = &list(&found[0]["owners"])[0]["container"];
    assert_eq!(container["name"], json!(null));
    assert!(container["id"].as_str().unwrap().starts_with("7d2c1f0b"));
    let table = replay(
        "web1",
        &["-l", ":8085", "--no-runtime", "--columns", "what"],
    )
    .shown();
    assert!(table.contains("docker 7d2c1f0b9e8a"), "{table}");
}

#[test]
fn a_rule_is_named_where_no_socket_has_the_port() {
    let answer = replay("web1", &[":18080"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""));
    assert_eq!(
        answer.stderr,
        "portwho: no socket has port 18080\n\
         portwho: note: a DNAT rule sends 10.0.0.5:18080/tcp to 172.17.0.2:80 (docker shop-web-1)\n"
    );
    let document = document("web1", &[":18080"]);
    let rule = &list(&document["forwards"])[0];
    assert_eq!(rule["to"], "172.17.0.2:80");
    assert_eq!(rule["container"]["compose_service"], "web");
    assert_eq!(
        (&rule["port"], &rule["last_port"]),
        (&json!(18080), &json!(18080))
    );
}

#[test]
fn a_rule_is_not_named_where_it_was_not_asked_for() {
    for other in ["udp:18080", ":18081", "127.0.0.1:18080", "name=x"] {
        let answer = replay("web1", &[other]);
        assert!(!answer.stderr.contains("DNAT"), "{other}: {answer:?}");
    }
    let taken = document("web1", &[":80"]);
    assert_eq!(taken["forwards"], json!([]));
}

#[test]
fn a_column_in_which_nothing_is_said_stays_in_a_pipe() {
    let titles = |arguments: &[&str]| {
        let all = [&["--format", "table"], arguments].concat();
        let table = replay("ordinary-user", &all).stdout;
        table.lines().next().unwrap_or_default().to_owned()
    };
    // Scripts count columns; a terminal is spared it.
    assert!(titles(&[]).contains("WHAT"), "{}", titles(&[]));
}
