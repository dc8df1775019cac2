//! A docker-compose project of two services.

use super::engine::{Engine, IMAGE};
use super::{facts, hold, only_holders, said};
use crate::answer::{at, pids};

/// A service on the network of the host, and one with a published port.
const HOSTED: u16 = 18_083;
const PUBLISHED: u16 = 18_082;

#[test]
fn services_of_a_compose_project_have_its_ports() {
    let engine = match Engine::start(&[], &["docker-compose"]) {
        Ok(engine) => engine,
        Err(why) => skip!("{why}"),
    };
    let server = "command: /bin/busybox httpd -f -p";
    let file = format!(
        "version: '2'\nservices:\n\
         \x20 front:\n    image: {IMAGE}\n    {server} 80\n    network_mode: bridge\n\
         \x20   ports: ['127.0.0.1:{PUBLISHED}:80']\n\
         \x20 store:\n    image: {IMAGE}\n    {server} {HOSTED}\n    network_mode: host\n"
    );
    let path = engine.machine.path("docker-compose.yml");
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();
    let up = ["docker-compose", "-p", "shop", "-f", path, "up", "-d"];
    engine.machine.told(&up);
    hold(
        &engine,
        facts![
            a_service_on_the_network_of_the_host_holds_its_port,
            a_published_service_is_behind_the_proxy,
            project_and_service_are_told,
            containers_are_selected_by_project_and_by_service,
            a_page_tells_of_project_and_service,
        ],
    );
}

/// The container of a service, by the engine's labels.
fn container(engine: &Engine, service: &str) -> String {
    let project = "label=com.docker.compose.project=shop";
    let service = format!("label=com.docker.compose.service={service}");
    engine.docker(&[
        "ps",
        "--quiet",
        "--no-trunc",
        "--filter",
        project,
        "--filter",
        &service,
    ])
}

fn a_service_on_the_network_of_the_host_holds_its_port(engine: &Engine) {
    let row = engine.row(&format!("tcp:{HOSTED}"));
    let id = container(engine, "store");
    assert_eq!(pids(&row), [engine.pid(&id)], "{row:#}");
}

fn a_published_service_is_behind_the_proxy(engine: &Engine) {
    let row = engine.row(&format!("tcp:{PUBLISHED}"));
    assert_eq!(row["owners"][0]["name"], "docker-proxy", "{row:#}");
    let address = engine.address(&container(engine, "front"));
    let command = row["owners"][0]["command"].as_array().unwrap();
    assert!(command.contains(&address.into()), "{row:#}");
}

fn project_and_service_are_told(engine: &Engine) {
    let hosted = engine.row(&format!("tcp:{HOSTED}"));
    let published = engine.row(&format!("tcp:{PUBLISHED}"));
    let containers = [
        (&hosted["owners"][0]["container"], "store"),
        (&published["forwards_to"]["container"], "front"),
    ];
    for (told, service) in containers {
        assert_eq!(told["id"], container(engine, service), "{told:#}");
        assert_eq!(told["compose_project"], "shop", "{told:#}");
        assert_eq!(told["compose_service"], service, "{told:#}");
    }
}

fn containers_are_selected_by_project_and_by_service(engine: &Engine) {
    for selector in ["container=shop", "container=store"] {
        let answer = engine.portwho(&["-l", selector, "--json"]);
        let rows = answer.rows();
        assert_eq!(at(&rows, "tcp", HOSTED).len(), 1, "{selector} {answer:?}");
    }
}

fn a_page_tells_of_project_and_service(engine: &Engine) {
    for (port, service) in [(HOSTED, "store"), (PUBLISHED, "front")] {
        let selector = format!("tcp:{port}");
        let page = engine.portwho(&["why", &selector]).stdout;
        let holders = only_holders(&engine.portwho(&["why", &selector, "--json"]));
        let told = said(&page, "container");
        let id = container(engine, service);
        let name = engine.told(&id, "{{.Name}}");
        let name = name.trim_start_matches('/');
        let expected = format!("docker {name}   image {IMAGE}   service {service} of shop");
        assert_eq!(told, expected, "{page}");
        assert_eq!(holders["next"][0], format!("docker stop {name}"));
    }
}
