//! Reads unit files of systemd as a manager sees them: through `/proc/PID/root`, systemd.unit(5).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::unit_file::{listens, restart};
use crate::model::{Foreign, Manager, Unit};
use crate::read::raw::{RawProcess, RawSocketUnit};
use crate::read::regular::{self, Links};

/// Where units of the system are, the strongest first.
const SYSTEM: [&str; 7] = [
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/transient",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Where units of users' managers are.
const USER: [&str; 4] = [
    "etc/systemd/user",
    "run/systemd/user",
    "usr/local/lib/systemd/user",
    "usr/lib/systemd/user",
];
/// More files than any machine has; a folder may be somebody else's.
const MOST: usize = 4000;
const LONGEST: u64 = 256 << 10;

/// The socket units of those of the processes that are a systemd.
pub fn socket_units(processes: &[RawProcess]) -> Vec<RawSocketUnit> {
    let is_systemd = |process: &&RawProcess| {
        let comm = process.comm.as_ref();
        comm.is_some_and(|comm| comm.unclean() == "systemd")
    };
    let managers = processes.iter().filter(is_systemd);
    managers.flat_map(units_of).collect()
}

/// `Restart=` of a service of the machine's systemd.
pub fn restart_of(unit: &Unit) -> Option<Foreign> {
    let places = match unit.manager {
        Manager::System => places(Path::new("/"), &SYSTEM),
        Manager::User => user_places(Path::new("/")),
    };
    let name = unit.name.unclean();
    if name.contains('/') {
        return None;
    }
    // An instance has the file of its template.
    let template = name
        .split_once('@')
        .and_then(|(before, after)| Some(format!("{before}@.{}", after.rsplit_once('.')?.1)));
    let names: Vec<&str> = [Some(name), template.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let texts = names.iter().map(|name| texts(&places, name));
    let texts = texts.reduce(
        |own, of_template| {
            if own.is_empty() { of_template } else { own }
        },
    )?;
    if texts.is_empty() {
        return None;
    }
    // Without a word of it, a unit is not started again.
    let said = restart(texts.iter().map(String::as_str));
    Some(Foreign::new(said.unwrap_or_else(|| "no".into())))
}

fn units_of(manager: &RawProcess) -> Vec<RawSocketUnit> {
    let root = PathBuf::from(format!("/proc/{}/root", manager.key.pid));
    let places = match manager.uid {
        Some(0) | None => places(&root, &SYSTEM),
        Some(_) => user_places(&root),
    };
    let mut names = BTreeSet::new();
    for entry in places
        .iter()
        .filter_map(|place| std::fs::read_dir(place).ok())
        .flatten()
        .take(MOST)
    {
        let name = entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.extend(name.ok().filter(|name| name.ends_with(".socket")));
    }
    let unit = |name: String| {
        let texts = texts(&places, &name);
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
fn user_places(root: &Path) -> Vec<PathBuf> {
    let home = std::env::home_dir().map(|home| home.join(".config/systemd/user"));
    let mut all: Vec<PathBuf> = home.into_iter().collect();
    all.extend(places(root, &USER));
    all
}

/// The text of a unit's file and of its drop-ins, in the order in which they count.
fn texts(places: &[PathBuf], name: &str) -> Vec<String> {
    let text = |path: &Path| {
        let text = regular::read(path, LONGEST, Links::Followed)?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    let Some(file) = places.iter().find_map(|place| text(&place.join(name))) else {
        return Vec::new();
    };
    let mut drop_ins: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for place in places {
        let Ok(entries) = std::fs::read_dir(place.join(format!("{name}.d"))) else {
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
    let mut all = vec![file];
    all.extend(drop_ins.values().filter_map(|path| text(path)));
    all
}
