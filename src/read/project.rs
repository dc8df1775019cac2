//! The project that a directory belongs to: the nearest directory at or above it with a manifest or a
//! version control folder, and its name.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use self::cost::Cost;
use crate::model::{Foreign, Project};

pub mod cost;
pub mod file;
mod jsonc;
pub mod manifest;
#[cfg(test)]
mod tests;

/// Levels that are looked at.
const MOST_LEVELS: usize = 40;

const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".jj"];

/// Directories of the system: under version control (as by etckeeper) they are no project.
const OF_THE_SYSTEM: [&str; 12] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/snap", "/sys",
    "/usr",
];

/// Directories that hold things of many projects.
const OF_MANY: [&str; 11] = [
    "/home", "/root", "/Users", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var", "/var/lib",
    "/var/tmp",
];

/// The projects of directories, each sought once.
#[derive(Debug, Default)]
pub struct Projects {
    home: Option<PathBuf>,
    /// Where file systems of other machines are mounted: one that does not answer would hold us up.
    remote: Vec<PathBuf>,
    /// By the directory, and the user for whom it was sought.
    known: HashMap<(PathBuf, Option<u32>), Option<Project>>,
    /// The same of folders above those that were asked for.
    above: HashMap<(PathBuf, Option<u32>), Option<Project>>,
    cost: Cost,
    /// Whether the last search came upon more than it may cost.
    is_cut_short: bool,
}

impl Projects {
    /// Projects of this machine, for whoever runs this program.
    pub fn new() -> Self {
        Self::within(Cost::default())
    }

    /// The same at a cost that is shared with others.
    pub fn within(cost: Cost) -> Self {
        Self {
            cost,
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            remote: file::remote_mounts(),
            known: HashMap::new(),
            above: HashMap::new(),
            is_cut_short: false,
        }
    }

    /// The project of a directory, which is an absolute path, for a process of this user: what other
    /// users than that one and root have put there names nothing.
    pub fn find(&mut self, directory: &Path, user: Option<u32>) -> Option<Project> {
        self.is_cut_short = false;
        let key = (directory.to_owned(), user);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = self.seek(directory, user);
        if !self.is_cut_short {
            self.known.insert(key, found.clone());
        }
        found
    }

    /// Whether the last search came upon more folders or manifests than it may read: there may be a
    /// project all the same.
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short
    }

    /// Whether the path lies where another machine would have to answer.
    pub fn is_remote(&self, path: &Path) -> bool {
        self.remote.iter().any(|mount| path.starts_with(mount))
    }

    fn seek(&mut self, directory: &Path, user: Option<u32>) -> Option<Project> {
        if !directory.is_absolute() || self.is_remote(directory) {
            return None;
        }
        let start = above_packages(directory);
        for level in start.ancestors().take(MOST_LEVELS) {
            let found = if level == directory {
                self.project_at(level, true, user)
            } else {
                self.project_above(level, user)
            };
            if found.is_some() || self.is_cut_short {
                return found.filter(|_| !self.is_cut_short);
            }
        }
        None
    }

    /// The project whose directory this is, which is above many others.
    fn project_above(&mut self, level: &Path, user: Option<u32>) -> Option<Project> {
        let key = (level.to_owned(), user);
        if let Some(known) = self.above.get(&key) {
            return known.clone();
        }
        let found = self.project_at(level, false, user);
        if !self.is_cut_short {
            self.above.insert(key, found.clone());
        }
        found
    }

    /// The project whose directory this is. A directory of many counts only where somebody works in it.
    fn project_at(&mut self, level: &Path, is_start: bool, user: Option<u32>) -> Option<Project> {
        level.parent()?;
        let is_of_many = self.is_of_many(level);
        if is_of_many && !is_start {
            return None;
        }
        if !self.cost.folder(user) {
            self.is_cut_short = true;
            return None;
        }
        let (manifest, name) = match self.manifest_of(level, is_start, user) {
            Some((manifest, name)) => (Some(manifest), name),
            None if is_of_many || is_of_the_system(level) => return None,
            None => {
                let mut folders = VERSION_CONTROL.iter().map(|folder| level.join(folder));
                let is_kept = folders.any(|folder| file::may_name(&folder, level, user));
                is_kept.then_some((None, None))?
            }
        };
        let own = level.file_name().map(|name| name.to_string_lossy());
        Some(Project {
            name: Foreign::new(name.or_else(|| own.map(String::from))?),
            directory: Foreign::new(level.to_string_lossy()),
            manifest,
        })
    }

    /// The manifest that tells a name, else the first one, with its name.
    fn manifest_of(
        &mut self,
        level: &Path,
        with_listing: bool,
        user: Option<u32>,
    ) -> Option<(String, Option<String>)> {
        let mut first = None;
        let known = manifest::MANIFESTS.iter().map(|name| (*name).to_owned());
        for name in known {
            let path = level.join(&name);
            let Some(size) = file::size(&path).filter(|_| file::may_name(&path, level, user))
            else {
                continue;
            };
            if size <= file::LONGEST && !self.cost.file(user, size) {
                self.is_cut_short = true;
                return None;
            }
            let found = file::read(&path).and_then(|text| manifest::name_of(&name, &text));
            if found.is_some() {
                return Some((name, found));
            }
            first.get_or_insert((name, None));
        }
        let listed = || {
            let name =
                with_listing.then(|| file::listed(level, manifest::is_named_after_project))??;
            if !file::may_name(&level.join(&name), level, user) {
                return None;
            }
            let own = manifest::name_of(&name, &[]);
            Some((name, own))
        };
        first.or_else(listed)
    }

    fn is_of_many(&self, level: &Path) -> bool {
        let is_home = level
            .parent()
            .is_some_and(|parent| parent == Path::new("/home") || parent == Path::new("/Users"));
        let holds_home = self
            .home
            .as_ref()
            .is_some_and(|home| home.starts_with(level));
        is_home || holds_home || OF_MANY.iter().any(|many| level == Path::new(many))
    }
}

fn is_of_the_system(level: &Path) -> bool {
    OF_THE_SYSTEM.iter().any(|system| level.starts_with(system))
}

/// What holds the packages, for a directory of a package that a project only uses.
fn above_packages(directory: &Path) -> PathBuf {
    let is_packages = |part: &Component| {
        let name = part.as_os_str();
        name == "node_modules" || name == "site-packages"
    };
    directory
        .components()
        .take_while(|part| !is_packages(part))
        .collect()
}
