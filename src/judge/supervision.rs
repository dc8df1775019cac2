//! What comes of the end of a process: whether somebody starts it again. No more is claimed than is
//! known: most supervisors have settings that cannot be read.

mod units;

use self::units::{by_first, of_first, of_socket, of_unit, when_systemd_starts};
use super::commands::{MOST, is_runtime, keeper};
use super::harm::{Harm, harm};
use super::launcher::{Ending, described, ending};
use super::starter::{Starter, are_workers, is_same_program, is_systemd, starter, supervisor};
use crate::model::{
    Container, Foreign, Forwarder, Halt, OwnerStatus, Process, Row, Runtime, State,
};

/// What would happen if the process were killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// Whether it would be started again; `None` where that cannot be told.
    pub restarted: Option<bool>,
    /// Who would do so, or may.
    pub by: Option<String>,
    /// In a sentence.
    pub why: String,
}

/// Processes that hold a port, and what is known of their start.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub main: Option<&'a Process>,
    /// Whoever holds the port too.
    pub others: &'a [std::rc::Rc<Process>],
    /// The systemd that holds it for them.
    pub opener: Option<&'a Process>,
    /// Whether they hold sockets of their own, and not one together.
    pub is_split: bool,
    /// Parents of the main process, the nearest first; `None` where they cannot be told.
    pub parents: Option<&'a [Process]>,
    /// The first of the sockets.
    pub row: &'a Row,
    /// Whether all of the sockets are connections on ports where the processes do not listen.
    pub is_connection: bool,
    /// Pids of portwho and its parents; none where a recording is explained.
    pub own: &'a [u32],
    /// The user who asks.
    pub asker: Option<u32>,
}

impl<'a> Case<'a> {
    /// The container that the processes are in, as far as it is seen from outside: to whoever is in it
    /// too, it is the machine.
    pub fn container(&self, main: &'a Process) -> Option<&'a Container> {
        let container = main.meaning.proven_container()?;
        let parents = self.parents.unwrap_or_default();
        let first = parents
            .last()
            .or(Some(main).filter(|main| is_systemd(main)));
        let is_inside = first
            .filter(|first| first.key.pid == 1)
            .is_some_and(|first| {
                let of_first = first.meaning.proven_container();
                of_first.is_some_and(|one| one.identity == container.identity)
            });
        (!is_inside).then_some(container)
    }

    /// Who started the processes.
    pub fn starter(&self, main: &'a Process) -> Starter<'a> {
        starter(main, self.others, self.parents, self.own)
    }
}

/// Judges by unit, container, parents and fellow holders.
pub fn consequence(case: &Case<'_>) -> Consequence {
    let end = of_end(case);
    let waits = case.main.and_then(|main| match main.halt? {
        Halt::No => None,
        Halt::Signal => Some("it is stopped, and SIGTERM waits until SIGCONT continues it".into()),
        Halt::Debugger => {
            Some("it is stopped, and SIGTERM waits until its debugger continues it".into())
        }
    });
    let harm = harm(case).map(Harm::sentence);
    let parts = [waits, harm, Some(end.why).filter(|why| why != UNKNOWN)];
    let why: Vec<String> = parts.into_iter().flatten().collect();
    Consequence {
        why: if why.is_empty() {
            UNKNOWN.into()
        } else {
            why.join("; ")
        },
        ..end
    }
}

/// What comes of its end, once it has come.
fn of_end(case: &Case<'_>) -> Consequence {
    let Some(main) = case.main else {
        return without_process(case.row);
    };
    let role = case.row.role.as_deref();
    let forward = role.and_then(|role| role.forwards_to.as_ref());
    let kept = forward.filter(|forward| is_runtime(forward.by));
    if let Some((forward, container)) =
        kept.and_then(|forward| Some((forward, forward.container.as_deref()?)))
    {
        let by = match forward.by {
            Forwarder::DockerProxy => None,
            _ => Some(runtime(container)),
        };
        return of_published(
            by,
            &format!("container {}", container.label().in_sentence()),
        );
    }
    match keeper(main) {
        Some(Runtime::Docker) => return of_published(None, "its container"),
        Some(runtime) => return of_published(Some(runtime.as_str()), "a container"),
        None => {}
    }
    if let Some(container) = case.container(main) {
        let alone = of_container(container);
        return if case.is_split {
            with_others(case, alone)
        } else {
            alone
        };
    }
    let socket_unit = role.and_then(|role| role.socket_unit.as_ref());
    if socket_unit.is_some() || case.opener.is_some() {
        return of_socket(main, socket_unit.map(Foreign::in_sentence).as_deref(), case);
    }
    if forward.is_some_and(|forward| forward.by == Forwarder::Sshd) {
        return of_session();
    }
    let by_starter = by_starter(main, case);
    match supervisor(main) {
        None => by_starter,
        Some(own) => Consequence {
            why: format!("{}; {}", own.as_holder(main, case.asker), by_starter.why),
            ..by_starter
        },
    }
}

/// Of a port that is held for a container: by a proxy, or by its runtime itself.
fn of_published(by: Option<&str>, container: &str) -> Consequence {
    match by {
        // Nothing watches the proxy (libnetwork's portmapper starts it with the container).
        None => {
            let why = format!(
                "the port is no longer forwarded by it until {container} is restarted; the container \
                 itself goes on"
            );
            told(Some(false), None, why)
        }
        Some(by) => {
            let why = format!("{by} holds the port for {container}, as long as that runs");
            told(None, Some(by), why)
        }
    }
}

fn told(restarted: Option<bool>, by: Option<&str>, why: String) -> Consequence {
    Consequence {
        restarted,
        by: by.map(str::to_owned),
        why,
    }
}

/// Of a port that an ssh client has asked its server for: whoever started the session has no part in it.
fn of_session() -> Consequence {
    told(
        None,
        Some("ssh"),
        "the client may connect and forward it again".into(),
    )
}

fn by_starter(main: &Process, case: &Case<'_>) -> Consequence {
    let starter = case.starter(main);
    let alone = match starter {
        Starter::Service { unit, master: None } => {
            let alone = of_unit(main, unit);
            return if case.is_split {
                with_others(case, alone)
            } else {
                alone
            };
        }
        Starter::Service {
            unit,
            master: Some(master),
        } if is_same_program(main, master) => {
            let unit = unit.name.in_sentence();
            let why = format!(
                "{} may start it again: stop {unit} by systemctl",
                named(master)
            );
            told(None, Some(master.name.unclean()), why)
        }
        Starter::Service {
            unit,
            master: Some(master),
        } => by_first(main, unit, master),
        Starter::Script { unit, top } => of_first(main, unit, top),
        Starter::Stranger {
            unit,
            top: Some(top),
            launcher,
        } => match launcher.filter(|launcher| launcher.key != top.key) {
            None if launcher.is_some() => by_first(main, unit, top),
            other => with_launcher(of_first(main, unit, top), other),
        },
        Starter::Stranger {
            unit,
            top: None,
            launcher,
        } => {
            let again = when_systemd_starts(main, unit);
            let why = format!(
                "whether it is the main process of {} cannot be seen",
                unit.name.in_sentence()
            );
            with_launcher(told(None, None, format!("{why}: {again}")), launcher)
        }
        Starter::Supervisor(supervisor, process) => {
            let why = supervisor.may_start_again(process, case.asker);
            told(None, Some(supervisor.name), why)
        }
        Starter::Watcher(name, process) => {
            let pid = process.key.pid;
            let why =
                format!("{name} (pid {pid}) starts it again when a file changes: end that one");
            told(None, Some(name), why)
        }
        Starter::Runner(name, process) => {
            let pid = process.key.pid;
            let why = format!("{name} (pid {pid}) runs it with others, and may end those too");
            told(None, Some(name), why)
        }
        Starter::Master(master) => {
            let why = format!("{}, which started them, may do so again", named(master));
            told(None, Some(master.name.unclean()), why)
        }
        Starter::Prompt(shell) => {
            let (name, pid) = (shell.name.in_sentence(), shell.key.pid);
            let why =
                format!("nothing starts it again: it was started at a prompt ({name}, pid {pid})");
            told(Some(false), None, why)
        }
        Starter::Launcher(launcher) => {
            let loops = ending(launcher).filter(|_| !case.own.contains(&launcher.key.pid));
            let how = match loops {
                Some(Ending::Both) => ": end both",
                Some(Ending::Interrupt) => ": interrupt that one, as Ctrl+C does",
                None => "",
            };
            let why = format!("{}{how}", started_by(launcher));
            told(None, Some(launcher.name.unclean()), why)
        }
        Starter::Unseen => told(
            None,
            None,
            "what started it cannot be seen, and may start it again".into(),
        ),
        Starter::Unknown => told(None, None, UNKNOWN.into()),
    };
    with_others(case, alone)
}

fn started_by(launcher: &Process) -> String {
    format!(
        "started by {}, which may start it again",
        described(launcher)
    )
}

/// Says first what started it, past the unit.
fn with_launcher(of_unit: Consequence, launcher: Option<&Process>) -> Consequence {
    match launcher {
        None => of_unit,
        Some(launcher) => Consequence {
            by: Some(launcher.name.unclean().to_owned()),
            why: format!("{}; {}", started_by(launcher), of_unit.why),
            ..of_unit
        },
    }
}

/// Says first who keeps the port when the main process has ended.
fn with_others(case: &Case<'_>, alone: Consequence) -> Consequence {
    if let Some(main) = case.main
        && are_workers(main, case.others)
    {
        return with_workers(case.others.len(), alone);
    }
    let (more, hold) = match case.others.len() {
        0 => return alone,
        1 => ("process", "holds"),
        _ => ("processes", "hold"),
    };
    let count = case.others.len();
    let left_out = match count < MOST {
        true => String::new(),
        false => format!(", and the commands name {MOST} of them: ask again after those"),
    };
    let kept = format!(
        "{count} more {more} {hold} the port: it stays taken until all of them have ended{left_out}"
    );
    let why = match alone.why.as_str() {
        UNKNOWN => kept,
        more => format!("{kept}; {more}"),
    };
    Consequence {
        // The port is not free for that.
        restarted: alone.restarted.filter(|restarted| *restarted),
        by: alone.by,
        why,
    }
}

/// Workers end when the process that started them is told to.
fn with_workers(count: usize, alone: Consequence) -> Consequence {
    let kept = match count {
        1 => "1 worker holds the port too: it normally ends with its parent".to_owned(),
        _ => format!("{count} workers hold the port too: they normally end with their parent"),
    };
    Consequence {
        why: match alone.why.as_str() {
            UNKNOWN => kept,
            more => format!("{kept}; {more}"),
        },
        // One that does not keeps the port.
        restarted: alone.restarted.filter(|restarted| *restarted),
        ..alone
    }
}

const UNKNOWN: &str = "nothing is known that would start it again";

/// `gunicorn (pid 9001)`.
pub fn named(process: &Process) -> String {
    format!("{} (pid {})", process.name.in_sentence(), process.key.pid)
}

fn without_process(row: &Row) -> Consequence {
    let (restarted, why) = match (row.owner_status, row.socket.state) {
        (_, State::TimeWait) => (
            Some(false),
            "there is nothing to kill: the kernel keeps the port for up to a minute. A server that \
             sets SO_REUSEADDR may bind it meanwhile only where the one before had set it too: \
             portwho check tells",
        ),
        (OwnerStatus::Hidden | OwnerStatus::Partial, _) => {
            (None, "it cannot be told: the owner cannot be seen")
        }
        (OwnerStatus::Unfound, _) => (None, "it cannot be told: no process has a descriptor of it"),
        (OwnerStatus::Skipped, _) => (None, "nobody looked for owners"),
        (OwnerStatus::Kernel, _) => (
            None,
            "no process holds it: the kernel serves the port itself",
        ),
        _ => (Some(false), "no process owns it any more"),
    };
    told(restarted, None, why.into())
}

fn of_container(container: &Container) -> Consequence {
    let name = container.label();
    let name = name.in_sentence();
    if container.identity.pod_uid.is_some() {
        let why = "it runs in a pod of Kubernetes: kubelet may start it again, as its policy says";
        return told(None, Some("kubelet"), why.into());
    }
    let by = runtime(container);
    let whose = match container.identity.user {
        Some(uid) => format!(" of user {uid}"),
        None => String::new(),
    };
    let why =
        format!("it runs in container {name}{whose}: {by} may start it again, as its policy says");
    told(None, Some(by), why)
}

fn runtime(container: &Container) -> &'static str {
    let runtime = container.identity.runtime;
    runtime.map_or("its runtime", Runtime::as_str)
}
