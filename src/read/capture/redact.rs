//! Takes out of a recording what tells about people and programs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::Capture;
use crate::model::{
    ContainerId, Endpoint, Foreign, InterfaceAddress, LocalRoute, Network, Runtime, Unit,
    is_comm_of,
};
use crate::read::project::manifest::{MANIFESTS, is_named_after_project};
use crate::read::raw::{RawContainer, RawForwards, RawProcess, RawSockets};

mod known;

const REDACTED: &str = "[redacted]";

/// Replaces in place; the same value gets the same replacement, so that the answers keep their shape.
pub fn redact(capture: &mut Capture) {
    let mut numbers = Numbers::default();
    let mut addresses = Addresses::default();
    capture.machine.host = "redacted".into();
    for (uid, name) in &mut capture.users {
        // Names of system accounts tell nothing about people.
        if *uid >= 1000 {
            *name = format!("user{uid}");
        }
    }
    for container in &mut capture.containers {
        numbers.hide_container(container);
        let published = container.ports.iter_mut();
        let published = published.filter_map(|port| port.address.as_mut());
        for address in container.addresses.iter_mut().chain(published) {
            addresses.hide(address);
        }
    }
    for process in &mut capture.processes {
        numbers.hide_process(process);
    }
    let processes = &capture.processes;
    for comm in (capture.holders.holders.iter_mut()).filter_map(|holder| holder.comm.as_mut()) {
        let is_program = |process: &RawProcess| process.comm.as_ref() == Some(&**comm);
        let is_told = processes.iter().any(is_program);
        if !is_told && !known::is_program(comm.unclean()) {
            *comm = Arc::new(numbers.replace("program", comm));
        }
    }
    for suspect in &mut capture.holders.suspects {
        if !known::is_program(suspect.comm.unclean()) {
            suspect.comm = numbers.replace("program", &suspect.comm);
        }
    }
    hide_forwards(&mut capture.forwards, &mut numbers, &mut addresses);
    hide_interfaces(&mut capture.limits.interfaces, &mut numbers, &mut addresses);
    for address in &mut capture.limits.addresses {
        addresses.hide(address);
    }
    for unit in &mut capture.socket_units {
        unit.name = numbers.unit(&unit.name);
        for listen in &mut unit.listens {
            if let Some(address) = &mut listen.address {
                addresses.hide(address);
            }
        }
    }
    hide_sockets(&mut capture.sockets, &mut numbers, &mut addresses);
}

/// Hides what the tables of a network namespace tell, and those of the others.
fn hide_sockets(sockets: &mut RawSockets, numbers: &mut Numbers, addresses: &mut Addresses) {
    for name in sockets.interfaces.values_mut() {
        numbers.hide_interface(name);
    }
    let rows = sockets.tables.iter().flat_map(|table| &table.sockets);
    let locals: BTreeSet<IpAddr> = rows.map(|row| row.local.canonical()).collect();
    let tables = sockets.tables.iter_mut();
    for row in tables.flat_map(|table| &mut table.sockets) {
        addresses.replace(&mut row.local);
        addresses.replace(&mut row.peer);
    }
    if let Some(network) = &mut sockets.network {
        hide_network(network, locals, numbers, addresses);
    }
    for namespace in &mut sockets.elsewhere {
        if let Some(name) = &mut namespace.name {
            *name = numbers.replace("netns", name);
        }
        if let Some(container) = &mut namespace.container {
            numbers.hide_identity(container);
        }
        if let Some(all) = &mut namespace.addresses {
            hide_interfaces(all, numbers, addresses);
        }
        hide_sockets(&mut namespace.sockets, numbers, addresses);
    }
}

/// Hides the names of devices and the addresses. Of a prefix that is local as a whole, the addresses are
/// left that sockets have: others that begin alike are not like each other any more.
fn hide_network(
    network: &mut Network,
    locals: BTreeSet<IpAddr>,
    numbers: &mut Numbers,
    addresses: &mut Addresses,
) {
    for device in network.devices.iter_mut().flatten() {
        numbers.hide_interface(&mut device.name);
        if let Some(master) = &mut device.master {
            numbers.hide_interface(master);
        }
        // The kernel's word for what it made; a module may have any.
        let kind = device.kind.as_mut();
        if let Some(kind) = kind.filter(|kind| !known::is_device_kind(kind)) {
            *kind = REDACTED.to_owned();
        }
    }
    if let Some(all) = &mut network.addresses {
        hide_interfaces(all, numbers, addresses);
    }
    let Some(routes) = &mut network.routes else {
        return;
    };
    let each = |route: LocalRoute| {
        let is_one = route.length == if route.network.is_ipv4() { 32 } else { 128 };
        if is_one || route.network.is_loopback() || route.network.is_unspecified() {
            return vec![route];
        }
        let within = locals.iter().filter(|local| route.contains(**local));
        let one = |local: &IpAddr| LocalRoute {
            network: *local,
            length: if local.is_ipv4() { 32 } else { 128 },
            ..route.clone()
        };
        within.map(one).collect()
    };
    *routes = std::mem::take(routes).into_iter().flat_map(each).collect();
    for route in routes {
        addresses.hide(&mut route.network);
        numbers.hide_interface(&mut route.device);
    }
}

fn hide_interfaces(all: &mut [InterfaceAddress], numbers: &mut Numbers, addresses: &mut Addresses) {
    for one in all {
        addresses.hide(&mut one.address);
        numbers.hide_interface(&mut one.interface);
    }
}

fn hide_forwards(all: &mut RawForwards, numbers: &mut Numbers, addresses: &mut Addresses) {
    for rule in all.forwards.iter_mut().chain(&mut all.doubts) {
        let ends = rule.address.iter_mut().chain(&mut rule.to);
        for address in ends.chain(&mut rule.to_last) {
            addresses.hide(address);
        }
        for (first, last) in &mut rule.among {
            addresses.hide(first);
            addresses.hide(last);
            if first > last {
                std::mem::swap(first, last);
            }
        }
    }
    for (server, _) in all.marks.iter_mut().flat_map(|mark| &mut mark.servers) {
        addresses.hide(server);
    }
    for name in all.programs.iter_mut().filter_map(|one| one.name.as_mut()) {
        *name = numbers.replace("program", name);
    }
}

/// A number for each value met, of each kind by itself.
#[derive(Default)]
struct Numbers(BTreeMap<(&'static str, String), usize>);

impl Numbers {
    fn of(&mut self, kind: &'static str, value: &str) -> String {
        let next = 1 + self.0.keys().filter(|(other, _)| *other == kind).count();
        let number = self.0.entry((kind, value.to_owned())).or_insert(next);
        format!("{kind}{number}")
    }

    fn replace(&mut self, kind: &'static str, value: &Foreign) -> Foreign {
        Foreign::new(self.of(kind, value.unclean()))
    }

    fn hide_process(&mut self, process: &mut RawProcess) {
        if let Some(account) = &mut process.account {
            *account = self.replace("user", account);
        }
        if let Some(path) = &mut process.executable {
            *path = Foreign::new(format!("{REDACTED}/{}", path.program_name()));
        }
        if let Some(path) = &mut process.working_directory {
            *path = Foreign::new(REDACTED);
        }
        if let Some(project) = &mut process.project {
            project.name = self.replace("project", &project.name);
            project.directory = Foreign::new(REDACTED);
            if let Some(manifest) = &mut project.manifest {
                *manifest = self.manifest(manifest);
            }
        }
        if let Some(unit) = &mut process.unit {
            self.hide_unit(unit);
        }
        if let Some(container) = &mut process.container {
            self.hide_identity(container);
        }
        for service in &mut process.services {
            if !known::is_service(service.unclean()) {
                *service = self.replace("service", service);
            }
        }
        // A unit's file may hold any word.
        let policy = process.restart.as_mut();
        if let Some(policy) = policy.filter(|one| !known::POLICIES.contains(&one.unclean())) {
            *policy = Foreign::new(REDACTED);
        }
        hide_arguments(process);
    }

    /// A manifest that is named after the project has its number.
    fn manifest(&mut self, name: &str) -> String {
        match name.rsplit_once('.') {
            _ if MANIFESTS.contains(&name) => name.to_owned(),
            Some((stem, end)) if is_named_after_project(name) => {
                format!("{}.{end}", self.of("project", stem))
            }
            _ => REDACTED.to_owned(),
        }
    }

    fn hide_unit(&mut self, unit: &mut Unit) {
        unit.name = self.unit(&unit.name);
        if let Some(slice) = &mut unit.slice {
            *slice = self.unit(slice);
        }
    }

    /// A unit's name: that of common system software stays, an instance of it that is not a mere
    /// number does not. A socket has the number of the service of its name.
    fn unit(&mut self, name: &Foreign) -> Foreign {
        let name = name.unclean();
        let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, "service"));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (base, instance) = match stem.split_once('@') {
            Some((base, instance)) => (base, Some(instance)),
            None => (stem, None),
        };
        // `user-1000.slice`, `session-2.scope`, `system-getty.slice`.
        let bare = match base.split_once('-') {
            Some(("user" | "session", rest)) if is_number(rest) => "user",
            Some(("system", rest)) => rest,
            _ => base,
        };
        let hidden = match instance {
            _ if !known::is_unit(bare) => self.of("unit", stem),
            Some(instance) if !is_number(instance) => {
                format!("{base}@{}", self.of("instance", instance))
            }
            _ => stem.to_owned(),
        };
        let suffix = if known::SUFFIXES.contains(&suffix) {
            suffix
        } else {
            "service"
        };
        Foreign::new(format!("{hidden}.{suffix}"))
    }

    /// An id stays where it is a number, and is replaced where it is a name.
    fn container_id(&mut self, runtime: Option<Runtime>, id: &Foreign) -> Foreign {
        let is_named = matches!(runtime, Some(Runtime::Lxc | Runtime::SystemdNspawn));
        let text = id.unclean();
        let is_digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digits && !is_named {
            id.clone()
        } else {
            self.replace("container", id)
        }
    }

    fn hide_identity(&mut self, container: &mut ContainerId) {
        container.id = self.container_id(container.runtime, &container.id);
        if let Some(pod) = &mut container.pod_uid {
            *pod = self.replace("pod", pod);
        }
    }

    fn hide_container(&mut self, container: &mut RawContainer) {
        container.id = self.container_id(Some(container.runtime), &container.id);
        let texts = [
            ("container", &mut container.name),
            ("image", &mut container.image),
            ("project", &mut container.compose_project),
            ("service", &mut container.compose_service),
        ];
        for (kind, text) in texts {
            if let Some(text) = text {
                *text = self.replace(kind, text);
            }
        }
    }

    fn hide_interface(&mut self, name: &mut String) {
        if !known::is_interface(name) {
            *name = self.of("interface", name);
        }
    }
}

fn hide_arguments(process: &mut RawProcess) {
    let Some([program, arguments @ ..]) = process.command.as_deref_mut() else {
        return;
    };
    *program = first_word(program);
    let comm = process.comm.as_ref().map_or("", Foreign::unclean);
    for argument in arguments {
        // A script that the process is named by keeps its name, which is told anyway.
        let name = argument.base_name();
        let kept = if is_comm_of(comm, name) {
            name.to_owned()
        } else if argument.unclean().starts_with('-') {
            // An option stays one, and is not taken for a script.
            format!("-{REDACTED}")
        } else {
            REDACTED.to_owned()
        };
        *argument = Foreign::new(kept);
    }
}

/// The base name of the program, without a title that it may have set.
fn first_word(program: &Foreign) -> Foreign {
    if program.is_windows_path() {
        return Foreign::new(program.program_name());
    }
    let end = program
        .unclean()
        .find([' ', ':'])
        .unwrap_or(program.unclean().len());
    let first = Foreign::new(&program.unclean()[..end]);
    Foreign::new(first.base_name())
}

/// Addresses of the ranges for tests and documentation (RFC 2544 and RFC 3849), one for each address met.
#[derive(Default)]
struct Addresses(BTreeMap<IpAddr, IpAddr>);

impl Addresses {
    fn hide(&mut self, address: &mut IpAddr) {
        let mut end = Endpoint {
            address: *address,
            port: None,
        };
        self.replace(&mut end);
        *address = end.address;
    }

    fn replace(&mut self, endpoint: &mut Endpoint) {
        let canonical = endpoint.canonical();
        if canonical.is_loopback() || canonical.is_unspecified() {
            return;
        }
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX) + 1;
        if canonical == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return;
        }
        let substitute = *self.0.entry(canonical).or_insert_with(|| match canonical {
            // MCAST-TEST-NET of RFC 6676; what is like it over IPv6.
            IpAddr::V4(v4) if v4.is_multicast() => {
                Ipv4Addr::from_bits(0xE9FC_0000 + count % (1 << 8)).into()
            }
            IpAddr::V6(v6) if v6.is_multicast() => {
                Ipv6Addr::from_bits(0xFF0E << 112 | 0x0DB8 << 32 | u128::from(count)).into()
            }
            IpAddr::V4(_) => Ipv4Addr::from_bits(0xC612_0000 + count % (1 << 17)).into(),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                Ipv6Addr::from_bits(0xFE80 << 112 | u128::from(count)).into()
            }
            IpAddr::V6(_) => Ipv6Addr::from_bits(0x2001_0DB8 << 96 | u128::from(count)).into(),
        });
        endpoint.address = match (substitute, endpoint.address) {
            (IpAddr::V4(v4), IpAddr::V6(_)) => v4.to_ipv6_mapped().into(),
            (substitute, _) => substitute,
        };
    }
}
