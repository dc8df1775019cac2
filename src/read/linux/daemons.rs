//! Daemons that are found by their names, and what they were started with.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, statat};

use super::deadline;
use super::proc_files::{open_proc, read_command, read_link, read_small};
use super::provenance;
use super::walk::pids;

/// More daemons of one name than any machine has.
const MOST: usize = 16;

/// The arguments of root's daemons of this name, as far as they may be read: they run as root, from a file
/// of that name that root alone may write. Anybody may call a process so, or start a program that takes
/// its owner's user through a link of that name.
pub fn arguments_of_root(name: &str) -> Vec<Vec<String>> {
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let is_named = |pid: &u32| {
        let comm = read_small(&proc, format!("{pid}/comm")).unwrap_or_default();
        let owner = || statat(&proc, pid.to_string(), AtFlags::empty());
        comm.trim_ascii_end() == name.as_bytes() && owner().is_ok_and(|stat| stat.st_uid == 0)
    };
    let daemons: Vec<u32> = pids().into_iter().filter(is_named).take(MOST).collect();
    if daemons.is_empty() {
        return Vec::new();
    }
    let name = name.to_owned();
    let read = move || {
        let arguments = daemons
            .iter()
            .filter_map(|pid| arguments(&proc, *pid, &name));
        arguments.collect()
    };
    deadline::value(deadline::LIMIT, read).unwrap_or_default()
}

fn arguments(proc: &OwnedFd, pid: u32, name: &str) -> Option<Vec<String>> {
    let program = read_link(proc, &format!("{pid}/exe"))?;
    let file = provenance::owner(proc, &format!("{pid}/exe"))?;
    let is_proven = program.base_name() == name && file.is_believed(Some(0)) && !file.is_set_id();
    let words = read_command(proc, &pid.to_string())?;
    is_proven.then(|| words.iter().map(|word| word.unclean().to_owned()).collect())
}
