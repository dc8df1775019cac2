//! What comes of the end of a process: whether somebody starts it again, and how to end it for good.

use super::why::is_hidden;
use crate::model::{
    Container, Forwarder, Limits, Manager, OwnerStatus, Process, Row, Runtime, State, Unit,
};

/// What would happen if the process were killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// Whether it would be started again; `None` where that cannot be told.
    pub restarted: Option<bool>,
    /// Who would do so.
    pub by: Option<String>,
    /// In a sentence.
    pub why: String,
}

/// Programs that start again what they started, and how to make them end it.
const SUPERVISORS: [(&str, Option<&str>); 16] = [
    ("supervisord", Some("supervisorctl status")),
    ("runsv", Some("sv status")),
    ("s6-supervise", Some("s6-svc -d")),
    ("circusd", Some("circusctl status")),
    ("monit", Some("monit status")),
    ("pm2", Some("pm2 list")),
    ("god", Some("god status")),
    ("nodemon", None),
    ("watchexec", None),
    ("cargo-watch", None),
    ("air", None),
    ("entr", None),
    ("foreman", None),
    ("overmind", Some("overmind ps")),
    ("process-compose", Some("process-compose process list")),
    ("launchd", Some("launchctl list")),
];

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
    let told = |restarted, by: &str, why: String| Consequence {
        restarted,
        by: Some(by.to_owned()).filter(|by| !by.is_empty()),
        why,
    };
    if let Some(container) = behind(row) {
        let why = format!(
            "{} holds the port for container {}, and would open it again with it",
            runtime(container),
            container.label().unclean()
        );
        return told(None, runtime(container), why);
    }
    if let Some(container) = main.meaning.container.as_deref() {
        return of_container(container);
    }
    let opened_by = row.role.as_ref().and_then(|role| role.socket_unit.as_ref());
    if let Some(socket) = opened_by {
        let socket = socket.unclean();
        let why = format!(
            "systemd itself holds the port for {socket}, and would start the service again at the \
             next connection: stop the socket"
        );
        return told(Some(true), "systemd", why);
    }
    if let Some(unit) = service(main) {
        return of_unit(main, unit);
    }
    if let Some(supervisor) = parents.and_then(supervisor) {
        let name = supervisor.name.unclean();
        let why = format!("{name} (pid {}) would start it again", supervisor.key.pid);
        return told(Some(true), name, why);
    }
    if holders.len() > 1
        && holders
            .iter()
            .any(|one| one.parent_pid == Some(main.key.pid))
    {
        let why = "its workers end with it; one that is killed alone it would start again";
        return told(Some(false), "", why.into());
    }
    let shell = parents.and_then(|all| all.first());
    match shell.filter(|parent| SHELLS.contains(&parent.name.unclean())) {
        Some(shell) => {
            let why = format!(
                "nothing starts it again: it was started from a shell ({}, pid {})",
                shell.name.unclean(),
                shell.key.pid
            );
            told(Some(false), "", why)
        }
        None => told(
            None,
            "",
            "nothing is known that would start it again".into(),
        ),
    }
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
    Consequence {
        restarted,
        by: None,
        why: why.into(),
    }
}

fn of_container(container: &Container) -> Consequence {
    let name = container.label();
    let (by, why) = if container.identity.pod_uid.is_some() {
        (
            "kubelet",
            "it runs in a pod of Kubernetes: kubelet would start it again".to_owned(),
        )
    } else {
        let by = runtime(container);
        let name = name.unclean();
        (
            by,
            format!("it runs in container {name}: whether {by} starts that again, its policy says"),
        )
    };
    Consequence {
        restarted: container.identity.pod_uid.is_some().then_some(true),
        by: Some(by.to_owned()),
        why,
    }
}

/// What `Restart=` means for a process that a signal ends, systemd.service(5).
fn of_unit(main: &Process, unit: &Unit) -> Consequence {
    let policy = main.meaning.restart.as_ref().map(|policy| policy.unclean());
    let (restarted, why) = match policy {
        None => (
            None,
            "systemd may start it again (its unit's file cannot be read)".to_owned(),
        ),
        Some("no") => (
            Some(false),
            "systemd would not start it again (Restart=no)".to_owned(),
        ),
        Some(always @ ("always" | "on-success")) => (
            Some(true),
            format!("systemd would start it again (Restart={always})"),
        ),
        Some(other) => (
            None,
            format!(
                "systemd would start it again after a failure, SIGKILL is one (Restart={other})"
            ),
        ),
    };
    Consequence {
        restarted,
        by: Some("systemd".to_owned()).filter(|_| restarted != Some(false)),
        why: format!("{why}: use {}", stop_unit(unit)),
    }
}

/// The unit by which a process is known as a service.
fn service(process: &Process) -> Option<&Unit> {
    let unit = process.meaning.unit.as_ref();
    unit.filter(|unit| unit.is_telling())
}

/// The container for which the port is held by a proxy.
fn behind(row: &Row) -> Option<&Container> {
    let forward = row.role.as_ref()?.forwards_to.as_ref()?;
    let is_runtime = matches!(
        forward.by,
        Forwarder::DockerProxy | Forwarder::Docker | Forwarder::Podman
    );
    forward.container.as_deref().filter(|_| is_runtime)
}

fn runtime(container: &Container) -> &'static str {
    let runtime = container.identity.runtime;
    runtime.map_or("the runtime", Runtime::as_str)
}

/// The nearest parent that starts again what it started.
fn supervisor(parents: &[Process]) -> Option<&Process> {
    parents.iter().take(2).find(|parent| is_supervisor(parent))
}

fn is_supervisor(process: &Process) -> bool {
    supervisor_of(process).is_some()
}

fn supervisor_of(process: &Process) -> Option<&'static (&'static str, Option<&'static str>)> {
    let name = process.name.unclean();
    let title = process
        .command
        .as_ref()
        .and_then(|words| words.first())
        .map_or("", |first| first.unclean());
    let script = process.meaning.script.as_ref();
    let script = script.map_or("", |script| script.base_name());
    SUPERVISORS.iter().find(|(known, _)| {
        name == *known || script == *known || title.to_lowercase().starts_with(&format!("{known} "))
    })
}

/// Commands to go on with, the gentlest first.
pub fn next(
    main: Option<&Process>,
    parents: Option<&[Process]>,
    rows: &[&Row],
    limits: &Limits,
) -> Vec<String> {
    let row = rows[0];
    let mut all = Vec::new();
    let port = row.socket.local.port;
    if is_hidden(row) && limits.uid != Some(0) {
        let port = port.map(|port| format!(" :{port}")).unwrap_or_default();
        all.push(format!("sudo portwho why{port}"));
    }
    if let Some(socket_unit) = row.role.as_ref().and_then(|role| role.socket_unit.as_ref()) {
        all.push(format!("systemctl stop {}", quoted(socket_unit.unclean())));
    }
    if let Some(container) = behind(row) {
        all.extend(stop_container(container));
        return all;
    }
    let Some(main) = main else {
        return all;
    };
    let is_manager = row
        .role
        .as_ref()
        .is_some_and(|role| role.socket_unit.is_some())
        && main.key.pid == 1;
    let container = main.meaning.container.as_deref();
    if let Some(container) = container {
        all.extend(stop_container(container));
    } else if let Some(unit) = service(main) {
        all.push(stop_unit(unit));
    } else if let Some((_, Some(command))) =
        parents.and_then(|all| supervisor(all).and_then(supervisor_of))
    {
        all.push((*command).to_owned());
    }
    if container.is_none() && service(main).is_none() && !is_manager && main.key.pid != 1 {
        all.push(format!("kill {}", main.key.pid));
    }
    all
}

fn stop_unit(unit: &Unit) -> String {
    let manager = match unit.manager {
        Manager::System => "",
        Manager::User => "--user ",
    };
    format!("systemctl {manager}stop {}", quoted(unit.name.unclean()))
}

/// The command that ends a container; `None` where its runtime is not known.
pub fn stop_container(container: &Container) -> Option<String> {
    let name = container.label();
    let name = quoted(name.unclean());
    if container.identity.pod_uid.is_some() {
        return Some("kubectl get pods --all-namespaces --output wide".into());
    }
    Some(match container.identity.runtime? {
        runtime @ (Runtime::Docker | Runtime::Podman) => {
            match (&container.compose_project, &container.compose_service) {
                (Some(project), Some(service)) => format!(
                    "{} compose --project-name {} stop {}",
                    runtime.as_str(),
                    quoted(project.unclean()),
                    quoted(service.unclean())
                ),
                _ => format!("{} stop {name}", runtime.as_str()),
            }
        }
        Runtime::Containerd => format!("ctr tasks kill {name}"),
        Runtime::CriO => format!("crictl stop {name}"),
        Runtime::Lxc => format!("lxc-stop --name {name}"),
        Runtime::SystemdNspawn => format!("machinectl stop {name}"),
    })
}

/// A word as a shell takes it: names come from others, and these lines are made to be copied.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:/".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
