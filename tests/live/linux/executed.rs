//! `free -- CMD`: the command takes portwho's place, so that what ends the one ends the other.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::held::{Held, helper_program, open_folder};
use crate::answer::{PORTWHO, portwho, run};
use crate::scene::until;

/// The helper with a listener of its own, run by `free`; gives its port.
fn served(before: &[&str]) -> std::io::Result<(Held, u16)> {
    let program = helper_program()?;
    let mut command = Command::new(PORTWHO);
    command.arg("free").args(before).arg(program).arg("line");
    let (held, told) = Held::telling(command.stdin(Stdio::null()))?;
    assert_eq!(told.get(1), Some(&held.pid()), "a process of its own");
    Ok((held, told[0].try_into().unwrap()))
}

#[test]
fn every_signal_that_ends_portwho_ends_the_command_and_frees_its_port() {
    for (signal, number) in [
        (Signal::TERM, 15),
        (Signal::INT, 2),
        (Signal::HUP, 1),
        (Signal::QUIT, 3),
        (Signal::KILL, 9),
    ] {
        let (held, port) = match served(&["--"]) {
            Ok(scene) => scene,
            Err(why) => skip!("{why}"),
        };
        let pid = Pid::from_raw(held.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let status = held.wait();
        assert_eq!(status.signal(), Some(number), "{status}");
        until("a free port", || {
            let listener = std::net::TcpListener::bind(("127.0.0.1", port));
            listener.is_ok().then_some(())
        });
    }
}

#[test]
fn a_command_is_taken_after_dashes_with_and_without_the_option() {
    for before in [
        &["--"][..],
        &["--exec"],
        &["--exec", "--"],
        &["20000-29999", "--exec", "--"],
    ] {
        let script = "printf '%s %s' \"$PORT\" \"$PORTS\"; exit 7";
        let arguments = [&["free"], before, &["sh", "-c", script]].concat();
        let answer = portwho(&arguments);
        assert_eq!(answer.code, Some(7), "{before:?} {answer:?}");
        let ports: Vec<&str> = answer.stdout.split(' ').collect();
        assert!(ports.len() == 2 && ports[0] == ports[1], "{answer:?}");
        assert!(ports[0].parse::<u16>().is_ok(), "{answer:?}");
    }
    let answer = portwho(&["free", "-n", "3", "--", "sh", "-c", "echo $PORTS"]);
    assert_eq!(answer.stdout.split_whitespace().count(), 3, "{answer:?}");
    let dashes = portwho(&["free", "--exec", "echo", "--", "-x"]);
    assert_eq!(dashes.code, Some(0), "{dashes:?}");
    assert!(dashes.stdout.contains("-x"), "{dashes:?}");
}

#[test]
fn a_command_that_is_not_there_exits_127_and_one_that_cannot_be_run_126() {
    let folder = open_folder();
    let path = folder.path().join("plain");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let folder = folder.path().to_str().unwrap();
    let plain = path.to_str().unwrap();
    for (program, code) in [
        ("/no/such/program", 127),
        ("no-such-program-of-any-path", 127),
        (plain, 126),
        (folder, 126),
    ] {
        let answer = portwho(&["free", "--", program]);
        assert_eq!(answer.code, Some(code), "{answer:?}");
        assert_eq!(answer.stdout, "", "{answer:?}");
        let told = answer.complaints();
        assert!(told[0].starts_with("portwho: cannot run '"), "{answer:?}");
    }
}

#[test]
fn the_command_has_no_descriptor_of_portwho() {
    let list = "ls -l /proc/self/fd";
    let fds = |command: &mut Command| {
        let answer = run(command.stdin(Stdio::null()));
        answer.stdout.matches("socket:").count()
    };
    let own = fds(Command::new("sh").args(["-c", list]));
    let under = fds(Command::new(PORTWHO).args(["free", "--", "sh", "-c", list]));
    assert_eq!(under, own);
}
