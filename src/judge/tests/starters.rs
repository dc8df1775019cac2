//! Who starts a holder again, by the chain of its parents, and who is told to end it.

use std::rc::Rc;

use super::*;
use crate::judge::commands::next;
use crate::judge::supervision::{Case, Consequence, consequence};
use crate::model::{Container, ContainerId, FileOwner, Halt, Manager, Provenance, Runtime, Unit};

/// A process with these arguments, as a child of another one.
pub(super) fn process(pid: u32, parent: u32, line: &str) -> Process {
    let words: Vec<Foreign> = line.split(' ').map(Foreign::new).collect();
    let name = words[0].base_name().to_owned();
    Process {
        parent_pid: Some(parent),
        command: Some(words),
        uid: Some(0),
        ..Process::named(ProcessKey { pid, start: 1 }, Foreign::new(name))
    }
}

/// The same, of a program that root installed and started in a folder of its own.
fn installed(executable: &str, process: Process) -> Process {
    let root = FileOwner {
        uid: 0,
        mode: 0o755,
    };
    Process {
        executable: Some(Foreign::new(executable)),
        provenance: Some(Box::new(Provenance {
            executable: Some(root),
            script: Some(root),
            directories: vec![root],
        })),
        ..process
    }
}

/// The same, in a service that systemd starts again always.
pub(super) fn serving(pid: u32, parent: u32, line: &str, service: &str) -> Process {
    let mut process = process(pid, parent, line);
    process.meaning.unit = unit(service, Manager::System);
    process.meaning.restart = Some(Foreign::new("always"));
    process
}

pub(super) fn unit(name: &str, manager: Manager) -> Option<Unit> {
    Some(Unit {
        name: Foreign::new(name),
        slice: None,
        manager,
        user: (manager == Manager::User).then_some(0),
        claimed: false,
    })
}

pub(super) fn systemd() -> Process {
    process(1, 0, "systemd")
}

/// What is said of a chain of processes, the first of which holds the port, and others that do too.
pub(super) fn judged(chain: &[Process], others: &[Process]) -> (Consequence, Vec<String>) {
    judged_by(&[], chain, others)
}

/// The same, where portwho and its parents are these.
pub(super) fn judged_by(
    own: &[u32],
    chain: &[Process],
    others: &[Process],
) -> (Consequence, Vec<String>) {
    let row = listener("0.0.0.0", None, "server", chain[0].key.pid);
    let others: Vec<Rc<Process>> = others.iter().cloned().map(Rc::new).collect();
    let case = Case {
        main: Some(&chain[0]),
        others: &others,
        opener: None,
        is_split: false,
        parents: Some(&chain[1..]),
        row: &row,
        is_connection: false,
        own,
        asker: Some(0),
    };
    (consequence(&case), next(&case))
}

#[test]
fn systemd_starts_again_what_it_started_itself() {
    let nginx = serving(50, 1, "nginx", "nginx.service");
    let (told, next) = judged(&[nginx, systemd()], &[]);
    assert_eq!(told.restarted, Some(true), "{told:?}");
    assert_eq!(next, ["systemctl stop nginx.service"]);
}

#[test]
fn a_service_of_a_user_is_the_users_managers() {
    let mut server = serving(50, 40, "server", "app.service");
    server.meaning.unit = unit("app.service", Manager::User);
    let mut manager = process(40, 1, "systemd");
    manager.meaning.unit = unit("init.scope", Manager::User);
    let (told, next) = judged(&[server, manager, systemd()], &[]);
    assert_eq!(told.restarted, Some(true), "{told:?}");
    assert_eq!(next, ["systemctl --user stop app.service"]);
}

#[test]
fn a_claimed_unit_or_container_is_not_stopped() {
    let mut forged = serving(60, 1, "web", "ssh.service");
    forged.meaning.unit.as_mut().unwrap().claimed = true;
    let (told, next) = judged(&[forged, systemd()], &[]);
    assert_eq!(next, ["kill 60"]);
    assert!(!told.why.contains("ssh.service"), "{told:?}");
    let mut runner = serving(60, 1, "web", "runner.service");
    let mut identity = ContainerId {
        runtime: Some(Runtime::Docker),
        id: Foreign::new("d".repeat(64)),
        pod_uid: None,
        user: None,
        claimed: true,
    };
    let within = |identity: &ContainerId| {
        Some(Rc::new(Container {
            identity: identity.clone(),
            name: None,
            image: None,
            compose_project: None,
            compose_service: None,
            addresses: Vec::new(),
        }))
    };
    runner.meaning.container = within(&identity);
    let (_, next) = judged(&[runner.clone(), systemd()], &[]);
    assert_eq!(next, ["systemctl stop runner.service"]);
    identity.claimed = false;
    runner.meaning.container = within(&identity);
    let (_, next) = judged(&[runner, systemd()], &[]);
    assert_eq!(next, ["docker stop dddddddddddd"]);
}

#[test]
fn a_supervisor_in_a_service_is_asked_and_never_stopped() {
    let web = || serving(60, 50, "web", "sup.service");
    let mut runsv = serving(50, 40, "runsv web", "runit.service");
    runsv.working_directory = Some(Foreign::new("/etc/sv/web"));
    let runsv = installed("/usr/bin/runsv", runsv);
    let runsvdir = serving(40, 1, "runsvdir /etc/service", "runit.service");
    let mut served = serving(50, 1, "s6-supervise web", "s6.service");
    served.working_directory = Some(Foreign::new("/run/service/my web"));
    let served = installed("/usr/bin/s6-supervise", served);
    let mut supervisord = serving(50, 1, "python3 /usr/bin/supervisord -n", "sup.service");
    supervisord.name = Foreign::new("supervisord");
    supervisord.meaning.script = Some(Foreign::new("/usr/bin/supervisord"));
    let supervisord = installed("/usr/bin/python3.11", supervisord);
    for (chain, by, command) in [
        (
            vec![web(), supervisord.clone()],
            "supervisord",
            "supervisorctl status",
        ),
        (
            vec![
                web(),
                serving(55, 50, "sh run.sh", "sup.service"),
                supervisord,
            ],
            "supervisord",
            "supervisorctl status",
        ),
        (vec![web(), runsv, runsvdir], "runsv", "sv stop /etc/sv/web"),
        (
            vec![web(), served],
            "s6-supervise",
            "s6-svc -d '/run/service/my web'",
        ),
        (vec![web(), pm2(0)], "pm2", "pm2 list"),
        (
            vec![web(), process(50, 40, "nodemon app.js")],
            "nodemon",
            "kill 50",
        ),
    ] {
        let chain: Vec<Process> = chain.into_iter().chain([systemd()]).collect();
        for others in [&[][..], &[process(61, 60, "web"), process(62, 60, "web")]] {
            let (told, next) = judged(&chain, others);
            assert_eq!(told.by.as_deref(), Some(by), "{told:?}");
            assert_eq!(told.restarted, None, "{told:?}");
            assert_eq!(next, [command], "{told:?}");
            let counts = told.why.starts_with("2 workers hold the port too");
            assert_eq!(counts, !others.is_empty(), "{told:?}");
            assert!(told.why.contains(by), "{told:?}");
        }
    }
}

/// The daemon of pm2, which writes a title over its arguments.
fn pm2(uid: u32) -> Process {
    let title = "PM2 v5.3.0: God Daemon (/root/.pm2)";
    let mut daemon = serving(50, 1, "node", "pm2.service");
    daemon.uid = Some(uid);
    daemon.command = Some(vec![Foreign::new(title), Foreign::new("")]);
    daemon.meaning.script = Some(Foreign::new("PM2 v5.3.0: God Daemon"));
    installed("/usr/bin/node", daemon)
}

#[test]
fn a_supervisor_that_holds_the_port_for_its_programs_is_not_stopped_either() {
    let daemon = pm2(0);
    for others in [&[][..], &[process(61, 50, "web")]] {
        let (told, next) = judged(&[daemon.clone(), systemd()], others);
        assert_eq!(next, ["pm2 list"]);
        assert!(told.why.starts_with("pm2 runs other programs"), "{told:?}");
        assert_eq!(told.restarted, Some(true), "{told:?}");
    }
}

#[test]
fn a_service_goes_on_where_something_unknown_started_the_holder() {
    let web = serving(60, 50, "web", "cron.service");
    let cron = serving(50, 1, "cron -f", "cron.service");
    let (told, next) = judged(&[web, cron, systemd()], &[]);
    assert_eq!(told.restarted, None);
    assert_eq!(
        told.why,
        "cron (pid 50) is the main process of cron.service, this one is not: systemd starts \
         cron.service again only when its main process ends (Restart=always), and that process \
         may start it again itself"
    );
    assert_eq!(next, ["kill 60", "systemctl status cron.service"]);
}

#[test]
fn a_script_that_is_a_service_is_stopped_with_what_it_started() {
    let web = serving(60, 50, "web", "app.service");
    let script = serving(50, 1, "sh /opt/app/start.sh", "app.service");
    let (told, next) = judged(&[web, script, systemd()], &[]);
    assert_eq!(told.restarted, None);
    assert!(
        told.why.contains("only when its main process ends"),
        "{told:?}"
    );
    assert_eq!(next, ["systemctl stop app.service"]);
}

#[test]
fn what_was_started_at_a_prompt_within_a_service_is_not_the_service() {
    let web = serving(60, 55, "web", "tmux.service");
    let shell = serving(55, 50, "-bash", "tmux.service");
    let shell = Process {
        name: Foreign::new("bash"),
        ..shell
    };
    let tmux = serving(50, 1, "tmux", "tmux.service");
    let (told, next) = judged(&[web, shell, tmux, systemd()], &[]);
    assert_eq!(told.restarted, Some(false), "{told:?}");
    assert_eq!(next, ["kill 60"]);
}

#[test]
fn workers_are_ended_by_their_master() {
    let worker = |pid| serving(pid, 50, "haproxy", "haproxy.service");
    let master = serving(50, 1, "haproxy", "haproxy.service");
    let (told, next) = judged(&[worker(60), master, systemd()], &[worker(61)]);
    assert_eq!(told.by.as_deref(), Some("haproxy"), "{told:?}");
    assert_eq!(next, ["systemctl stop haproxy.service"]);
    let worker = |pid| process(pid, 50, "haproxy");
    let chain = [
        worker(60),
        process(50, 40, "haproxy"),
        process(40, 1, "bash"),
    ];
    let (told, next) = judged(&chain, &[worker(61)]);
    assert!(told.why.starts_with("1 more process holds"), "{told:?}");
    assert_eq!(next, ["kill 50"]);
    // A child alone proves no pool: sshd is the parent of its sessions.
    let (_, next) = judged(&chain, &[]);
    assert_eq!(next, ["kill 60"]);
}

#[test]
fn a_parent_that_cannot_be_seen_proves_no_service() {
    let web = serving(60, 50, "web", "sup.service");
    let (told, next) = judged(&[web], &[]);
    assert_eq!(told.restarted, None, "{told:?}");
    assert_eq!(next, ["kill 60", "systemctl status sup.service"]);
}

#[test]
fn to_whoever_is_in_a_container_it_is_the_machine() {
    let container = Rc::new(Container {
        identity: ContainerId {
            claimed: false,
            runtime: Some(Runtime::Docker),
            id: Foreign::new("d".repeat(64)),
            pod_uid: None,
            user: None,
        },
        name: None,
        image: None,
        compose_project: None,
        compose_service: None,
        addresses: Vec::new(),
    });
    let mut web = serving(60, 1, "web", "web.service");
    web.meaning.container = Some(Rc::clone(&container));
    let (_, next) = judged(&[web.clone(), systemd()], &[]);
    assert_eq!(next, ["docker stop dddddddddddd"]);
    let mut inner = systemd();
    inner.meaning.container = Some(container);
    let (_, next) = judged(&[web, inner], &[]);
    assert_eq!(next, ["systemctl stop web.service"]);
}

#[test]
fn a_stopped_process_is_continued_after_the_signal() {
    let stopped = |pid, halt| Process {
        halt: Some(halt),
        ..process(pid, 50, "web")
    };
    let shell = || process(50, 1, "bash");
    let (told, next) = judged(&[stopped(60, Halt::Signal), shell()], &[]);
    assert!(
        told.why.starts_with("it is stopped, and SIGTERM waits"),
        "{told:?}"
    );
    assert_eq!(next, ["kill 60", "kill -CONT 60"]);
    let others = [stopped(61, Halt::No), stopped(62, Halt::Signal)];
    let (_, next) = judged(&[stopped(60, Halt::No), shell()], &others);
    assert_eq!(next, ["kill 60 61 62", "kill -CONT 62"]);
    let (told, next) = judged(&[stopped(60, Halt::Debugger), shell()], &[]);
    assert!(
        told.why.contains("until its debugger continues it"),
        "{told:?}"
    );
    assert_eq!(next, ["kill 60"]);
}
