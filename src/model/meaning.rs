//! What a process is to the people who run it: a service, a container, a project.

use std::net::IpAddr;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{Family, Foreign, Protocol, Row};

/// What is known of a process beside itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meaning {
    pub unit: Option<Unit>,
    pub container: Option<Rc<Container>>,
    pub project: Option<Project>,
    /// What an interpreter runs.
    pub script: Option<Foreign>,
    /// When systemd starts the unit again: `always`, `on-failure`, systemd.service(5).
    pub restart: Option<Foreign>,
}

impl Meaning {
    /// The container that it is in, unless that is a mere claim.
    pub fn proven_container(&self) -> Option<&Rc<Container>> {
        let container = self.container.as_ref();
        container.filter(|container| !container.identity.claimed)
    }
}

/// Which systemd runs a unit: the machine's or a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    System,
    User,
}

impl Manager {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// A unit of systemd, systemd.unit(5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// With its suffix, escaped as systemd writes it: `nginx.service`, `session-2.scope`.
    pub name: Foreign,
    /// The slice that holds it.
    pub slice: Option<Foreign>,
    pub manager: Manager,
    /// The user whose manager it is, where it is not the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// Whether another user than root and that one may have made up the name: it is a claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

impl Unit {
    pub fn is_service(&self) -> bool {
        self.name.unclean().ends_with(".service")
    }

    /// Whether it says what runs: sessions, and a user's manager as a whole, say who.
    pub fn is_telling(&self) -> bool {
        self.is_service() && !self.name.unclean().starts_with("user@")
    }
}

/// Who runs a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    Docker,
    Podman,
    Containerd,
    CriO,
    Lxc,
    SystemdNspawn,
}

impl Runtime {
    /// The name in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Lxc => "lxc",
            Self::SystemdNspawn => "systemd-nspawn",
        }
    }
}

/// Identity of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerId {
    /// `None` where only the id shows.
    pub runtime: Option<Runtime>,
    /// 64 hexadecimal digits; the container's name for LXC and systemd-nspawn.
    pub id: Foreign,
    /// Uid of the Kubernetes pod, with dashes.
    pub pod_uid: Option<Foreign>,
    /// The user whose own runtime it belongs to: the group lies below that user's manager or a folder of
    /// that user, who may make whatever groups it likes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// Whether the group may be of the making of a program that is no runtime: it is a claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

impl ContainerId {
    /// As much of the id as people type; a name is whole.
    pub fn label(&self) -> Foreign {
        const WHOLE: usize = 64;
        const SHORT: usize = 12;
        let id = self.id.unclean();
        let is_number = id.len() == WHOLE && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        Foreign::new(if is_number { &id[..SHORT] } else { id })
    }
}

/// A container, with what its runtime told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub identity: ContainerId,
    pub name: Option<Foreign>,
    pub image: Option<Foreign>,
    pub compose_project: Option<Foreign>,
    pub compose_service: Option<Foreign>,
    pub addresses: Vec<IpAddr>,
}

impl Container {
    /// The name, else as much of the id as people type.
    pub fn label(&self) -> Foreign {
        self.name.clone().unwrap_or_else(|| self.identity.label())
    }
}

/// A folder that somebody works on, by its version control or a package manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub name: Foreign,
    pub directory: Foreign,
    /// Name of the manifest's file; `None` where version control alone marks the folder.
    pub manifest: Option<String>,
}

/// Programs that listen on behalf of something elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarder {
    DockerProxy,
    Rootlesskit,
    Slirp4netns,
    Pasta,
    Ssh,
    /// An ssh server, for a client that has forwarded the port (`ssh -R`).
    Sshd,
    Kubectl,
    /// The runtime itself says that it publishes the port.
    Docker,
    Podman,
}

impl Forwarder {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DockerProxy => "docker-proxy",
            Self::Rootlesskit => "rootlesskit",
            Self::Slirp4netns => "slirp4netns",
            Self::Pasta => "pasta",
            Self::Ssh => "ssh",
            Self::Sshd => "sshd",
            Self::Kubectl => "kubectl",
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// Where a listener leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    pub by: Forwarder,
    /// For people: `172.17.0.2:80`, `db:5432 through admin@bastion`.
    pub to: Foreign,
    /// The container behind it, where there is one.
    pub container: Option<Rc<Container>>,
}

/// What takes packets past the sockets that have their ports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Diverter {
    /// A rule of the packet filter that translates destinations.
    #[default]
    Dnat,
    /// A rule of the packet filter that hands packets to another socket, as they are.
    Tproxy,
    /// A virtual service of the kernel's load balancer, ipvsadm(8).
    Ipvs,
}

impl Diverter {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dnat => "dnat",
            Self::Tproxy => "tproxy",
            Self::Ipvs => "ipvs",
        }
    }
}

/// A port that the kernel sends elsewhere: no socket of this machine need hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dnat {
    pub by: Diverter,
    /// The network namespace whose packets it takes, where that is not the reader's own.
    pub netns: Option<Far>,
    pub protocol: Protocol,
    /// `None` for both.
    pub family: Option<Family>,
    /// The destination for which it holds; `None` for any, or for those in `among`.
    pub address: Option<IpAddr>,
    /// First and last of each range of destinations for which it holds; none where one says it all.
    pub among: Vec<(IpAddr, IpAddr)>,
    /// First and last port.
    pub ports: (u16, u16),
    /// `None` for this machine itself.
    pub to: Option<IpAddr>,
    /// The last of the addresses to one of which it goes, where those are several.
    pub to_last: Option<IpAddr>,
    /// First and last port there; `None` where the port stays.
    pub to_ports: Option<(u16, u16)>,
    pub container: Option<Rc<Container>>,
    /// Who listens there, in another network namespace that was looked into.
    pub listener: Option<Rc<Row>>,
}

/// A network namespace that the reader does not live in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Far {
    /// Its inode number.
    pub netns: u64,
    /// What people call it.
    pub name: Option<Foreign>,
}

impl Far {
    /// Its name, else its inode number.
    pub fn label(&self) -> String {
        let name = self.name.as_ref().map(|name| name.unclean().to_owned());
        name.unwrap_or_else(|| self.netns.to_string())
    }
}

impl Dnat {
    /// First and last port to which it sends.
    pub fn target_ports(&self) -> (u16, u16) {
        self.to_ports.unwrap_or(self.ports)
    }

    /// Whether it leaves packets where they go anyway: to the port that they have, on this machine.
    pub fn keeps(&self) -> bool {
        self.to.is_none() && self.target_ports() == self.ports
    }
}
