//! Words for the ports of outgoing connections.

mod advice;

pub use advice::advice;

use super::{endpoint, name};
use crate::judge::{Budget, DYNAMIC, Outlook, PORT_CLASSES, Usage};
use crate::model::{Endpoint, Holding, Limits, OwnerStatus, Protocol, State};

/// The states that have a number of their own.
pub const TOLD_STATES: [State; 4] = [
    State::Established,
    State::TimeWait,
    State::CloseWait,
    State::SynSent,
];
/// Owners that a line names.
const MOST_OWNERS: usize = 3;
/// Seconds from which a forecast is worth no word.
const DAY: f64 = 86_400.0;

/// Lines on the range and on the settings that decide.
pub fn range(usage: &Usage) -> Vec<String> {
    let pool = &usage.pool;
    let limits = &usage.limits;
    let mut lines = Vec::new();
    if let (Some((first, last)), Some(size)) = (pool.range(), pool.size()) {
        let mut parts = vec![counted(size, "port")];
        if let Some(reserved) = pool.reserved().filter(|reserved| *reserved > 0) {
            parts.push(format!("{reserved} reserved"));
        }
        if pool.taken() > 0 {
            parts.push(format!("{} taken", pool.taken()));
        }
        let available = pool.capacity(Protocol::Tcp).unwrap_or(0);
        parts.push(match available {
            0 => "none is left for any peer".into(),
            available => format!("at most {available} for each peer"),
        });
        lines.push(format!("range     {first}-{last}: {}", parts.join(", ")));
        let for_udp = limits.ephemeral_udp.filter(|udp| *udp != (first, last));
        if let Some((first, last)) = for_udp {
            let available = pool.capacity(Protocol::Udp).unwrap_or(0);
            lines.push(format!(
                "          {first}-{last} for UDP: {available} for each address"
            ));
        }
        lines.push(format!("classes   {}", classes(usage)));
    } else {
        lines.push("range     not known on this system".into());
    }
    let mut settings = Vec::new();
    if let Some(reuse) = limits.tcp_tw_reuse {
        let after = reuse_delay(limits);
        let means = match reuse {
            0 => "no port in TIME-WAIT serves again before its time".into(),
            1 => format!("a port in TIME-WAIT serves again after {after}"),
            _ => format!("a port in TIME-WAIT serves again after {after}, on loopback"),
        };
        settings.push(format!("tcp_tw_reuse {reuse} ({means})"));
    }
    if limits.tcp_timestamps == Some(0) {
        settings.push("tcp_timestamps 0 (which rules tcp_tw_reuse out)".into());
    }
    if let Some(seconds) = limits.tcp_fin_timeout {
        let wait = limits
            .time_wait_seconds
            .map(|wait| format!("; TIME-WAIT lasts {wait} s all the same"));
        let wait = wait.unwrap_or_default();
        settings.push(format!("tcp_fin_timeout {seconds} s (FIN-WAIT-2{wait})"));
    }
    for (at, line) in settings.iter().enumerate() {
        let title = if at == 0 { "settings" } else { "" };
        lines.push(format!("{title:8}  {line}"));
    }
    // Linux alone has such a setting.
    if limits.tcp_tw_reuse.is_some() {
        lines.push(
            "unseen    ranges of sockets, ports bound before connecting: FREE is at most".into(),
        );
    }
    lines
}

/// How long a port waits at least that serves again (tcp_tw_reuse_delay); a second where the kernel has
/// no such setting.
fn reuse_delay(limits: &Limits) -> String {
    match limits.reuse_delay() {
        whole if whole % 1000 == 0 => format!("{} s", whole / 1000),
        delay => format!("{delay} ms"),
    }
}

/// How the range stands to IANA's classes.
fn classes(usage: &Usage) -> String {
    let within = |first, last| usage.pool.within(first, last).unwrap_or(0);
    let (first, last) = DYNAMIC;
    if usage.pool.range() == Some(DYNAMIC) {
        return format!("the dynamic ports of IANA, {first}-{last}");
    }
    let counts = PORT_CLASSES.map(|(name, first, last)| (name, within(first, last)));
    let named = counts.iter().filter(|(_, count)| *count > 0);
    let named: Vec<String> = named
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!("{} (IANA: {first}-{last}, all dynamic)", named.join(", "))
}

/// `10.0.0.5`, with the interface where there is one.
pub fn budget_local(budget: &Budget) -> String {
    let end = Endpoint {
        address: budget.key.local,
        port: None,
    };
    let text = endpoint(&end, budget.interface.as_deref());
    match &budget.interface {
        Some(interface) if !text.contains('%') => format!("{text}%{interface}"),
        _ => text,
    }
}

/// `10.0.0.9:5432`; for UDP, that every peer counts.
pub fn budget_peer(budget: &Budget) -> String {
    match &budget.key.peer {
        Some(peer) => endpoint(peer, budget.interface.as_deref()),
        None => "any (udp)".into(),
    }
}

/// `85.3 %`; two numbers that differ from nothing and from all are not rounded to them.
pub fn share(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        _ if percent > 0.0 && percent < 0.1 => "<0.1 %".into(),
        _ if percent > 99.9 && percent < 100.0 => ">99.9 %".into(),
        0.0 => "0 %".into(),
        100.0 => "100 %".into(),
        _ => format!("{percent:.1} %"),
    }
}

/// `127.0.0.1 to 10.0.0.9:5432 has used 85.3 % of its 28232 ports`.
pub fn budget(budget: &Budget) -> String {
    match (budget.share(), budget.capacity) {
        (Some(part), Some(capacity)) => format!(
            "{} has used {} of its {}",
            ends(budget),
            share(part),
            counted(capacity, "port")
        ),
        _ => format!("{} has used {}", ends(budget), counted(budget.used, "port")),
    }
}

fn ends(budget: &Budget) -> String {
    format!("{} to {}", budget_local(budget), budget_peer(budget))
}

/// `gunicorn ×2 (pids 811, 812) 120; TIME-WAIT likely of gunicorn ×2`.
pub fn budget_owners(budget: &Budget) -> String {
    let live: u32 = budget.states.iter().sum::<u32>() - budget.count(State::TimeWait);
    let programs = programs(&budget.owners);
    let one = |program: &Vec<&Holding>| {
        // Some may be shared.
        let sockets: u32 = program.iter().map(|holding| holding.sockets).sum();
        format!("{} {}", processes(program), sockets.min(live))
    };
    let mut parts: Vec<String> = programs.iter().take(MOST_OWNERS).map(one).collect();
    let more = programs.len().saturating_sub(MOST_OWNERS);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    match budget.owner_status {
        OwnerStatus::Hidden => parts.push("(hidden)".into()),
        OwnerStatus::Unfound => parts.push("(not found)".into()),
        OwnerStatus::Partial if budget.unseen > 0 => parts.push("others hidden".into()),
        _ => {}
    }
    let mut owners = parts.join(", ");
    if budget.elsewhere > 0 {
        owners.push_str(&format!(
            "; {} by others",
            counted(budget.elsewhere, "port")
        ));
    }
    let likely = match budget.likely.as_slice() {
        [] => return owners,
        [one] => name(&one.process).into_owned(),
        [one, ..] => format!("{} ×{}", name(&one.process), budget.likely.len()),
    };
    let owners = Some(owners).filter(|owners| !owners.is_empty());
    let owners = owners.map_or(String::new(), |owners| format!("{owners}; "));
    format!("{owners}TIME-WAIT likely of {likely}")
}

/// `gunicorn 1201,1202 11, others hidden`: the names and pids alone, for a narrow terminal.
pub fn budget_pids(budget: &Budget) -> String {
    let programs = programs(&budget.owners);
    let one = |program: &Vec<&Holding>| {
        let pids = program.iter().take(MOST_OWNERS);
        let pids: Vec<String> = pids.map(|one| one.process.key.pid.to_string()).collect();
        let name = name(&program[0].process);
        let more = if program.len() > MOST_OWNERS {
            ",..."
        } else {
            ""
        };
        format!("{name} {}{more}", pids.join(","))
    };
    let mut parts: Vec<String> = programs.iter().take(MOST_OWNERS).map(one).collect();
    if programs.len() > MOST_OWNERS {
        parts.push(format!("{} more", programs.len() - MOST_OWNERS));
    }
    if budget.owner_status == OwnerStatus::Hidden {
        parts.push("(hidden)".into());
    } else if budget.owner_status == OwnerStatus::Unfound {
        parts.push("(not found)".into());
    } else if budget.unseen > 0 {
        parts.push("others hidden".into());
    }
    if let ([], [one, ..]) = (parts.as_slice(), budget.likely.as_slice()) {
        parts.push(format!("likely {}", name(&one.process)));
    }
    parts.join(", ")
}

/// Processes of one name together, in the order of the first of each.
fn programs(holdings: &[Holding]) -> Vec<Vec<&Holding>> {
    let mut programs: Vec<Vec<&Holding>> = Vec::new();
    for holding in holdings {
        let is_same = |known: &&mut Vec<&Holding>| known[0].process.name == holding.process.name;
        match programs.iter_mut().find(is_same) {
            Some(program) => program.push(holding),
            None => programs.push(vec![holding]),
        }
    }
    programs
}

/// `node (pid 811)`, `node ×2 (pids 811, 812)`.
fn processes(program: &[&Holding]) -> String {
    let pids: Vec<String> = program
        .iter()
        .take(MOST_OWNERS)
        .map(|holding| holding.process.key.pid.to_string())
        .collect();
    let name = program.first().map_or("".into(), |one| name(&one.process));
    let more = if program.len() > MOST_OWNERS {
        " ..."
    } else {
        ""
    };
    match program.len() {
        1 => format!("{name} (pid {})", pids.join("")),
        count => format!("{name} ×{count} (pids {}{more})", pids.join(", ")),
    }
}

/// `+12.0/s`.
pub fn rate(budget: &Budget) -> Option<String> {
    let rate = budget.trend?.per_second();
    Some(if rate == 0.0 {
        "0/s".into()
    } else {
        format!("{rate:+.1}/s")
    })
}

/// When it is full: `40 s`, `never (6500)`.
pub fn outlook(budget: &Budget) -> Option<String> {
    match budget.trend?.outlook {
        Outlook::FullIn(0.0) => Some("now".into()),
        Outlook::FullIn(seconds) if seconds < DAY => Some(span(seconds)),
        Outlook::LevelsOff(ports) => Some(format!("never ({ports})")),
        Outlook::FullIn(_) | Outlook::Steady | Outlook::Unknown => None,
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1.0 => "<1 s".into(),
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}

fn counted(count: u32, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_not_rounded_to_nothing_or_all() {
        for (part, words) in [
            (0.0, "0 %"),
            (0.000_1, "<0.1 %"),
            (0.125, "12.5 %"),
            (0.999_9, ">99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(share(part), words);
        }
    }

    #[test]
    fn a_span_has_one_unit() {
        for (seconds, words) in [
            (0.4, "<1 s"),
            (61.0, "61 s"),
            (240.0, "4 min"),
            (9000.0, "2 h"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }
}
