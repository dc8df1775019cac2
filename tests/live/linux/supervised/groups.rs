//! The control groups that supervisors make are the machine's: what is left of them is removed here.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string, remove_dir};
use std::path::{Path, PathBuf};

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
fn is_of_a_container(name: &str) -> bool {
    name.split(['-', '.'])
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
