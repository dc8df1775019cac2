//! Takes out of a recording what tells about people and programs.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Capture;
use crate::model::{Endpoint, Foreign, is_comm_of};

const REDACTED: &str = "[redacted]";

/// Replaces in place; the same value gets the same replacement, so that the answers keep their shape.
pub fn redact(capture: &mut Capture) {
    capture.machine.host = "redacted".into();
    for (uid, name) in &mut capture.users {
        // Names of system accounts tell nothing about people.
        if *uid >= 1000 {
            *name = format!("user{uid}");
        }
    }
    let mut accounts: BTreeMap<Foreign, usize> = BTreeMap::new();
    for process in &mut capture.processes {
        if let Some(account) = &mut process.account {
            let count = accounts.len() + 1;
            let number = *accounts.entry(account.clone()).or_insert(count);
            *account = Foreign::new(format!("user{number}"));
        }
        let hide_directory = |path: &mut Foreign| {
            *path = Foreign::new(format!("{REDACTED}/{}", path.program_name()))
        };
        if let Some(path) = &mut process.executable {
            hide_directory(path);
        }
        if let Some(path) = &mut process.working_directory {
            *path = Foreign::new(REDACTED);
        }
        if let Some(project) = &mut process.project {
            project.name = Foreign::new(REDACTED);
            project.directory = Foreign::new(REDACTED);
        }
        if let Some([program, arguments @ ..]) = process.command.as_deref_mut() {
            *program = first_word(program);
            let comm = process.comm.as_ref().map_or("", Foreign::unclean);
            for argument in arguments {
                // A script that the process is named by keeps its name, which is told anyway.
                let name = argument.base_name();
                let kept = if is_comm_of(comm, name) {
                    name
                } else {
                    REDACTED
                };
                *argument = Foreign::new(kept);
            }
        }
    }
    for container in &mut capture.containers {
        let texts = [
            &mut container.name,
            &mut container.image,
            &mut container.compose_project,
            &mut container.compose_service,
        ];
        for text in texts.into_iter().flatten() {
            *text = Foreign::new(REDACTED);
        }
    }
    let mut addresses = Addresses::default();
    let of_containers = capture.containers.iter_mut().flat_map(|container| {
        let published = container.ports.iter_mut();
        let published = published.filter_map(|port| port.address.as_mut());
        container.addresses.iter_mut().chain(published)
    });
    let forwards = capture.forwards.forwards.iter_mut();
    let of_forwards = forwards.flat_map(|rule| rule.address.iter_mut().chain(&mut rule.to));
    let interfaces = capture.limits.interfaces.iter_mut();
    let of_interfaces = interfaces.map(|one| &mut one.address);
    let others = of_containers.chain(of_forwards).chain(of_interfaces);
    for address in capture.limits.addresses.iter_mut().chain(others) {
        let mut end = Endpoint {
            address: *address,
            port: None,
        };
        addresses.replace(&mut end);
        *address = end.address;
    }
    let rows = capture
        .sockets
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.sockets);
    for row in rows {
        addresses.replace(&mut row.local);
        addresses.replace(&mut row.peer);
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
    fn replace(&mut self, endpoint: &mut Endpoint) {
        let canonical = endpoint.canonical();
        if canonical.is_loopback() || canonical.is_unspecified() {
            return;
        }
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX) + 1;
        let substitute = *self.0.entry(canonical).or_insert_with(|| match canonical {
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
