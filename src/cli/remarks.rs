//! What is said on standard error beside an answer.

use super::failure::quote;
use super::terminal;
use crate::model::{Family, Namespaces, Note, NoteCode, Protocol, Snapshot};
use crate::render::{Clean, Format, dnat_in_words};
use crate::select::Query;

/// What is lost is always told; how the answer was found, when asked. JSON holds its notes itself.
pub fn tell_notes(snapshot: &Snapshot, format: Format, verbose: bool, undecided: bool) {
    if verbose {
        let rows = match snapshot.rows.len() {
            1 => "1 socket".to_owned(),
            many => format!("{many} sockets"),
        };
        let complete = if snapshot.is_complete() {
            "complete"
        } else {
            "incomplete"
        };
        terminal::tell(format_args!(
            "portwho: note: read by {}; {rows}; {complete}",
            snapshot.read_by
        ));
    }
    let matters = |note: &&Note| match note.code {
        NoteCode::TableFallback | NoteCode::OwnersFoundBy => verbose,
        // Who asks for every namespace is told what was not looked into there.
        // Unread rules can be the reason for "cannot tell"; missing privileges come with a way to get them.
        NoteCode::RulesUnread => {
            let decides = snapshot.may_be_diverted && snapshot.may_be_sent_on.is_none();
            verbose || decides || snapshot.namespaces == Namespaces::All
        }
        // It is the reason why nothing can be told, where nothing can.
        NoteCode::ProcessesRefused => verbose || undecided,
        NoteCode::BoundUnseen | NoteCode::ProtocolsUnread => verbose || snapshot.rows.is_empty(),
        told => told.is_told(),
    };
    if format != Format::Json || verbose {
        for note in snapshot.notes.iter().filter(matters) {
            terminal::tell(format_args!("portwho: note: {}", Clean::new(&note.message)));
        }
    }
}

/// Names the rules that send elsewhere what was asked for.
pub fn tell_forwards(snapshot: &Snapshot) {
    /// Rules that are told beside an answer.
    const MOST: usize = 10;
    for rule in snapshot.forwards.iter().take(MOST) {
        terminal::tell(format_args!("portwho: note: {}", dnat_in_words(rule)));
    }
    let more = snapshot.forwards.len().saturating_sub(MOST);
    if more > 0 {
        terminal::tell(format_args!(
            "portwho: note: and {more} more: --json has all of them"
        ));
    }
}

/// What to say when nothing matched, and something that is not known might have.
pub fn undecided(selectors: &[String], query: &Query, snapshot: &Snapshot) -> String {
    if snapshot.may_be_diverted && !snapshot.may_lack_sockets() {
        let nothing = nothing(selectors, query, snapshot);
        return format!("cannot tell: {nothing}, but packets may be sent past all sockets");
    }
    "cannot tell: what could not be read may match".to_owned()
}

/// Says that rules of the packet filter may send elsewhere what was asked for, where they could not be
/// read and packets are sent on here: on other machines nobody expects such rules.
pub fn tell_unread_rules(
    command: &str,
    selectors: &[String],
    snapshot: &Snapshot,
    uid: Option<u32>,
) {
    let Some(why) = &snapshot.may_be_sent_on else {
        return;
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":.,/=_-".contains(c);
    let everywhere = match snapshot.namespaces {
        Namespaces::Own => "",
        Namespaces::All => " --all-netns",
    };
    let way = if uid == Some(0) {
        why.clone()
    } else if selectors.iter().all(|word| word.chars().all(is_plain)) {
        let selectors = selectors.join(" ");
        format!("'sudo {command}{everywhere} {selectors}' reads them")
    } else {
        "root may read them".to_owned()
    };
    terminal::tell(format_args!(
        "portwho: note: this machine sends packets on, and the rules that say where could not be \
         read: {way}"
    ));
}

/// What to say when nothing matched: no more than was asked.
pub fn nothing(selectors: &[String], query: &Query, snapshot: &Snapshot) -> String {
    let listens = query.wants_listeners_only();
    // MPTCP counts as TCP.
    let has_tcp = query.protocols.contains(Protocol::Tcp);
    let kinds: Vec<_> = query
        .protocols
        .iter()
        .filter(|&protocol| !(has_tcp && protocol == Protocol::Mptcp))
        .map(|protocol| protocol.as_str())
        .collect();
    let family = match query.family {
        Some(Family::Ipv4) => " over IPv4",
        Some(Family::Ipv6) => " over IPv6",
        None => "",
    };
    let what = match (kinds.is_empty(), listens) {
        (true, true) => format!("nothing listens{family}"),
        (true, false) => format!("no socket{family}"),
        (false, true) => format!("no listening {} socket{family}", kinds.join(" or ")),
        (false, false) => format!("no {} socket{family}", kinds.join(" or ")),
    };
    let asks_for_no_more = query.asks_for_a_port_alone() && kinds.is_empty() && family.is_empty();
    match (query.single_port().filter(|_| asks_for_no_more), selectors) {
        (_, []) => format!("{what} here"),
        (Some(port), _) if listens => format!("nothing listens on port {port}"),
        // Where it is sent elsewhere something does use it.
        (Some(port), _) if snapshot.may_be_diverted || !snapshot.forwards.is_empty() => {
            format!("no socket has port {port}")
        }
        (Some(port), _) => format!("nothing uses port {port}"),
        (None, selectors) => {
            let quoted: Vec<_> = selectors.iter().map(|selector| quote(selector)).collect();
            format!("{what} that matches {}", quoted.join(" "))
        }
    }
}
