//! `ephemeral --watch`: again and again, and what ends it.

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::apart::alone;
use super::ephemeral::{address, narrow, server};
use super::scarce::terminal_of;
use crate::answer::{PORTWHO, portwho, turn};
use crate::scene::until;

/// A watch that goes on until it is interrupted; what it writes goes to the file.
fn watch(arguments: &[&str], output: File) -> Child {
    let mut command = Command::new(PORTWHO);
    command
        .args(["ephemeral", "--watch", "--interval", "50ms"])
        .args(arguments)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::null());
    // SAFETY: between fork and exec, signal(2) alone is called.
    unsafe {
        command.pre_exec(|| {
            // Who runs the tests may have had it ignored, and that is inherited.
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        })
    };
    let _turn = turn();
    command.spawn().unwrap()
}

/// Reads until the text stands there so many times, and interrupts.
fn read_and_interrupt(mut child: Child, mut from: File, text: &str, times: usize) -> String {
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    let has_enough = |shown: &[u8]| String::from_utf8_lossy(shown).matches(text).count() >= times;
    while !has_enough(&shown) {
        match from.read(&mut buffer) {
            // EIO is how a terminal ends.
            Ok(0) | Err(_) => break,
            Ok(count) => shown.extend(&buffer[..count]),
        }
    }
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let status = child.wait().unwrap();
    // A shell says 130 of either.
    let is_interrupted = status.signal() == Some(2) || status.code() == Some(130);
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(is_interrupted, "{status}: {shown}");
    shown
}

#[test]
fn a_watch_repaints_a_terminal_in_place_until_it_is_interrupted() {
    let (main, terminal) = match terminal_of(132, 24) {
        Ok(sides) => sides,
        Err(why) => skip!("no terminal: {why}"),
    };
    alone!(|| {
        let server = server(5000);
        narrow(200);
        let _held = TcpStream::connect(address(&server)).unwrap();
        let child = watch(&[], terminal);
        let shown = read_and_interrupt(child, main, "\x1b[H", 3);
        let paints: Vec<&str> = shown.split("\x1b[H").collect();
        assert_eq!(paints[0], "", "{shown:?}");
        for paint in &paints[1..3] {
            assert!(
                paint.contains("127.0.0.1:5000") && paint.contains("▏····"),
                "{paint:?}"
            );
            assert!(paint.lines().count() <= 24, "{paint:?}");
        }
        assert!(!paints[1].contains("RATE"), "one count has none: {shown:?}");
        assert!(paints[2].contains("0/s"), "{shown:?}");
    });
}

#[test]
fn a_watch_into_a_pipe_ends_when_nobody_reads_any_more() {
    alone!(|| {
        let server = server(5000);
        narrow(200);
        let _held = TcpStream::connect(address(&server)).unwrap();
        let file = |end: OwnedFd| File::from(end);
        let (from, to) = io::pipe().unwrap();
        let child = watch(&["--format", "ndjson"], file(to.into()));
        let shown = read_and_interrupt(child, file(from.into()), "\n", 3);
        let line = shown.lines().nth(1).unwrap();
        let budget: Value = serde_json::from_str(line).unwrap();
        assert_eq!(budget["trend"]["gained"], 0, "{budget}");
        let (from, to) = io::pipe().unwrap();
        let mut child = watch(&["--format", "ndjson"], file(to.into()));
        drop(from);
        let status = until("an end", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "as any pipe that closes early");
    });
}

/// A watch that is a check too ends once there is something to tell.
#[test]
fn a_watch_ends_when_a_part_is_reached() {
    alone!(|| {
        let server = server(5000);
        narrow(200);
        let _held = TcpStream::connect(address(&server)).unwrap();
        let answer = portwho(&["ephemeral", "--watch", "--fail-at", "0.5%"]);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stderr.contains("has used 0.5 %"), "{answer:?}");
    });
}
