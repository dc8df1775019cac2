//! podman: containers on the host's network, and published ports, kept by conmon or by a rule alone.

use serde_json::{Value, json};

use super::{Machine, complaint, facts, hold, only_holders, said};
use crate::answer::pids;
use crate::linux::held::Held;
use crate::scene::until;

const IMAGE: &str = "scene/web:1";
const HOSTED: u16 = 18_084;
const RESERVED: u16 = 18_085;
const UNRESERVED: u16 = 18_086;

struct Podman {
    machine: Machine,
    _service: Held,
}

impl Podman {
    fn start() -> Result<Self, String> {
        let machine = Machine::new(&["podman", "iptables", "busybox", "tar"])?;
        let root = machine.busybox_root()?;
        let script = "tar -C \"$0\" -c . | podman import - \"$1\"";
        let import = machine.run(&["sh", "-c", script, root.to_str().unwrap(), IMAGE]);
        if import.code != Some(0) {
            return Err(format!("podman has no image: {}", complaint(&import)));
        }
        let first = ["podman", "run", "--rm", "--network", "host", IMAGE];
        let first = machine.run(&[&first[..], &["/bin/busybox", "true"]].concat());
        if first.code != Some(0) {
            // A user namespace that lacks groups of the system is no place for a container.
            return Err(format!("podman runs nothing: {}", complaint(&first)));
        }
        let mut service = machine.command("podman");
        service.args(["system", "service", "--time", "0"]);
        let socket = "unix:///run/podman/podman.sock";
        let asked = ["podman", "--remote", "--url", socket, "version"];
        Ok(Self {
            _service: machine.daemon(&mut service, &asked)?,
            machine,
        })
    }

    /// Starts a web server in a container, and gives the container's id.
    #[track_caller]
    fn web(&self, name: &str, options: &[&str], port: u16) -> String {
        let begin = ["podman", "run", "--detach", "--name", name];
        let port = port.to_string();
        let server = [IMAGE, "/bin/busybox", "httpd", "-f", "-p", &port];
        self.machine.told(&[&begin, options, &server].concat())
    }

    #[track_caller]
    fn told(&self, container: &str, template: &str) -> String {
        let inspect = ["podman", "inspect", "--format", template, container];
        self.machine.told(&inspect)
    }

    #[track_caller]
    fn row(&self, port: u16) -> Value {
        let selector = format!("tcp:{port}");
        until("a listener of the scene", || {
            let answer = self.machine.portwho(&["-l", &selector]);
            (answer.code == Some(0)).then_some(())
        });
        let answer = self.machine.portwho(&["-l", &selector, "--json"]);
        answer.only_row()
    }
}

#[test]
fn containers_have_the_ports_of_podman() {
    let podman = match Podman::start() {
        Ok(podman) => podman,
        Err(why) => skip!("{why}"),
    };
    podman.web("hosted", &["--network", "host"], HOSTED);
    podman.web("reserved", &["-p", "127.0.0.1:18085:80"], 80);
    // Then podman leaves no socket on the port: libpod.conf(5).
    let file = podman.machine.path("containers.conf");
    std::fs::write(&file, "[engine]\nenable_port_reservation = false\n").unwrap();
    let conf = format!("CONTAINERS_CONF={}", file.display());
    let begin = ["env", &conf, "podman", "run", "--detach"];
    let options = ["--name", "unreserved", "-p", "127.0.0.1:18086:80"];
    let server = [IMAGE, "/bin/busybox", "httpd", "-f", "-p", "80"];
    podman
        .machine
        .told(&[&begin[..], &options, &server].concat());
    hold(
        &podman,
        facts![
            a_container_on_the_network_of_the_host_holds_its_port,
            conmon_keeps_a_published_port_from_others,
            without_a_reservation_a_rule_alone_has_the_port,
            a_container_is_named_by_podman,
            a_reserved_port_leads_to_its_container,
            a_rule_leads_to_its_container,
            a_page_tells_of_a_container_that_holds_its_port,
            a_page_of_a_reserved_port_is_of_its_container,
            podman_names_the_container_where_nobody_was_asked,
        ],
    );
}

fn a_container_on_the_network_of_the_host_holds_its_port(podman: &Podman) {
    let row = podman.row(HOSTED);
    let pid = podman.told("hosted", "{{.State.Pid}}");
    assert_eq!(pids(&row), [pid.parse::<u32>().unwrap()], "{row:#}");
    let id = podman.told("hosted", "{{.Id}}");
    let groups = podman.machine.control_groups(&pid);
    assert!(groups.contains(&format!("/libpod-{id}")), "{groups}");
}

fn conmon_keeps_a_published_port_from_others(podman: &Podman) {
    let row = podman.row(RESERVED);
    let owners = row["owners"].as_array().unwrap();
    assert_eq!(owners.len(), 1, "{row:#}");
    assert_eq!(owners[0]["name"], "conmon");
    let id = podman.told("reserved", "{{.Id}}").into();
    let command = owners[0]["command"].as_array().unwrap();
    assert!(command.contains(&id), "{row:#}");
}

fn without_a_reservation_a_rule_alone_has_the_port(podman: &Podman) {
    let address = podman.told("unreserved", "{{.NetworkSettings.IPAddress}}");
    // By iptables, or by nf_tables itself as newer versions do.
    let rules = podman.machine.told(&["iptables", "-t", "nat", "-S"]);
    let told = format!("--dport {UNRESERVED} -j DNAT --to-destination {address}:80");
    if !rules.contains(&told) {
        let rules = podman.machine.told(&["nft", "list", "ruleset"]);
        let told = format!("tcp dport {UNRESERVED} dnat ip to {address}:80");
        assert!(rules.contains(&told), "{rules}");
    }
    let answer = podman
        .machine
        .portwho(&[&format!("tcp:{UNRESERVED}"), "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.rows().is_empty(), "{answer:?}");
}

/// Whether it is this container, as podman knows it.
#[track_caller]
fn assert_is(told: &Value, podman: &Podman, name: &str) {
    assert_eq!(told["runtime"], "podman", "{told:#}");
    assert_eq!(told["id"], podman.told(name, "{{.Id}}"), "{told:#}");
    assert_eq!(told["name"], name, "{told:#}");
    let image = podman.told(name, "{{.ImageName}}");
    assert_eq!(told["image"], image, "{told:#}");
}

fn a_container_is_named_by_podman(podman: &Podman) {
    let row = podman.row(HOSTED);
    assert_is(&row["owners"][0]["container"], podman, "hosted");
}

fn a_reserved_port_leads_to_its_container(podman: &Podman) {
    let row = podman.row(RESERVED);
    assert_eq!(row["forwards_to"]["by"], "podman", "{row:#}");
    assert_is(&row["forwards_to"]["container"], podman, "reserved");
}

fn a_rule_leads_to_its_container(podman: &Podman) {
    let selector = format!("tcp:{UNRESERVED}");
    let answer = podman.machine.portwho(&[&selector, "--json"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let document = answer.json();
    let forwards = document["forwards"].as_array().unwrap();
    assert_eq!(forwards.len(), 1, "{document:#}");
    let address = podman.told("unreserved", "{{.NetworkSettings.IPAddress}}");
    assert_eq!(forwards[0]["to"], format!("{address}:80"));
    assert_eq!(forwards[0]["by"], "dnat");
    assert_is(&forwards[0]["container"], podman, "unreserved");
}

/// The holders of a port and their page.
#[track_caller]
fn why(podman: &Podman, port: u16, options: &[&str]) -> (Value, String) {
    let selector = format!("tcp:{port}");
    let looked = [&["why", &selector], options].concat();
    let page = podman.machine.portwho(&looked);
    assert_eq!(page.code, Some(0), "{page:?}");
    let document = podman.machine.portwho(&[&looked[..], &["--json"]].concat());
    (only_holders(&document), page.stdout)
}

fn a_page_tells_of_a_container_that_holds_its_port(podman: &Podman) {
    let (holders, page) = why(podman, HOSTED, &[]);
    let image = podman.told("hosted", "{{.ImageName}}");
    let named = format!("podman hosted   image {image}");
    assert_eq!(said(&page, "container"), named, "{page}");
    assert_eq!(holders["next"], json!(["podman stop hosted"]));
}

fn a_page_of_a_reserved_port_is_of_its_container(podman: &Podman) {
    // On a slow machine podman may take longer than portwho waits for it.
    let (holders, page) = until("podman's answer in time", || {
        let (holders, page) = why(podman, RESERVED, &[]);
        page.contains("\n  container ").then_some((holders, page))
    });
    assert!(said(&page, "held by").starts_with("conmon"), "{page}");
    assert!(
        said(&page, "container").starts_with("podman reserved"),
        "{page}"
    );
    assert_eq!(holders["if_killed"]["by"], "podman", "{page}");
    assert_eq!(holders["next"], json!(["podman stop reserved"]));
}

fn podman_names_the_container_where_nobody_was_asked(podman: &Podman) {
    let (holders, page) = why(podman, RESERVED, &["--no-runtime"]);
    let command = "podman port --all";
    assert_eq!(holders["next"], json!([command]), "{page}");
    let told = podman.machine.told(&command.split(' ').collect::<Vec<_>>());
    let id = podman.told("reserved", "{{.Id}}");
    let of_it = |line: &str| line.starts_with(&id[..12]) && line.contains("127.0.0.1:18085");
    assert!(told.lines().any(of_it), "{told}");
}
