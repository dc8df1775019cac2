//! Which groups root or a runtime made, and which are the claim of another user: whoever owns the folder of
//! a control group makes whatever groups it likes in it. Pure.

use super::{Line, is_unit_name, unescape_group, user_of};

/// Who owns the folder of a control group, by the controllers of its line and its path; `None` where that
/// cannot be read.
pub type Owner<'a> = &'a mut dyn FnMut(&str, &str) -> Option<u32>;

/// Who may have made the groups in a folder: whoever owns it or a folder above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Root,
    User(u32),
    /// Not all of the owners could be read.
    Unknown,
}

pub fn maker(controllers: &str, folders: &[&str], owner: Owner<'_>) -> Maker {
    let mut made_by = Maker::Root;
    let mut path = String::new();
    for folder in folders.iter().filter(|folder| !folder.is_empty()) {
        path.push('/');
        path.push_str(folder);
        match owner(controllers, &path) {
            Some(0) => {}
            Some(user) => return Maker::User(user),
            None => made_by = Maker::Unknown,
        }
    }
    made_by
}

/// Services that make groups of containers below their own, without what may follow `@`.
const RUNTIMES: [&str; 16] = [
    "containerd",
    "cri-docker",
    "cri-o",
    "crio",
    "docker",
    "incus",
    "k3s",
    "k3s-agent",
    "kubelet",
    "lxc",
    "lxd",
    "podman",
    "rke2-agent",
    "rke2-server",
    "snap.docker.dockerd",
    "snap.lxd.daemon",
];

/// Whether the group of a container may be of another making than a runtime's. It lies in a folder of a
/// user who is not the one whose manager is above it, or below a unit that is no runtime. Podman alone
/// runs containers below the units of others, where these ask for it (`--cgroups=split`): then all of the
/// folders have to be root's.
pub fn is_claim(line: &Line<'_>, parts: &[&str], at: usize, owner: Owner<'_>) -> bool {
    let before = &parts[..at];
    let unit = before.iter().find(|part| is_unit_name(part));
    let user = unit.and_then(|unit| user_of(unit));
    let is_of_runtime = unit.is_none_or(|unit| {
        let name = unescape_group(unit);
        let name = name.strip_suffix(".service").unwrap_or(name);
        let name = name.split('@').next().unwrap_or(name);
        user.is_some() || RUNTIMES.contains(&name)
    });
    match maker(line.controllers, before, owner) {
        Maker::User(maker) => Some(maker) != user,
        Maker::Root => !is_of_runtime && !parts[at].starts_with("libpod-payload-"),
        Maker::Unknown => !is_of_runtime,
    }
}
