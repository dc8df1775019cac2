//! Holders that do not run: stopped by a signal, or by a debugger.

use std::process::Command;

use serde_json::json;

use super::held::{Held, has_tool};
use crate::answer::{PORTWHO, pids, portwho, run};
use crate::scene::{self, port, tell_skipped, until};

/// Sends a signal to a process of the test's own.
fn signal(held: &Held, name: &str) {
    let pid = held.pid().to_string();
    let sent = run(Command::new("kill").args([name, &pid]));
    assert_eq!(sent.code, Some(0), "{sent:?}");
}

/// The state of a process by its stat, proc_pid_stat(5).
fn reaches(held: &Held, wanted: &str) {
    until("the process to change its state", || {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", held.pid())).ok()?;
        let state = text.rsplit_once(") ")?.1.get(..1)?.to_owned();
        (state == wanted).then_some(())
    });
}

#[test]
fn a_stopped_holder_is_said_and_continued_after_the_signal() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let held = Held::sleep(listener);
    let stopped = |owners: &str| {
        let mut command = Command::new(PORTWHO);
        command.args([&selector, "--json", "--owners", owners]);
        let answer = run(&mut command);
        let row = answer.only_row();
        assert_eq!(pids(&row), [held.pid()], "{row:#}");
        row["owners"][0]["stopped"].clone()
    };
    assert_eq!(stopped("proc"), false);
    signal(&held, "-STOP");
    reaches(&held, "T");
    assert_eq!(stopped("proc"), true);
    match portwho(&[&selector, "--owners", "bpf"]).code {
        Some(0) => assert_eq!(stopped("bpf"), true),
        _ => tell_skipped("the iterator: it is refused here"),
    }
    let why = portwho(&["why", &selector, "--json"]).json();
    let pid = held.pid();
    let next = json!([format!("kill {pid}"), format!("kill -CONT {pid}")]);
    assert_eq!(why["holders"][0]["next"], next, "{why:#}");
    assert_eq!(
        why["holders"][0]["sockets"][0]["owners"][0]["stopped"],
        true
    );
    for page in [&["why", &selector][..], &[&selector]] {
        let page = portwho(page).stdout;
        assert!(page.contains("stopped, as by Ctrl+Z"), "{page}");
    }
    // What the page says comes true: the first signal waits for the second.
    signal(&held, "-TERM");
    assert_eq!(stopped("proc"), true);
    signal(&held, "-CONT");
    let mut held = held;
    until("the process to end", || held.has_ended().then_some(()));
}

#[test]
fn a_holder_that_a_debugger_stopped_is_for_the_debugger_to_continue() {
    if !has_tool("python3") {
        skip!("python3 is not there");
    }
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let held = Held::sleep(listener);
    // PTRACE_ATTACH is 16, ptrace(2); the process goes on once this one ends.
    let attach = "import ctypes, sys, time\n\
                  c = ctypes.CDLL(None, use_errno=True)\n\
                  print(c.ptrace(16, int(sys.argv[1]), 0, 0), flush=True)\n\
                  time.sleep(600)";
    let pid = held.pid().to_string();
    let mut debugger = Command::new("python3");
    let (_debugger, said) = match Held::saying(debugger.args(["-c", attach, &pid])) {
        Ok(attached) => attached,
        Err(why) => skip!("{why}"),
    };
    if said.trim() != "0" {
        skip!("ptrace(2) is refused");
    }
    reaches(&held, "t");
    let why = portwho(&["why", &selector, "--json"]).json();
    let holder = &why["holders"][0];
    assert_eq!(
        holder["sockets"][0]["owners"][0]["stopped"], true,
        "{why:#}"
    );
    assert_eq!(holder["next"], json!([format!("kill {pid}")]), "{why:#}");
    let page = portwho(&["why", &selector]).stdout;
    assert!(page.contains("stopped by a debugger"), "{page}");
}
