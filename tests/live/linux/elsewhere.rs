//! `--all-netns`: network namespaces that the reader does not live in.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::apart::{ip, on_own_network};
use super::held::{
    Held, NOBODY, helper_program, inode, is_root, note_count, open_folder, portwho_for_all, row_of,
    rows_of,
};
use crate::answer::{assert_owned, portwho, try_run};
use crate::scene;

/// A named namespace that lives as long as this value.
struct Named(String);

impl Named {
    fn new() -> std::io::Result<Self> {
        let name = format!("portwho-test-{}", std::process::id());
        ip(&["netns", "add", &name])?;
        Ok(Self(name))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

#[test]
fn the_sockets_of_every_namespace_are_listed_with_their_owners() {
    let outside = scene::listener();
    // A process that lives there: threads alone do not make a namespace known.
    let scene = on_own_network(|| {
        let listener = scene::listener();
        let inode = inode(&listener);
        (Held::sleep(listener), inode)
    });
    let (held, inside) = match scene {
        Ok(scene) => scene,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    let answer = portwho(&["--all-netns", "-t", "--json"]);
    let rows = answer.rows();
    let row = row_of(&rows, inside);
    let link = std::fs::read_link(format!("/proc/{}/ns/net", held.pid())).unwrap();
    assert_eq!(link.to_str().unwrap(), format!("net:[{}]", row["netns"]));
    assert_eq!(row["netns_name"], serde_json::Value::Null);
    assert_owned(row, &[held.pid()]);
    let here = row_of(&rows, inode(&outside));
    assert_eq!(own.to_str().unwrap(), format!("net:[{}]", here["netns"]));
    let without = portwho(&["-t", "--json"]).rows();
    assert!(rows_of(&without, inside).is_empty());
}

#[test]
fn a_named_namespace_is_told_by_its_name() {
    if !is_root() {
        skip!("only root names namespaces");
    }
    let named = match Named::new() {
        Ok(named) => named,
        Err(why) => skip!("no named namespace: {why}"),
    };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &named.0]);
    let server = match helper_program() {
        Ok(server) => server,
        Err(why) => skip!("{why}"),
    };
    // The example serves on the port that it is given, on every address.
    let held = match Held::start(command.arg(server).args(["--port", "18431"])) {
        Ok(held) => held,
        Err(why) => skip!("ip netns exec: {why}"),
    };
    let row = scene::until("a listener in the namespace", || {
        let answer = portwho(&["--all-netns", ":18431", "--json"]);
        let rows = answer.rows();
        let is_there = |row: &&serde_json::Value| row["netns_name"] == named.0;
        rows.iter().find(is_there).cloned()
    });
    assert_owned(&row, &[held.pid()]);
    let table = portwho(&["--all-netns", "-t", "--format", "plain"]).stdout;
    let line = table.lines().find(|line| line.starts_with("18431/tcp"));
    assert!(line.is_some_and(|line| line.ends_with(&named.0)), "{table}");
    let card = portwho(&["--all-netns", ":18431"]).stdout;
    assert!(card.contains(&format!("in netns {}", named.0)), "{card}");
}

#[test]
fn an_ordinary_user_is_told_that_namespaces_may_have_been_missed() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let scene = on_own_network(|| {
        let listener = scene::listener();
        let inode = inode(&listener);
        (Held::sleep(listener), inode)
    });
    let (_held, inside) = match scene {
        Ok(scene) => scene,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let folder = open_folder();
    let mut command = Command::new(portwho_for_all(&folder));
    command.args(["--all-netns", "--json"]).current_dir("/");
    let answer = match try_run(command.uid(NOBODY).gid(NOBODY)) {
        Ok(answer) => answer,
        Err(why) => skip!("no other user: {why}"),
    };
    let document = answer.json();
    assert!(rows_of(&answer.rows(), inside).is_empty());
    assert!(note_count(&answer, "namespaces-refused") > Some(0));
    assert_eq!(document["complete"], false);
}

/// A port that nobody has here may be had in a namespace that was not shown.
#[test]
fn an_ordinary_user_cannot_tell_that_nobody_has_a_port_in_any_namespace() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let scene = on_own_network(|| {
        let listener = scene::listener();
        let port = listener.local_addr().unwrap().port();
        (Held::sleep(listener), port)
    });
    let (held, port) = match scene {
        Ok(scene) => scene,
        Err(why) => skip!("no network of its own: {why}"),
    };
    let folder = open_folder();
    let program = portwho_for_all(&folder);
    let ask = |options: &[&str]| {
        let mut command = Command::new(&program);
        command.arg(format!("tcp:{port}")).args(options);
        try_run(command.current_dir("/").uid(NOBODY).gid(NOBODY))
    };
    let answer = match ask(&["--all-netns"]) {
        Ok(answer) => answer,
        Err(why) => skip!("no other user: {why}"),
    };
    // Another test may have the same port out here.
    if ask(&[]).unwrap().code == Some(0) {
        skip!("port {port} is in use here too");
    }
    assert_eq!(answer.code, Some(3), "{answer:?}");
    assert!(answer.stderr.contains("cannot tell"), "{answer:?}");
    let seen = portwho(&["--all-netns", &format!("tcp:{port}"), "--json"]);
    let rows = seen.rows();
    assert!(
        rows.iter().any(|row| row["owners"][0]["pid"] == held.pid()),
        "{rows:#?}"
    );
}

/// A process of one's own may be looked at from without, by `/proc/PID/net`, where it may not be joined.
#[test]
fn an_ordinary_user_sees_the_namespaces_of_its_own_processes() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let scene = on_own_network(|| {
        let listener = scene::listener();
        let inode = inode(&listener);
        Held::sleep_as(NOBODY, listener).map(|held| (held, inode))
    });
    let (held, inside) = match scene {
        Ok(Ok(scene)) => scene,
        Ok(Err(why)) | Err(why) => skip!("no process of another user: {why}"),
    };
    let folder = open_folder();
    let mut command = Command::new(portwho_for_all(&folder));
    command
        .args(["--all-netns", "-t", "--json"])
        .current_dir("/");
    let answer = match try_run(command.uid(NOBODY).gid(NOBODY)) {
        Ok(answer) => answer,
        Err(why) => skip!("no other user: {why}"),
    };
    let rows = answer.rows();
    let row = row_of(&rows, inside);
    assert_owned(row, &[held.pid()]);
    let source = answer.json()["source"].to_string();
    assert!(source.contains("/proc/net"), "{source}");
}
