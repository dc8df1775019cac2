//! Daemons that are found by their names, and what they were started with.

use rustix::fs::{AtFlags, statat};

use super::proc_files::{open_proc, read_link, read_small};
use super::proc_text::decode_command;
use super::provenance;
use super::walk::pids;

/// The arguments of root's daemons of this name, as far as they may be read: they run as root, from a file
/// of that name that root alone may write. Anybody may call a process so, or start a program that takes
/// its owner's user through a link of that name.
pub fn arguments_of_root(name: &str) -> Vec<Vec<String>> {
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let of_one = |pid: u32| {
        let comm = read_small(&proc, format!("{pid}/comm")).ok()?;
        if comm.trim_ascii_end() != name.as_bytes() {
            return None;
        }
        let owner = statat(&proc, pid.to_string(), AtFlags::empty())
            .ok()?
            .st_uid;
        let program = read_link(&proc, &format!("{pid}/exe"))?;
        let file = provenance::owner(&proc, &format!("{pid}/exe"))?;
        let is_proven =
            program.base_name() == name && file.is_believed(Some(0)) && !file.is_set_id();
        let command = read_small(&proc, format!("{pid}/cmdline")).ok()?;
        let words = decode_command(&command)?;
        (owner == 0 && is_proven)
            .then(|| words.iter().map(|word| word.unclean().to_owned()).collect())
    };
    pids().into_iter().filter_map(of_one).collect()
}
