//! What a process is to people, in as few words as a column has room for.

use std::net::IpAddr;

use super::origin_sentence;
use crate::judge::{Course, Diversion, Origin, origin};
use crate::model::{
    Container, Diverter, Dnat, Forward, Manager, Meaning, Owner, Project, Role, Row, Runtime,
    Snapshot, Unit, in_text,
};

/// The best that is known: where it leads, the container, the service, the project, the script.
pub fn what(row: &Row) -> Option<String> {
    let role = row.role.as_deref();
    if let Some(forward) = role.and_then(|role| role.forwards_to.as_ref()) {
        return Some(leads_to(forward));
    }
    joined(of_owners(&row.owners)).or_else(|| role.and_then(socket_unit))
}

/// The best that is known of each owner.
pub fn of_owners(owners: &[Owner]) -> impl Iterator<Item = String> {
    owners.iter().filter_map(of_process)
}

fn of_process(owner: &Owner) -> Option<String> {
    let Meaning {
        unit,
        container,
        project,
        script,
        ..
    } = &owner.process.meaning;
    let unit = unit.as_ref().filter(|unit| unit.is_telling());
    let of_system = unit.filter(|unit| unit.manager == Manager::System);
    container
        .as_deref()
        .map(in_container)
        .or_else(|| of_system.map(unit_name))
        .or_else(|| match (project, script) {
            (Some(project), Some(script)) => Some(format!(
                "{}: {}",
                project.name.in_text(),
                in_text(within(script.unclean(), project))
            )),
            (Some(project), None) => Some(project.name.in_text().into_owned()),
            (None, Some(script)) => Some(in_text(script.base_name()).into_owned()),
            (None, None) => None,
        })
        .or_else(|| unit.map(|unit| unit.name.in_text().into_owned()))
        .or_else(|| Some(super::services(&owner.process)).filter(|names| !names.is_empty()))
}

/// A script's path as seen from its project.
fn within<'a>(script: &'a str, project: &Project) -> &'a str {
    let below = script.strip_prefix(project.directory.unclean());
    below
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(script)
}

/// `docker web`; the id's beginning where the runtime told no name.
pub fn in_container(container: &Container) -> String {
    let runtime = container.identity.runtime;
    let claimed = if container.identity.claimed {
        CLAIMED
    } else {
        ""
    };
    format!(
        "{} {}{claimed}",
        runtime.map_or("container", Runtime::as_str),
        container.label().in_text()
    )
}

/// `→ docker web, 172.17.0.2:80`.
pub fn leads_to(forward: &Forward) -> String {
    let to = forward.to.in_text();
    match &forward.container {
        Some(container) => format!("→ {}, {to}", in_container(container)),
        None => format!("→ {to}"),
    }
}

pub fn socket_unit(role: &Role) -> Option<String> {
    role.socket_unit
        .as_ref()
        .map(|unit| unit.in_text().into_owned())
}

/// What stands beside a name that another user may have made up.
const CLAIMED: &str = " (claimed)";

fn unit_name(unit: &Unit) -> String {
    let claimed = if unit.claimed { CLAIMED } else { "" };
    format!("{}{claimed}", unit.name.in_text())
}

/// The units of the owners and the socket unit, each once.
pub fn units(row: &Row) -> Option<String> {
    let of_owners = row
        .owners
        .iter()
        .filter_map(|owner| owner.process.meaning.unit.as_ref())
        .map(unit_name);
    joined(of_owners.chain(row.role.as_deref().and_then(socket_unit)))
}

/// The containers of the owners, each once.
pub fn containers(row: &Row) -> Option<String> {
    let of_owners = row
        .owners
        .iter()
        .filter_map(|owner| owner.process.meaning.container.as_deref());
    let behind = row
        .role
        .as_deref()
        .and_then(|role| role.forwards_to.as_ref()?.container.as_deref());
    joined(of_owners.chain(behind).map(in_container))
}

/// The projects of the owners, each once.
pub fn projects(row: &Row) -> Option<String> {
    let of_owners = row
        .owners
        .iter()
        .filter_map(|owner| owner.process.meaning.project.as_ref());
    joined(of_owners.map(|project| project.name.in_text().into_owned()))
}

fn joined(texts: impl Iterator<Item = String>) -> Option<String> {
    Some(each_once(texts).join(", ")).filter(|text| !text.is_empty())
}

/// The texts without those that came before.
pub fn each_once(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// `docker web   image nginx:1   service web of shop`.
pub fn container(container: &Container) -> String {
    let image = container.image.as_ref();
    let image = image.map(|image| format!("   image {}", image.in_text()));
    let pod = container.identity.pod_uid.as_ref();
    let pod = pod.map(|uid| format!("   pod {}", uid.in_text()));
    let compose = match (&container.compose_project, &container.compose_service) {
        (Some(project), Some(service)) => {
            let service = service.in_text();
            Some(format!("   service {service} of {}", project.in_text()))
        }
        _ => None,
    };
    let more: String = [image, compose, pod].into_iter().flatten().collect();
    in_container(container) + &more
}

/// What a process is part of, as labels and words.
pub fn meaning(meaning: &Meaning) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(one) = meaning.container.as_deref() {
        lines.push(("container", container(one)));
    }
    // The scope of a container or of a session says no more.
    if let Some(unit) = meaning.unit.as_ref().filter(|unit| unit.is_telling()) {
        let manager = match unit.manager {
            Manager::System => "",
            Manager::User => ", of the user's systemd",
        };
        let slice = unit.slice.as_ref();
        let slice = slice.map(|slice| format!(" in {}", slice.in_text()));
        let slice = slice.unwrap_or_default();
        lines.push(("unit", format!("{}{slice}{manager}", unit_name(unit))));
    }
    if let Some(project) = &meaning.project {
        let (name, directory) = (project.name.in_text(), project.directory.in_text());
        lines.push(("project", format!("{name} in {directory}")));
    }
    lines
}

/// The label of who opened a listener.
pub const OPENED: &str = "opened by";

/// What a listener is there for, as labels and words.
pub fn role(role: &Role) -> Vec<(&'static str, String)> {
    let opened = role.socket_unit.as_ref();
    let opened = opened.map(|unit| (OPENED, unit.in_text().into_owned()));
    let forward = role.forwards_to.as_ref();
    let leads = forward.map(|forward| ("leads to", forward.to.in_text().into_owned()));
    let behind = forward.and_then(|forward| forward.container.as_deref());
    let behind = behind.map(|one| ("container", container(one)));
    opened.into_iter().chain(leads).chain(behind).collect()
}

/// Where a rule sends what comes to a port: `172.17.0.2:80`, `this machine, port 5353`.
pub fn dnat_target(dnat: &Dnat) -> String {
    let ports = |(first, last): (u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let port = ports(dnat.target_ports());
    match (dnat.to, dnat.to_last) {
        (Some(IpAddr::V4(v4)), None) => format!("{v4}:{port}"),
        (Some(IpAddr::V6(v6)), None) => format!("[{v6}]:{port}"),
        (Some(first), Some(last)) => format!("one of {first}-{last}, port {port}"),
        (None, _) => format!("this machine, port {port}"),
    }
}

/// `a DNAT rule sends 127.0.0.1:18080/tcp to 172.17.0.2:80 (docker web)`.
pub fn dnat(dnat: &Dnat) -> String {
    let container = dnat.container.as_deref().map(in_container);
    let container = container.map(|name| format!(" ({name})"));
    let place = dnat.netns.as_ref();
    let place = place.map(|far| format!("in netns {} ", far.label()));
    format!(
        "{}{} sends {} to {}{}",
        place.unwrap_or_default(),
        diverter(dnat.by),
        dnat_match(dnat),
        dnat_target(dnat),
        container.unwrap_or_default()
    )
}

/// What is known of a connection whose port has no listener: its own port, or one that was taken past it.
pub fn without_listener(row: &Row, snapshot: &Snapshot) -> String {
    let socket = &row.socket;
    let takes = |rule: &&Dnat| {
        let (first, last) = rule.ports;
        let port = socket.local.port;
        rule.by == Diverter::Tproxy
            && rule.netns.as_ref().map(|far| far.netns).or(snapshot.netns) == socket.netns()
            && rule.protocol == socket.protocol.port_space()
            && port.is_some_and(|port| (first..=last).contains(&port))
    };
    let rows = snapshot.rows.iter().chain(&snapshot.other_ends);
    let origin = origin(row, rows);
    let known = origin_sentence(origin);
    if origin == Origin::Itself {
        return known.to_owned();
    }
    if let Some(rule) = snapshot.forwards.iter().find(takes) {
        return format!("nothing listens here: {}", dnat(rule));
    }
    if snapshot.is_steered() {
        return "nothing listens here: a program may have given it to another port's listener"
            .to_owned();
    }
    match snapshot.may_be_diverted {
        true => format!("{known}, or a rule sent it to another port's listener"),
        false => known.to_owned(),
    }
}

fn diverter(by: Diverter) -> &'static str {
    match by {
        Diverter::Dnat => "a DNAT rule",
        Diverter::Tproxy => "a TPROXY rule",
        Diverter::Ipvs => "an IPVS service",
    }
}

/// What a rule takes: `127.0.0.1:18080/tcp`, `:8000-8010/udp`.
fn dnat_match(dnat: &Dnat) -> String {
    let (first, last) = dnat.ports;
    let range = match first == last {
        true => String::new(),
        false => format!("-{last}"),
    };
    let address = match dnat.address {
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => format!("[{v6}]"),
        None => String::new(),
    };
    let protocol = dnat.protocol;
    let place = format!("{address}:{first}{range}/{protocol}");
    match dnat.among.as_slice() {
        [] => place,
        [(from, to)] => format!("{place} (for {from}-{to})"),
        _ => format!("{place} (for some addresses)"),
    }
}

/// What a rule means for a socket that has its port.
pub fn diversion(diversion: &Diversion<'_>) -> String {
    let rule = dnat(diversion.rule);
    match diversion.course {
        Course::Alike => {
            let (by, taken) = (diverter(diversion.rule.by), dnat_match(diversion.rule));
            format!("{by} sends {taken} there too, past this process")
        }
        Course::Elsewhere => {
            format!("{rule}: packets that match it go there, not to this socket")
        }
        Course::Beside => rule,
    }
}

/// `nginx (pid 77) listens there, in netns shop`.
pub fn listens_there(row: &Row) -> String {
    let netns = super::netns(&row.socket);
    let place = netns.map(|name| format!(", in netns {name}"));
    format!(
        "{} listens there{}",
        super::owners(row),
        place.unwrap_or_default()
    )
}
