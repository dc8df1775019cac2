//! Names of containers: asks Docker and Podman over their sockets, within a limit of time; where none
//! answers, reads their state files.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::raw::RawContainer;
use crate::model::{ContainerId, Runtime};
use files::Places;

pub mod answers;
mod files;
pub mod http;
#[cfg(target_os = "linux")]
pub mod socket;

/// What the runtimes tell: of all their running containers where they answer, else of those with these
/// ids. A runtime is asked where it may run one of the ids, or where others are wanted; one without such
/// a socket is passed over.
pub fn containers(ids: &[ContainerId], others: bool, limit: Duration) -> Vec<RawContainer> {
    let deadline = Instant::now() + limit;
    let mut told = Vec::new();
    for runtime in [Runtime::Docker, Runtime::Podman] {
        let mine: Vec<&str> = ids
            .iter()
            .filter(|one| one.runtime.is_none_or(|known| known == runtime))
            .map(|one| one.id.unclean())
            .collect();
        if mine.is_empty() && !others {
            continue;
        }
        let list = sockets(runtime).into_iter().find_map(|(path, user)| {
            let list = answers::parse_list(runtime, &ask(&path, deadline)?)?;
            Some(of_user(list, user))
        });
        told.extend(list.unwrap_or_else(|| Places::of(runtime).containers(&mine)));
    }
    told
}

fn of_user(mut containers: Vec<RawContainer>, user: Option<u32>) -> Vec<RawContainer> {
    for container in &mut containers {
        container.user = user;
    }
    containers
}

/// Who asks, unless it is root: a runtime of its own is not the machine's.
#[cfg(target_os = "linux")]
fn asker() -> Option<u32> {
    let user = rustix::process::geteuid();
    (!user.is_root()).then(|| user.as_raw())
}

#[cfg(not(target_os = "linux"))]
fn asker() -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
fn ask(path: &Path, deadline: Instant) -> Option<Vec<u8>> {
    socket::get(path, "/containers/json", deadline)
}

#[cfg(not(target_os = "linux"))]
fn ask(_: &Path, _: Instant) -> Option<Vec<u8>> {
    None
}

/// Where a runtime listens: where its own client would look, `DOCKER_HOST` and `CONTAINER_HOST` first.
/// With each, the user whose own runtime that is.
fn sockets(runtime: Runtime) -> Vec<(PathBuf, Option<u32>)> {
    let (variable, places, below): (_, &[&str], _) = match runtime {
        Runtime::Docker => (
            "DOCKER_HOST",
            &["/var/run/docker.sock", "/run/docker.sock"],
            "docker.sock",
        ),
        Runtime::Podman => (
            "CONTAINER_HOST",
            &["/run/podman/podman.sock"],
            "podman/podman.sock",
        ),
        _ => return Vec::new(),
    };
    if let Some(host) = env::var(variable).ok().filter(|host| !host.is_empty()) {
        // Of another machine, or another protocol, nothing is asked.
        let path = host.strip_prefix("unix://").map(PathBuf::from);
        let user = |path: &Path| asker().filter(|_| path.starts_with("/run/user"));
        return path
            .map(|path| (path.clone(), user(&path)))
            .into_iter()
            .collect();
    }
    let own = env::var_os("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join(below));
    places
        .iter()
        .map(|place| (PathBuf::from(place), None))
        .chain(own.map(|path| (path, asker())))
        .collect()
}
