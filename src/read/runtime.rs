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
        let list = sockets(runtime).into_iter().find_map(|place| {
            let (user, answer) = ask(&place, deadline)?;
            let list = answers::parse_list(runtime, &answer)?;
            Some(of_user(list, Some(user).filter(|user| *user != 0)))
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

/// The users whose word is taken beside root's, each for its own containers alone: the asker, and the one
/// that root came from by sudo(8).
#[cfg(target_os = "linux")]
fn own_users() -> Vec<u32> {
    let asker = rustix::process::geteuid();
    let sudo = env::var("SUDO_UID").ok().filter(|_| asker.is_root());
    let came_from = sudo.and_then(|user| user.parse().ok());
    [asker.as_raw()].into_iter().chain(came_from).collect()
}

#[cfg(not(target_os = "linux"))]
fn own_users() -> Vec<u32> {
    Vec::new()
}

/// A socket on which a runtime may listen, and the users who may do so there.
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "runtimes are asked on Linux alone")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    users: Vec<u32>,
}

#[cfg(target_os = "linux")]
fn ask(place: &Place, deadline: Instant) -> Option<(u32, Vec<u8>)> {
    socket::get(&place.path, "/containers/json", deadline, |user| {
        place.users.contains(&user)
    })
}

#[cfg(not(target_os = "linux"))]
fn ask(_: &Place, _: Instant) -> Option<(u32, Vec<u8>)> {
    None
}

/// Where a runtime listens: where its own client would look, `DOCKER_HOST` and `CONTAINER_HOST` first.
fn sockets(runtime: Runtime) -> Vec<Place> {
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
    let own = own_users();
    if let Some(host) = env::var(variable).ok().filter(|host| !host.is_empty()) {
        // Of another machine, or another protocol, nothing is asked.
        let path = host.strip_prefix("unix://").map(PathBuf::from);
        let users = [0].into_iter().chain(own).collect();
        let place = path.map(|path| Place { path, users });
        return place.into_iter().collect();
    }
    let of_machine = |path: &&str| Place {
        path: PathBuf::from(path),
        users: vec![0],
    };
    let folder = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = folder.and_then(|folder| of_folder(&folder, below, &own));
    places.iter().map(of_machine).chain(own).collect()
}

/// A runtime's socket in the runtime folder of a user: it is that user's own, or another user has set the
/// variable, or put the folder there.
fn of_folder(folder: &Path, below: &str, own: &[u32]) -> Option<Place> {
    let owner = super::regular::owner(&folder.metadata().ok()?)?;
    let is_own = own.contains(&owner.uid) && owner.is_kept();
    is_own.then(|| Place {
        path: folder.join(below),
        users: vec![owner.uid],
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn the_runtime_folder_is_believed_of_its_owner_alone() {
        use super::*;
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        let of = |own: &[u32]| of_folder(folder.path(), "docker.sock", own);
        let place = of(&[me + 1, me]).unwrap();
        assert_eq!(place.users, [me]);
        assert_eq!(place.path, folder.path().join("docker.sock"));
        assert_eq!(of(&[me + 1]), None);
        assert_eq!(of(&[]), None);
        let anybodys = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), anybodys).unwrap();
        assert_eq!(of(&[me]), None);
    }
}
