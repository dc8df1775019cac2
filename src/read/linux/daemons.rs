//! Daemons that are found by their names, and what they were started with.

use rustix::fs::{AtFlags, statat};

use super::proc_files::{open_proc, read_small};
use super::proc_text::decode_command;
use super::walk::pids;

/// The arguments of root's processes of this name, as far as they may be read. Anybody may call a program
/// so: those of other users are passed over.
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
        let command = read_small(&proc, format!("{pid}/cmdline")).ok()?;
        let words = decode_command(&command)?;
        (owner == 0).then(|| words.iter().map(|word| word.unclean().to_owned()).collect())
    };
    pids().into_iter().filter_map(of_one).collect()
}
