//! What systemd does when a process of one of its units ends.

use super::super::starter::service;
use super::{Case, Consequence, named, told};
use crate::model::{Foreign, Process, Unit};

/// Of a socket that systemd opened, systemd.socket(5).
pub fn of_socket(main: &Process, socket: Option<&str>, case: &Case<'_>) -> Consequence {
    let by = Some("systemd");
    let Some(socket) = socket else {
        let why = "systemd holds the port as well, and may start the service again at the next \
                   connection: its socket units could not be read";
        return told(None, by, why.into());
    };
    let why = match (case.opener, service(main)) {
        (None, _) => format!(
            "systemd itself holds the port for {socket}, and starts the service at the next \
             connection: stop the socket"
        ),
        (Some(_), Some(unit)) => format!(
            "systemd holds the port as well, for {socket}, and would start {} again at the next \
             connection: stop both",
            unit.name.in_sentence()
        ),
        (Some(_), None) => format!(
            "systemd holds the port as well, for {socket}, and would start the service again at \
             the next connection: stop the socket too"
        ),
    };
    told(Some(true), by, why)
}

/// Of a service that began with another process: systemd watches that one alone.
pub fn of_first(main: &Process, unit: &Unit, top: &Process) -> Consequence {
    let (unit_name, top_name) = (unit.name.in_sentence(), named(top));
    let again = when_systemd_starts(main, unit);
    let why = format!("{top_name} is the main process of {unit_name}, this one is not: {again}");
    told(None, None, why)
}

/// Of a service whose first process started the holder.
pub fn by_first(main: &Process, unit: &Unit, top: &Process) -> Consequence {
    Consequence {
        by: Some(top.name.unclean().to_owned()),
        why: format!(
            "{}, and that process may start it again itself",
            of_first(main, unit, top).why
        ),
        restarted: None,
    }
}

/// When systemd starts a service again whose first process the holder is not.
pub fn when_systemd_starts(main: &Process, unit: &Unit) -> String {
    let name = unit.name.in_sentence();
    let policy = main.meaning.restart.as_ref();
    match policy.map(Foreign::in_sentence).as_deref() {
        Some("no") => format!("systemd would not start {name} again (Restart=no)"),
        Some(policy) => format!(
            "systemd starts {name} again only when its main process ends (Restart={policy})"
        ),
        None => format!("systemd may start {name} again only when its main process ends"),
    }
}

/// What `Restart=` means for a process that a signal ends, systemd.service(5).
pub fn of_unit(main: &Process, unit: &Unit) -> Consequence {
    let name = unit.name.in_sentence();
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
