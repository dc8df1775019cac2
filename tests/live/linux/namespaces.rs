//! Sockets of network namespaces that the tests make, with a name and without.

use super::apart::on_own_network;
use super::held::{Held, helper_program};
use super::scenes;
use super::supervised::Machine;
use crate::answer::{assert_owned, portwho};
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
