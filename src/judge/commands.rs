//! Commands to go on with. They are made to be copied into a root shell, and hold names that others
//! chose: a name that could be an option, or act on a terminal, makes no command.

use super::why::is_hidden;
use crate::model::{
    Container, Forwarder, Limits, Manager, Namespaces, Process, Row, Runtime, Unit,
};

/// Commands that end what holds the sockets, the gentlest first; none where nobody can be told to end it.
pub fn next(
    main: Option<&Process>,
    others: &[std::rc::Rc<Process>],
    row: &Row,
    limits: &Limits,
) -> Vec<String> {
    let role = row.role.as_deref();
    let forward = role.and_then(|role| role.forwards_to.as_ref());
    let keeps = forward.filter(|forward| is_runtime(forward.by));
    if let Some(forward) = keeps {
        return match forward.container.as_deref() {
            Some(container) => stop_container(container).into_iter().collect(),
            None => published(row).into_iter().collect(),
        };
    }
    if main.is_some_and(is_keeper) {
        return published(row).into_iter().collect();
    }
    let Some(main) = main else {
        return Vec::new();
    };
    if let Some(container) = main.meaning.container.as_deref() {
        return stop_container(container).into_iter().collect();
    }
    let socket_unit = role.and_then(|role| role.socket_unit.as_ref());
    if let Some(socket) = socket_unit {
        let manager = manager_of(main);
        return stop(socket.unclean(), manager, main, limits)
            .into_iter()
            .collect();
    }
    if let Some(unit) = service(main) {
        return stop(unit.name.unclean(), unit.manager, main, limits)
            .into_iter()
            .collect();
    }
    let pids = std::iter::once(main.key.pid).chain(others.iter().map(|one| one.key.pid));
    let pids: Vec<String> = pids
        .filter(|pid| *pid != 1)
        .take(MOST)
        .map(|pid| pid.to_string())
        .collect();
    if pids.is_empty() {
        return Vec::new();
    }
    vec![format!("kill {}", pids.join(" "))]
}

/// The question as root would ask it, where nobody but root may see who holds the socket.
pub fn ask_as_root(row: &Row, namespaces: Namespaces, limits: &Limits) -> Option<String> {
    let is_useful = is_hidden(row) && limits.uid != Some(0);
    let everywhere = match namespaces {
        Namespaces::Own => "",
        Namespaces::All => "--all-netns ",
    };
    let port = row.socket.local.port.map(|port| format!(":{port}"));
    let what = port.unwrap_or_else(|| row.socket.protocol.to_string());
    is_useful.then(|| format!("sudo portwho why {everywhere}{what}"))
}

/// Processes that one command ends; a pool of more has a service to end it by.
const MOST: usize = 16;

/// Programs of runtimes that hold ports for containers.
const KEEPERS: [&str; 4] = ["docker-proxy", "dockerd", "conmon", "rootlessport"];

/// Whether the process keeps ports for containers of the machine's runtime.
pub fn is_keeper(process: &Process) -> bool {
    let program = process.executable.as_ref();
    process.uid == Some(0) && program.is_some_and(|path| KEEPERS.contains(&path.base_name()))
}

pub fn is_runtime(by: Forwarder) -> bool {
    matches!(
        by,
        Forwarder::DockerProxy | Forwarder::Docker | Forwarder::Podman
    )
}

/// The command that names the container for which a port is published.
fn published(row: &Row) -> Option<String> {
    let port = row.socket.local.port?;
    Some(format!("docker ps --filter publish={port}"))
}

/// The unit by which a process is known as a service.
pub fn service(process: &Process) -> Option<&Unit> {
    let unit = process.meaning.unit.as_ref();
    unit.filter(|unit| unit.is_telling())
}

/// Of whose systemd a process is that holds a socket for a unit.
fn manager_of(process: &Process) -> Manager {
    let unit = process.meaning.unit.as_ref();
    unit.map_or(Manager::System, |unit| unit.manager)
}

/// `systemctl stop UNIT`, by the manager whose unit it is.
fn stop(unit: &str, manager: Manager, process: &Process, limits: &Limits) -> Option<String> {
    let unit = operand(unit)?;
    Some(match manager {
        Manager::System => format!("systemctl stop {unit}"),
        Manager::User if process.uid == limits.uid => format!("systemctl --user stop {unit}"),
        Manager::User => {
            let user = operand(process.user.as_deref()?)?;
            format!("systemctl --user --machine={user}@ stop {unit}")
        }
    })
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
