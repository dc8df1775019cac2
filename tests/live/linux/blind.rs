//! Where something cannot be looked at: what is left is told, and that it is not all.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::apart::with_proc_mounted;
use super::held::{
    Held, NO_SOCK_DIAG, NOBODY, answers_sock_diag, assert_hidden, has_tool, inode, is_root,
    note_count, open_folder, portwho_for_all, row_of,
};
use crate::answer::{PORTWHO, assert_owned, portwho, run, try_run};
use crate::scene::{self, port};

#[test]
fn without_proc_sockets_are_listed_and_their_owners_hidden() {
    let listener = scene::listener();
    let (port, inode) = (format!("tcp:{}", port(&listener)), inode(&listener));
    let scene = with_proc_mounted(c"tmpfs", c"", || {
        let answer = portwho(&[&port, "--json"]);
        if answer.json()["source"] == "" {
            skip!("the kernel does not answer sock_diag");
        }
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert_hidden(row_of(&answer.rows(), inode));
        assert_eq!(note_count(&answer, "owners-hidden"), Some(1));
        let card = portwho(&[&port]);
        assert!(card.stdout.contains("the owner cannot be seen"), "{card:?}");
        assert!(card.stderr.contains("/proc"), "{card:?}");
        let nameless = portwho(&[&port, "name=sleep"]);
        assert_eq!(nameless.code, Some(3), "{nameless:?}");
        // The tables themselves are in /proc too.
        let blind = portwho(&[&port, "--source", "proc"]);
        assert_eq!(blind.code, Some(3), "{blind:?}");
        assert_eq!(blind.stdout, "");
        assert!(blind.stderr.contains("/proc/net/tcp"), "{blind:?}");
    });
    if let Err(why) = scene {
        skip!("/proc cannot be covered: {why}");
    }
}

/// netstat2 panics where it may not read `/proc`.
#[test]
fn where_the_library_of_the_portable_source_panics_nothing_is_claimed() {
    if !is_root() {
        skip!("only root can cover /proc and be another user");
    }
    if !answers_sock_diag() {
        // The library fails before it panics.
        skip!("{NO_SOCK_DIAG}");
    }
    let listener = scene::listener();
    let port = format!("tcp:{}", port(&listener));
    let folder = open_folder();
    let program = portwho_for_all(&folder);
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).args(["--source", "portable"]);
        // With it, the panic's message would be a long one.
        command.current_dir("/").env("RUST_BACKTRACE", "1");
        try_run(command.uid(NOBODY).gid(NOBODY))
    };
    let scene = with_proc_mounted(c"tmpfs", c"mode=0700", || {
        let listed = match ask(&[&port, "--json"]) {
            Ok(listed) => listed,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(listed.code, Some(3), "{listed:?}");
        let document = listed.json();
        assert_eq!(document["complete"], false, "{document:#}");
        assert_eq!(document["sockets"], serde_json::json!([]), "{document:#}");
        let note = document["notes"][0]["message"].as_str().unwrap();
        let why = "tcp over IPv4: cannot be read: netstat2 panicked: Can't read /proc/: ";
        assert!(note.starts_with(why), "{note}");
        assert!(note.contains("code: 13"), "EACCES: {note}");
        assert_eq!(document["notes"][0]["code"], "table-unknown");
        let verbs = [
            "",
            &port,
            &format!("check {port}"),
            &format!("why {port}"),
            "map",
            "conflicts",
            "ephemeral",
            "free",
            &format!("wait {port} --timeout 1s"),
        ];
        for verb in verbs {
            let arguments: Vec<&str> = verb.split_whitespace().collect();
            let answer = ask(&arguments).unwrap();
            assert_eq!(answer.code, Some(3), "{verb}: {answer:?}");
            // The message of the default hook is not among them.
            let own = |line: &str| line.starts_with("portwho: ");
            assert!(answer.stderr.lines().all(own), "{answer:?}");
        }
    });
    if let Err(why) = scene {
        skip!("/proc cannot be covered: {why}");
    }
}

#[test]
fn the_portable_source_lists_without_proc_what_nobody_can_be_said_to_own() {
    let listener = scene::listener();
    let (port, inode) = (format!("tcp:{}", port(&listener)), inode(&listener));
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let scene = with_proc_mounted(c"tmpfs", c"", || {
        let answer = portwho(&[&port, "--json", "--source", "portable"]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert_hidden(row_of(&answer.rows(), inode));
        assert_eq!(note_count(&answer, "owners-hidden"), Some(1));
        let nameless = portwho(&[&port, "name=sleep", "--source", "portable"]);
        assert_eq!(nameless.code, Some(3), "{nameless:?}");
    });
    if let Err(why) = scene {
        skip!("/proc cannot be covered: {why}");
    }
}

#[test]
fn the_portable_source_hides_from_a_user_what_others_own() {
    if !is_root() || !answers_sock_diag() {
        skip!("it takes root, who can be two users, and a kernel that answers sock_diag");
    }
    let (root, own) = (scene::listener(), scene::listener());
    let ports = format!("tcp:{},{}", port(&root), port(&own));
    let inodes = [inode(&root), inode(&own)];
    let held = match Held::sleep_as(NOBODY, own) {
        Ok(held) => held,
        Err(why) => skip!("{why}"),
    };
    let folder = open_folder();
    let mut command = Command::new(portwho_for_all(&folder));
    command.args([&ports, "--json", "--source", "portable"]);
    let answer = match try_run(command.current_dir("/").uid(NOBODY).gid(NOBODY)) {
        Ok(answer) => answer,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.json()["complete"], false, "{answer:?}");
    assert_hidden(row_of(&answer.rows(), inodes[0]));
    assert_owned(row_of(&answer.rows(), inodes[1]), &[held.pid()]);
    assert_eq!(row_of(&answer.rows(), inodes[1])["owner_status"], "partial");
    assert_eq!(note_count(&answer, "owners-hidden"), Some(1));
}

#[test]
fn hidepid_hides_owners_and_not_sockets() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let (root, own) = (scene::listener(), scene::listener());
    let ports = format!("tcp:{},{}", port(&root), port(&own));
    let inodes = [inode(&root), inode(&own)];
    let held = match Held::sleep_as(NOBODY, own) {
        Ok(held) => held,
        Err(why) => skip!("{why}"),
    };
    let folder = open_folder();
    let program = portwho_for_all(&folder);
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir("/");
        try_run(command.uid(NOBODY).gid(NOBODY))
    };
    let scene = with_proc_mounted(c"proc", c"hidepid=2", || {
        let answer = match ask(&[&ports, "--json"]) {
            Ok(answer) => answer,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let rows = answer.rows();
        assert_hidden(row_of(&rows, inodes[0]));
        assert_owned(row_of(&rows, inodes[1]), &[held.pid()]);
        assert_eq!(row_of(&rows, inodes[1])["owner_status"], "partial");
        let nameless = ask(&[&ports, "name=no-such-name"]).unwrap();
        assert_eq!(nameless.code, Some(3), "{nameless:?}");
        assert!(nameless.stderr.contains("sudo"), "{nameless:?}");
    });
    if let Err(why) = scene {
        skip!("/proc cannot be mounted with hidepid: {why}");
    }
}

#[test]
fn root_without_the_ptrace_capability_is_told_what_it_cannot_see() {
    if !is_root() || !has_tool("setpriv") {
        skip!("it takes root and setpriv");
    }
    let listener = scene::listener();
    let (port, inode) = (format!("tcp:{}", port(&listener)), inode(&listener));
    let held = match Held::sleep_as(NOBODY, listener) {
        Ok(held) => held,
        Err(why) => skip!("{why}"),
    };
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args([
            "--bounding-set=-sys_ptrace",
            "--inh-caps=-sys_ptrace",
            PORTWHO,
        ]);
        run(command.args(arguments))
    };
    let answer = ask(&[&port, "--json"]);
    if answer.stderr.starts_with("setpriv:") {
        skip!("{}", answer.stderr);
    }
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let row = answer.only_row();
    assert_eq!(row["inode"], inode, "of {}", held.pid());
    assert_hidden(&row);
    let table = ask(&[&port, "--format", "table"]);
    assert!(table.stderr.contains("CAP_SYS_PTRACE"), "{table:?}");
    assert!(!table.stderr.contains("sudo"), "{table:?}");
    let nameless = ask(&[&port, "name=no-such-name"]);
    assert_eq!(nameless.code, Some(3), "{nameless:?}");
}

#[test]
fn a_socket_from_outside_the_pid_namespace_is_hidden_and_not_the_kernels() {
    let listener = scene::listener();
    let (port, inode) = (format!("tcp:{}", port(&listener)), inode(&listener));
    let held = Held::sleep(listener);
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", PORTWHO]);
        try_run(command.args(arguments))
    };
    let answer = match ask(&[&port, "--json"]) {
        Ok(answer) => answer,
        Err(why) => skip!("unshare: {why}"),
    };
    if answer.stderr.starts_with("unshare:") {
        skip!("{}", answer.stderr);
    }
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let rows = answer.rows();
    assert_hidden(row_of(&rows, inode));
    assert_eq!(note_count(&answer, "owners-hidden"), Some(1));
    let table = ask(&[&port, "--format", "table"]).unwrap();
    assert!(table.stdout.contains("(hidden)"), "{table:?}");
    assert!(!table.stdout.contains(&held.pid().to_string()), "{table:?}");
    let by_pid = ask(&[&format!("pid={}", held.pid()), &port]).unwrap();
    assert_eq!(by_pid.code, Some(3), "{by_pid:?}");
}
