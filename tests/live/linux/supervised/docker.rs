//! A Docker engine: published ports with its proxy and without, and containers on the host's network.

use serde_json::{Value, json};

use super::engine::{Engine, IMAGE};
use super::{facts, hold, only_holders, said};
use crate::answer::pids;

/// The port inside, and those of the machine.
const INSIDE: u16 = 80;
const PUBLISHED: u16 = 18_080;
const HOSTED: u16 = 18_081;
const BY_HAND: u16 = 18_099;
const FAMILIES: u16 = 18_087;
/// Of the engine itself.
const API: u16 = 18_088;

#[test]
fn containers_have_the_ports_of_a_docker_engine() {
    let api = format!("tcp://127.0.0.1:{API}");
    let options = ["--host", &api, "--host", "unix:///var/run/docker.sock"];
    let engine = match Engine::start(&options, &[]) {
        Ok(engine) => engine,
        Err(why) => skip!("{why}"),
    };
    engine.web("web", &["-p", "127.0.0.1:18080:80"], INSIDE);
    engine.web("hosted", &["--network", "host"], HOSTED);
    engine.web("families", &["-p", "18087:81"], 81);
    hold(
        &engine,
        facts![
            its_proxy_holds_a_published_port,
            a_container_on_the_network_of_the_host_holds_its_port_itself,
            a_container_on_its_own_network_is_not_of_this_one,
            a_published_port_leads_to_its_container,
            the_rule_beside_its_proxy_is_told_in_one_line,
            a_container_is_named_by_its_engine,
            unasked_the_engine_names_nothing_and_ids_are_known,
            containers_are_selected_by_name_and_by_id,
            every_network_is_looked_into_if_wanted,
            a_page_tells_of_a_container_that_holds_its_port,
            a_page_of_a_published_port_is_of_its_container,
            proxies_of_both_families_are_one_page,
            the_daemons_own_port_is_no_containers,
            nobody_starts_a_proxy_again,
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

/// A container of the scene, as the contract has it.
fn container(engine: &Engine, name: &str) -> Value {
    json!({
        "runtime": "docker",
        "id": engine.told(name, "{{.Id}}"),
        "name": name,
        "image": IMAGE,
        "compose_project": null,
        "compose_service": null,
        "pod_uid": null,
        "claimed": false,
    })
}

fn a_published_port_leads_to_its_container(engine: &Engine) {
    let row = engine.row(&format!("tcp:{PUBLISHED}"));
    let expected = json!({
        "by": "docker-proxy",
        "to": format!("{}:{INSIDE}", engine.address("web")),
        "container": container(engine, "web"),
    });
    assert_eq!(row["forwards_to"], expected, "{row:#}");
    // The proxy is of the machine.
    assert_eq!(row["owners"][0]["container"], Value::Null);
}

fn the_rule_beside_its_proxy_is_told_in_one_line(engine: &Engine) {
    let why = engine.portwho(&["why", &format!("tcp:{PUBLISHED}")]);
    let lines: Vec<&str> = why.stdout.lines().collect();
    let of_rule: Vec<&&str> = lines.iter().filter(|line| line.contains("DNAT")).collect();
    let told = format!(
        "  rule        a DNAT rule sends 127.0.0.1:{PUBLISHED}/tcp there too, past this process"
    );
    assert_eq!(of_rule, [&told.as_str()], "{why:?}");
    let document = engine
        .portwho(&["why", &format!("tcp:{PUBLISHED}"), "--json"])
        .json();
    let rule = &document["forwards"][0];
    assert_eq!(rule["container"], container(engine, "web"), "{rule:#}");
}

fn a_container_is_named_by_its_engine(engine: &Engine) {
    let row = engine.row(&format!("tcp:{HOSTED}"));
    let owner = &row["owners"][0];
    assert_eq!(owner["container"], container(engine, "hosted"), "{row:#}");
    assert_eq!(row["forwards_to"], Value::Null);
    for format in ["table", "card"] {
        let shown = engine.portwho(&[&format!("tcp:{HOSTED}"), "--format", format]);
        assert!(shown.stdout.contains("hosted"), "{shown:?}");
    }
}

fn unasked_the_engine_names_nothing_and_ids_are_known(engine: &Engine) {
    let unasked = |port: u16| {
        let selector = format!("tcp:{port}");
        let answer = engine.portwho(&["--no-runtime", &selector, "--json"]);
        answer.only_row()
    };
    let row = unasked(HOSTED);
    let container = &row["owners"][0]["container"];
    let id = engine.told("hosted", "{{.Id}}");
    assert_eq!(container["runtime"], "docker", "{row:#}");
    assert_eq!(container["id"], id.as_str(), "{row:#}");
    assert_eq!(container["name"], Value::Null, "{row:#}");
    assert_eq!(container["image"], Value::Null, "{row:#}");
    let row = unasked(PUBLISHED);
    let to = format!("{}:{INSIDE}", engine.address("web"));
    assert_eq!(row["forwards_to"]["to"], to, "{row:#}");
    assert_eq!(row["forwards_to"]["container"]["name"], Value::Null);
}

fn containers_are_selected_by_name_and_by_id(engine: &Engine) {
    let id = engine.told("hosted", "{{.Id}}");
    for value in ["hosted", "HOST", &id[..12]] {
        let selector = format!("container={value}");
        let row = engine
            .portwho(&["-l", "tcp", &selector, "--json"])
            .only_row();
        assert_eq!(row["local_port"], HOSTED, "{selector}");
    }
    let nobody = engine.portwho(&["container=nobody", "--json"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
}

fn every_network_is_looked_into_if_wanted(engine: &Engine) {
    let selector = format!("tcp:{INSIDE}");
    let answer = engine.portwho(&["--all-netns", "-l", &selector, "--json"]);
    let row = answer.only_row();
    assert_eq!(pids(&row), [engine.pid("web")], "{row:#}");
    assert_eq!(row["netns_name"], "web", "{row:#}");
    let owner = &row["owners"][0];
    assert_eq!(owner["container"], container(engine, "web"), "{row:#}");
}

/// The page of a port and its document.
#[track_caller]
fn why(engine: &Engine, port: u16) -> (Value, String) {
    let selector = format!("tcp:{port}");
    let page = engine.portwho(&["why", &selector]);
    assert_eq!(page.code, Some(0), "{page:?}");
    let document = engine.portwho(&["why", &selector, "--json"]);
    (only_holders(&document), page.stdout)
}

fn a_page_tells_of_a_container_that_holds_its_port(engine: &Engine) {
    let (holders, page) = why(engine, HOSTED);
    let named = format!("docker hosted   image {IMAGE}");
    assert_eq!(said(&page, "container"), named, "{page}");
    assert_eq!(holders["next"], json!(["docker stop hosted"]));
    assert_eq!(holders["if_killed"]["by"], "docker", "{page}");
}

fn a_page_of_a_published_port_is_of_its_container(engine: &Engine) {
    let (holders, page) = why(engine, PUBLISHED);
    assert!(said(&page, "held by").starts_with("docker-proxy"), "{page}");
    assert_eq!(
        said(&page, "leads to"),
        format!("{}:{INSIDE}", engine.address("web"))
    );
    let named = format!("docker web   image {IMAGE}");
    assert_eq!(said(&page, "container"), named, "{page}");
    let at = |label: &str| page.find(&format!("\n  {label} ")).unwrap();
    assert!(
        at("held by") < at("leads to") && at("leads to") < at("started by"),
        "{page}"
    );
    let killed = said(&page, "if killed");
    assert!(killed.contains("the container itself goes on"), "{page}");
    assert_eq!(holders["if_killed"]["restarted"], false, "{page}");
    assert_eq!(holders["next"], json!(["docker stop web"]));
}

fn proxies_of_both_families_are_one_page(engine: &Engine) {
    let (holders, page) = why(engine, FAMILIES);
    // Without IPv6 there is but one.
    let listed = engine.portwho(&["-l", &format!("tcp:{FAMILIES}"), "--json"]);
    let (sockets, rows) = (holders["sockets"].as_array().unwrap(), listed.rows());
    assert_eq!(sockets.len(), rows.len(), "{page}");
    let has_two = said(&page, "and by").starts_with("docker-proxy");
    assert_eq!(has_two, rows.len() == 2, "{page}");
    assert_eq!(holders["next"], json!(["docker stop families"]));
}

fn the_daemons_own_port_is_no_containers(engine: &Engine) {
    let (holders, page) = why(engine, API);
    assert!(said(&page, "held by").starts_with("dockerd"), "{page}");
    assert_eq!(said(&page, "container"), "", "{page}");
    assert_eq!(holders["next"], json!([format!("kill {}", holders["pid"])]));
}

fn nobody_starts_a_proxy_again(engine: &Engine) {
    let (holders, _) = why(engine, PUBLISHED);
    engine
        .machine
        .told(&["kill", "-KILL", &holders["pid"].to_string()]);
    let selector = format!("tcp:{PUBLISHED}");
    let gone = ["wait", &selector, "--gone", "--timeout", "20s"];
    assert_eq!(engine.portwho(&gone).code, Some(0));
    assert_eq!(engine.told("web", "{{.State.Running}}"), "true");
    engine.docker(&["restart", "web"]);
    assert_eq!(engine.row(&selector)["owners"][0]["name"], "docker-proxy");
}

#[test]
fn without_its_proxy_a_docker_engine_sends_connections_on_by_a_rule() {
    // The daemon gone, its containers live on.
    let options = ["--userland-proxy=false", "--live-restore"];
    let mut engine = match Engine::start_elsewhere(&options) {
        Ok(engine) => engine,
        Err(why) => skip!("{why}"),
    };
    engine.web("web", &["-p", "127.0.0.1:18080:80"], INSIDE);
    let address = engine.address("web");
    // As somebody would by hand.
    let rule = format!(
        "iptables -t nat -A OUTPUT -p tcp -d 127.0.0.1 --dport {BY_HAND} \
         -j DNAT --to-destination {address}:{INSIDE}"
    );
    engine.machine.told(&["sh", "-c", &rule]);
    hold(
        &engine,
        facts![
            the_daemon_keeps_the_port_from_others,
            a_rule_to_a_container_is_told_where_no_socket_holds_the_port,
            a_rule_is_told_to_people_too,
        ],
    );
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
    // Though no connection comes to it.
    let forward = &row["forwards_to"];
    assert_eq!(forward["by"], "docker", "{row:#}");
    assert_eq!(forward["container"], container(engine, "web"), "{row:#}");
    let (holders, page) = why(engine, PUBLISHED);
    assert_eq!(holders["next"], json!(["docker stop web"]), "{page}");
    let kept = "docker holds the port for container web, as long as that runs";
    assert_eq!(said(&page, "if killed"), kept);
}

fn a_rule_to_a_container_is_told_where_no_socket_holds_the_port(engine: &Engine) {
    let answer = engine.portwho(&[&format!("tcp:{BY_HAND}"), "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["sockets"], json!([]));
    let to = format!("{}:{INSIDE}", engine.address("web"));
    let expected = json!([{
        "protocol": "tcp",
        "address": "127.0.0.1",
        "port": BY_HAND,
        "last_port": BY_HAND,
        "to": to,
        "by": "dnat",
        "container": container(engine, "web"),
        "listener": null,
        "addresses": null,
        "netns": null,
        "netns_name": null,
    }]);
    assert_eq!(document["forwards"], expected);
}

fn a_rule_is_told_to_people_too(engine: &Engine) {
    let to = format!("{}:{INSIDE}", engine.address("web"));
    let told =
        format!("portwho: note: a DNAT rule sends 127.0.0.1:{BY_HAND}/tcp to {to} (docker web)");
    let answer = engine.portwho(&[&format!(":{BY_HAND}")]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.lines().any(|line| line == told), "{answer:?}");
    let why = engine.portwho(&["why", &format!(":{BY_HAND}")]);
    assert_eq!(why.code, Some(0), "{why:?}");
    assert!(why.stdout.contains("docker stop web"), "{why:?}");
}

fn no_socket_holds_a_port_of_a_rule(engine: &Engine) {
    let answer = engine.portwho(&[&format!("tcp:{PUBLISHED}"), "--json"]);
    assert!(answer.rows().is_empty(), "{answer:?}");
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let document = answer.json();
    let forwards = document["forwards"].as_array().unwrap();
    assert_eq!(forwards.len(), 1, "{document:#}");
    assert_eq!(forwards[0]["address"], "127.0.0.1");
    assert_eq!(forwards[0]["port"], PUBLISHED);
    // The engine is gone: whose address it is, nobody may know.
    let to = forwards[0]["to"].as_str().unwrap();
    assert!(to.ends_with(&format!(":{INSIDE}")), "{document:#}");
}
