//! Processes that belong together: parents and children, a pool of workers, a chain of relays.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::held::{Held, has_tool, open_folder};
use super::scenes::{self, parent};
use crate::answer::{assert_owned, at, pids, portwho, run};
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

/// Listeners of this process on one port: some addresses, and some sockets on each.
fn many(addresses: u8, each: usize) -> (u16, Vec<Socket>) {
    let mut all = Vec::new();
    let mut port = 0;
    for last in 1..=addresses {
        for _ in 0..each {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_reuse_port(true).unwrap();
            let address = SocketAddr::from(([127, 0, 0, last], port));
            socket.bind(&address.into()).unwrap();
            socket.listen(5).unwrap();
            let bound = socket.local_addr().unwrap().as_socket().unwrap();
            port = bound.port();
            all.push(socket);
        }
    }
    (port, all)
}

#[test]
fn the_sockets_of_one_owner_and_port_are_told_together() {
    let (port, _held) = many(12, 4);
    let selector = format!("tcp:{port}");
    let card = portwho(&[&selector, "--format", "card"]).stdout;
    let count = |page: &str, text: &str| page.lines().filter(|line| line.contains(text)).count();
    let pid = format!("pid {}", std::process::id());
    assert_eq!(count(&card, &pid), 1, "{card}");
    assert_eq!(count(&card, ", by 4 sockets"), 10, "{card}");
    assert_eq!(count(&card, "and 8 more sockets"), 1, "{card}");
    assert_eq!(count(&card, "0 of 5 connections wait"), 1, "{card}");
    let why = portwho(&["why", &selector]).stdout;
    assert_eq!(count(&why, ", by 4 sockets"), 8, "{why}");
    assert_eq!(count(&why, "and 16 more sockets"), 1, "{why}");
    // What is listed is what is there: every socket has its row.
    let rows = portwho(&[&selector, "-l", "--json"]).rows();
    assert_eq!(rows.len(), 48);
}

/// Two programs of one user, folder and script, each with a listener of its own and a parent of its own.
#[test]
fn why_and_the_map_agree_on_two_listeners_of_different_parents() {
    if !has_tool("python3") {
        skip!("python3 is not there");
    }
    let folder = open_folder();
    let text = "import socket, sys, time\n\
                s = socket.socket()\n\
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
                s.bind(('127.0.0.1', int(sys.argv[1])))\n\
                s.listen()\n\
                print(s.getsockname()[1], flush=True)\n\
                time.sleep(600)\n";
    std::fs::write(folder.path().join("server.py"), text).unwrap();
    let start = |port: u32| {
        // A shell that is the parent of one alone.
        let script = format!("python3 server.py {port}; true");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]);
        Held::telling(shell.current_dir(&folder)).unwrap()
    };
    let (first, told) = start(0);
    let (second, _) = start(told[0]);
    let selector = format!("tcp:{}", told[0]);
    let why = portwho(&["why", &selector, "--json"]).json();
    let map = portwho(&["map", &selector, "--format", "json"]).json();
    let group = |held: &Held| {
        let kill = format!("pkill -KILL -P {}", held.pid());
        run(Command::new("sh").args(["-c", &kill]));
    };
    group(&first);
    group(&second);
    assert_eq!(why["holders"].as_array().unwrap().len(), 1, "{why:#}");
    let services = map["services"].as_array().unwrap();
    let of_port = services
        .iter()
        .filter(|one| one["listeners"].to_string().contains(&told[0].to_string()));
    assert_eq!(of_port.count(), 1, "{map:#}");
}
