//! Who is believed: a file, a socket or a name counts by who owns it. Root is believed, and the asker is;
//! what another user made or may alter is a claim of that user. Pure.

use serde::{Deserialize, Serialize};

/// Permission bits of stat(2).
const WRITE_GROUP: u32 = 0o020;
const WRITE_OTHERS: u32 = 0o002;
const STICKY: u32 = 0o1000;
const SET_ID: u32 = 0o6000;

/// Whether a user may speak for the machine to the asker: root may, and the asker may to itself.
pub fn is_believed(uid: u32, asker: Option<u32>) -> bool {
    uid == 0 || Some(uid) == asker
}

/// Who owns a file or a folder, and what others may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileOwner {
    pub uid: u32,
    /// The permission bits, with set-user-id and sticky: `st_mode & 0o7777`. An access control list shows
    /// in the bits of the group, acl(5).
    pub mode: u32,
}

impl FileOwner {
    /// Whether no user but the owner, and root, may alter it.
    pub fn is_kept(self) -> bool {
        self.mode & (WRITE_GROUP | WRITE_OTHERS) == 0
    }

    /// Whether root or the asker wrote the file, and no other user may alter it.
    pub fn is_believed(self, asker: Option<u32>) -> bool {
        is_believed(self.uid, asker) && self.is_kept()
    }

    /// The same of a folder. In a sticky one nobody may replace what another user owns, inode(7).
    pub fn is_believed_folder(self, asker: Option<u32>) -> bool {
        is_believed(self.uid, asker) && (self.is_kept() || self.mode & STICKY != 0)
    }

    /// Whether the program runs as its owner whoever starts it, under any name and with any arguments:
    /// its user then proves nothing about these.
    pub fn is_set_id(self) -> bool {
        self.mode & SET_ID != 0
    }
}

/// Whether a file in a folder may name what a process of `user` works on: both have to be root's or that
/// user's. Groups are trusted here: many systems give each user one, and let it write.
pub fn names_project(file: FileOwner, folder: FileOwner, user: Option<u32>) -> bool {
    let is_kept = |mode: u32| mode & WRITE_OTHERS == 0;
    is_believed(file.uid, user)
        && is_believed(folder.uid, user)
        && is_kept(file.mode)
        && (is_kept(folder.mode) || folder.mode & STICKY != 0)
}

/// Who owns what a process is made of. A name and arguments are chosen by whoever starts a process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// The file that runs, by `/proc/PID/exe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<FileOwner>,
    /// The file that the first argument names that is no option, where that is an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<FileOwner>,
    /// The working directory and the folders above it, each different owner once; empty where they could
    /// not be read, or lie among other mounts than the reader's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<FileOwner>,
}

impl Provenance {
    /// Whether no user but root and the asker can have made the working directory, or can move it.
    pub fn has_believed_directory(&self, asker: Option<u32>) -> bool {
        !self.directories.is_empty() && { self.directories.iter() }
            .all(|owner| owner.is_believed_folder(asker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: u32, mode: u32) -> FileOwner {
        FileOwner { uid, mode }
    }

    #[test]
    fn a_file_is_believed_by_its_owner_and_by_who_may_write() {
        let (root, anna) = (Some(0), Some(1000));
        for (file, asker, is_believed) in [
            (owner(0, 0o755), root, true),
            (owner(0, 0o755), anna, true),
            (owner(0, 0o755), None, true),
            (owner(1000, 0o700), anna, true),
            (owner(1000, 0o700), root, false),
            (owner(1000, 0o700), None, false),
            (owner(1001, 0o700), anna, false),
            (owner(0, 0o775), root, false),
            (owner(0, 0o757), root, false),
        ] {
            assert_eq!(file.is_believed(asker), is_believed, "{file:?} {asker:?}");
        }
        assert!(owner(0, 0o1777).is_believed_folder(root));
        assert!(!owner(0, 0o777).is_believed_folder(root));
        assert!(owner(0, 0o4755).is_set_id() && owner(0, 0o2755).is_set_id());
        assert!(!owner(0, 0o755).is_set_id());
    }

    #[test]
    fn a_directory_is_believed_only_with_all_that_is_above_it() {
        let of = |directories: &[FileOwner]| Provenance {
            directories: directories.to_vec(),
            ..Provenance::default()
        };
        let root = Some(0);
        assert!(of(&[owner(0, 0o755)]).has_believed_directory(root));
        assert!(!of(&[]).has_believed_directory(root));
        // Root's folder in the home directory of another user, who may put a link in its place.
        assert!(!of(&[owner(0, 0o755), owner(1000, 0o755)]).has_believed_directory(root));
    }

    #[test]
    fn a_project_is_named_by_root_or_by_the_user_of_the_process() {
        let folder = owner(0, 0o755);
        let tmp = owner(0, 0o1777);
        for (file, folder, user, is_named) in [
            (owner(0, 0o644), folder, Some(0), true),
            (owner(0, 0o644), folder, Some(33), true),
            (owner(33, 0o644), owner(33, 0o755), Some(33), true),
            (owner(33, 0o664), owner(33, 0o775), Some(33), true),
            (owner(33, 0o644), folder, Some(0), false),
            (owner(33, 0o644), folder, None, false),
            (owner(33, 0o644), folder, Some(34), false),
            (owner(0, 0o666), folder, Some(0), false),
            // Nobody can put root's file into the place of another in a sticky folder.
            (owner(0, 0o644), tmp, Some(0), true),
            (owner(33, 0o644), tmp, Some(0), false),
            (owner(0, 0o644), owner(0, 0o777), Some(0), false),
            (owner(0, 0o644), owner(33, 0o755), Some(0), false),
        ] {
            let told = names_project(file, folder, user);
            assert_eq!(told, is_named, "{file:?} {folder:?} {user:?}");
        }
    }
}
