//! What started a holder and may start it again, and what its end would end that nobody meant.

use std::rc::Rc;

use super::starters::{judged, judged_by, process, serving, systemd, unit};
use super::*;
use crate::judge::commands::next;
use crate::judge::supervision::{Case, consequence};
use crate::model::{Forward, Forwarder, Manager, Role};

/// A shell or an interpreter that runs a script.
fn running(pid: u32, parent: u32, line: &str, script: &str) -> Process {
    let mut process = process(pid, parent, line);
    process.meaning.script = Some(Foreign::new(script));
    process
}

fn prompt() -> Process {
    process(40, 1, "bash")
}

#[test]
fn a_script_that_may_start_it_again_is_ended_first() {
    let script = running(50, 40, "bash /srv/loop.sh", "/srv/loop.sh");
    let (told, next) = judged(&[process(60, 50, "server"), script, prompt()], &[]);
    assert_eq!(
        told.why,
        "started by bash loop.sh (pid 50), which may start it again: end both"
    );
    assert_eq!((told.restarted, told.by.as_deref()), (None, Some("bash")));
    assert_eq!(next, ["kill 50 60"]);
    // What runs a single command ends with it, and is no loop.
    let chain = [
        process(60, 55, "server"),
        process(55, 50, "sudo server"),
        running(50, 40, "sh loop.sh", "loop.sh"),
        prompt(),
    ];
    let (_, next) = judged(&chain, &[]);
    assert_eq!(next, ["kill 50 60"]);
}

#[test]
fn a_shell_with_one_command_only_waits_for_it() {
    let shell = |text: &str| {
        let mut shell = process(50, 40, "sh -c");
        shell.command.as_mut().unwrap().push(Foreign::new(text));
        shell
    };
    for text in ["node server.js", "server --port 80"] {
        let (told, next) = judged(&[process(60, 50, "server"), shell(text), prompt()], &[]);
        assert_eq!(told.restarted, Some(false), "{text}: {told:?}");
        assert_eq!(next, ["kill 60"], "{text}");
    }
    for text in [
        "while true; do server; done",
        "server; server",
        "server || server",
        "until server\ndo sleep 1\ndone",
        "$LOOP",
    ] {
        let (told, next) = judged(&[process(60, 50, "server"), shell(text), prompt()], &[]);
        assert_eq!(told.restarted, None, "{text}: {told:?}");
        assert!(told.why.contains("which may start it again"), "{told:?}");
        assert_eq!(next, ["kill 50 60"], "{text}");
    }
}

#[test]
fn a_program_that_restarts_is_told_from_one_that_merely_started_it() {
    let forever = "/x/node_modules/forever/bin/monitor";
    let tries = "node concurrently --restart-tries 5 server";
    for (parent, next_is) in [
        (
            running(50, 40, "node monitor app.js", forever),
            "kill 50 60",
        ),
        (
            running(50, 40, tries, "/x/bin/concurrently.js"),
            "kill -INT 50",
        ),
        (running(50, 40, "node --watch app.js", "app.js"), "kill 50"),
        // An editor, an agent, a test: its end would be that of much else.
        (
            running(50, 40, "python3 harness.py", "harness.py"),
            "kill 60",
        ),
        (process(50, 40, "code"), "kill 60"),
    ] {
        let described = parent.command.clone();
        let (told, next) = judged(&[process(60, 50, "server"), parent, prompt()], &[]);
        assert_eq!(told.restarted, None, "{told:?}");
        assert!(told.by.is_some(), "{described:?} {told:?}");
        assert!(told.why.contains("(pid 50)"), "{told:?}");
        assert!(told.why.contains("again"), "{told:?}");
        assert_eq!(next, [next_is], "{described:?}");
    }
    let orphan = process(60, 1, "server");
    let (told, next) = judged(&[orphan, systemd()], &[]);
    assert_eq!(told.why, "nothing is known that would start it again");
    assert_eq!(next, ["kill 60"]);
    // A parent that cannot be seen may do anything.
    let (told, _) = judged(&[process(60, 50, "server")], &[]);
    assert_eq!(
        told.why,
        "what started it cannot be seen, and may start it again"
    );
}

#[test]
fn a_service_is_stopped_whose_first_process_or_program_started_the_holder() {
    let worker = || serving(60, 50, "haproxy", "haproxy.service");
    let master = || serving(50, 1, "haproxy", "haproxy.service");
    let (told, next) = judged(&[worker(), master(), systemd()], &[]);
    assert_eq!(told.restarted, None, "{told:?}");
    assert!(
        told.why.contains("haproxy (pid 50) may start it again"),
        "{told:?}"
    );
    assert_eq!(next, ["systemctl stop haproxy.service"]);
    let launched = [
        serving(60, 50, "app", "app.service"),
        serving(50, 1, "launcher", "app.service"),
        systemd(),
    ];
    let (told, next) = judged(&launched, &[]);
    assert!(told.why.contains("may start it again itself"), "{told:?}");
    assert_eq!(next, ["systemctl stop app.service"]);
    // Where portwho runs within the service too, it would end with it.
    let (_, next) = judged_by(&[70, 50], &launched, &[]);
    assert_eq!(next, ["kill 60", "systemctl status app.service"]);
}

#[test]
fn workers_end_with_the_process_that_started_them() {
    let nginx = |pid, parent| process(pid, parent, "nginx");
    let (told, next) = judged(&[nginx(50, 40), prompt()], &[nginx(51, 50), nginx(52, 50)]);
    assert!(
        told.why.starts_with("2 workers hold the port too"),
        "{told:?}"
    );
    assert_eq!(next, ["kill 50"]);
    // A helper that was given the socket is none of them.
    let (told, next) = judged(&[nginx(50, 40), prompt()], &[process(51, 50, "cat")]);
    assert!(told.why.starts_with("1 more process holds"), "{told:?}");
    assert_eq!(next, ["kill 50 51"]);
    // Where all of them are stopped, the workers have to go on to end.
    let stopped = |pid, parent| Process {
        halt: Some(crate::model::Halt::Signal),
        ..nginx(pid, parent)
    };
    let (_, next) = judged(&[stopped(50, 40), prompt()], &[stopped(51, 50)]);
    assert_eq!(next, ["kill 50", "kill -CONT 50 51"]);
}

#[test]
fn what_portwho_runs_below_is_not_ended() {
    let editor = [process(60, 40, "code"), prompt()];
    let (told, next) = judged_by(&[90, 60, 40], &editor, &[]);
    assert!(next.is_empty(), "{next:?}");
    assert!(
        told.why.starts_with("portwho runs below code (pid 60)"),
        "{told:?}"
    );
    // A script that runs portwho may start the server again, but is not ended with it.
    let script = running(50, 40, "bash ci.sh", "ci.sh");
    let (told, next) = judged_by(&[90, 50, 40], &[process(60, 50, "server"), script], &[]);
    assert!(told.why.ends_with("which may start it again"), "{told:?}");
    assert_eq!(next, ["kill 60"]);
}

#[test]
fn a_connection_is_no_reason_to_end_its_process() {
    let client = process(60, 40, "curl");
    let parents = [prompt()];
    let row = listener("0.0.0.0", None, "curl", 60);
    let case = |is_connection| Case {
        main: Some(&client),
        others: &[],
        opener: None,
        is_split: false,
        parents: Some(&parents),
        row: &row,
        is_connection,
        own: &[],
        asker: Some(0),
    };
    assert_eq!(next(&case(false)), ["kill 60"]);
    assert!(next(&case(true)).is_empty());
    let why = consequence(&case(true)).why;
    assert!(
        why.starts_with("the port belongs to a connection of curl (pid 60)"),
        "{why}"
    );
}

#[test]
fn an_ssh_session_is_ended_with_the_word_that_it_is_one() {
    let mut session = process(60, 50, "sshd");
    session.meaning.unit = unit("ssh.service", Manager::System);
    let mut daemon = process(50, 1, "sshd");
    daemon.meaning.unit = unit("ssh.service", Manager::System);
    let mut row = listener("127.0.0.1", None, "sshd", 60);
    row.role = Some(Box::new(Role {
        forwards_to: Some(Forward {
            by: Forwarder::Sshd,
            to: Foreign::new("the ssh client of anna"),
            container: None,
        }),
        socket_unit: None,
    }));
    let parents = [daemon, systemd()];
    let case = Case {
        main: Some(&session),
        others: &[] as &[Rc<Process>],
        opener: None,
        is_split: false,
        parents: Some(&parents),
        row: &row,
        is_connection: false,
        own: &[],
        asker: Some(0),
    };
    let why = consequence(&case).why;
    assert!(
        why.contains("the ssh client of anna has forwarded the port here"),
        "{why}"
    );
    assert!(why.contains("its session would end"), "{why}");
    assert!(!why.contains("ssh.service"), "{why}");
    assert_eq!(next(&case), ["kill 60"]);
}
