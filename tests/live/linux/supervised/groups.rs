//! The control groups that supervisors make are the machine's: what is left of them is removed here.

use std::collections::BTreeSet;
use std::fs::{create_dir_all, read_dir, read_to_string, remove_dir, write};
use std::path::{Path, PathBuf};

use crate::linux::held::Held;

/// Where the machine has its control groups: one hierarchy, or a folder of them.
const ROOT: &str = "/sys/fs/cgroup";

/// The hierarchies of this machine.
pub fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    if root.join("cgroup.procs").exists() {
        return vec![root.to_owned()];
    }
    let folders = read_dir(root).into_iter().flatten().flatten();
    folders.map(|folder| folder.path()).collect()
}

/// The groups that processes are in by their `/proc/PID/cgroup`, this test's own aside.
pub fn used(texts: &str) -> BTreeSet<String> {
    let own = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own: BTreeSet<&str> = own.lines().filter_map(path).collect();
    let paths = texts.lines().filter_map(path);
    let foreign = paths.filter(|path| *path != "/" && !own.contains(path));
    foreign.map(str::to_owned).collect()
}

/// `hierarchy:controllers:path`, cgroups(7).
fn path(line: &str) -> Option<&str> {
    line.splitn(3, ':').nth(2)
}

/// Removes groups that nobody is in any more, and those above that are empty then.
pub fn remove(used: &BTreeSet<String>) {
    for hierarchy in hierarchies() {
        for path in used {
            let leaf = hierarchy.join(path.trim_start_matches('/'));
            for group in leaf.ancestors().take_while(|group| *group != hierarchy) {
                let name = group.file_name().unwrap_or_default().to_string_lossy();
                if is_of_a_container(&name) {
                    remove_below(group);
                }
                // Somebody else may be in it: then it stays.
                let _ = remove_dir(group);
            }
        }
    }
}

/// Whether a name holds the id of a container: everything below is the container's.
pub fn is_of_a_container(name: &str) -> bool {
    name.split(['-', '.', '/', '\n'])
        .any(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn remove_below(group: &Path) {
    for entry in read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
            let _ = remove_dir(entry.path());
        }
    }
}

/// A process in a control group of the name that a Docker engine gives to that of a container.
pub struct Contained {
    // Ends first: only then its group can be removed.
    pub held: Held,
    pub id: String,
    _group: Group,
}

struct Group(String);

impl Contained {
    /// Puts the process into a group of its own; why not, where that cannot be.
    pub fn new(held: Held) -> Result<Self, String> {
        let pid = held.pid();
        let id = format!("{pid:064x}");
        let contained = Self {
            _group: Group(format!("/docker/{id}")),
            held,
            id,
        };
        let mut why = String::from("there are no control groups");
        // The hierarchies that tell where a process belongs; the others hold limits.
        let telling = hierarchies().into_iter().filter(|hierarchy| {
            let name = hierarchy.file_name().unwrap_or_default();
            hierarchy == Path::new(ROOT) || name == "systemd" || name == "unified"
        });
        for hierarchy in telling {
            let folder = hierarchy.join("docker").join(&contained.id);
            let procs = folder.join("cgroup.procs");
            let entered = create_dir_all(&folder).and_then(|()| write(procs, pid.to_string()));
            if let Err(error) = entered {
                why = format!("{}: {error}", folder.display());
            }
        }
        let groups = read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        if groups.contains(&contained.id) {
            Ok(contained)
        } else {
            Err(why)
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&BTreeSet::from([self.0.clone()]));
    }
}
