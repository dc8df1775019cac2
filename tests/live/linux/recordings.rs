//! Files that `capture` writes: whole or not at all, for their user alone, and through no link.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::held::{NOBODY, is_root};
use crate::answer::{Answer, PORTWHO, portwho, run};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

fn capture(file: &Path, options: &[&str]) -> Answer {
    let file = file.to_str().unwrap();
    portwho(&[&["capture", "--redact", file], options].concat())
}

#[track_caller]
fn is_recording_of_mine(file: &Path) {
    let found = fs::symlink_metadata(file).unwrap();
    assert!(found.is_file(), "{found:?}");
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(found.uid(), rustix::process::geteuid().as_raw());
    let listed = portwho(&["--from", file.to_str().unwrap()]);
    assert!(matches!(listed.code, Some(0 | 1 | 3)), "{listed:?}");
    assert!(
        !listed.stderr.contains("not a portwho capture"),
        "{listed:?}"
    );
}

#[test]
fn a_file_that_is_replaced_leaves_neither_owner_nor_mode() {
    let folder = Folder::new();
    let [file, other] = ["recording", "other"].map(|name| folder.at(name));
    fs::write(&file, "of somebody").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&file, Some(NOBODY), None).unwrap();
    }
    // Whoever has the file open, or has linked it, keeps what was in it.
    fs::hard_link(&file, &other).unwrap();
    let kept = capture(&file, &[]);
    assert_eq!(kept.code, Some(2), "{kept:?}");
    assert!(kept.stderr.contains("is there already"), "{kept:?}");
    let replaced = capture(&file, &["--force"]);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    is_recording_of_mine(&file);
    assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody");
    assert_eq!(folder.names(), ["other", "recording"]);
}

#[test]
fn a_link_is_never_written_through() {
    let folder = Folder::new();
    let [target, link] = ["target", "link"].map(|name| folder.at(name));
    for is_dangling in [true, false] {
        if !is_dangling {
            fs::write(&target, "of somebody").unwrap();
        }
        let untouched = |target: &Path| match is_dangling {
            true => !target.exists(),
            false => fs::read_to_string(target).unwrap() == "of somebody",
        };
        symlink(&target, &link).unwrap();
        let kept = capture(&link, &[]);
        assert_eq!(kept.code, Some(2), "{kept:?}");
        assert!(untouched(&target));
        let replaced = capture(&link, &["--force"]);
        assert_eq!(replaced.code, Some(0), "{replaced:?}");
        assert!(untouched(&target));
        is_recording_of_mine(&link);
        fs::remove_file(&link).unwrap();
    }
}

#[test]
fn a_recording_that_breaks_off_leaves_the_one_before() {
    let folder = Folder::new();
    let file = folder.at("recording");
    fs::write(&file, "whole").unwrap();
    // The signal would end it before it could say anything, setrlimit(2).
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" capture --redact --force \"$1\"";
    let mut command = Command::new("sh");
    let broken = run(command.args(["-c", script, PORTWHO]).arg(&file));
    assert_eq!(broken.code, Some(3), "{broken:?}");
    assert!(
        broken.stderr.contains("recording': file too large"),
        "{broken:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "whole");
    assert_eq!(folder.names(), ["recording"]);
}

#[test]
fn what_is_no_file_is_written_into_where_that_is_wanted() {
    let folder = Folder::new();
    let refused = capture(folder.0.path(), &["--force"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("is a directory"), "{refused:?}");
    assert_eq!(capture(Path::new("/dev/null"), &[]).code, Some(0));
    let shown = capture(Path::new("/dev/stdout"), &[]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.starts_with('{'), "{shown:?}");
    let unredacted = portwho(&["capture", "/dev/stdout"]);
    assert_eq!((unredacted.code, &*unredacted.stdout), (Some(2), ""));
}
