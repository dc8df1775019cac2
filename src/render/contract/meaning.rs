//! What owners are to people, in the JSON contract.

use std::net::IpAddr;

use serde::Serialize;

use super::RowOut;
use crate::model::{Container, Dnat, Foreign, Forward, Project, Unit};
use crate::render::words;

/// A unit of systemd.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Unit"))]
pub struct UnitOut<'a> {
    /// With its type, for instance "nginx.service".
    name: &'a str,
    slice: Option<&'a str>,
    #[cfg_attr(test, schemars(extend("enum" = ["system", "user"])))]
    manager: &'static str,
    /// Whether another user may have made up the name: its control group lies in a folder that root does
    /// not own.
    claimed: bool,
}

impl<'a> UnitOut<'a> {
    pub fn new(unit: &'a Unit) -> Self {
        Self {
            name: unit.name.unclean(),
            slice: unit.slice.as_ref().map(Foreign::unclean),
            manager: unit.manager.as_str(),
            claimed: unit.claimed,
        }
    }
}

/// A container. What its runtime alone knows is null where the runtime was not asked or did not answer.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Container"))]
pub struct ContainerOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["docker", "podman", "containerd", "cri-o", "lxc", "systemd-nspawn", null])))]
    runtime: Option<&'static str>,
    id: &'a str,
    name: Option<&'a str>,
    image: Option<&'a str>,
    compose_project: Option<&'a str>,
    compose_service: Option<&'a str>,
    /// Of a pod of Kubernetes.
    pod_uid: Option<&'a str>,
    /// Whether another program than a runtime may have made up the container: its control group lies
    /// below a service that is no runtime, or in a folder that root does not own.
    claimed: bool,
}

impl<'a> ContainerOut<'a> {
    pub fn new(container: &'a Container) -> Self {
        let text = |foreign: &'a Option<Foreign>| foreign.as_ref().map(Foreign::unclean);
        Self {
            runtime: container
                .identity
                .runtime
                .map(crate::model::Runtime::as_str),
            id: container.identity.id.unclean(),
            name: text(&container.name),
            image: text(&container.image),
            compose_project: text(&container.compose_project),
            compose_service: text(&container.compose_service),
            pod_uid: text(&container.identity.pod_uid),
            claimed: container.identity.claimed,
        }
    }
}

/// A folder that somebody works on.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Project"))]
pub struct ProjectOut<'a> {
    name: &'a str,
    directory: &'a str,
    /// The file that the name is from; null where version control alone marks the folder.
    manifest: Option<&'a str>,
}

impl<'a> ProjectOut<'a> {
    pub fn new(project: &'a Project) -> Self {
        Self {
            name: project.name.unclean(),
            directory: project.directory.unclean(),
            manifest: project.manifest.as_deref(),
        }
    }
}

/// Where a listener leads.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Forward"))]
pub struct ForwardOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["docker-proxy", "rootlesskit", "slirp4netns", "pasta", "ssh", "sshd", "kubectl", "docker", "podman"])))]
    by: &'static str,
    /// For people: "172.17.0.2:80", "db:5432 through admin@bastion".
    to: &'a str,
    container: Option<ContainerOut<'a>>,
}

impl<'a> ForwardOut<'a> {
    pub fn new(forward: &'a Forward) -> Self {
        Self {
            by: forward.by.as_str(),
            to: forward.to.unclean(),
            container: forward.container.as_deref().map(ContainerOut::new),
        }
    }
}

/// A port that the kernel sends elsewhere.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Dnat"))]
pub struct DnatOut<'a> {
    /// The inode number of the network namespace whose packets it takes; null for the reader's own.
    netns: Option<u64>,
    netns_name: Option<&'a str>,
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "mptcp", "udp", "udplite", "raw", "sctp"])))]
    protocol: &'static str,
    /// The destination for which it holds; null for any, or for those of "addresses".
    address: Option<String>,
    /// The ranges of destinations for which it holds, where it holds for some; null where "address" says it.
    addresses: Option<Vec<AddressesOut>>,
    port: u16,
    /// The same as port where it is one port alone.
    last_port: u16,
    /// For people: "172.17.0.2:80".
    to: String,
    /// "dnat" and "tproxy" are rules of the packet filter, "ipvs" is a service of the load balancer.
    #[cfg_attr(test, schemars(extend("enum" = ["dnat", "tproxy", "ipvs"])))]
    by: &'static str,
    container: Option<ContainerOut<'a>>,
    /// Who listens there, in another network namespace that was looked into.
    listener: Option<RowOut<'a>>,
}

/// A range of addresses.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Addresses"))]
pub struct AddressesOut {
    first: String,
    last: String,
}

impl AddressesOut {
    fn new((first, last): &(IpAddr, IpAddr)) -> Self {
        Self {
            first: first.to_string(),
            last: last.to_string(),
        }
    }
}

impl<'a> DnatOut<'a> {
    pub fn new(dnat: &'a Dnat) -> Self {
        let far = dnat.netns.as_ref();
        Self {
            netns: far.map(|far| far.netns),
            netns_name: far.and_then(|far| Some(far.name.as_ref()?.unclean())),
            protocol: dnat.protocol.as_str(),
            address: dnat.address.map(|address| address.to_string()),
            addresses: Some(dnat.among.iter().map(AddressesOut::new).collect())
                .filter(|all: &Vec<AddressesOut>| !all.is_empty()),
            port: dnat.ports.0,
            last_port: dnat.ports.1,
            to: words::dnat_target(dnat),
            by: dnat.by.as_str(),
            container: dnat.container.as_deref().map(ContainerOut::new),
            listener: dnat.listener.as_deref().map(RowOut::new),
        }
    }
}
