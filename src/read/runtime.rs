//! Names of containers: asks Docker and Podman over their sockets, within a limit of time; where none
//! answers, reads their state files.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::raw::RawContainer;
use super::regular::{self, Links};
use crate::model::{ContainerId, Runtime};

pub mod answers;
pub mod http;
#[cfg(target_os = "linux")]
pub mod socket;

/// A state file with more bytes is not read: half a document tells nothing.
const LARGEST_FILE: u64 = 8 << 20;

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
        told.extend(list.unwrap_or_else(|| from_files(runtime, &mine)));
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

/// What the state files tell of these containers.
fn from_files(runtime: Runtime, ids: &[&str]) -> Vec<RawContainer> {
    let is_id = |id: &&&str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
    match runtime {
        Runtime::Docker => ids
            .iter()
            .filter(is_id)
            .filter_map(|id| {
                let file = format!("/var/lib/docker/containers/{id}/config.v2.json");
                answers::parse_docker_state(&read(Path::new(&file))?)
            })
            .collect(),
        Runtime::Podman => {
            const FILE: &str = "containers/storage/overlay-containers/containers.json";
            let own = env::home_dir().map(|home| home.join(".local/share").join(FILE));
            let of_machine = (Path::new("/var/lib").join(FILE), None);
            let places = [Some(of_machine), own.map(|path| (path, asker()))];
            let mut told: Vec<_> = places
                .into_iter()
                .flatten()
                .filter_map(|(path, user)| {
                    let list = answers::parse_podman_state(&read(&path)?);
                    Some(of_user(list, user))
                })
                .flatten()
                .collect();
            told.retain(|container| ids.contains(&container.id.unclean()));
            told
        }
        _ => Vec::new(),
    }
}

/// Reads a state file; below a home directory its owner may have put anything in its place.
fn read(path: &Path) -> Option<Vec<u8>> {
    regular::read(path, LARGEST_FILE, Links::Refused)
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn nothing_but_a_regular_file_of_sane_size_is_read() {
        use super::{LARGEST_FILE, read};
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("containers.json");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        if made.is_ok_and(|status| status.success()) {
            assert_eq!(read(&path), None, "nobody writes into that FIFO");
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::write(&path, "[]").unwrap();
        assert_eq!(read(&path).as_deref(), Some(&b"[]"[..]));
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read(&link), None, "a link may lead anywhere");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(LARGEST_FILE + 1).unwrap();
        assert_eq!(read(&path), None, "half a document tells nothing");
    }
}
