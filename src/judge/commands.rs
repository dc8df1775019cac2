//! Commands to go on with. They are made to be copied into a root shell, and hold names that others
//! chose: a name that could be an option, or act on a terminal, makes no command.

use super::harm::{Harm, harm};
use super::launcher::{Ending, ending};
use super::starter::{Starter, are_workers, service, supervisor};
use super::supervision::Case;
use super::supervisor::{Supervisor, Way};
use super::why::is_hidden;
use crate::model::{
    Container, Forwarder, Halt, Limits, Manager, Namespaces, Process, Row, Runtime, State, Unit,
};

/// Commands that end what holds the sockets, the gentlest first; none where nobody can be told to end it.
pub fn next(case: &Case<'_>) -> Vec<String> {
    let Case { main, row, .. } = *case;
    if harm(case).is_some_and(Harm::forbids) {
        return Vec::new();
    }
    let role = row.role.as_deref();
    let forward = role.and_then(|role| role.forwards_to.as_ref());
    let keeps = forward.filter(|forward| is_runtime(forward.by));
    if let Some(forward) = keeps {
        return match forward.container.as_deref() {
            Some(container) => stop_container(container).into_iter().collect(),
            None => published(row, Runtime::Docker).into_iter().collect(),
        };
    }
    if let Some(runtime) = main.and_then(keeper) {
        return published(row, runtime).into_iter().collect();
    }
    let Some(main) = main else {
        return without_process(row).into_iter().collect();
    };
    if let Some(container) = case.container(main) {
        return stop_container(container).into_iter().collect();
    }
    let socket_unit = role.and_then(|role| role.socket_unit.as_ref());
    if let Some(socket) = socket_unit {
        let manager = manager_of(case.opener.unwrap_or(main).meaning.unit.as_ref());
        let service = service(main).filter(|_| case.opener.is_some());
        let service = service.map(|unit| unit.name.unclean());
        let units: Vec<&str> = [socket.unclean()].into_iter().chain(service).collect();
        let stop = systemctl("stop", &units, manager, case.asker);
        return stop.into_iter().collect();
    }
    if let Some(opener) = case.opener {
        // Which unit it was opened for, systemd knows.
        let list = systemctl(
            "list-sockets",
            &[],
            manager_of(opener.meaning.unit.as_ref()),
            case.asker,
        );
        return list.into_iter().collect();
    }
    if forward.is_some_and(|forward| forward.by == Forwarder::Sshd) {
        return kill(std::iter::once(main), case);
    }
    by_starter(main, case)
}

/// How to learn more of a socket without a process.
fn without_process(row: &Row) -> Option<String> {
    let port = row.socket.local.port.map(|port| format!(" :{port}"));
    let is_closed = row.socket.state == State::TimeWait;
    is_closed.then(|| format!("portwho check{}", port.unwrap_or_default()))
}

/// What whoever started the processes is told; a signal, where nobody starts them again.
fn by_starter(main: &Process, case: &Case<'_>) -> Vec<String> {
    if let Some(own) = supervisor(main).filter(|own| own.is_proven(main, case.asker)) {
        // It holds the port for something that it runs, or its end is that of all it runs.
        return told_to(own, main, case.asker).into_iter().collect();
    }
    let holders = || {
        let workers = are_workers(main, case.others);
        let others = case.others.iter().map(|one| &**one);
        std::iter::once(main).chain(others.filter(move |_| !workers))
    };
    let is_own = |process: &Process| case.own.contains(&process.key.pid);
    let of_unit = |verb: &str, unit: &Unit| {
        systemctl(
            verb,
            &[unit.name.unclean()],
            manager_of(Some(unit)),
            case.asker,
        )
    };
    let command = match case.starter(main) {
        Starter::Service { unit, .. } | Starter::Script { unit, .. } => {
            match of_unit("stop", unit) {
                None => return kill(holders(), case),
                stop => stop,
            }
        }
        Starter::Stranger { unit, .. } => {
            // What else the service does is not known.
            let look = of_unit("status", unit);
            return kill(holders(), case).into_iter().chain(look).collect();
        }
        Starter::Supervisor(supervisor, process) if supervisor.is_proven(process, case.asker) => {
            told_to(supervisor, process, case.asker)
        }
        Starter::Watcher(_, process) | Starter::Master(process) if !is_own(process) => {
            return kill(std::iter::once(process), case);
        }
        Starter::Launcher(process) if !is_own(process) => {
            return match ending(process) {
                // First what would start it again.
                Some(Ending::Both) => kill(std::iter::once(process).chain(holders()), case),
                Some(Ending::Interrupt) => vec![format!("kill -INT {}", process.key.pid)],
                None => kill(holders(), case),
            };
        }
        _ => return kill(holders(), case),
    };
    command.into_iter().collect()
}

/// The command by which a supervisor ends what it runs, or names it. The tool is the one that the asker
/// would run: of one that serves another user there is no command.
fn told_to(supervisor: &Supervisor, process: &Process, asker: Option<u32>) -> Option<String> {
    match supervisor.way {
        // Each user has a daemon of pm2, which its command starts where there is none.
        Way::List(_) if supervisor.name == "pm2" && process.uid != asker => None,
        Way::List(command) => Some(command.to_owned()),
        Way::Folder(command) => {
            let folder = process.working_directory.as_ref()?;
            // The tool writes below the folder: through a link, where another user may make one.
            let provenance = process.provenance.as_deref()?;
            let is_kept = provenance.has_believed_directory(asker);
            Some(format!("{command} {}", operand(folder.unclean())?)).filter(|_| is_kept)
        }
    }
}

/// `kill PID...`, and what continues those that are stopped, they or their workers: a stopped process
/// takes the signal only then, signal(7). One that a debugger holds is for that to continue.
fn kill<'a>(ended: impl Iterator<Item = &'a Process>, case: &Case<'a>) -> Vec<String> {
    let is_meant = |process: &&Process| process.key.pid != 1;
    let ended: Vec<&Process> = ended.filter(is_meant).take(MOST).collect();
    let others = case.others.iter().map(|one| &**one);
    let holders = case.main.into_iter().chain(others).filter(is_meant);
    let mut stopped: Vec<&Process> = ended.clone();
    for holder in holders.take(MOST) {
        if !stopped.iter().any(|one| one.key == holder.key) {
            stopped.push(holder);
        }
    }
    stopped.retain(|process| process.halt == Some(Halt::Signal));
    let one = |name: &str, some: &[&Process]| {
        let pids = some.iter().map(|process| process.key.pid.to_string());
        let pids: Vec<String> = pids.collect();
        format!("{name} {}", pids.join(" "))
    };
    let all = |name: &'static str, processes: &[&Process]| -> Vec<String> {
        let parts = processes.chunks(IN_ONE);
        parts.map(|some| one(name, some)).collect()
    };
    [all("kill", &ended), all("kill -CONT", &stopped)].concat()
}

/// The question as root would ask it, where nobody but root may see who holds the socket.
pub fn ask_as_root(row: &Row, namespaces: Namespaces, limits: &Limits) -> Option<String> {
    let is_useful = is_hidden(row) && limits.uid != Some(0) && !row.socket.has_unknown_user();
    let everywhere = match namespaces {
        Namespaces::Own => "",
        Namespaces::All => "--all-netns ",
    };
    let port = row.socket.local.port.map(|port| format!(":{port}"));
    let what = port.unwrap_or_else(|| row.socket.protocol.to_string());
    is_useful.then(|| format!("sudo portwho why {everywhere}{what}"))
}

/// Processes that one command names: a terminal takes lines of 4095 characters at most, termios(3).
const IN_ONE: usize = 64;

/// Processes that commands name; of more, the consequence says that some are left out.
pub const MOST: usize = 16 * IN_ONE;

/// The machine's runtime whose program this is, where that holds ports for containers and for nothing
/// else. (A dockerd may do so as well, or serve its own API: that its answer tells.)
pub fn keeper(process: &Process) -> Option<Runtime> {
    let program = process
        .executable
        .as_ref()
        .filter(|_| process.uid == Some(0));
    match program?.base_name() {
        "docker-proxy" => Some(Runtime::Docker),
        "conmon" => Some(Runtime::Podman),
        _ => None,
    }
}

pub fn is_runtime(by: Forwarder) -> bool {
    matches!(
        by,
        Forwarder::DockerProxy | Forwarder::Docker | Forwarder::Podman
    )
}

/// The command that names the container for which a port is published.
fn published(row: &Row, by: Runtime) -> Option<String> {
    let port = row.socket.local.port?;
    Some(match by {
        // Its `ps` knows no such filter.
        Runtime::Podman => "podman port --all".into(),
        _ => format!("docker ps --filter publish={port}"),
    })
}

/// The manager of a unit, and the user whose manager it is where it is not the machine's.
type OfManager = (Manager, Option<u32>);

fn manager_of(unit: Option<&Unit>) -> OfManager {
    unit.map_or((Manager::System, None), |unit| (unit.manager, unit.user))
}

/// `systemctl VERB UNIT...`, by the manager whose units they are. Units of another user's manager are what
/// that user calls them: they make no command.
fn systemctl(
    verb: &str,
    units: &[&str],
    (manager, user): OfManager,
    asker: Option<u32>,
) -> Option<String> {
    let units: Option<Vec<String>> = units.iter().map(|unit| operand(unit)).collect();
    let words: Vec<String> = [verb.to_owned()].into_iter().chain(units?).collect();
    let words = words.join(" ");
    match manager {
        Manager::System => Some(format!("systemctl {words}")),
        Manager::User if user.is_some() && user == asker => {
            Some(format!("systemctl --user {words}"))
        }
        Manager::User => None,
    }
}

/// The command that ends a container; `None` where its runtime is not known, is another user's own, or
/// would need more than its name.
pub fn stop_container(container: &Container) -> Option<String> {
    let identity = &container.identity;
    if identity.user.is_some() {
        return None;
    }
    if identity.pod_uid.is_some() {
        return Some("kubectl get pods --all-namespaces --output wide".into());
    }
    let id = operand(identity.id.unclean());
    Some(match identity.runtime? {
        runtime @ (Runtime::Docker | Runtime::Podman) => {
            let name = container.name.as_ref();
            let name = name.and_then(|name| operand(name.unclean())).or_else(|| {
                let label = identity.label();
                operand(label.unclean())
            })?;
            format!("{} stop {name}", runtime.as_str())
        }
        Runtime::CriO => format!("crictl stop {}", id?),
        Runtime::Lxc => format!("lxc-stop --name {}", id?),
        Runtime::SystemdNspawn => format!("machinectl stop {}", id?),
        // Its containers lie in namespaces that the control group does not tell.
        Runtime::Containerd => return None,
    })
}

/// A word as a shell takes it; `None` for what a command would take for an option, and for what acts
/// on a terminal: nobody should copy that.
fn operand(word: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:/\\".contains(c);
    let is_shown = |c: char| c.is_ascii_graphic() || c == ' ';
    if word.is_empty() || word.starts_with('-') || !word.chars().all(is_shown) {
        return None;
    }
    if word.chars().all(|c| is_plain(c) && c != '\\') {
        return Some(word.to_owned());
    }
    Some(format!("'{}'", word.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_safe_in_a_shell_or_no_command_is_made() {
        for (word, safe) in [
            ("nginx.service", Some("nginx.service")),
            (
                "postgresql@15-main.service",
                Some("postgresql@15-main.service"),
            ),
            ("a b", Some("'a b'")),
            ("x;reboot", Some("'x;reboot'")),
            ("$(reboot)", Some("'$(reboot)'")),
            ("it's", Some("'it'\\''s'")),
            (r"dev-disk\x2d1.service", Some(r"'dev-disk\x2d1.service'")),
            ("--all", None),
            ("-Hroot@evil.socket", None),
            ("", None),
            ("a\nreboot", None),
            ("a\x1b]0;x\x07", None),
            ("a\u{202e}b", None),
        ] {
            assert_eq!(operand(word).as_deref(), safe, "{word:?}");
        }
    }
}
