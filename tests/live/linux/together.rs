//! Processes that belong together: parents and children, a pool of workers, a chain of relays.

use serde_json::Value;

use super::scenes::{self, parent};
use crate::answer::{assert_owned, at, pids, portwho};
use crate::scene::until;

#[test]
fn the_owner_below_a_line_of_parents_is_the_last_of_them() {
    let tree = match scenes::tree(scenes::LINE) {
        Ok(tree) => tree,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(tree.processes.len(), 4);
    let (last, name) = tree.processes[3];
    let row = portwho(&[&format!("tcp:{}", tree.port), "--json"]).only_row();
    assert_owned(&row, &[last]);
    assert_eq!(row["owners"][0]["name"], name);
    assert_eq!(row["owners"][0]["parent_pid"], tree.processes[2].0);
    let line: Vec<u32> = tree.processes.iter().map(|(pid, _)| *pid).collect();
    for (above, below) in line.iter().zip(&line[1..]) {
        assert_eq!(parent(*below), *above, "{:?}", tree.processes);
    }
}

#[test]
fn the_workers_of_a_pool_have_its_first_process_for_parent() {
    let (held, port, expected) = match scenes::pool() {
        Ok(pool) => pool,
        Err(why) => skip!("{why}"),
    };
    let row = portwho(&[&format!("tcp:{port}"), "--json"]).only_row();
    assert_owned(&row, &expected);
    let owners = row["owners"].as_array().unwrap();
    let workers = owners.iter().filter(|owner| owner["pid"] != held.pid());
    let parents: Vec<&Value> = workers.map(|owner| &owner["parent_pid"]).collect();
    assert_eq!(parents.len(), 3, "{row:#}");
    assert!(parents.iter().all(|pid| **pid == held.pid()), "{row:#}");
}

#[test]
fn a_chain_of_relays_has_a_connection_for_each_of_its_links() {
    let chain = match scenes::relay_chain() {
        Ok(chain) => chain,
        Err(why) => skip!("{why}"),
    };
    let relays = [&chain.front, &chain.app, &chain.store];
    for relay in relays {
        let row = portwho(&["-l", &format!("tcp:{}", relay.port), "--json"]).only_row();
        assert_owned(&row, &[relay.pid()]);
    }
    let links = [
        (&chain.front, &chain.app),
        (&chain.front, &chain.store),
        (&chain.app, &chain.store),
    ];
    for (from, to) in links {
        let selectors = [format!("pid={}", from.pid()), format!("peer=:{}", to.port)];
        let answer = portwho(&["-a", &selectors[0], &selectors[1], "--json"]);
        let row = answer.only_row();
        assert_eq!(row["state"], "established");
        let port = row["local_port"].as_u64().unwrap();
        until("the other end to be accepted", || {
            let rows = portwho(&["-a", &format!("tcp:{}", to.port), "--json"]).rows();
            let mut ends = at(&rows, "tcp", to.port).into_iter();
            let accepted = ends.find(|row| row["peer_port"] == port)?;
            (pids(accepted) == [to.pid()]).then_some(())
        });
    }
}
