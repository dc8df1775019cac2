//! What comes of the end of a process: whether somebody starts it again. No more is claimed than is
//! known: most supervisors have settings that cannot be read.

use super::commands::{is_keeper, is_runtime, service};
use crate::model::{Container, OwnerStatus, Process, Row, Runtime, State, Unit};

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

/// Programs that start again what ends, by their settings.
const SUPERVISORS: [&str; 8] = [
    "supervisord",
    "runsv",
    "s6-supervise",
    "circusd",
    "monit",
    "pm2",
    "process-compose",
    "launchd",
];

/// Programs that start again what they run when a file changes.
const WATCHERS: [&str; 5] = ["nodemon", "watchexec", "cargo-watch", "air", "entr"];

/// Programs that run several others, and end them together.
const RUNNERS: [&str; 4] = ["foreman", "overmind", "honcho", "hivemind"];

const SHELLS: [&str; 9] = [
    "bash", "zsh", "fish", "sh", "dash", "ksh", "nu", "pwsh", "tcsh",
];

/// Judges by unit, container, parents and fellow holders.
pub fn consequence(
    main: Option<&Process>,
    holders: &[std::rc::Rc<Process>],
    parents: Option<&[Process]>,
    row: &Row,
) -> Consequence {
    let Some(main) = main else {
        return without_process(row);
    };
    let role = row.role.as_deref();
    let forward = role.and_then(|role| role.forwards_to.as_ref());
    let container = forward.filter(|forward| is_runtime(forward.by));
    if let Some(container) = container.and_then(|forward| forward.container.as_deref()) {
        let (by, name) = (runtime(container), container.label());
        let why = format!(
            "{by} holds the port for container {}, as long as that runs",
            name.unclean()
        );
        return told(None, Some(by), why);
    }
    if is_keeper(main) {
        let why = "a runtime holds the port for a container, as long as that runs";
        return told(None, None, why.into());
    }
    if let Some(container) = main.meaning.container.as_deref() {
        return of_container(container);
    }
    if let Some(socket) = role.and_then(|role| role.socket_unit.as_ref()) {
        let why = format!(
            "systemd itself holds the port for {}, and would start the service again at the next \
             connection: stop the socket",
            socket.unclean()
        );
        return told(Some(true), Some("systemd"), why);
    }
    if let Some(unit) = service(main) {
        return of_unit(main, unit);
    }
    let others = holders.len().saturating_sub(1);
    if others > 0 {
        let (more, hold) = match others {
            1 => ("process", "holds"),
            _ => ("processes", "hold"),
        };
        let why = format!(
            "{others} more {more} {hold} the port: it stays taken until all of them have ended"
        );
        return told(None, None, why);
    }
    by_parents(parents.unwrap_or_default())
}

fn told(restarted: Option<bool>, by: Option<&str>, why: String) -> Consequence {
    Consequence {
        restarted,
        by: by.map(str::to_owned),
        why,
    }
}

fn by_parents(parents: &[Process]) -> Consequence {
    let named = |names: &'static [&'static str]| {
        let of_parent = |parent: &Process| Some((is_called(parent, names)?, parent.key.pid));
        parents.iter().find_map(of_parent)
    };
    if let Some((name, pid)) = named(&SUPERVISORS) {
        let why = format!("{name} (pid {pid}) may start it again, as its settings say");
        return told(None, Some(name), why);
    }
    if let Some((name, pid)) = named(&WATCHERS) {
        let why = format!("{name} (pid {pid}) starts it again when a file changes");
        return told(None, Some(name), why);
    }
    if let Some((name, pid)) = named(&RUNNERS) {
        let why = format!("{name} (pid {pid}) runs it with others, and may end those too");
        return told(None, Some(name), why);
    }
    match parents.first().filter(|parent| is_prompt(parent)) {
        Some(shell) => {
            let (name, pid) = (shell.name.unclean(), shell.key.pid);
            let why =
                format!("nothing starts it again: it was started at a prompt ({name}, pid {pid})");
            told(Some(false), None, why)
        }
        None => told(
            None,
            None,
            "nothing is known that would start it again".into(),
        ),
    }
}

/// Which of these programs it is, by its name, its script or the title that it set.
fn is_called(process: &Process, names: &'static [&'static str]) -> Option<&'static str> {
    let name = process.name.unclean();
    let command = process.command.as_ref();
    let title = command.and_then(|words| words.first());
    let title = title.map_or("", |first| first.unclean()).to_lowercase();
    let script = process.meaning.script.as_ref();
    let script = script.map_or("", |script| script.base_name());
    let script = script.strip_suffix(".js").unwrap_or(script);
    let is_it = |known: &&&str| {
        name == **known || script == **known || title.split(' ').next() == Some(**known)
    };
    names.iter().find(is_it).copied()
}

/// Whether it is a shell that somebody types at: one that runs a script has its own mind.
fn is_prompt(process: &Process) -> bool {
    let is_option = |word: &crate::model::Foreign| {
        let word = word.unclean();
        word.starts_with('-') && !word.contains('c')
    };
    let words = process.command.as_deref().unwrap_or_default();
    SHELLS.contains(&process.name.unclean())
        && !words.is_empty()
        && words.iter().skip(1).all(is_option)
}

fn without_process(row: &Row) -> Consequence {
    let (restarted, why) = match (row.owner_status, row.socket.state) {
        (_, State::TimeWait) => (
            Some(false),
            "there is nothing to kill: the kernel keeps the port for up to a minute, and a server \
             that sets SO_REUSEADDR may bind it at once",
        ),
        (OwnerStatus::Hidden | OwnerStatus::Partial, _) => {
            (None, "it cannot be told: the owner cannot be seen")
        }
        (OwnerStatus::Skipped, _) => (None, "nobody looked for owners"),
        _ if row.socket.inode.is_some() => (
            None,
            "no process holds it: the kernel serves the port itself",
        ),
        _ => (Some(false), "no process owns it any more"),
    };
    told(restarted, None, why.into())
}

fn of_container(container: &Container) -> Consequence {
    let name = container.label();
    let name = name.unclean();
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

/// What `Restart=` means for a process that a signal ends, systemd.service(5).
fn of_unit(main: &Process, unit: &Unit) -> Consequence {
    let name = unit.name.unclean();
    let policy = main.meaning.restart.as_ref().map(|policy| policy.unclean());
    let (restarted, why) = match policy {
        Some(policy @ ("no" | "on-watchdog")) => (
            Some(false),
            format!("systemd would not start {name} again (Restart={policy})"),
        ),
        Some(policy @ ("always" | "on-success")) => (
            Some(true),
            format!("systemd would start {name} again (Restart={policy}): stop it by systemctl"),
        ),
        Some(policy @ ("on-failure" | "on-abnormal" | "on-abort")) => (
            None,
            format!(
                "systemd would start {name} again after a failure, as SIGKILL is (Restart={policy}): \
                 stop it by systemctl"
            ),
        ),
        _ => (
            None,
            format!("systemd may start {name} again: its settings cannot be read"),
        ),
    };
    told(
        restarted,
        Some("systemd").filter(|_| restarted != Some(false)),
        why,
    )
}

fn runtime(container: &Container) -> &'static str {
    let runtime = container.identity.runtime;
    runtime.map_or("its runtime", Runtime::as_str)
}
