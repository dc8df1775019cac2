//! Who started a holder of a port and may start it again: systemd, another supervisor, somebody at a
//! prompt. Pure; by the chain of parents alone.

use super::prompt::{is_prompt, is_shell};
use crate::model::{Manager, Process, Unit};

/// Who answers for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starter<'a> {
    /// systemd, for it is the first process of a service, or the workers of that one are.
    Service {
        unit: &'a Unit,
        /// The first process, where that is another one.
        master: Option<&'a Process>,
    },
    /// A script that a service of systemd is, and that waits for what it started.
    Script {
        unit: &'a Unit,
        top: &'a Process,
    },
    /// Something of a service of which nothing is known. `top` is the service's first process, where
    /// that can be seen.
    Stranger {
        unit: &'a Unit,
        top: Option<&'a Process>,
    },
    Supervisor(&'static Supervisor, &'a Process),
    /// A program that starts it again when a file changes.
    Watcher(&'static str, &'a Process),
    /// A program that runs it with others, and ends them together.
    Runner(&'static str, &'a Process),
    /// The process whose workers hold the port, itself without it.
    Master(&'a Process),
    /// A shell that somebody types at.
    Prompt(&'a Process),
    Unknown,
}

/// A program that starts again what ends, by its settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Supervisor {
    pub name: &'static str,
    /// What it is told by.
    pub tool: &'static str,
    pub way: Way,
}

/// How a supervisor is told to end something.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// By a name that it alone knows: a command that lists those.
    List(&'static str),
    /// By the folder that it serves, which is its working directory.
    Folder(&'static str),
}

const SUPERVISORS: [Supervisor; 8] = [
    listing("supervisord", "supervisorctl", "supervisorctl status"),
    serving("runsv", "sv", "sv stop"),
    serving("s6-supervise", "s6-svc", "s6-svc -d"),
    listing("circusd", "circusctl", "circusctl status"),
    listing("monit", "monit", "monit summary"),
    listing("pm2", "pm2", "pm2 list"),
    listing(
        "process-compose",
        "process-compose",
        "process-compose process list",
    ),
    listing("launchd", "launchctl", "launchctl list"),
];

const fn listing(name: &'static str, tool: &'static str, list: &'static str) -> Supervisor {
    let way = Way::List(list);
    Supervisor { name, tool, way }
}

const fn serving(name: &'static str, tool: &'static str, stop: &'static str) -> Supervisor {
    let way = Way::Folder(stop);
    Supervisor { name, tool, way }
}

/// Programs that start again what they run when a file changes.
const WATCHERS: [&str; 5] = ["nodemon", "watchexec", "cargo-watch", "air", "entr"];

/// Programs that run several others, and end them together.
const RUNNERS: [&str; 4] = ["foreman", "overmind", "honcho", "hivemind"];

/// Programs that run one other, and end when it does.
const WRAPPERS: [&str; 10] = [
    "sudo",
    "su",
    "runuser",
    "setpriv",
    "tini",
    "dumb-init",
    "npm",
    "yarn",
    "pnpm",
    "poetry",
];

/// Looks for whoever started a process, and the others that hold the port beside it.
pub fn starter<'a>(
    main: &'a Process,
    others: &[std::rc::Rc<Process>],
    parents: Option<&'a [Process]>,
) -> Starter<'a> {
    let chain = parents.unwrap_or_default();
    let unit = service(main);
    let master = chain.first().filter(|parent| is_pool(main, others, parent));
    if let Some(unit) = unit {
        if is_top(main, chain.first(), unit) {
            return Starter::Service { unit, master: None };
        }
        if master.is_some_and(|master| is_top(master, chain.get(1), unit)) {
            return Starter::Service { unit, master };
        }
    }
    if let Some((at, parent)) = named(chain, &SUPERVISORS.each_ref().map(|one| one.name)) {
        return Starter::Supervisor(&SUPERVISORS[at], parent);
    }
    if let Some((at, parent)) = named(chain, &WATCHERS) {
        return Starter::Watcher(WATCHERS[at], parent);
    }
    if let Some((at, parent)) = named(chain, &RUNNERS) {
        return Starter::Runner(RUNNERS[at], parent);
    }
    if let Some(master) = master {
        return Starter::Master(master);
    }
    if let Some(shell) = chain.first().filter(|parent| is_prompt(parent)) {
        return Starter::Prompt(shell);
    }
    unit.map_or(Starter::Unknown, |unit| of_service(unit, chain))
}

/// What is known of a service whose first process is not the holder.
fn of_service<'a>(unit: &'a Unit, chain: &'a [Process]) -> Starter<'a> {
    let is_within = |parent: &&Process| parent.meaning.unit.as_ref() == Some(unit);
    let within = chain.iter().take_while(is_within).count();
    let top = within.checked_sub(1).map(|last| &chain[last]);
    let top = top.filter(|top| is_top(top, chain.get(within), unit));
    let waits = |parent: &Process| {
        is_shell(parent) && !is_prompt(parent) || called(parent, &WRAPPERS).is_some()
    };
    match top {
        Some(top) if chain[..within].iter().all(waits) => Starter::Script { unit, top },
        top => Starter::Stranger { unit, top },
    }
}

/// The supervisor that a process is itself.
pub fn supervisor(process: &Process) -> Option<&'static Supervisor> {
    called(process, &SUPERVISORS.each_ref().map(|one| one.name)).map(|at| &SUPERVISORS[at])
}

/// The unit by which a process is known as a service.
pub fn service(process: &Process) -> Option<&Unit> {
    let unit = process.meaning.unit.as_ref();
    unit.filter(|unit| unit.is_telling())
}

/// Whether systemd itself started the process, as the first one of a unit.
fn is_top(process: &Process, parent: Option<&Process>, unit: &Unit) -> bool {
    match parent {
        Some(parent) => is_systemd(parent) && parent.meaning.unit.as_ref() != Some(unit),
        None => process.parent_pid == Some(1) && unit.manager == Manager::System,
    }
}

/// Whether it is the systemd of a machine, of a container or of a user. Anybody may give a process this
/// name; these have a place of their own.
pub fn is_systemd(process: &Process) -> bool {
    let is_called = |name: &crate::model::Foreign| name.unclean() == "systemd";
    let unit = process.meaning.unit.as_ref();
    let is_first = unit.is_some_and(|unit| unit.name.unclean() == "init.scope");
    let is_of_container = process.meaning.container.is_some() && process.uid == Some(0);
    (is_called(&process.name) || process.comm.as_ref().is_some_and(is_called))
        && (process.key.pid == 1 || is_first || is_of_container)
}

/// Whether several processes hold the port that this one, which does not, has started as its workers.
fn is_pool(main: &Process, others: &[std::rc::Rc<Process>], parent: &Process) -> bool {
    let is_worker = |one: &Process| one.parent_pid == Some(parent.key.pid);
    let holds = others.iter().any(|other| other.key == parent.key);
    !others.is_empty()
        && !holds
        && is_worker(main)
        && others.iter().all(|other| is_worker(other))
        && is_same_program(main, parent)
}

/// Whether both run the same program: an interpreter is none by itself.
pub fn is_same_program(a: &Process, b: &Process) -> bool {
    a.name == b.name && a.executable == b.executable && a.meaning.script == b.meaning.script
}

/// The nearest of the parents that is one of these programs, and which.
fn named<'a>(parents: &'a [Process], names: &[&str]) -> Option<(usize, &'a Process)> {
    let of_parent = |parent: &'a Process| Some((called(parent, names)?, parent));
    parents.iter().find_map(of_parent)
}

/// Which of these programs it is, by its name, its script or the title that it set.
fn called(process: &Process, names: &[&str]) -> Option<usize> {
    let name = process.name.unclean();
    let command = process.command.as_ref();
    let title = command.and_then(|words| words.first());
    let title = title.map_or("", |first| first.unclean()).to_lowercase();
    let script = process.meaning.script.as_ref();
    let script = script.map_or("", |script| script.base_name());
    let script = script.strip_suffix(".js").unwrap_or(script);
    let is_it = |known: &&str| {
        name == *known || script == *known || title.split(' ').next() == Some(*known)
    };
    names.iter().position(is_it)
}
