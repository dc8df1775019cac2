//! `why` and `map` before scenes of several processes.

use serde_json::{Value, json};

use super::held::{Held, NO_SOCK_DIAG, answers_sock_diag};
use super::scenes::{self, BACKLOG};
use crate::answer::{at, pids, portwho};
use crate::scene::{port, until};

/// The holders of a port, by `why`.
#[track_caller]
fn holders(port: u16) -> Vec<Value> {
    let answer = portwho(&["why", &format!("tcp:{port}"), "--json"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["kind"], "why");
    document["holders"].as_array().unwrap().clone()
}

#[test]
fn why_names_the_line_of_parents_from_the_nearest_on() {
    let tree = match scenes::tree(scenes::LINE) {
        Ok(tree) => tree,
        Err(why) => skip!("{why}"),
    };
    let holders = holders(tree.port);
    let (last, above) = tree.processes.split_last().unwrap();
    assert_eq!(holders.len(), 1, "{holders:#?}");
    assert_eq!(holders[0]["pid"], last.0, "{holders:#?}");
    let parents = holders[0]["parents"].as_array().unwrap();
    let told: Vec<Value> = parents
        .iter()
        .map(|parent| json!([parent["pid"], parent["name"]]))
        .collect();
    let mut expected: Vec<Value> = above.iter().rev().map(|parent| json!(parent)).collect();
    expected.push(json!([std::process::id(), told[above.len()][1]]));
    assert_eq!(told[..expected.len()], expected, "{holders:#?}");
}

#[test]
fn why_asks_the_supervisor_that_stands_above_the_holder() {
    for (name, command) in [
        ("supervisord", "supervisorctl status"),
        ("nodemon", "kill PID"),
    ] {
        let tree = match scenes::tree(["overseer", name, "launcher", "webapp"]) {
            Ok(tree) => tree,
            Err(why) => skip!("{why}"),
        };
        let holders = holders(tree.port);
        let pid = tree.processes[1].0;
        let killed = &holders[0]["if_killed"];
        assert_eq!(killed["by"], name, "{holders:#?}");
        let message = killed["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{name} (pid {pid})")),
            "{message}"
        );
        let command = command.replace("PID", &pid.to_string());
        assert_eq!(holders[0]["next"], json!([command]), "{holders:#?}");
    }
}

#[test]
fn why_tells_a_queue_that_is_full() {
    if !answers_sock_diag() {
        // /proc/net does not tell the limit.
        skip!("{NO_SOCK_DIAG}");
    }
    let full = scenes::full_queue();
    let holders = holders(port(&full.listener));
    let expected = json!({
        "waiting": full.waiting.len(), "limit": BACKLOG, "full": true,
    });
    assert_eq!(holders[0]["queue"], expected, "{holders:#?}");
}

#[test]
fn why_tells_a_pool_by_the_process_that_its_workers_end_with() {
    let (held, port, expected) = match scenes::pool() {
        Ok(pool) => pool,
        Err(why) => skip!("{why}"),
    };
    let holders = holders(port);
    assert_eq!(holders.len(), 1, "{holders:#?}");
    assert_eq!(holders[0]["pid"], held.pid(), "{holders:#?}");
    assert_eq!(pids(&holders[0]["sockets"][0]), expected, "{holders:#?}");
}

#[test]
fn why_tells_a_pool_whose_workers_have_a_listener_each() {
    let group = scenes::reuseport();
    let port = port(&group[0]);
    let held = group.map(Held::sleep);
    let mut expected = held.each_ref().map(Held::pid);
    expected.sort_unstable();
    let holders = holders(port);
    assert_eq!(holders.len(), 1, "{holders:#?}");
    let sockets = holders[0]["sockets"].as_array().unwrap();
    let mut owners: Vec<u32> = sockets.iter().flat_map(pids).collect();
    owners.sort_unstable();
    assert_eq!(owners, expected, "{holders:#?}");
    let killed = holders[0]["if_killed"]["message"].as_str().unwrap();
    assert!(
        killed.starts_with("1 more process holds the port"),
        "{killed}"
    );
}

#[test]
fn the_map_has_every_link_of_a_chain_of_relays() {
    let chain = match scenes::relay_chain() {
        Ok(chain) => chain,
        Err(why) => skip!("{why}"),
    };
    let links = [
        (&chain.front, &chain.app),
        (&chain.front, &chain.store),
        (&chain.app, &chain.store),
    ];
    until("every end to be accepted", || {
        let rows = portwho(&["state=established", "--json"]).rows();
        let has_owner = |port| {
            at(&rows, "tcp", port)
                .iter()
                .all(|row| !pids(row).is_empty())
        };
        links.iter().all(|(_, to)| has_owner(to.port)).then_some(())
    });
    let document = portwho(&["map", "--format", "json"]).json();
    let services = document["services"].as_array().unwrap();
    let has = |id: &Value, pid: u32| {
        let id = id.as_u64().and_then(|id| usize::try_from(id).ok());
        id.is_some_and(|id| pids(&services[id]).contains(&pid))
    };
    for (from, to) in links {
        let mut told = document["links"].as_array().unwrap().iter();
        let found = told.any(|link| {
            link["port"] == to.port && has(&link["from"], from.pid()) && has(&link["to"], to.pid())
        });
        assert!(found, "{} to {}: {document:#}", from.pid(), to.pid());
    }
}
