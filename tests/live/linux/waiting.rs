//! `wait` for what comes later, and what ends it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

use super::held::{
    Held, NOBODY, helper_named, is_emulated, is_root, kernel_is, open_folder, portwho_for_all,
};
use crate::answer::{Answer, PORTWHO, pids, turn};
use crate::scene::{self, port, until};

/// A wait that goes on, and has found nothing yet.
struct Waiting(Option<Child>);

impl Waiting {
    /// Starts `portwho wait`, and returns when it has looked and sleeps.
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PORTWHO);
        // In vain, it ends at last.
        command.args(["wait", "--timeout=5m"]).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: between fork and exec, signal(2) alone is called.
        unsafe {
            command.pre_exec(|| {
                // Who runs the tests may have had it ignored, and that is inherited.
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            })
        };
        let child = {
            let _turn = turn();
            command.spawn().unwrap()
        };
        let waiting = Self(Some(child));
        let first = until("a wait that has begun", || waiting.sleeps());
        until("a wait that has looked", || {
            waiting.sleeps().filter(|sleeps| *sleeps >= first + 4)
        });
        waiting
    }

    fn pid(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// How often it has slept, as portwho.
    fn sleeps(&self) -> Option<u64> {
        let folder = format!("/proc/{}", self.pid());
        let program = std::fs::read_link(format!("{folder}/exe")).ok()?;
        let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let is_portwho = program.file_name() == std::path::Path::new(PORTWHO).file_name();
        count.filter(|_| is_portwho)?.trim().parse().ok()
    }

    /// Its answer, when it has ended.
    fn end(mut self) -> Answer {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A socket that has its port, and may listen later.
fn bound() -> io::Result<(Socket, String)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket().unwrap();
    Ok((socket, address.to_string()))
}

#[test]
fn a_listener_that_comes_later_is_reached() {
    if is_emulated() {
        skip!("the emulator sleeps in its own way");
    }
    let (socket, selector) = bound().unwrap();
    let waiting = Waiting::start(&[&selector]);
    socket.listen(8).unwrap();
    let answer = waiting.end();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.stderr, "");
    let port = selector.split(':').nth(1).unwrap();
    assert!(answer.stdout.contains(&format!("{port}/tcp")), "{answer:?}");
}

#[test]
fn the_last_of_several_is_waited_for() {
    if is_emulated() {
        skip!("the emulator sleeps in its own way");
    }
    let [(first, one), (second, other)] = [bound().unwrap(), bound().unwrap()];
    let waiting = Waiting::start(&[&one, &other, "--json"]);
    first.listen(8).unwrap();
    let sleeps = waiting.sleeps().unwrap();
    until("a wait that goes on", || {
        waiting.sleeps().filter(|now| *now >= sleeps + 4)
    });
    second.listen(8).unwrap();
    let answer = waiting.end();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.json()["kind"], "wait");
    assert_eq!(answer.rows().len(), 2, "{answer:?}");
}

#[test]
fn a_listener_that_goes_is_gone() {
    if is_emulated() {
        skip!("the emulator sleeps in its own way");
    }
    let listener = scene::listener();
    let selector = listener.local_addr().unwrap().to_string();
    let waiting = Waiting::start(&["--gone", &selector]);
    drop(listener);
    let answer = waiting.end();
    let printed = (answer.stdout.as_str(), answer.stderr.as_str());
    assert_eq!((answer.code, printed), (Some(0), ("", "")));
}

#[test]
fn a_stranger_is_told_and_the_expected_owner_still_waited_for() {
    let listener = scene::listener();
    let selector = listener.local_addr().unwrap().to_string();
    let folder = open_folder();
    let program = match helper_named(&folder, "database") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let stranger = Held::sleep(listener.try_clone().unwrap());
    let port = port(&listener);
    drop(listener);
    let waiting = Waiting::start(&[&selector, "--owner=name=database", "--json"]);
    let pid = stranger.pid();
    drop(stranger);
    // No connection was made, so the port is free at once.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let held = Held::holding(&mut Command::new(program), listener).unwrap();
    let answer = waiting.end();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(pids(&answer.only_row()).contains(&held.pid()), "{answer:?}");
    let complaints = answer.stderr;
    let told = complaints.matches(&format!("(pid {pid})")).count();
    assert_eq!(told, 1, "{complaints}");
}

#[test]
fn a_part_of_the_expected_name_is_a_stranger() {
    let folder = open_folder();
    let program = match helper_named(&folder, "database_exporter") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let listener = scene::listener();
    let selector = listener.local_addr().unwrap().to_string();
    let _held = Held::holding(&mut Command::new(program), listener).unwrap();
    let owner = ["wait", &selector, "--owner=name=database"];
    let answer = crate::answer::portwho(&[&owner[..], &["--fail-fast"]].concat());
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.contains("database_exporter"), "{answer:?}");
}

#[test]
fn a_bound_socket_is_not_gone_whether_it_is_seen_or_not() {
    let (socket, selector) = bound().unwrap();
    let gone = |source: &str| {
        let source = format!("--source={source}");
        crate::answer::portwho(&["wait", "--gone", &selector, &source, "--timeout=0"])
    };
    for source in ["auto", "proc"] {
        let answer = gone(source);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    }
    scene::close(socket);
    for source in ["auto", "proc"] {
        let answer = gone(source);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), ""));
        let is_noted = answer.stderr.contains("bound without listening");
        assert_eq!(
            is_noted,
            source == "proc" || !kernel_is((6, 8)),
            "{answer:?}"
        );
    }
}

/// A user who may not see who has the listener.
#[test]
fn a_hidden_owner_is_said_at_once_and_ends_the_wait_if_wanted() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let folder = open_folder();
    let program = portwho_for_all(&folder);
    let listener = scene::listener();
    let selector = format!("127.0.0.1:{}", port(&listener));
    for (last, code) in [
        ("--fail-fast", 3),
        ("--timeout=60ms", 3),
        ("--timeout=3s", 3),
    ] {
        let mut command = Command::new(&program);
        command.args(["wait", &selector, "--owner=name=database", last]);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        let answer = crate::answer::run(&mut command);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(code), ""));
        let told = answer.stderr.matches("its owner is hidden").count();
        assert_eq!(told, 1, "{answer:?}");
    }
}

#[test]
fn a_listener_is_reached_once_its_owner_runs() {
    if is_emulated() {
        skip!("the emulator sleeps in its own way");
    }
    let listener = scene::listener();
    let selector = listener.local_addr().unwrap().to_string();
    let held = Held::sleep(listener);
    let pid = Pid::from_raw(held.pid().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    until("a stopped process", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", held.pid())).ok()?;
        stat.contains(") T ").then_some(())
    });
    let answer = crate::answer::portwho(&["wait", &selector, "--timeout=60ms"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    assert_eq!(answer.stderr.matches("is stopped").count(), 1, "{answer:?}");
    let waiting = Waiting::start(&[&selector]);
    kill_process(pid, Signal::CONT).unwrap();
    let answer = waiting.end();
    assert_eq!(answer.code, Some(0), "{answer:?}");
}

#[test]
fn an_interrupt_ends_it() {
    if is_emulated() {
        skip!("the emulator sleeps in its own way");
    }
    let (_socket, selector) = bound().unwrap();
    let mut waiting = Waiting::start(&[&selector]);
    let pid = Pid::from_raw(waiting.pid().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = waiting.0.take().unwrap().wait_with_output().unwrap();
    // A shell says 130 of either.
    let status = output.status;
    assert!(
        status.signal() == Some(2) || status.code() == Some(130),
        "{status}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
}
