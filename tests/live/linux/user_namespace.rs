//! From within a user namespace: users who have no number there are unknown, and are not "nobody".

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::held::{NOBODY, assert_hidden, is_root, note_count, open_folder, portwho_for_all};
use crate::answer::{Answer, PORTWHO, try_run};
use crate::scene::{self, port};

/// The user who makes the namespace.
const STRANGER: u32 = 4711;

/// A listener of root, who has no number in the namespace of another user.
struct Scene {
    listener: TcpListener,
    portwho: PathBuf,
    folder: TempDir,
}

impl Scene {
    fn new() -> Result<Self, String> {
        if !is_root() {
            return Err("only root can be two users".into());
        }
        let folder = open_folder();
        let scene = Self {
            listener: scene::listener(),
            portwho: portwho_for_all(&folder),
            folder,
        };
        let answer = scene.ask(&["--version"]).map_err(|why| why.to_string())?;
        if answer.code == Some(0) {
            Ok(scene)
        } else {
            Err(format!("no user namespace: {}", answer.stderr))
        }
    }

    fn spec(&self) -> String {
        format!("tcp:{}", port(&self.listener))
    }

    /// Asks from a user namespace that maps that user alone.
    fn ask(&self, arguments: &[&str]) -> std::io::Result<Answer> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]);
        command.arg(&self.portwho).args(arguments);
        try_run(command.uid(STRANGER).gid(STRANGER).current_dir("/"))
    }
}

fn owners_note(answer: &Answer) -> String {
    let json = answer.json();
    let notes = json["notes"].as_array().unwrap().iter();
    let of_owners = |note: &&Value| note["code"] == "owners-hidden";
    let note = notes.clone().find(of_owners).expect("such a note");
    note["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_user_without_a_number_is_unknown() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    for source in ["auto", "proc", "portable"] {
        let answer = scene
            .ask(&["--json", "--source", source, &scene.spec()])
            .unwrap();
        let row = answer.only_row();
        assert_eq!(row["uid"], Value::Null, "{source} {answer:?}");
        assert_eq!(row["user"], Value::Null, "{source} {answer:?}");
        assert_eq!(note_count(&answer, "users-unmapped"), Some(1), "{source}");
        assert_eq!(answer.json()["complete"], false, "{source}");
    }
    // The same from without: it has a number.
    let outside = try_run(Command::new(PORTWHO).args(["--json", &scene.spec()])).unwrap();
    assert_eq!(outside.only_row()["uid"], 0, "{outside:?}");
    assert_eq!(note_count(&outside, "users-unmapped"), None);
}

#[test]
fn owners_outside_of_a_user_namespace_are_hidden_for_that_reason() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let answer = scene.ask(&["--json", &scene.spec()]).unwrap();
    assert_hidden(&answer.only_row());
    let message = owners_note(&answer);
    assert!(message.contains("outside this user namespace"), "{message}");
    assert!(!message.contains("sudo"), "{message}");

    let page = scene.ask(&["why", &scene.spec()]).unwrap();
    assert!(!page.stdout.contains("sudo"), "{page:?}");
    assert!(!page.stdout.contains("user nobody"), "{page:?}");
}

#[test]
fn whether_an_unmapped_user_is_the_one_cannot_be_told() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let spec = scene.spec();
    let open = scene.folder.path().join("captures");
    std::fs::create_dir(&open).unwrap();
    std::os::unix::fs::chown(&open, Some(STRANGER), None).unwrap();
    let file = open.join("capture.json");
    let file = file.to_str().unwrap();
    let recorded = scene.ask(&["capture", file]).unwrap();
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let number = format!("user={NOBODY}");
    for user in ["user=nobody", &number] {
        let answer = scene.ask(&[&spec, user]).unwrap();
        assert_eq!(answer.code, Some(3), "{user} {answer:?}");
        assert_eq!(answer.stdout, "", "{user} {answer:?}");
        // Recordings are judged as the machine was.
        let replayed = try_run(Command::new(PORTWHO).args(["--from", file, &spec, user])).unwrap();
        assert_eq!(replayed.code, Some(3), "{user} {replayed:?}");
        assert!(replayed.stderr.contains("user namespace"), "{replayed:?}");
    }
}
