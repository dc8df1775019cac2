//! Parents of a process: of one that holds a socket, and of this very one.

use super::proc_files::{open_proc, read_link, read_small, read_stat};
use super::proc_text::decode_stat;
use crate::model::ProcessKey;

/// Parents that are read: a chain may be made as long as somebody likes.
const MOST_PARENTS: usize = 512;

/// The parents of a process, the nearest first. Where the last is not the first process of all, the
/// others cannot be seen.
pub fn ancestors(key: ProcessKey) -> Option<Vec<ProcessKey>> {
    let proc = open_proc().ok()?;
    let mut all: Vec<ProcessKey> = Vec::new();
    let mut child = key;
    while all.len() < MOST_PARENTS {
        let Some(stat) = read_stat(&proc, child) else {
            break;
        };
        let parent = read_small(&proc, format!("{}/stat", stat.parent_pid)).ok();
        let Some(start) = parent.and_then(|text| Some(decode_stat(&text)?.start)) else {
            break;
        };
        let parent = ProcessKey {
            pid: stat.parent_pid,
            start,
        };
        // A parent is older: else its pid was used anew meanwhile.
        if start > child.start {
            break;
        }
        all.push(parent);
        child = parent;
    }
    (!all.is_empty() || key.pid == 1).then_some(all)
}

/// The pids of this process and its parents, the nearest first, as this `/proc` has them.
pub fn own_line() -> Vec<u32> {
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let own = read_link(&proc, "self").and_then(|pid| pid.unclean().parse().ok());
    let mut all: Vec<u32> = own.into_iter().collect();
    while let Some(pid) = all.last().filter(|_| all.len() < MOST_PARENTS) {
        let stat = read_small(&proc, format!("{pid}/stat")).ok();
        match stat.and_then(|text| decode_stat(&text)) {
            // Pid 1 is everybody's parent.
            Some(stat) if stat.parent_pid > 1 && !all.contains(&stat.parent_pid) => {
                all.push(stat.parent_pid);
            }
            _ => break,
        }
    }
    all
}
