//! Who owns what a process is made of: its program, its script, its working directory.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxFlags, statat, statx};

use super::proc_files::{read_link, read_stat};
use crate::model::{FileOwner, Provenance};
use crate::read::project::Projects;
use crate::read::raw::RawProcess;

/// Folders that are looked at, one above the other.
const MOST_LEVELS: usize = 64;

/// Reads it of a process that runs as root or as the asker; of others nothing is believed anyway. `None`
/// where it is another's, or has ended.
pub fn read(proc: &OwnedFd, process: &RawProcess, projects: &Projects) -> Option<Box<Provenance>> {
    let asker = rustix::process::geteuid().as_raw();
    process.uid.filter(|uid| *uid == 0 || *uid == asker)?;
    let place = process.key.pid.to_string();
    let mut found = Provenance {
        executable: owner(proc, &format!("{place}/exe")),
        ..Provenance::default()
    };
    if is_among_own_mounts(proc, &place) {
        let words = process.command.iter().flatten().skip(1);
        let mut words = words.map(|word| word.unclean());
        let script = words.find(|word| !word.starts_with('-'));
        let script =
            script.filter(|path| path.starts_with('/') && !projects.is_remote(Path::new(path)));
        found.script = script.and_then(|path| owner(CWD, path));
        found.directories = directories(proc, &place);
    }
    // Its pid may have been used anew meanwhile.
    read_stat(proc, process.key)?;
    Some(Box::new(found))
}

/// Whether paths of the process lead to the same files here.
fn is_among_own_mounts(proc: &OwnedFd, place: &str) -> bool {
    let mounts = |place: &str| {
        let stat = statat(proc, format!("{place}/ns/mnt"), AtFlags::empty());
        stat.ok().map(|stat| stat.st_ino)
    };
    let root = read_link(proc, &format!("{place}/root"));
    mounts(place).is_some_and(|theirs| Some(theirs) == mounts("self"))
        && root.is_some_and(|root| root.unclean() == "/")
}

/// The owners of the working directory and of those above it, by their real places: a path may lead
/// through links.
fn directories(proc: &OwnedFd, place: &str) -> Vec<FileOwner> {
    let mut path = format!("{place}/cwd");
    let mut found: Vec<FileOwner> = Vec::new();
    let mut below = None;
    for _ in 0..MOST_LEVELS {
        let Some((owner, identity)) = status(proc, &path) else {
            return Vec::new();
        };
        if below == Some(identity) {
            return found;
        }
        if !found.contains(&owner) {
            found.push(owner);
        }
        below = Some(identity);
        path.push_str("/..");
    }
    Vec::new()
}

/// Who owns a file.
pub fn owner(dir: impl AsFd, path: &str) -> Option<FileOwner> {
    status(dir, path).map(|(owner, _)| owner)
}

/// The owner and the identity of a file. A file system is not asked anew: the answer of one that another
/// machine or program serves might never come.
fn status(dir: impl AsFd, path: &str) -> Option<(FileOwner, (u64, u32, u32, u64))> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let wanted = StatxFlags::UID | StatxFlags::MODE | StatxFlags::INO;
    let stat = statx(dir, path, flags, wanted | StatxFlags::MNT_ID).ok()?;
    let told = StatxFlags::from_bits_retain(stat.stx_mask);
    let owner = FileOwner {
        uid: stat.stx_uid,
        mode: u32::from(stat.stx_mode) & 0o7777,
    };
    let identity = (
        stat.stx_mnt_id,
        stat.stx_dev_major,
        stat.stx_dev_minor,
        stat.stx_ino,
    );
    told.contains(wanted).then_some((owner, identity))
}
