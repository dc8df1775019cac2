//! What runtimes write of their containers, as JSON: the Docker Engine API's list, which Podman gives too,
//! and the state files of both. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{Foreign, Protocol, Runtime};
use crate::read::raw::{RawContainer, RawPublished};

type Labels = BTreeMap<String, Value>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    labels: Option<Labels>,
    ports: Option<Vec<Value>>,
    network_settings: Option<Networks>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    networks: Option<BTreeMap<String, Option<Network>>>,
    /// Of a state file: `80/tcp` to where it is published.
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPAddress")]
    address: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    address6: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    host_ip: Option<String>,
    host_port: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPort {
    #[serde(rename = "IP")]
    ip: Option<String>,
    private_port: u16,
    public_port: Option<u16>,
    r#type: String,
}

/// Reads the answer to `GET /containers/json`; `None` where it is no list. What does not read like a
/// container is passed over.
pub fn parse_list(runtime: Runtime, body: &[u8]) -> Option<Vec<RawContainer>> {
    let list: Vec<Value> = serde_json::from_slice(body).ok()?;
    let listed = list.into_iter().filter_map(read::<Listed>);
    let containers = listed.filter(|it| !it.id.is_empty()).map(|listed| {
        let names = listed.names.unwrap_or_default();
        let name = names.first().map(String::as_str);
        let ports = listed.ports.unwrap_or_default();
        let ports = ports.into_iter().filter_map(read::<ListedPort>);
        RawContainer {
            ports: ports.filter_map(|port| published(&port)).collect(),
            addresses: addresses(listed.network_settings.as_ref()),
            ..container(
                runtime,
                listed.id,
                name,
                listed.image,
                listed.labels.as_ref(),
            )
        }
    });
    Some(containers.collect())
}

fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

fn container(
    runtime: Runtime,
    id: String,
    name: Option<&str>,
    image: Option<String>,
    labels: Option<&Labels>,
) -> RawContainer {
    let label = |what: &str| {
        ["com.docker.compose.", "io.podman.compose."]
            .into_iter()
            .find_map(|prefix| labels?.get(&format!("{prefix}{what}"))?.as_str())
            .map(Foreign::new)
    };
    let name = name.map(|name| name.strip_prefix('/').unwrap_or(name));
    RawContainer {
        runtime,
        id: Foreign::new(id),
        name: name.filter(|name| !name.is_empty()).map(Foreign::new),
        image: image.filter(|image| !image.is_empty()).map(Foreign::new),
        compose_project: label("project"),
        compose_service: label("service"),
        addresses: Vec::new(),
        ports: Vec::new(),
        user: None,
    }
}

fn addresses(settings: Option<&Networks>) -> Vec<IpAddr> {
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    let networks = networks.into_iter().flat_map(BTreeMap::values).flatten();
    let texts = networks.flat_map(|network| [&network.address, &network.address6]);
    texts
        .flatten()
        .filter_map(|text| text.parse().ok())
        .collect()
}

fn protocol(name: &str) -> Option<Protocol> {
    Protocol::from_name(name).filter(|it| matches!(it, Protocol::Tcp | Protocol::Udp))
}

/// An address to listen on; every address is none.
fn one_address(text: Option<&str>) -> Option<IpAddr> {
    let address: IpAddr = text?.parse().ok()?;
    (!address.is_unspecified()).then_some(address)
}

/// A port that is not published yet may be 0.
fn is_port(number: &u16) -> bool {
    *number > 0
}

fn published(port: &ListedPort) -> Option<RawPublished> {
    Some(RawPublished {
        protocol: protocol(&port.r#type)?,
        address: one_address(port.ip.as_deref()),
        port: port.public_port.filter(is_port)?,
        container_port: Some(port.private_port).filter(is_port)?,
    })
}

/// Reads Docker's `config.v2.json`.
pub fn parse_docker_state(text: &[u8]) -> Option<RawContainer> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct State {
        #[serde(rename = "ID")]
        id: String,
        name: Option<String>,
        config: Option<Config>,
        network_settings: Option<Networks>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        image: Option<String>,
        labels: Option<Labels>,
    }
    let state: State = serde_json::from_slice(text).ok()?;
    if state.id.is_empty() {
        return None;
    }
    let config = state.config.unwrap_or(Config {
        image: None,
        labels: None,
    });
    let settings = state.network_settings.as_ref();
    let ports = settings.and_then(|settings| settings.ports.as_ref());
    let ports = ports.into_iter().flatten().flat_map(|(inner, bindings)| {
        let bindings = bindings.iter().flatten();
        bindings.filter_map(move |binding| {
            let (port, name) = inner.split_once('/')?;
            Some(RawPublished {
                protocol: protocol(name)?,
                address: one_address(binding.host_ip.as_deref()),
                port: binding.host_port.as_ref()?.parse().ok().filter(is_port)?,
                container_port: port.parse().ok().filter(is_port)?,
            })
        })
    });
    Some(RawContainer {
        ports: ports.collect(),
        addresses: addresses(settings),
        ..container(
            Runtime::Docker,
            state.id,
            state.name.as_deref(),
            config.image,
            config.labels.as_ref(),
        )
    })
}

/// Reads `containers.json` of containers/storage, where Podman's part is JSON within a text.
pub fn parse_podman_state(text: &[u8]) -> Vec<RawContainer> {
    #[derive(Deserialize)]
    struct Stored {
        id: String,
        names: Option<Vec<String>>,
        metadata: Option<String>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        name: Option<String>,
        #[serde(rename = "image-name")]
        image: Option<String>,
    }
    let list: Vec<Value> = serde_json::from_slice(text).unwrap_or_default();
    let stored = list.into_iter().filter_map(read::<Stored>);
    stored
        .filter(|stored| !stored.id.is_empty())
        .map(|stored| {
            let metadata = stored.metadata.unwrap_or_default();
            let metadata: Option<Metadata> = serde_json::from_str(&metadata).ok();
            let (name, image) = metadata.map_or((None, None), |it| (it.name, it.image));
            let name = name.or_else(|| stored.names?.into_iter().next());
            container(Runtime::Podman, stored.id, name.as_deref(), image, None)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(foreign: Option<&Foreign>) -> Option<&str> {
        foreign.map(Foreign::unclean)
    }

    /// From the Docker Engine API's documentation of ContainerList (v1.41), with compose's labels added.
    const LIST: &str = r#"[
      {"Id": "8dfafdbc3a40", "Names": ["/boring_feynman"], "Image": "ubuntu:latest",
       "ImageID": "d74508fb6632491cea586a1fd7d748dfc5274cd6fdfedee309ecdcbc2bf5cb82",
       "Command": "echo 1", "Created": 1367854155, "State": "Exited", "Status": "Exit 0",
       "Ports": [{"PrivatePort": 2222, "PublicPort": 3333, "Type": "tcp"},
                 {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 5353, "Type": "udp"},
                 {"IP": "::", "PrivatePort": 1, "PublicPort": 2, "Type": "sctp"},
                 {"PrivatePort": 443, "Type": "tcp"}],
       "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "x": "y"},
       "SizeRw": 12288, "SizeRootFs": 0, "HostConfig": {"NetworkMode": "default"},
       "NetworkSettings": {"Networks": {"bridge": {
          "NetworkID": "7ea29fc1412292a2d7bba362f9253545fecdfa8ce9a6e37dd10ba8bee7129812",
          "EndpointID": "2cdc4edb1ded3631c81f57966563e5c8525b81121bb3706a9a9a3ae102711f3f",
          "Gateway": "172.17.0.1", "IPAddress": "172.17.0.2", "IPPrefixLen": 16, "IPv6Gateway": "",
          "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "MacAddress": "02:42:ac:11:00:02"}}},
       "Mounts": []},
      {"Id": "9cd87474be90", "Names": null, "Image": "", "Ports": null, "Labels": null, "NetworkSettings": null},
      {"Names": ["/without an id"]}, 7
    ]"#;

    #[test]
    fn the_list_of_the_api_is_read() {
        let list = parse_list(Runtime::Docker, LIST.as_bytes()).unwrap();
        assert_eq!(list.len(), 2);
        let first = &list[0];
        assert_eq!(first.id.unclean(), "8dfafdbc3a40");
        assert_eq!(text(first.name.as_ref()), Some("boring_feynman"));
        assert_eq!(text(first.image.as_ref()), Some("ubuntu:latest"));
        assert_eq!(text(first.compose_project.as_ref()), Some("shop"));
        assert_eq!(text(first.compose_service.as_ref()), Some("web"));
        assert_eq!(first.addresses, [IpAddr::from([172, 17, 0, 2])]);
        let port = |protocol, address, port, container_port| RawPublished {
            protocol,
            address,
            port,
            container_port,
        };
        assert_eq!(
            first.ports,
            [
                port(Protocol::Tcp, None, 3333, 2222),
                port(Protocol::Udp, Some([127, 0, 0, 1].into()), 5353, 53),
            ]
        );
        assert_eq!((&list[1].name, &list[1].image), (&None, &None));
        assert!(list[1].ports.is_empty() && list[1].addresses.is_empty());
        assert_eq!(parse_list(Runtime::Docker, b"{\"message\":\"no\"}"), None);
        assert_eq!(parse_list(Runtime::Docker, b"[]"), Some(Vec::new()));
    }

    #[test]
    fn port_0_is_not_published_and_a_container_has_an_id() {
        let list = br#"[{"Id": ""}, {"Id": "9c", "Ports": [
          {"PrivatePort": 80, "PublicPort": 0, "Type": "tcp"},
          {"PrivatePort": 0, "PublicPort": 80, "Type": "tcp"}]}]"#;
        let list = parse_list(Runtime::Podman, list).unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].id.unclean(), list[0].ports.len()), ("9c", 0));
        let state = br#"{"ID": "9c", "NetworkSettings": {"Ports":
          {"80/tcp": [{"HostIp": "", "HostPort": "0"}], "0/tcp": [{"HostPort": "80"}]}}}"#;
        assert!(parse_docker_state(state).unwrap().ports.is_empty());
        assert_eq!(parse_docker_state(br#"{"ID": ""}"#), None);
        assert!(parse_podman_state(br#"[{"id": "", "names": ["web"]}]"#).is_empty());
    }

    #[test]
    fn dockers_state_file_is_read() {
        let state = br#"{"StreamConfig":{},"State":{"Running":true,"Pid":4711},"ID":"8dfafdbc3a40","Image":"sha256:d745",
          "Config":{"Hostname":"8dfafdbc3a40","Image":"nginx:1.27","Labels":{"io.podman.compose.project":"shop"}},
          "NetworkSettings":{"Bridge":"","Networks":{"bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":"fd00::2"},"none":null},
          "Ports":{"443/tcp":null,"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"127.0.0.2","HostPort":"x"}]}},
          "Name":"/web"}"#;
        let container = parse_docker_state(state).unwrap();
        assert_eq!(text(container.name.as_ref()), Some("web"));
        assert_eq!(text(container.image.as_ref()), Some("nginx:1.27"));
        assert_eq!(text(container.compose_project.as_ref()), Some("shop"));
        assert_eq!(container.addresses.len(), 2);
        assert_eq!(container.ports.len(), 1);
        assert_eq!(
            (container.ports[0].port, container.ports[0].container_port),
            (8080, 80)
        );
        assert_eq!(parse_docker_state(b"{}"), None);
    }

    #[test]
    fn podmans_state_file_is_read() {
        let state = br#"[{"id":"1b8f3c3819fb","names":["web"],"image":"a8758716bb6a","layer":"5d2a",
          "metadata":"{\"image-name\":\"docker.io/library/nginx:latest\",\"image-id\":\"a8758716bb6a\",\"name\":\"web\",\"created-at\":1700000000}",
          "created":"2024-01-30T10:00:00Z"},{"id":"2","names":["other"],"metadata":"broken"},{}]"#;
        let list = parse_podman_state(state);
        assert_eq!(list.len(), 2);
        assert_eq!(text(list[0].name.as_ref()), Some("web"));
        assert_eq!(
            text(list[0].image.as_ref()),
            Some("docker.io/library/nginx:latest")
        );
        assert_eq!(text(list[1].name.as_ref()), Some("other"));
        assert_eq!(parse_podman_state(b"x"), []);
    }
}
