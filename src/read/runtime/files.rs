//! State files of runtimes, for where none answers: where they are, and what they tell.

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::answers::{parse_docker_state, parse_podman_state};
use super::{of_user, own_users};
use crate::model::Runtime;
use crate::read::raw::RawContainer;
use crate::read::regular::{self, Links};

/// A state file with more bytes is not read: half a document tells nothing.
const LARGEST_FILE: u64 = 8 << 20;

/// Where Docker keeps what it knows, unless it is told otherwise.
const DOCKER: &str = "/var/lib/docker";
const DOCKER_CONFIG: &str = "/etc/docker/daemon.json";

/// Where state files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// Data directories of Docker.
    docker: Vec<PathBuf>,
    /// Files of Podman.
    podman: Vec<PathBuf>,
}

impl Places {
    /// Those of this machine, as far as the runtime takes.
    pub fn of(runtime: Runtime) -> Self {
        match runtime {
            Runtime::Docker => Self {
                docker: data_roots(&daemons(), |path| {
                    regular::read(path, LARGEST_FILE, Links::Followed)
                }),
                ..Self::default()
            },
            Runtime::Podman => {
                const FILE: &str = "containers/storage/overlay-containers/containers.json";
                let own = env::home_dir().map(|home| home.join(".local/share").join(FILE));
                let places = [Some(Path::new("/var/lib").join(FILE)), own];
                Self {
                    podman: places.into_iter().flatten().collect(),
                    ..Self::default()
                }
            }
            _ => Self::default(),
        }
    }

    /// What the files tell of these containers.
    pub fn containers(&self, ids: &[&str]) -> Vec<RawContainer> {
        let is_id = |id: &&&str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
        let of_docker = self.docker.iter().flat_map(|root| {
            ids.iter().filter(is_id).filter_map(move |id| {
                let file = root.join("containers").join(id).join("config.v2.json");
                let (user, text) = read(&file)?;
                let told = parse_docker_state(&text)?;
                of_user(vec![told], user).pop()
            })
        });
        let of_podman = self.podman.iter().filter_map(|path| {
            let (user, text) = read(path)?;
            Some(of_user(parse_podman_state(&text), user))
        });
        let mut told: Vec<RawContainer> = of_docker.chain(of_podman.flatten()).collect();
        told.retain(|container| ids.contains(&container.id.unclean()));
        told
    }
}

/// The arguments of every dockerd that root runs.
#[cfg(target_os = "linux")]
fn daemons() -> Vec<Vec<String>> {
    crate::read::linux::daemons::arguments_of_root("dockerd")
}

#[cfg(not(target_os = "linux"))]
fn daemons() -> Vec<Vec<String>> {
    Vec::new()
}

/// The data directories of daemons with these arguments, and the usual one: an argument, else what the
/// configuration says.
fn data_roots(daemons: &[Vec<String>], read: impl Fn(&Path) -> Option<Vec<u8>>) -> Vec<PathBuf> {
    let configured = |file: &str| data_root_of_config(&read(Path::new(file))?);
    let of_daemon = |words: &Vec<String>| {
        let told = option(words, &["--data-root", "--graph", "-g"]);
        let file = option(words, &["--config-file"]).unwrap_or(DOCKER_CONFIG);
        told.map(PathBuf::from).or_else(|| configured(file))
    };
    let mut roots: Vec<PathBuf> = daemons.iter().filter_map(of_daemon).collect();
    roots.extend(configured(DOCKER_CONFIG));
    roots.push(DOCKER.into());
    let mut known: Vec<PathBuf> = Vec::new();
    for root in roots.into_iter().filter(|root| root.has_root()) {
        if !known.contains(&root) {
            known.push(root);
        }
    }
    known
}

/// The value of an option by one of its names: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`.
fn option<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        names.iter().find_map(|name| {
            let rest = word.strip_prefix(name)?;
            if rest.is_empty() {
                return words.get(at + 1).map(String::as_str);
            }
            let is_short = !name.starts_with("--");
            rest.strip_prefix('=').or(Some(rest).filter(|_| is_short))
        })
    })
}

/// The data directory by the text of `daemon.json`; older versions call it `graph`.
fn data_root_of_config(text: &[u8]) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "data-root")]
        data_root: Option<PathBuf>,
        graph: Option<PathBuf>,
    }
    let config: Config = serde_json::from_slice(text).ok()?;
    config.data_root.or(config.graph)
}

/// Reads a state file, which speaks for its owner: root's for the machine, the asker's for that user. With
/// it, that user.
fn read(path: &Path) -> Option<(Option<u32>, Vec<u8>)> {
    read_of(path, &own_users())
}

fn read_of(path: &Path, own: &[u32]) -> Option<(Option<u32>, Vec<u8>)> {
    let mut user = None;
    let text = regular::read_if(path, LARGEST_FILE, Links::Refused, |metadata| {
        let owner = regular::owner(metadata);
        user = owner.map(|owner| owner.uid).filter(|user| *user != 0);
        owner.is_none_or(|owner| owner.is_kept()) && user.is_none_or(|user| own.contains(&user))
    })?;
    Some((user, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Foreign;

    #[test]
    fn a_data_directory_is_an_argument_or_configured_or_the_usual_one() {
        let config = |path: &Path| match path.to_str()? {
            DOCKER_CONFIG => Some(br#"{"data-root": "/configured", "debug": true}"#.to_vec()),
            "/other.json" => Some(br#"{"graph": "/old"}"#.to_vec()),
            _ => None,
        };
        let roots = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let roots = data_roots(&[words], config);
            let roots = roots.iter().map(|root| root.to_str().unwrap().to_owned());
            roots.collect::<Vec<_>>().join(" ")
        };
        for (line, expected) in [
            ("dockerd", "/configured /var/lib/docker"),
            (
                "dockerd --data-root /srv/d",
                "/srv/d /configured /var/lib/docker",
            ),
            (
                "dockerd -H fd:// --data-root=/srv/d",
                "/srv/d /configured /var/lib/docker",
            ),
            ("dockerd -g /srv/d", "/srv/d /configured /var/lib/docker"),
            ("dockerd -g/srv/d", "/srv/d /configured /var/lib/docker"),
            (
                "dockerd --graph=/srv/d",
                "/srv/d /configured /var/lib/docker",
            ),
            (
                "dockerd --config-file=/other.json",
                "/old /configured /var/lib/docker",
            ),
            (
                "dockerd --data-root relative",
                "/configured /var/lib/docker",
            ),
            ("dockerd --data-root", "/configured /var/lib/docker"),
            (
                "dockerd --data-rooted /srv/d",
                "/configured /var/lib/docker",
            ),
        ] {
            assert_eq!(roots(line), expected, "{line}");
        }
        assert_eq!(data_roots(&[], |_| None), [PathBuf::from(DOCKER)]);
        assert_eq!(data_roots(&[], |_| Some(b"{".to_vec())).len(), 1);
    }

    fn text(foreign: Option<&Foreign>) -> &str {
        foreign.map_or("", Foreign::unclean)
    }

    /// The user who runs the tests, unless it is root.
    fn own() -> Option<u32> {
        own_users().first().copied().filter(|user| *user != 0)
    }

    #[test]
    fn containers_are_read_from_the_state_files_of_docker() {
        let folder = tempfile::TempDir::new().unwrap();
        let (known, other) = ("ab".repeat(32), "cd".repeat(32));
        for (id, name) in [(&known, "/web"), (&other, "/other")] {
            let place = folder.path().join("containers").join(id);
            std::fs::create_dir_all(&place).unwrap();
            let state = format!(
                r#"{{"ID": "{id}", "Name": "{name}", "Config": {{"Image": "nginx:1", "Labels":
                   {{"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}}}},
                   "NetworkSettings": {{"Ports": {{"80/tcp": [{{"HostIp": "", "HostPort": "8080"}}]}},
                   "Networks": {{"bridge": {{"IPAddress": "172.17.0.2", "GlobalIPv6Address": ""}}}}}}}}"#
            );
            std::fs::write(place.join("config.v2.json"), state).unwrap();
        }
        let places = Places {
            docker: vec!["/nowhere".into(), folder.path().into()],
            ..Places::default()
        };
        let told = places.containers(&[&known, "../escape", "ef"]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].id.unclean(), known);
        assert_eq!(text(told[0].name.as_ref()), "web");
        assert_eq!(text(told[0].image.as_ref()), "nginx:1");
        assert_eq!(text(told[0].compose_project.as_ref()), "shop");
        assert_eq!(told[0].addresses, [std::net::IpAddr::from([172, 17, 0, 2])]);
        assert_eq!((told[0].ports[0].port, told[0].user), (8080, own()));
    }

    /// Newer versions of Podman keep what they know in a database; the storage has the names still.
    #[test]
    fn containers_are_read_from_the_state_file_of_podman() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("containers.json");
        let state = r#"[
            {"id": "aa", "names": ["long"], "metadata": "{\"image-name\":\"nginx:1\",\"name\":\"web\"}"},
            {"id": "bb", "names": ["other"]}, {"id": 7}
        ]"#;
        std::fs::write(&path, state).unwrap();
        let missing = folder.path().join("missing.json");
        let places = Places {
            podman: vec![missing, path.clone()],
            ..Places::default()
        };
        let told = places.containers(&["aa", "cc"]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(text(told[0].name.as_ref()), "web");
        assert_eq!(text(told[0].image.as_ref()), "nginx:1");
        assert_eq!((told[0].runtime, told[0].user), (Runtime::Podman, own()));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_but_a_regular_file_of_sane_size_is_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("containers.json");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        if made.is_ok_and(|status| status.success()) {
            assert_eq!(read(&path), None, "nobody writes into that FIFO");
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::write(&path, "[]").unwrap();
        let text = |path: &Path| read(path).map(|(_, text)| text);
        assert_eq!(text(&path).as_deref(), Some(&b"[]"[..]));
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read(&link), None, "a link may lead anywhere");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(LARGEST_FILE + 1).unwrap();
        assert_eq!(read(&path), None, "half a document tells nothing");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_state_file_speaks_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("containers.json");
        std::fs::write(&path, "[]").unwrap();
        let me = rustix::process::geteuid().as_raw();
        let user = |own: &[u32]| read_of(&path, own).map(|(user, _)| user);
        assert_eq!(user(&[me]), Some(own()));
        // Root's speaks for the machine whoever asks.
        assert_eq!(user(&[me + 1]), (me == 0).then_some(None));
        let anybodys = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&path, anybodys).unwrap();
        assert_eq!(user(&[me]), None);
    }
}
