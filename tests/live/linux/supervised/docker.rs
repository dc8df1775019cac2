//! A Docker engine: published ports with its proxy and without, and containers on the host's network.

use super::engine::Engine;
use super::{facts, hold};
use crate::answer::pids;

/// The port inside, and those of the machine.
const INSIDE: u16 = 80;
const PUBLISHED: u16 = 18_080;
const HOSTED: u16 = 18_081;

#[test]
fn containers_have_the_ports_of_a_docker_engine() {
    let engine = match Engine::start(&[], &[]) {
        Ok(engine) => engine,
        Err(why) => skip!("{why}"),
    };
    engine.web("web", &["-p", "127.0.0.1:18080:80"], INSIDE);
    engine.web("hosted", &["--network", "host"], HOSTED);
    hold(
        &engine,
        facts![
            its_proxy_holds_a_published_port,
            a_container_on_the_network_of_the_host_holds_its_port_itself,
            a_container_on_its_own_network_is_not_of_this_one,
        ],
    );
}

fn its_proxy_holds_a_published_port(engine: &Engine) {
    let row = engine.row(&format!("tcp:{PUBLISHED}"));
    assert_eq!(row["local_address"], "127.0.0.1");
    let owners = row["owners"].as_array().unwrap();
    assert_eq!(owners.len(), 1, "{row:#}");
    assert_eq!(owners[0]["name"], "docker-proxy");
    let address = engine.address("web").into();
    let command = owners[0]["command"].as_array().unwrap();
    assert!(command.contains(&address), "{row:#}");
}

fn a_container_on_the_network_of_the_host_holds_its_port_itself(engine: &Engine) {
    let row = engine.row(&format!("tcp:{HOSTED}"));
    assert_eq!(pids(&row), [engine.pid("hosted")], "{row:#}");
    let id = engine.told("hosted", "{{.Id}}");
    let groups = engine
        .machine
        .control_groups(&engine.pid("hosted").to_string());
    assert!(groups.contains(&format!("/docker/{id}")), "{groups}");
}

fn a_container_on_its_own_network_is_not_of_this_one(engine: &Engine) {
    let answer = engine.portwho(&[&format!("tcp:{INSIDE}"), "--json"]);
    assert!(answer.rows().is_empty(), "{answer:?}");
}

#[test]
fn without_its_proxy_a_docker_engine_sends_connections_on_by_a_rule() {
    // The daemon gone, its containers live on.
    let options = ["--userland-proxy=false", "--live-restore"];
    let mut engine = match Engine::start(&options, &[]) {
        Ok(engine) => engine,
        Err(why) => skip!("{why}"),
    };
    engine.web("web", &["-p", "127.0.0.1:18080:80"], INSIDE);
    hold(&engine, facts![the_daemon_keeps_the_port_from_others]);
    let address = engine.address("web");
    engine.kill();
    let told = format!("--dport {PUBLISHED} -j DNAT --to-destination {address}:{INSIDE}");
    let rules = engine.rules();
    assert!(rules.contains(&told), "{rules}");
    hold(&engine, facts![no_socket_holds_a_port_of_a_rule]);
}

/// Until version 28 it listens; later it is bound.
fn the_daemon_keeps_the_port_from_others(engine: &Engine) {
    let row = engine
        .portwho(&[&format!("tcp:{PUBLISHED}"), "--json"])
        .only_row();
    let owners = row["owners"].as_array().unwrap();
    assert_eq!(owners.len(), 1, "{row:#}");
    assert_eq!(owners[0]["name"], "dockerd");
}

fn no_socket_holds_a_port_of_a_rule(engine: &Engine) {
    let answer = engine.portwho(&[&format!("tcp:{PUBLISHED}"), "--json"]);
    assert!(answer.rows().is_empty(), "{answer:?}");
    assert_eq!(answer.code, Some(1), "{answer:?}");
}
