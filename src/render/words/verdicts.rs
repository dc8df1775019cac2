//! Words for verdicts and findings.

use super::{endpoint, local_address};
use crate::judge::{Claim, Decided, Finding, FindingCode, Met, Reason, Ruling, Verdict, Warning};
use crate::model::{Endpoint, OwnerStatus, Protocol, Row, State};

pub fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Free => "free",
        Ruling::Taken => "taken",
        Ruling::Refused => "refused",
        Ruling::Unknown => "unknown",
    }
}

pub fn decided(decided: Decided) -> &'static str {
    match decided {
        Decided::Table => "table",
        Decided::Bind => "bind",
    }
}

pub fn met(met: Met) -> &'static str {
    match met {
        Met::Yes => "yes",
        Met::Stranger => "stranger",
        Met::Nobody => "nobody",
        Met::Unknown => "unknown",
    }
}

/// Stable code of a reason, part of the JSON contract.
pub fn reason_code(reason: &Reason) -> &'static str {
    match reason {
        Reason::Held => "held",
        Reason::UnseenHolder => "unseen-holder",
        Reason::Privilege => "privilege",
        Reason::Excluded(..) => "excluded",
        Reason::Forbidden => "forbidden",
        Reason::Address => "address",
        Reason::Scope => "scope",
        Reason::Unreadable => "unreadable",
        Reason::NotTried => "not-tried",
        Reason::Failed(_) => "failed",
    }
}

/// Stable code of a warning, part of the JSON contract.
pub fn warning_code(warning: Warning) -> &'static str {
    match warning {
        Warning::Ephemeral => "ephemeral",
        Warning::Reserved => "reserved",
        Warning::UdpHeld => "udp-held",
        Warning::BindSucceeds => "bind-succeeds",
        Warning::BoundBeside => "bound-beside",
        Warning::Diverted => "diverted",
        Warning::MayBeDiverted => "may-be-diverted",
    }
}

/// A warning on a verdict, clause by clause.
pub fn warning(warning: Warning, verdict: &Verdict, rows: &[Row]) -> Vec<String> {
    let words = match warning {
        Warning::BoundBeside => {
            let mut clauses = holders(verdict, rows);
            if let Some(first) = clauses.first_mut() {
                let lead = match verdict.claim.protocol {
                    Protocol::Udp => "the port would be shared: ",
                    _ => "both can bind the port, and only one can listen: ",
                };
                first.insert_str(0, lead);
            }
            return clauses;
        }
        Warning::Ephemeral => {
            "in the ephemeral range: an outgoing connection may take it at any time"
        }
        Warning::Reserved => {
            "reserved by net.ipv4.ip_local_reserved_ports, which does not block a bind"
        }
        Warning::UdpHeld => "the UDP port of this number is held",
        Warning::BindSucceeds => "the tables showed a holder, but a bind succeeds",
        Warning::Diverted => {
            "packets that come to it are sent elsewhere: 'portwho why' with the port shows where"
        }
        Warning::MayBeDiverted => {
            "packets that come to it may be sent elsewhere: 'portwho why' with the port shows how"
        }
    };
    vec![words.to_owned()]
}

/// `80/tcp`, with its address where one is claimed: `127.0.0.1:80/tcp`.
pub fn claim(claim: &Claim) -> String {
    let port = Some(claim.port);
    match claim.address {
        None => format!("{}/{}", claim.port, claim.protocol),
        Some(address) => {
            let end = endpoint(&Endpoint { address, port }, claim.interface.as_deref());
            format!("{end}/{}", claim.protocol)
        }
    }
}

/// Why a claim is as it is, a clause for each fact; none for a free one that the tables decide.
pub fn verdict(verdict: &Verdict, rows: &[Row]) -> Vec<String> {
    let holders = holders(verdict, rows);
    let only = match (&verdict.reason, verdict.expectation) {
        (_, Some(Met::Nobody)) => "nobody listens".into(),
        (_, Some(Met::Unknown)) if holders.is_empty() => {
            "whether somebody listens cannot be seen".into()
        }
        (_, Some(_)) => {
            let openers = openers(verdict, rows);
            return holders.into_iter().chain(openers).collect();
        }
        (None, _) if verdict.decided == Decided::Bind => "a bind succeeds".into(),
        (None, _) => return Vec::new(),
        (Some(Reason::Held), _) if verdict.decided == Decided::Bind => {
            return led("a bind is refused: ", holders);
        }
        (Some(Reason::Held), _) => return holders,
        (Some(Reason::UnseenHolder), _) => {
            "a bind is refused, and the holder cannot be seen".into()
        }
        (Some(Reason::Privilege), _) => {
            let mut clauses = vec!["this port takes root or CAP_NET_BIND_SERVICE".to_owned()];
            clauses.extend(led("also ", holders));
            return clauses;
        }
        (Some(Reason::Excluded(first, last)), _) => format!(
            "the system keeps the ports {first}-{last} from everybody (netsh int ipv4 show \
             excludedportrange {})",
            verdict.claim.protocol
        ),
        (Some(Reason::Forbidden), _) => "the system refuses it, though no holder is visible".into(),
        (Some(Reason::Address), _) => "this machine does not have the address".into(),
        (Some(Reason::Scope), _) => {
            "a link-local address needs its interface: [fe80::1%eth0]:80".into()
        }
        (Some(Reason::Unreadable), _) => "the socket tables could not be read".into(),
        (Some(Reason::NotTried), _) if holders.is_empty() => "only a bind would tell".into(),
        (Some(Reason::NotTried), _) => return led("only a bind would tell: ", holders),
        (Some(Reason::Failed(why)), _) => format!("a bind fails: {why}"),
    };
    vec![only]
}

/// Clauses in one line. They hold names that others chose, so nothing splits them again.
pub fn in_one_line(clauses: &[String]) -> String {
    clauses.join("; ")
}

/// The clauses with words before the first.
fn led(words: &str, mut clauses: Vec<String>) -> Vec<String> {
    if let Some(first) = clauses.first_mut() {
        first.insert_str(0, words);
    }
    clauses
}

/// Who holds a claim and how, a clause for each. Many alike are counted.
fn holders(verdict: &Verdict, rows: &[Row]) -> Vec<String> {
    let mut said: Vec<(String, usize)> = Vec::new();
    for row in verdict.holders.iter().filter_map(|at| rows.get(*at)) {
        let words = holder(row);
        match said.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => said.push((words, 1)),
        }
    }
    let more = said.len().saturating_sub(3);
    let mut words: Vec<String> = said
        .into_iter()
        .take(3)
        .map(|(words, count)| {
            if count > 1 {
                format!("{words} (×{count})")
            } else {
                words
            }
        })
        .collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words
}

/// Who opened the sockets, where no owner runs as that user: a clause for each.
fn openers(verdict: &Verdict, rows: &[Row]) -> Vec<String> {
    let rows = verdict.holders.iter().filter_map(|at| rows.get(*at));
    let mut clauses: Vec<String> = rows
        .filter(|row| {
            let uid = row.socket.uid();
            let mut owners = row.owners.iter().map(|owner| owner.process.uid);
            uid.is_some() && !row.owners.is_empty() && owners.all(|owner| owner != uid)
        })
        .filter_map(|row| {
            let name = row.socket.user_name().map(str::to_owned);
            let user = name.or_else(|| Some(format!("uid {}", row.socket.uid()?)))?;
            Some(format!("its socket was opened by {user}"))
        })
        .collect();
    clauses.sort_unstable();
    clauses.dedup();
    clauses
}

/// `nginx listens on 0.0.0.0 (pid 811)`.
pub fn holder(row: &Row) -> String {
    let socket = &row.socket;
    let address = local_address(socket);
    let does = match socket.state {
        State::Listen => format!("listens on {address}"),
        State::Unconnected => format!("receives on {address}"),
        State::Bound => format!("is bound to {address} without listening"),
        State::TimeWait => return format!("a closed connection of {address} is in TIME-WAIT"),
        _ if socket.is_connected_to_itself() => {
            format!("has a connection from {address} to itself")
        }
        _ => format!("has a connection from {address}"),
    };
    let pids: Vec<_> = row
        .owners
        .iter()
        .map(|owner| owner.process.key.pid.to_string())
        .collect();
    match pids.as_slice() {
        [] => format!("{} {does}", owners(row)),
        [pid] => format!("{} {does} (pid {pid})", super::processes(row)),
        _ => format!(
            "{} {does} (pids {})",
            super::processes(row),
            pids.join(", ")
        ),
    }
}

/// `nginx (pid 811)`, or what is known instead.
pub fn owners(row: &Row) -> String {
    match (&*row.owners, row.owner_status) {
        ([], OwnerStatus::None) if is_unaccepted(row) => "nobody yet, not being accepted,".into(),
        ([], OwnerStatus::None) => "no process any more".into(),
        ([], OwnerStatus::Kernel) => "the kernel".into(),
        ([], OwnerStatus::Unfound) => match super::user_in_text(row) {
            Some(user) => format!("a process of {user} that was not found"),
            None => "a process that was not found".into(),
        },
        ([], _) => match super::user_in_text(row) {
            Some(user) => format!("a hidden process of {user}"),
            None => "a hidden process".into(),
        },
        ([one], _) => format!(
            "{} (pid {})",
            super::name(&one.process),
            one.process.key.pid
        ),
        (many, _) => {
            let pids: Vec<_> = many
                .iter()
                .map(|owner| owner.process.key.pid.to_string())
                .collect();
            format!("{} (pids {})", super::processes(row), pids.join(", "))
        }
    }
}

/// A finding in words.
pub fn finding(finding: &Finding, rows: &[Row]) -> String {
    let said: Vec<String> = finding
        .rows
        .iter()
        .filter_map(|at| rows.get(*at))
        .map(holder)
        .collect();
    let said = in_one_line(&said);
    match finding.code {
        FindingCode::SplitLocalhost => format!("localhost has two answers: {said}"),
        FindingCode::ShadowedWildcard => format!("a specific address shadows a wildcard: {said}"),
        FindingCode::MixedGroup => format!("different programs share the port: {said}"),
        FindingCode::EphemeralListener => format!("listener in the ephemeral range: {said}"),
        FindingCode::BoundOnly | FindingCode::SelfConnection => said,
    }
}

/// Whether a connection waits in the queue of its listener: it is open, and belongs to no process yet.
pub fn is_unaccepted(row: &Row) -> bool {
    row.socket.inode.is_none() && matches!(row.socket.state, State::Established | State::CloseWait)
}
