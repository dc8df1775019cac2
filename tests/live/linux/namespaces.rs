//! Sockets of network namespaces that the tests make, with a name and without.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::apart::{ip, on_own_network};
use super::held::{Held, NOBODY, helper_program, is_root, open_folder, portwho_for_all};
use super::scenes;
use super::supervised::Machine;
use crate::answer::{assert_owned, portwho, try_run};
use crate::scene::until;

/// A machine with a network that ip(8) has named.
pub const NAME: &str = "blue";
/// The port of a process there.
pub const PORT: u16 = 7_070;

/// A process with a listener on a named network of a machine of its own.
pub fn named_network() -> Result<(Machine, Held), String> {
    let why = |error: std::io::Error| error.to_string();
    let machine = Machine::new(&[])?;
    let added = machine.run(&["ip", "netns", "add", NAME]);
    if added.code != Some(0) {
        return Err(added.stderr);
    }
    let mut command = machine.command("ip");
    let program = helper_program().map_err(why)?;
    command.args(["netns", "exec", NAME]).arg(program);
    let held = Held::start(command.args(["--port", &PORT.to_string()])).map_err(why)?;
    let selector = format!("tcp:{PORT}");
    let looked = ["ip", "netns", "exec", NAME, crate::answer::PORTWHO];
    until("the listener", || {
        let answer = machine.run(&[&looked, &[selector.as_str()][..]].concat());
        (answer.code == Some(0)).then_some(())
    });
    Ok((machine, held))
}

#[test]
fn a_listing_is_of_the_network_that_it_is_asked_on() {
    let (machine, _held) = match named_network() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let selector = format!("tcp:{PORT}");
    let here = machine.portwho(&[&selector, "--json"]);
    assert_eq!(here.code, Some(1), "{here:?}");
    let looked = ["ip", "netns", "exec", NAME, crate::answer::PORTWHO];
    let there = machine.told(&[&looked, &[selector.as_str(), "--json"][..]].concat());
    let document: serde_json::Value = serde_json::from_str(&there).unwrap();
    let row = &document["sockets"][0];
    assert_eq!(row["owners"][0]["name"], "holder", "{row:#}");
    let inode = machine.told(&["stat", "-Lc", "%i", &format!("/run/netns/{NAME}")]);
    assert_eq!(row["netns"].to_string(), inode, "{row:#}");
    let every = machine.portwho(&["--all-netns", "-l", &selector, "--json"]);
    let same = every.only_row();
    assert_eq!(same["netns_name"], NAME, "{same:#}");
    for key in ["netns", "inode", "local_port", "owners"] {
        assert_eq!(same[key], row[key], "{key}");
    }
}

#[test]
fn a_process_on_a_network_without_a_name_is_found_there_alone() {
    let scene = on_own_network(scenes::listening_process);
    let (held, port) = match scene {
        Ok(scene) => scene,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let selector = format!("pid={}", held.pid());
    let here = portwho(&[&selector, &format!("tcp:{port}"), "--json"]);
    assert!(here.rows().is_empty(), "{here:?}");
    let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_ne!(network(&held.pid().to_string()), network("self"));
    let every = portwho(&["--all-netns", &selector, &format!("tcp:{port}"), "--json"]);
    let row = every.only_row();
    assert_owned(&row, &[held.pid()]);
    assert_eq!(row["netns_name"], serde_json::Value::Null, "{row:#}");
    let number = format!("net:[{}]", row["netns"]);
    assert_eq!(network(&held.pid().to_string()).to_str(), Some(&*number));
}

/// An interface that the machine's own namespace does not have, where `/sys` is of that one.
fn with_an_interface<T: Send>(scene: impl FnOnce() -> T + Send) -> Result<T, String> {
    let scene = on_own_network(|| {
        ip(&[
            "link", "add", "reach0", "type", "veth", "peer", "name", "reach1",
        ])?;
        ip(&["address", "add", "10.99.0.9/24", "dev", "reach0"])?;
        Ok::<_, std::io::Error>(scene())
    });
    scene.and_then(|it| it).map_err(|why| why.to_string())
}

/// The addresses at which the only listener of an answer is reached, and whether all are known.
fn reached(answer: &crate::answer::Answer) -> (Vec<String>, bool) {
    let document = answer.json();
    let listens = &document["holders"][0]["listens_on"][0];
    let at = listens["reached_at"].as_array().unwrap().iter();
    let at = at.map(|one| format!("{}%{}", one["address"], one["interface"]));
    let at: Vec<String> = at.map(|text| text.replace('"', "")).collect();
    (at, listens["reach_known"] == true)
}

#[test]
fn addresses_are_those_of_the_namespace_that_the_sockets_are_of() {
    let scene = with_an_interface(|| {
        let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let port = crate::scene::port(&listener);
        let selector = format!("tcp:{port}");
        let here = portwho(&["why", &selector, "--json"]);
        // What is said to be elsewhere is on this machine, though nobody answers.
        let to = (std::net::Ipv4Addr::new(10, 99, 0, 9), port);
        let client = std::net::TcpStream::connect(to).unwrap();
        let map = portwho(&["map", &selector, "--json"]);
        (Held::sleep(listener), client, selector, here, map)
    });
    let (held, _client, selector, here, map) = match scene {
        Ok(scene) => scene,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let expected = vec!["10.99.0.9%reach0".to_owned(), "127.0.0.1%lo".to_owned()];
    assert_eq!(reached(&here), (expected.clone(), true), "{here:?}");
    assert_eq!(map.code, Some(0), "{map:?}");
    let pid = format!("pid={}", held.pid());
    let from_outside = portwho(&["why", "--all-netns", &selector, &pid, "--json"]);
    assert_eq!(reached(&from_outside), (expected, true), "{from_outside:?}");
}

#[test]
fn addresses_of_a_namespace_that_may_not_be_entered_are_said_to_be_unknown() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let scene = with_an_interface(|| {
        let listener = std::net::TcpListener::bind("0.0.0.0:0")?;
        let port = crate::scene::port(&listener);
        Ok::<_, std::io::Error>((Held::sleep_as(NOBODY, listener)?, port))
    });
    let (_held, port) = match scene.and_then(|it| it.map_err(|why| why.to_string())) {
        Ok(scene) => scene,
        Err(why) => skip!("no process of another user: {why}"),
    };
    let folder = open_folder();
    let program = portwho_for_all(&folder);
    let ask = |more: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(["why", "--all-netns", &format!("tcp:{port}")])
            .args(more);
        try_run(command.current_dir("/").uid(NOBODY).gid(NOBODY)).unwrap()
    };
    let page = ask(&[]);
    assert!(
        page.stdout.contains("no address of its network is known"),
        "{page:?}"
    );
    assert_eq!(reached(&ask(&["--json"])), (Vec::new(), false));
}
