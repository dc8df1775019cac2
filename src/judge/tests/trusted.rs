//! Supervisors are known by who owns their programs and folders, not by what they call themselves.

use super::starters::{judged, process, systemd};
use super::*;
use crate::model::{FileOwner, Provenance};

const ROOTS: FileOwner = FileOwner {
    uid: 0,
    mode: 0o755,
};
const ANNAS: FileOwner = FileOwner {
    uid: 1000,
    mode: 0o755,
};

/// A process that calls itself runsv and has chosen its folder.
fn runsv(uid: u32, executable: &str, file: FileOwner, directories: &[FileOwner]) -> Process {
    Process {
        uid: Some(uid),
        executable: Some(Foreign::new(executable)),
        working_directory: Some(Foreign::new("/etc/ssh")),
        provenance: Some(Box::new(Provenance {
            executable: Some(file),
            script: None,
            directories: directories.to_vec(),
        })),
        ..process(50, 1, "runsv ssh")
    }
}

/// What root reads of a server below that process, and of that process where it has the port itself.
fn told(supervisor: Process) -> [(String, Vec<String>); 2] {
    let web = process(60, 50, "web");
    [
        vec![web, supervisor.clone(), systemd()],
        vec![supervisor, systemd()],
    ]
    .map(|chain| {
        let (told, next) = judged(&chain, &[]);
        (told.why, next)
    })
}

#[test]
fn a_supervisor_by_name_alone_makes_no_command_but_kill() {
    let set_id = FileOwner {
        mode: 0o4755,
        ..ROOTS
    };
    let writable = FileOwner {
        mode: 0o775,
        ..ROOTS
    };
    let unknown = Process {
        provenance: None,
        ..runsv(0, "/usr/bin/runsv", ROOTS, &[ROOTS])
    };
    for forged in [
        runsv(1000, "/usr/bin/python3.11", ROOTS, &[ROOTS]),
        // Anybody may start the true program in any folder.
        runsv(1000, "/usr/bin/runsv", ROOTS, &[ROOTS]),
        // A program that runs as root whoever starts it, through a link of that name.
        runsv(0, "/usr/bin/passwd", set_id, &[ROOTS]),
        runsv(0, "/home/anna/runsv", set_id, &[ROOTS]),
        runsv(0, "/home/anna/runsv", ANNAS, &[ROOTS]),
        runsv(0, "/opt/runsv", writable, &[ROOTS]),
        unknown,
    ] {
        let [(below, first), (itself, second)] = told(forged.clone());
        assert_eq!(first, ["kill 60"], "{forged:?}");
        assert_eq!(second, ["kill 50"], "{forged:?}");
        assert!(below.starts_with("a process that calls itself runsv (pid 50)"));
        assert!(itself.starts_with("it calls itself runsv"), "{itself}");
    }
}

#[test]
fn a_folder_that_another_user_can_move_makes_no_command() {
    let command = |directories: &[FileOwner]| {
        let [(_, below), (_, itself)] = told(runsv(0, "/usr/bin/runsv", ROOTS, directories));
        assert_eq!(below, itself);
        below
    };
    assert_eq!(command(&[ROOTS]), ["sv stop /etc/ssh"]);
    for folders in [&[][..], &[ANNAS], &[ROOTS, ANNAS]] {
        assert!(command(folders).is_empty(), "{folders:?}");
    }
}

#[test]
fn one_program_of_many_names_is_believed_where_root_started_it() {
    let [(_, next), _] = told(runsv(0, "/bin/busybox", ROOTS, &[ROOTS]));
    assert_eq!(next, ["sv stop /etc/ssh"]);
}

#[test]
fn a_script_is_believed_with_its_interpreter() {
    let supervisord = |uid: u32, interpreter, script| {
        let mut process = process(50, 1, "python3 /usr/bin/supervisord -n");
        process.uid = Some(uid);
        process.executable = Some(Foreign::new("/usr/bin/python3.11"));
        process.meaning.script = Some(Foreign::new("/usr/bin/supervisord"));
        process.provenance = Some(Box::new(Provenance {
            executable: Some(interpreter),
            script,
            directories: Vec::new(),
        }));
        let [(_, next), _] = told(process);
        next == ["supervisorctl status"]
    };
    assert!(supervisord(0, ROOTS, Some(ROOTS)));
    assert!(!supervisord(0, ROOTS, Some(ANNAS)));
    assert!(!supervisord(0, ANNAS, Some(ROOTS)));
    assert!(!supervisord(0, ROOTS, None));
    assert!(!supervisord(1000, ROOTS, Some(ROOTS)));
}

#[test]
fn a_tool_of_another_user_is_never_run_as_that_user() {
    let title = "PM2 v5.3.0: God Daemon (/home/anna/.pm2)";
    let daemon = |uid: u32| {
        let mut process = process(50, 1, "node");
        process.uid = Some(uid);
        process.user = Some("anna".into());
        process.executable = Some(Foreign::new("/usr/bin/node"));
        process.command = Some(vec![Foreign::new(title)]);
        process.provenance = Some(Box::new(Provenance {
            executable: Some(ROOTS),
            ..Provenance::default()
        }));
        let [(_, next), _] = told(process);
        next
    };
    assert_eq!(daemon(0), ["pm2 list"]);
    assert_eq!(daemon(1000), ["kill 60"]);
}
