//! Where a process belongs by its control group: text of `/proc/PID/cgroup`, cgroups(7), and of
//! `/proc/PID/mountinfo`, in; a systemd unit and a container out. Pure.

use crate::model::{ContainerId, Foreign, Manager, Runtime, Unit};

mod claims;
#[cfg(test)]
mod tests;

pub use claims::Owner;
use claims::{Maker, is_claim, maker};

/// What the path of a process's control group tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    pub unit: Option<Unit>,
    pub container: Option<ContainerId>,
}

/// Reads `/proc/PID/cgroup`: lines of `N:controllers:/path`. Units are systemd's, so they count in
/// its own hierarchy and in that of version 2; containers in any.
pub fn parse_cgroup(text: &[u8]) -> Membership {
    membership(text, &mut |_, _| None)
}

/// The same, where the owners of the groups' folders can be asked for.
pub fn membership(text: &[u8], owner: Owner<'_>) -> Membership {
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<Line> = text.lines().filter_map(parse_line).collect();
    lines.sort_by_key(|line| line.rank);
    let units = lines.iter().filter(|line| line.rank < OTHER);
    let unit = { units }.find_map(|line| unit_of(line, owner));
    let mut containers: Vec<ContainerId> = Vec::new();
    for line in &lines {
        containers.extend(container_of(line, owner));
    }
    // A user may have groups of its own in one hierarchy alone.
    let proven = containers.iter().position(|one| !one.claimed);
    let at = proven.unwrap_or(0);
    Membership {
        unit,
        container: (at < containers.len()).then(|| containers.swap_remove(at)),
    }
}

const SYSTEMD: u8 = 0;
const VERSION_2: u8 = 1;
const OTHER: u8 = 2;

/// One hierarchy's line.
struct Line<'a> {
    /// How far it is believed about units.
    rank: u8,
    controllers: &'a str,
    path: &'a str,
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    let mut fields = line.splitn(3, ':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let rank = match (number, controllers) {
        (_, "name=systemd") => SYSTEMD,
        ("0", "") => VERSION_2,
        _ => OTHER,
    };
    // The kernel says so of a group that was removed under its last processes.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.starts_with('/').then_some(Line {
        rank,
        controllers,
        path,
    })
}

/// The outermost unit, as systemd itself sees it (`cg_path_get_unit` in its cgroup-util.c): a service or
/// scope below slices alone, and below a user's manager the same again. Whatever lies further in was
/// made by the unit's own processes. In a container the units are those of its own manager.
fn unit_of(line: &Line<'_>, owner: Owner<'_>) -> Option<Unit> {
    let parts: Vec<&str> = line.path.split('/').collect();
    let container = container_at_or_below(&parts);
    let container = container.filter(|(at, _)| !is_claim(line, &parts, *at, owner));
    if let Some((at, _)) = container
        && let Some(below) = parts[at + 1..].iter().position(is_unit_name)
    {
        return Some(unit_at(&parts, at + 1 + below, line, owner));
    }
    let at = below_slices(&parts, 0)?;
    let inner = user_of(parts[at]).and_then(|_| below_slices(&parts, at + 1));
    Some(unit_at(&parts, inner.unwrap_or(at), line, owner))
}

/// The service or scope that follows nothing but slices, from a part on.
fn below_slices(parts: &[&str], from: usize) -> Option<usize> {
    // Beyond the reader's namespace of control groups the path begins with `..`.
    let is_passed = |part: &str| part.is_empty() || part == ".." || is_named(part, ".slice");
    let at = from + parts[from..].iter().position(|part| !is_passed(part))?;
    is_unit_name(&parts[at]).then_some(at)
}

fn unit_at(parts: &[&str], at: usize, line: &Line<'_>, owner: Owner<'_>) -> Unit {
    let before = &parts[..at];
    let user = before.iter().find_map(|part| user_of(part));
    let slice = before.last().filter(|part| is_named(part, ".slice"));
    Unit {
        name: Foreign::new(unescape_group(parts[at])),
        slice: slice.map(|slice| Foreign::new(unescape_group(slice))),
        manager: match user {
            Some(_) => Manager::User,
            None => Manager::System,
        },
        user,
        claimed: match maker(line.controllers, before, owner) {
            Maker::User(maker) => Some(maker) != user,
            Maker::Root | Maker::Unknown => false,
        },
    }
}

fn is_unit_name(part: &&str) -> bool {
    let part = unescape_group(part);
    is_named(part, ".service") || is_named(part, ".scope")
}

/// Takes off the underscore by which systemd tells a unit's group from the kernel's own files
/// (cg_escape in systemd's cgroup-util.c).
fn unescape_group(part: &str) -> &str {
    part.strip_prefix('_').unwrap_or(part)
}

/// Whether it is a unit's name of this kind, systemd.unit(5).
fn is_named(part: &str, suffix: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
    part.strip_suffix(suffix)
        .is_some_and(|prefix| !prefix.is_empty() && prefix.chars().all(is_of_name))
}

/// The outermost container: a runtime of this machine knows that one, not those inside it.
fn container_of(line: &Line<'_>, owner: Owner<'_>) -> Option<ContainerId> {
    let parts: Vec<&str> = line.path.split('/').collect();
    let (at, (runtime, id)) = container_at_or_below(&parts)?;
    let pods = parts[..=at].iter().rev();
    let user = match maker(line.controllers, &parts[..at], owner) {
        Maker::User(maker) => Some(maker),
        Maker::Root | Maker::Unknown => parts[..at].iter().find_map(|part| user_of(part)),
    };
    Some(ContainerId {
        runtime,
        id: Foreign::new(id),
        // No user runs a kubelet of the machine.
        pod_uid: pods
            .copied()
            .find_map(pod_uid)
            .filter(|_| user.is_none())
            .map(Foreign::new),
        user,
        claimed: is_claim(line, &parts, at, owner),
    })
}

fn container_at_or_below(parts: &[&str]) -> Option<(usize, (Option<Runtime>, String))> {
    (0..parts.len()).find_map(|at| Some((at, container_at(parts, at)?)))
}

/// The user of `user@UID.service`, who makes the groups below it.
fn user_of(part: &str) -> Option<u32> {
    let uid = part.strip_prefix("user@")?.strip_suffix(".service")?;
    uid.parse().ok()
}

/// Prefixes of a container's group, before its id: with `-` between them, or as `SLICE:PREFIX:ID`.
const PREFIXES: [(&str, Runtime); 6] = [
    ("docker", Runtime::Docker),
    ("libpod", Runtime::Podman),
    ("libpod-payload", Runtime::Podman),
    ("cri-containerd", Runtime::Containerd),
    ("nerdctl", Runtime::Containerd),
    ("crio", Runtime::CriO),
];

/// The container that the part of a path at `at` names.
fn container_at(parts: &[&str], at: usize) -> Option<(Option<Runtime>, String)> {
    let part = parts[at];
    let before = at.checked_sub(1).map_or("", |above| parts[above]);
    let below = parts.get(at + 1).copied();
    let whole = part.strip_suffix(".scope").unwrap_or(part);
    let cut = whole.rsplit_once(':').or_else(|| whole.rsplit_once('-'));
    if let Some((prefix, id)) = cut.filter(|(_, id)| is_id(id)) {
        let prefix = prefix.rsplit(':').next().unwrap_or(prefix);
        let known = PREFIXES.iter().find(|(known, _)| *known == prefix);
        // Others ("libpod-conmon") hold what watches a container, not what is in it.
        return known.map(|(_, runtime)| (Some(*runtime), id.to_owned()));
    }
    if is_id(part) {
        let runtime = match before {
            "docker" | "actions_job" => Some(Runtime::Docker),
            "libpod_parent" => Some(Runtime::Podman),
            _ if parts[..at].contains(&"ecs") => Some(Runtime::Docker),
            _ => None,
        };
        // A pod of podman has a group of its own, whose containers lie below.
        let holds_others = below.is_some_and(|below| below.starts_with("libpod-"));
        return (!holds_others).then(|| (runtime, part.to_owned()));
    }
    if let Some(id) = fargate_id(parts, at) {
        return Some((Some(Runtime::Containerd), id.to_owned()));
    }
    machine_at(part, before, below)
}

/// Fargate's tasks: `/ecs/TASK/TASK-NUMBER`, the task being 32 hexadecimal digits.
fn fargate_id<'a>(parts: &[&'a str], at: usize) -> Option<&'a str> {
    let task = parts.get(at.checked_sub(1)?)?;
    let number = parts[at].strip_prefix(task)?.strip_prefix('-')?;
    let is_task = task.len() == 32 && is_hexadecimal(task) && parts[..at].contains(&"ecs");
    (is_task && number.bytes().all(|b| b.is_ascii_digit())).then_some(parts[at])
}

/// Containers that go by a name: LXC's, and the machines of systemd.
fn machine_at(part: &str, before: &str, below: Option<&str>) -> Option<(Option<Runtime>, String)> {
    let is_of_lxc = matches!(before, "lxc" | "lxc.payload");
    let payload = part.strip_prefix("lxc.payload.");
    let of_lxc = payload.or(is_of_lxc.then_some(part));
    let name = if let Some(name) = of_lxc {
        return (!name.is_empty()).then(|| (Some(Runtime::Lxc), name.to_owned()));
    } else if let Some(service) = part.strip_prefix("systemd-nspawn@") {
        // In the service's own group runs systemd-nspawn itself.
        below?;
        service.strip_suffix(".service")?
    } else {
        part.strip_prefix("machine-")?.strip_suffix(".scope")?
    };
    let name = unescape_unit(name);
    // libvirt registers its guests as machines: qemu-1-NAME.
    let is_guest = name.starts_with("qemu-");
    let is_watcher = below == Some("supervisor");
    (!is_guest && !is_watcher && !name.is_empty()).then_some((Some(Runtime::SystemdNspawn), name))
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hexadecimal(text)
}

/// The pod of a group's name: `podUID`, or `kubepods-burstable-podU_I_D.slice`.
fn pod_uid(part: &str) -> Option<String> {
    let slice = part.split(':').next().unwrap_or(part);
    let uid = match slice.strip_suffix(".slice") {
        Some(slice) => {
            let (above, uid) = slice.rsplit_once("-pod")?;
            above.contains("kubepods").then(|| uid.replace('_', "-"))?
        }
        None => slice.strip_prefix("pod")?.to_owned(),
    };
    // A UUID; 32 digits for a pod that the kubelet reads from a file.
    is_pod_uid(&uid).then_some(uid)
}

fn is_pod_uid(uid: &str) -> bool {
    matches!(uid.len(), 32 | 36) && is_hexadecimal(&uid.replace('-', ""))
}

/// Undoes escapes such as `\x2d`, systemd-escape(1). A bare `-` stays: no machine's name holds the `/`
/// that it would stand for.
fn unescape_unit(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = rest
            .strip_prefix(b"\\x")
            .and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok())
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => out.push(byte),
            None => out.push(*first),
        }
        rest = if code.is_some() { &rest[4..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The container by what its runtime mounts over a few files of `/etc`, for where the reader's control
/// group namespace hides the path. Reads `/proc/PID/mountinfo`, proc_pid_mountinfo(5).
pub fn container_from_mountinfo(text: &[u8]) -> Option<ContainerId> {
    let text = String::from_utf8_lossy(text);
    let mounts: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(3);
            Some((fields.next()?, fields.next()?))
        })
        .collect();
    let pod_uid = mounts
        .iter()
        .filter(|(_, place)| *place == "/etc/hosts")
        .find_map(|(root, _)| {
            let below = root.split_once("/pods/")?.1;
            let uid = below.strip_suffix("/etc-hosts")?;
            is_pod_uid(uid).then(|| Foreign::new(uid))
        });
    // In a pod the files of /etc are those of the pod's first container.
    let places: &[&str] = if pod_uid.is_some() {
        &["/run/.containerenv"]
    } else {
        &[
            "/run/.containerenv",
            "/etc/hostname",
            "/etc/resolv.conf",
            "/etc/hosts",
        ]
    };
    let (runtime, id) = places.iter().find_map(|wanted| {
        let of_place = mounts.iter().filter(|(_, place)| place == wanted);
        of_place.rev().find_map(|(root, _)| container_of_file(root))
    })?;
    let runtime = match runtime {
        Runtime::Podman if pod_uid.is_some() => Runtime::CriO,
        other => other,
    };
    Some(ContainerId {
        runtime: Some(runtime),
        id: Foreign::new(id),
        pod_uid,
        user: None,
        claimed: false,
    })
}

/// The container whose folder of files a path lies in.
fn container_of_file(path: &str) -> Option<(Runtime, &str)> {
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts.iter().position(|part| is_id(part))?;
    let above = at.checked_sub(1).map(|above| parts[above])?;
    let runtime = match above {
        "containers" => Runtime::Docker,
        "overlay-containers" | "vfs-containers" | "btrfs-containers" | "zfs-containers" => {
            Runtime::Podman
        }
        _ if parts[..at].contains(&"nerdctl") => Runtime::Containerd,
        _ => return None,
    };
    Some((runtime, parts[at]))
}
