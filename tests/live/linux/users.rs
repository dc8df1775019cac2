//! What an ordinary user is told of others: every socket, and that its owner is hidden.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::held::{
    Held, NOBODY, assert_hidden, inode, is_root, note_count, open_folder, portwho_for_all, row_of,
};
use crate::answer::{Answer, assert_owned, sees_bound, try_run};
use crate::scene::{self, port};

/// A listener of root, one of an ordinary user, and portwho for that user.
pub struct Scene {
    pub root: TcpListener,
    nobody: Held,
    /// Port and socket of the ordinary user.
    port: u16,
    inode: u64,
    portwho: PathBuf,
    _folder: TempDir,
}

impl Scene {
    pub fn new() -> Result<Self, String> {
        if !is_root() {
            return Err("only root can be two users".into());
        }
        let (root, listener) = (scene::listener(), scene::listener());
        let (port, inode) = (port(&listener), inode(&listener));
        let nobody = Held::sleep_as(NOBODY, listener).map_err(|why| why.to_string())?;
        let folder = open_folder();
        let scene = Self {
            root,
            nobody,
            port,
            inode,
            portwho: portwho_for_all(&folder),
            _folder: folder,
        };
        let as_nobody = scene.ask(&["--version"]);
        as_nobody.map(|_| scene).map_err(|why| why.to_string())
    }

    pub fn ask(&self, arguments: &[&str]) -> std::io::Result<Answer> {
        let mut command = Command::new(&self.portwho);
        command.args(arguments).current_dir("/");
        try_run(command.uid(NOBODY).gid(NOBODY))
    }

    fn ports(&self) -> String {
        format!("tcp:{},{}", port(&self.root), self.port)
    }
}

#[test]
fn an_ordinary_user_sees_every_socket_and_is_told_whose_owner_is_hidden() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let answer = scene.ask(&[&scene.ports(), "--json"]).unwrap();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let rows = answer.rows();
    let root = row_of(&rows, inode(&scene.root));
    assert_hidden(root);
    assert_eq!(root["uid"], 0);
    assert_owned(row_of(&rows, scene.inode), &[scene.nobody.pid()]);
    assert_eq!(answer.json()["complete"], false);
    assert_eq!(note_count(&answer, "owners-hidden"), Some(1));

    let table = scene.ask(&[&scene.ports(), "--format", "table"]).unwrap();
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.stdout.contains("(hidden)"), "{table:?}");
    let notes: Vec<&str> = table.stderr.lines().collect();
    assert_eq!(notes.len(), 1, "{table:?}");
    assert!(
        notes[0].contains("1 socket") && notes[0].contains("sudo"),
        "{table:?}"
    );
}

#[test]
fn a_name_that_only_a_hidden_owner_could_have_cannot_be_told() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    for arguments in [
        ["name=no-such-name", "--json"].as_slice(),
        &["name=no-such-name", &scene.ports()],
        &["pid=1", &scene.ports()],
    ] {
        let answer = scene.ask(arguments).unwrap();
        assert_eq!(answer.code, Some(3), "{arguments:?} {answer:?}");
        assert!(answer.stderr.contains("cannot tell"), "{answer:?}");
    }
    // Nothing is hidden of this one.
    let own = format!("tcp:{}", scene.port);
    let answer = scene.ask(&["user=65534", &own, "--json"]).unwrap();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_owned(&answer.only_row(), &[scene.nobody.pid()]);
}

#[test]
fn hidden_owners_are_no_reason_not_to_know_a_free_port() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let answer = scene::until("a port that stays free", || {
        let port = scene::free_port();
        let answer = scene::is_free(port).then(|| scene.ask(&[&format!("tcp:{port}")]).unwrap())?;
        scene::is_free(port).then_some(answer)
    });
    if !sees_bound(&answer) {
        skip!("bound sockets cannot be seen here, so no port is known to be free");
    }
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(answer.stdout, "");
}
