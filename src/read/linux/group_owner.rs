//! Who owns the folders of control groups, as far as the reader's own mounts show them.

use std::collections::HashMap;

use super::cgroup::{Membership, membership};
use super::provenance;

/// Where control groups are mounted, file-hierarchy(7) of systemd: one hierarchy, or a folder of them.
const ROOT: &str = "/sys/fs/cgroup";

/// The owners that were asked for, each folder once.
#[derive(Debug, Default)]
pub struct GroupOwners {
    known: HashMap<(String, String), Option<u32>>,
    /// Where the hierarchy of version 2 is.
    version_2: Option<&'static str>,
}

impl GroupOwners {
    /// What the text of `/proc/PID/cgroup` tells.
    pub fn membership(&mut self, text: &[u8]) -> Membership {
        membership(text, &mut |controllers, path| self.of(controllers, path))
    }

    /// The owner of a group's folder, by the controllers of its line in `/proc/PID/cgroup` and its path;
    /// `None` where it cannot be seen.
    fn of(&mut self, controllers: &str, path: &str) -> Option<u32> {
        // A group beyond the reader's namespace.
        if path.split('/').any(|part| part == "..") {
            return None;
        }
        let key = (controllers.to_owned(), path.to_owned());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let folder = match controllers {
            "" => *self.version_2.get_or_insert_with(version_2),
            "name=systemd" => "/systemd",
            _ => "",
        };
        let place = match (controllers, folder) {
            ("" | "name=systemd", folder) => format!("{ROOT}{folder}{path}"),
            _ => format!("{ROOT}/{controllers}{path}"),
        };
        let owner = provenance::owner(rustix::fs::CWD, &place).map(|owner| owner.uid);
        self.known.insert(key, owner);
        owner
    }
}

/// Where the one hierarchy of version 2 is below the folder of all: it, or beside those of version 1.
fn version_2() -> &'static str {
    let is_alone = rustix::fs::stat("/sys/fs/cgroup/cgroup.controllers").is_ok();
    if is_alone { "" } else { "/unified" }
}
