//! What processes and listeners are to people, from what was read of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::script::{is_interpreter, script_of};
use super::tunnel::{forwards_of, is_forwarder};
use crate::model::{
    Container, ContainerId, Dnat, Endpoint, Foreign, Forward, Forwarder, Meaning, Owner,
    OwnerStatus, Role, Row, Runtime, Site, Socket,
};
use crate::read::raw::{
    RawContainer, RawForward, RawListen, RawProcess, RawPublished, RawSocketUnit,
};

/// Takes the meaning out of what was read of a process.
pub fn meaning(raw: &mut RawProcess, containers: &[RawContainer]) -> Meaning {
    let program = raw.executable.as_ref().map_or("", |path| path.base_name());
    Meaning {
        script: script_of(program, raw.command.as_deref().unwrap_or_default()),
        unit: raw.unit.take(),
        container: raw
            .container
            .take()
            .map(|identity| Rc::new(container(identity, containers))),
        project: raw.project.take(),
        restart: raw.restart.take(),
    }
}

fn container(identity: ContainerId, containers: &[RawContainer]) -> Container {
    let is_it = |one: &&RawContainer| {
        !identity.claimed && one.id == identity.id && one.user == identity.user
    };
    let told = containers.iter().find(is_it);
    Container {
        name: told.and_then(|one| one.name.clone()),
        image: told.and_then(|one| one.image.clone()),
        compose_project: told.and_then(|one| one.compose_project.clone()),
        compose_service: told.and_then(|one| one.compose_service.clone()),
        addresses: told.map(|one| one.addresses.clone()).unwrap_or_default(),
        identity,
    }
}

/// Whether the arguments of a process tell more than its name, and have not been read.
pub fn is_known_by_arguments(raw: &RawProcess) -> bool {
    let program = raw.executable.as_ref().map_or("", |path| path.base_name());
    raw.command.is_none() && (is_interpreter(program) || is_forwarder(program))
}

/// The containers whose runtimes can tell more of them, each once; and whether there may be others that
/// are known by an address alone.
pub fn wanted_containers(processes: &[RawProcess]) -> (Vec<ContainerId>, bool) {
    let mut wanted: Vec<ContainerId> = Vec::new();
    let containers = processes.iter().filter_map(|raw| raw.container.as_ref());
    for identity in containers.filter(|one| !one.claimed) {
        if !wanted.contains(identity) {
            wanted.push(identity.clone());
        }
    }
    let is_of_runtime = |raw: &RawProcess| {
        let path = raw.executable.as_ref().map_or("", |path| path.base_name());
        path == "docker-proxy" || KEEPERS.contains(&path)
    };
    (wanted, processes.iter().any(is_of_runtime))
}

/// Programs of runtimes that listen on a published port only to keep others from it: what comes there a
/// rule of the packet filter takes.
const KEEPERS: [&str; 3] = ["dockerd", "conmon", "rootlessport"];

/// Whether whoever holds the listener may hold it for a container.
fn may_be_published(row: &Row) -> bool {
    let keeps = |owner: &Owner| {
        let path = owner.process.executable.as_ref();
        let is_keeper = path.is_some_and(|path| KEEPERS.contains(&path.base_name()));
        is_keeper && owner.process.uid == Some(0)
    };
    row.owner_status == OwnerStatus::Hidden || row.owners.iter().any(keeps)
}

/// Says of each listener where it leads.
///
/// Runtimes speak of the machine's own network namespace; another may have the same addresses and ports.
pub fn find_forwards(rows: &mut [Row], containers: &[RawContainer], own: Option<u64>) {
    for row in rows
        .iter_mut()
        .filter(|row| row.socket.state.is_listening())
    {
        let local = &row.socket.local;
        let containers = if row.socket.netns() == own {
            containers
        } else {
            &[]
        };
        let mut owners = row.owners.iter();
        let told = owners.find_map(|owner| forward(owner, local, containers));
        let found = told.or_else(|| {
            let published = may_be_published(row).then(|| published(&row.socket, containers));
            published.flatten()
        });
        if let Some(forward) = found {
            row.role.get_or_insert_default().forwards_to = Some(forward);
        }
    }
}

fn forward(owner: &Owner, local: &Endpoint, containers: &[RawContainer]) -> Option<Forward> {
    let process = &*owner.process;
    let program = process.executable.as_ref()?.base_name();
    let forward = forwards_of(program, process.command.as_deref()?, local)?;
    let address = address_of(forward.to.unclean());
    // Anybody may call a program so; that of the machine's runtime is root's.
    let is_of_runtime = process.uid == Some(0) && forward.by == Forwarder::DockerProxy;
    let behind = address.filter(|_| is_of_runtime);
    // A name and arguments prove little: the runtime must say the same.
    let publishes = |one: &&RawContainer| {
        let mut ports = one.ports.iter();
        let has_address = behind.is_some_and(|address| one.addresses.contains(&address));
        one.user.is_none() && has_address && ports.any(|port| Some(port.port) == local.port)
    };
    let told = containers.iter().find(publishes);
    Some(Forward {
        container: told.map(|told| whole(told, containers)),
        ..forward
    })
}

/// What runs at an address of a network of the machine's containers. A user's own runtime may name any
/// address.
fn at_address(address: IpAddr, containers: &[RawContainer]) -> Option<Rc<Container>> {
    let told = containers
        .iter()
        .find(|one| one.user.is_none() && one.addresses.contains(&address))?;
    Some(whole(told, containers))
}

fn whole(told: &RawContainer, containers: &[RawContainer]) -> Rc<Container> {
    let identity = ContainerId {
        runtime: Some(told.runtime),
        id: told.id.clone(),
        pod_uid: None,
        user: told.user,
        claimed: false,
    };
    Rc::new(container(identity, containers))
}

/// The container that a runtime says it publishes this port for.
fn published(socket: &Socket, containers: &[RawContainer]) -> Option<Forward> {
    let is_it = |port: &&RawPublished| {
        let address = port.address.filter(|address| !address.is_unspecified());
        port.protocol == socket.protocol.port_space()
            && Some(port.port) == socket.local.port
            && address.is_none_or(|address| address == socket.local.canonical())
    };
    // What a user's own runtime tells holds for that user's sockets.
    let user = socket.uid().filter(|user| *user != 0);
    let found = containers
        .iter()
        .filter(|one| one.user == user)
        .find_map(|one| Some((one, one.ports.iter().find(is_it)?)));
    let (told, port) = found?;
    Some(Forward {
        by: match told.runtime {
            Runtime::Podman => Forwarder::Podman,
            _ => Forwarder::Docker,
        },
        to: Foreign::new(format!("port {} of the container", port.container_port)),
        container: Some(whole(told, containers)),
    })
}

/// Where the kernel sends packets past the sockets that have their ports: first what holds for every
/// address.
pub fn dnat(raw: &[RawForward], containers: &[RawContainer]) -> Vec<Dnat> {
    let mut all = raw.to_vec();
    all.sort_by(|a, b| (a.address.is_some(), a).cmp(&(b.address.is_some(), b)));
    all.dedup();
    let dnat = |raw: RawForward| Dnat {
        protocol: raw.protocol,
        family: raw.family,
        by: raw.by,
        address: raw.address,
        among: raw.among,
        ports: raw.ports,
        to: raw.to,
        to_last: raw.to_last,
        to_ports: raw.to_ports,
        container: raw.to.and_then(|address| at_address(address, containers)),
        listener: None,
        netns: None,
    };
    all.into_iter().map(dnat).collect()
}

/// The address of `172.17.0.2:80` or `[fd00::2]:80`.
fn address_of(end: &str) -> Option<IpAddr> {
    let (address, _) = end.rsplit_once(':')?;
    address
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Names the socket units of listeners that a systemd holds, by what their files ask for.
pub fn find_socket_units(rows: &mut [Row], units: &[RawSocketUnit]) {
    for row in rows
        .iter_mut()
        .filter(|row| row.socket.state.is_listening())
    {
        let held = |unit: &&RawSocketUnit| {
            let owners = row.owners.iter();
            owners
                .into_iter()
                .any(|owner| owner.process.key == unit.manager)
        };
        let asks = |unit: &&RawSocketUnit| unit.listens.iter().any(|one| is_asked(one, row));
        if let Some(unit) = units.iter().find(|unit| held(unit) && asks(unit)) {
            let role: &mut Role = row.role.get_or_insert_default();
            role.socket_unit = Some(unit.name.clone());
        }
    }
}

/// Whether the row is what the unit's file asks for; a port alone stands for every address.
fn is_asked(listen: &RawListen, row: &Row) -> bool {
    let socket = &row.socket;
    socket.protocol.port_space() == listen.protocol
        && socket.local.port == Some(listen.port)
        && match listen.address {
            Some(address) => address.to_canonical() == socket.local.canonical(),
            None => socket.local.is_wildcard(),
        }
}

/// Calls network namespaces by the containers whose processes live in them, where all are of one.
pub fn name_namespaces(rows: &mut [Row]) {
    let mut found: BTreeMap<u64, Vec<Rc<Container>>> = BTreeMap::new();
    for row in rows.iter() {
        let Some(netns) = row.socket.netns() else {
            continue;
        };
        let owners = row.owners.iter();
        for container in owners.filter_map(|owner| owner.process.meaning.proven_container()) {
            let of_one = found.entry(netns).or_default();
            if !of_one.iter().any(|one| one.identity == container.identity) {
                of_one.push(Rc::clone(container));
            }
        }
    }
    let names: BTreeMap<u64, Foreign> = found
        .iter()
        .filter_map(|(netns, containers)| match containers.as_slice() {
            [one] => Some((*netns, one.label())),
            _ => None,
        })
        .collect();
    let mut named: BTreeMap<Rc<Site>, Rc<Site>> = BTreeMap::new();
    for row in rows {
        let Some(site) = &mut row.socket.site else {
            continue;
        };
        // Its own namespace has no name but its number; a name that somebody gave it stays.
        let is_by_id = |name: &Foreign| {
            let of = site.netns.and_then(|netns| found.get(&netns));
            of.is_some_and(|all| all.iter().any(|one| one.identity.label() == *name))
        };
        if site.netns_name.as_ref().is_some_and(is_by_id)
            && let Some(name) = site.netns.and_then(|netns| names.get(&netns))
        {
            let with_name = || Site {
                netns_name: Some(name.clone()),
                ..(**site).clone()
            };
            let new = named
                .entry(Rc::clone(site))
                .or_insert_with(|| Rc::new(with_name()));
            *site = Rc::clone(new);
        }
    }
}
