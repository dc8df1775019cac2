//! Who started a holder of a port and may start it again: systemd, another supervisor, somebody at a
//! prompt. Pure; by the chain of parents alone.

use super::launcher::{WRAPPERS, ending, is_host, launcher};
use super::prompt::{is_prompt, is_shell};
use super::supervisor::{SUPERVISORS, Supervisor};
use crate::model::{Foreign, Manager, Process, Unit};

/// Who answers for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starter<'a> {
    /// systemd, for it is the first process of a service, or was started within it by that one or by
    /// one of its own program.
    Service {
        unit: &'a Unit,
        /// That process, where it is another one.
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
        /// What started the holder, where that may start it again.
        launcher: Option<&'a Process>,
    },
    /// A supervisor, at least by its name.
    Supervisor(&'static Supervisor, &'a Process),
    /// A program that starts it again when a file changes.
    Watcher(&'static str, &'a Process),
    /// A program that runs it with others, and ends them together.
    Runner(&'static str, &'a Process),
    /// The process whose workers hold the port, itself without it.
    Master(&'a Process),
    /// A shell that somebody types at.
    Prompt(&'a Process),
    /// Another program, which may start it again.
    Launcher(&'a Process),
    /// Whatever it is, it cannot be seen.
    Unseen,
    Unknown,
}

/// Programs that start again what they run when a file changes.
const WATCHERS: [&str; 5] = ["nodemon", "watchexec", "cargo-watch", "air", "entr"];

/// Programs that run several others, and end them together.
const RUNNERS: [&str; 5] = ["foreman", "overmind", "honcho", "hivemind", "concurrently"];

/// Looks for whoever started a process, and the others that hold the port beside it. `own` are the
/// pids of portwho and its parents: what these are part of is not theirs alone.
pub fn starter<'a>(
    main: &'a Process,
    others: &[std::rc::Rc<Process>],
    parents: Option<&'a [Process]>,
    own: &[u32],
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
    if let Some(parent) = chain.iter().find(|parent| watches(parent)) {
        return Starter::Watcher("node --watch", parent);
    }
    if let Some((at, parent)) =
        named(chain, &RUNNERS).filter(|(_, parent)| ending(parent).is_none())
    {
        return Starter::Runner(RUNNERS[at], parent);
    }
    if let Some(master) = master {
        return Starter::Master(master);
    }
    let launcher = launcher(chain);
    if let Some(shell) = launcher.filter(|parent| is_prompt(parent)) {
        return Starter::Prompt(shell);
    }
    if let Some(unit) = unit {
        return of_service(main, unit, chain, own);
    }
    match launcher {
        Some(launcher) => Starter::Launcher(launcher),
        None if chain.is_empty() && !matches!(main.parent_pid, None | Some(1)) => Starter::Unseen,
        None => Starter::Unknown,
    }
}

/// What is known of a service whose first process is not the holder.
fn of_service<'a>(
    main: &Process,
    unit: &'a Unit,
    chain: &'a [Process],
    own: &[u32],
) -> Starter<'a> {
    let is_within = |parent: &&Process| parent.meaning.unit.as_ref() == Some(unit);
    let within = &chain[..chain.iter().take_while(is_within).count()];
    let top = within.last();
    let top = top.filter(|top| is_top(top, chain.get(within.len()), unit));
    let waits = |parent: &Process| {
        is_shell(parent) && !is_prompt(parent) || called(parent, &WRAPPERS).is_some()
    };
    let serves_others = |parent: &Process| is_host(parent) || own.contains(&parent.key.pid);
    let kin = || within.iter().rfind(|parent| is_same_program(main, parent));
    match (top, top.or_else(kin)) {
        _ if within.iter().any(serves_others) => {}
        (Some(top), _) if within.iter().all(waits) => return Starter::Script { unit, top },
        (_, Some(master)) => {
            let master = Some(master);
            return Starter::Service { unit, master };
        }
        (_, None) => {}
    }
    let launcher = launcher(chain);
    Starter::Stranger {
        unit,
        top,
        launcher,
    }
}

/// Whether it is a Node that starts its script again when a file changes, `node --watch`.
fn watches(process: &Process) -> bool {
    let words = process.command.as_deref().unwrap_or_default();
    let mut options = words.iter().skip(1).map(Foreign::unclean);
    let is_watch = |word: &str| word == "--watch" || word.starts_with("--watch-path");
    let program = process.executable.as_ref().map(Foreign::base_name);
    (process.name.unclean() == "node" || program == Some("node"))
        && options
            .by_ref()
            .take_while(|word| word.starts_with('-'))
            .any(is_watch)
}

/// The supervisor that a process is itself.
pub fn supervisor(process: &Process) -> Option<&'static Supervisor> {
    called(process, &SUPERVISORS.each_ref().map(|one| one.name)).map(|at| &SUPERVISORS[at])
}

/// The unit by which a process is known as a service.
pub fn service(process: &Process) -> Option<&Unit> {
    let unit = process.meaning.unit.as_ref();
    unit.filter(|unit| unit.is_telling() && !unit.claimed)
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
    let is_first = unit.is_some_and(|unit| unit.name.unclean() == "init.scope" && !unit.claimed);
    let is_of_container = process.meaning.proven_container().is_some() && process.uid == Some(0);
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

/// Whether the others are workers of the main process: it started them, and they run its program.
pub fn are_workers(main: &Process, others: &[std::rc::Rc<Process>]) -> bool {
    let started = |one: &Process| {
        let mut all = std::iter::once(main).chain(others.iter().map(|other| &**other));
        all.any(|parent| Some(parent.key.pid) == one.parent_pid)
    };
    let is_worker = |one: &std::rc::Rc<Process>| started(one) && is_same_program(main, one);
    !others.is_empty() && others.iter().all(is_worker)
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

/// Which of these programs it is, by its name, its script, the package that the script is of, or the
/// title that it set.
pub fn called(process: &Process, names: &[&str]) -> Option<usize> {
    let name = process.name.unclean();
    let command = process.command.as_ref();
    let title = command.and_then(|words| words.first());
    let title = title.map_or("", |first| first.unclean()).to_lowercase();
    let path = process.meaning.script.as_ref();
    let script = path.map_or("", |script| script.base_name());
    let script = script.strip_suffix(".js").unwrap_or(script);
    let package = path.and_then(|path| {
        let (_, below) = path.unclean().rsplit_once("node_modules/")?;
        below.split('/').next()
    });
    let is_it = |known: &&str| {
        name == *known
            || script == *known
            || package == Some(known)
            || title.split([' ', ':']).next() == Some(*known)
    };
    names.iter().position(is_it)
}
