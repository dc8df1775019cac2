//! Reads unit files of systemd as a manager sees them: through `/proc/PID/root`, systemd.unit(5).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::unit_file::{listens, restart};
use crate::model::{Foreign, Manager, Unit};
use crate::read::raw::{RawProcess, RawSocketUnit};
use crate::read::regular::{self, Links};

/// Where units of the system are, the strongest first.
const SYSTEM: [&str; 11] = [
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "run/systemd/transient",
    "run/systemd/generator.early",
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/generator.late",
];
/// Where units of users' managers are.
const USER: [&str; 4] = [
    "etc/systemd/user",
    "run/systemd/user",
    "usr/local/lib/systemd/user",
    "usr/lib/systemd/user",
];
/// More files than any machine has; a folder may be somebody else's.
const MOST: usize = 1000;
/// Bytes of one file, and of all that are read for one manager.
const LONGEST: u64 = 256 << 10;
const LARGEST: u64 = 4 << 20;

/// Those of the processes that are a systemd.
pub fn managers(processes: &[RawProcess]) -> Vec<RawProcess> {
    let managers = processes.iter().filter(|process| is_manager(process));
    managers.cloned().collect()
}

/// `Restart=` of a service of the machine's systemd, or of the asker's own; `None` where its files could
/// not be read.
pub fn restart_of(unit: &Unit, uid: Option<u32>) -> Option<Foreign> {
    let root = Path::new("/");
    let places = match unit.manager {
        Manager::System => places(root, &SYSTEM),
        Manager::User => user_places(root, uid),
    };
    let name = unit.name.unclean();
    if name.contains('/') {
        return None;
    }
    let texts = Files::default().texts(&places, name);
    if texts.is_empty() {
        return None;
    }
    // Without a word of it, a unit is not started again. systemd heeds no other words.
    const POLICIES: [&str; 7] = [
        "no",
        "always",
        "on-success",
        "on-failure",
        "on-abnormal",
        "on-abort",
        "on-watchdog",
    ];
    let said = restart(texts.iter().map(String::as_str));
    let said = said.filter(|said| POLICIES.contains(&said.as_str()));
    Some(Foreign::new(said.unwrap_or_else(|| "no".into())))
}

/// Whether it is a systemd: by its program, and by who may start such a one. Anybody may give a process
/// this name, but the first process of a machine or of a container is root's, and a user's manager has
/// a place of its own in the tree of control groups.
fn is_manager(process: &RawProcess) -> bool {
    let program = process.executable.as_ref();
    let is_systemd = program.is_some_and(|path| path.base_name() == "systemd");
    let container = process.container.as_ref().filter(|one| !one.claimed);
    let is_first = process.uid == Some(0) && (process.key.pid == 1 || container.is_some());
    // Another user than the manager's has no part in it.
    let is_users = process.unit.as_ref().is_some_and(|unit| {
        unit.manager == Manager::User
            && unit.name.unclean() == "init.scope"
            && !unit.claimed
            && process.uid == unit.user
    });
    is_systemd && (is_first || is_users)
}

/// Whether a file's name can be that of a unit, systemd.unit(5); one that begins with `-` is none here,
/// for commands take it for an option.
fn is_unit_name(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || ":_.\\@-".contains(c);
    name.ends_with(".socket") && !name.starts_with('-') && name.chars().all(is_of_name)
}

/// The socket units of a systemd.
pub fn units_of(manager: &RawProcess) -> Vec<RawSocketUnit> {
    let root = PathBuf::from(format!("/proc/{}/root", manager.key.pid));
    let places = match manager.uid {
        Some(0) | None => places(&root, &SYSTEM),
        uid => user_places(&root, uid),
    };
    let mut names = BTreeSet::new();
    for entry in places
        .iter()
        .filter_map(|place| std::fs::read_dir(place).ok())
        .flatten()
        .take(MOST)
    {
        let name = entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.extend(name.ok().filter(|name| is_unit_name(name)));
    }
    let mut files = Files::default();
    let unit = |name: String| {
        let texts = files.texts(&places, &name);
        let listens = listens(texts.iter().map(String::as_str));
        (!listens.is_empty()).then(|| RawSocketUnit {
            name: Foreign::new(name),
            manager: manager.key,
            listens,
        })
    };
    names.into_iter().filter_map(unit).collect()
}

fn places(root: &Path, folders: &[&str]) -> Vec<PathBuf> {
    folders.iter().map(|folder| root.join(folder)).collect()
}

/// Folders of users' units; those in the home directory only of the user that asks.
fn user_places(root: &Path, uid: Option<u32>) -> Vec<PathBuf> {
    let is_asker = uid == Some(rustix::process::geteuid().as_raw());
    let home = std::env::home_dir().filter(|_| is_asker);
    let home = home.map(|home| home.join(".config/systemd/user"));
    let mut all: Vec<PathBuf> = home.into_iter().collect();
    all.extend(places(root, &USER));
    all
}

/// Names of folders with drop-ins for a unit, the weakest first, systemd.unit(5): of its type, of what
/// its name begins with up to a `-`, of its template, its own.
fn drop_in_names(name: &str) -> Vec<String> {
    let Some((stem, kind)) = name.rsplit_once('.') else {
        return Vec::new();
    };
    let template = stem.split_once('@').map(|(before, _)| before);
    let prefix = template.unwrap_or(stem);
    let dashes = prefix.match_indices('-').map(|(at, _)| at + 1);
    let mut all = vec![format!("{kind}.d")];
    all.extend(dashes.map(|end| format!("{}.{kind}.d", &prefix[..end])));
    all.extend(template.map(|template| format!("{template}@.{kind}.d")));
    all.push(format!("{name}.d"));
    all
}

/// Reads files up to bounds over all of them: they may be anybody's.
struct Files {
    left: u64,
}

impl Default for Files {
    fn default() -> Self {
        Self { left: LARGEST }
    }
}

impl Files {
    fn text(&mut self, path: &Path) -> Option<String> {
        let text = regular::read(path, LONGEST.min(self.left), Links::Followed)?;
        self.left -= text.len() as u64;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// The text of a unit's file and of its drop-ins, in the order in which they count.
    fn texts(&mut self, places: &[PathBuf], name: &str) -> Vec<String> {
        // An instance has the file of its template.
        let template = name
            .split_once('@')
            .and_then(|(before, after)| Some(format!("{before}@.{}", after.rsplit_once('.')?.1)));
        let names = [Some(name), template.as_deref()];
        let paths = names.into_iter().flatten().flat_map(|name| {
            let of_place = move |place: &PathBuf| place.join(name);
            places.iter().map(of_place)
        });
        // The first that is there counts, be it only to hide the others (a link to /dev/null).
        let Some(file) = { paths }.find(|path| path.symlink_metadata().is_ok()) else {
            return Vec::new();
        };
        let Some(file) = self.text(&file) else {
            return Vec::new();
        };
        let mut all = vec![file];
        for folder in drop_in_names(name) {
            let mut drop_ins: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
            for place in places {
                let Ok(entries) = std::fs::read_dir(place.join(&folder)) else {
                    continue;
                };
                for entry in entries.flatten().take(MOST) {
                    let path = entry.path();
                    if path
                        .extension()
                        .is_some_and(|extension| extension == "conf")
                    {
                        drop_ins.entry(entry.file_name()).or_insert(path);
                    }
                }
            }
            all.extend(drop_ins.values().filter_map(|path| self.text(path)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_of_types_prefixes_templates_and_instances_count() {
        assert_eq!(
            drop_in_names("foo-bar@x.service"),
            [
                "service.d",
                "foo-.service.d",
                "foo-bar@.service.d",
                "foo-bar@x.service.d"
            ]
        );
        assert_eq!(drop_in_names("a.socket"), ["socket.d", "a.socket.d"]);
    }

    #[test]
    fn an_instance_has_its_templates_file_and_drop_ins_of_both() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("units");
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let policy = || {
            let texts = Files::default().texts(std::slice::from_ref(&folder), "w@1.service");
            restart(texts.iter().map(String::as_str))
        };
        write("w@.service", "[Service]\nRestart=no\n");
        assert_eq!(policy().as_deref(), Some("no"));
        write("service.d/a.conf", "[Service]\nRestart=on-abort\n");
        assert_eq!(policy().as_deref(), Some("on-abort"));
        write("w@1.service.d/o.conf", "[Service]\nRestart=always\n");
        assert_eq!(policy().as_deref(), Some("always"));
        std::os::unix::fs::symlink("/dev/null", folder.join("w@1.service")).unwrap();
        assert_eq!(policy(), None, "masked");
    }
}
