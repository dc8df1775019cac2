//! Words for holders of a port, on cards and on pages.

use unicode_width::UnicodeWidthChar;

use super::{
    endpoint, is_unaccepted, local_address, netns_seen_from, reach_sentence, state, state_sentence,
};
use crate::judge::{Origin, Queue};
use crate::model::{Foreign, Halt, OwnerStatus, Process, Program, Row, Socket, State, in_text};
use crate::render::cell::Tone;

/// `127.0.0.1:3000`, `[::]:80 +IPv4`.
pub fn local_end(socket: &Socket) -> String {
    let mut end = local_address(socket);
    let port = socket.local.port.map(|port| format!(":{port}"));
    let at = end.find(" +").unwrap_or(end.len());
    end.insert_str(at, &port.unwrap_or_default());
    end
}

/// `tcp 127.0.0.1:3000`, and what that means: `LISTEN  only this machine can reach it`.
pub fn heading(row: &Row) -> (String, String) {
    let socket = &row.socket;
    let peer = socket.peer.as_ref();
    let peer = peer.map(|peer| format!("to {}", endpoint(peer, socket.interface())));
    let is_client = !socket.state.is_listening() && socket.state != State::Bound;
    let is_own = socket.is_connected_to_itself();
    let itself = is_own.then(|| origin_sentence(Origin::Itself));
    let meaning = state_sentence(socket)
        .or(itself)
        .map(str::to_owned)
        .or_else(|| reach_sentence(socket))
        .or_else(|| peer.filter(|_| is_client));
    let name = format!("{} {}", socket.protocol, local_end(socket));
    let state = state(socket.state);
    (name, format!("{state}  {}", meaning.unwrap_or_default()))
}

/// `  in netns web`, where it is not the reader's own or others were looked into too.
pub fn place(row: &Row, own: Option<u64>, tells_own: bool) -> String {
    let is_told = row.socket.netns() != own || tells_own;
    let name = netns_seen_from(own, &row.socket).filter(|_| is_told);
    name.map(|name| format!("  in netns {name}"))
        .unwrap_or_default()
}

/// Why a connection has a port on which nothing listens.
pub fn origin_sentence(origin: Origin) -> &'static str {
    match origin {
        Origin::Client => "nothing listens here: a connection uses it as its own port",
        Origin::Itself => "connected to itself: no server can have the port until it is closed",
        Origin::Either => {
            "nothing listens here: a connection has it as its own port, or is left of a server that stopped"
        }
    }
}

/// Why no owner is listed.
pub fn no_owner(row: &Row) -> &'static str {
    match row.owner_status {
        OwnerStatus::Hidden | OwnerStatus::Partial => "the owner cannot be seen",
        OwnerStatus::Unfound => "no process found that holds it",
        OwnerStatus::Kernel => "no process holds it: the kernel owns it",
        OwnerStatus::None if is_unaccepted(row) => "no process has accepted it yet",
        OwnerStatus::None => "no process owns it any more",
        OwnerStatus::Known | OwnerStatus::Skipped => "",
    }
}

/// The user of a process, for a sentence; a number where it has no name.
pub fn user_of(process: &Process) -> Option<String> {
    let name = process.user.as_deref();
    let name = name.map(|name| in_text(name).into_owned());
    name.or_else(|| process.uid.map(|uid| uid.to_string()))
}

/// Services that run in a process (Windows).
pub fn services(process: &Process) -> String {
    let names: Vec<_> = process.services.iter().map(Foreign::in_text).collect();
    names.join(", ")
}

/// Arguments as a shell would need them.
pub fn command_line(command: &[Foreign]) -> String {
    command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// An argument as a shell would need it, so that empty ones and blanks are seen.
fn quoted(argument: &Foreign) -> String {
    let text = argument.unclean();
    let is_path = argument.is_windows_path();
    let is_plain =
        |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c) || (is_path && c == '\\');
    if text.is_empty() || !text.chars().all(is_plain) {
        format!("'{}'", text.replace('\'', "'\\''"))
    } else {
        text.to_owned()
    }
}

/// What to say of the program's file.
pub fn program_note(program: Option<Program>) -> (&'static str, Tone) {
    match program {
        Some(Program::Replaced) => (
            ", replaced since it was started: an older version runs",
            Tone::Alert,
        ),
        Some(Program::Deleted) => (", deleted since it was started", Tone::Alert),
        Some(Program::Same) | None => ("", Tone::Plain),
    }
}

/// What to say of a process that does not run.
pub fn halt_sentence(process: &Process) -> Option<&'static str> {
    match process.halt? {
        Halt::No => None,
        Halt::Signal => Some("stopped, as by Ctrl+Z: it answers nothing until SIGCONT"),
        Halt::Debugger => Some("stopped by a debugger: it answers nothing until that goes on"),
    }
}

/// How a listener keeps up.
pub fn queue_sentence(queue: Queue) -> String {
    let Queue { waiting, limit } = queue;
    if queue.is_full() {
        format!("full: {waiting} of {limit} waiting: the program does not accept")
    } else if waiting == 0 {
        format!("nobody waits to be accepted (room for {limit})")
    } else {
        format!("{waiting} of {limit} wait to be accepted")
    }
}

/// `3 of 128 connections wait to be accepted`: of a listener, on a card.
pub fn waiting_sentence(socket: &Socket) -> Option<String> {
    let is_listener = socket.state == State::Listen;
    let waiting = socket.recv_queue.filter(|_| is_listener)?;
    Some(waiting_words(waiting, socket.send_queue))
}

fn waiting_words(waiting: u32, limit: Option<u32>) -> String {
    let wait = "connections wait to be accepted";
    match limit {
        Some(limit) if (Queue { waiting, limit }).is_full() => {
            format!("full: {waiting} {wait} (backlog {limit})")
        }
        Some(limit) => format!("{waiting} of {limit} {wait}"),
        None => format!("{waiting} {wait}"),
    }
}

/// Breaks a text at blanks into lines of no more than so many columns; a longer word is cut.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let wide: usize = word.trim_end().chars().map(width).sum();
        if used > 0 && used + wide > columns {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
        }
        for c in word.chars() {
            if used + width(c) > columns && c != ' ' {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += width(c);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrapped("日本 語", 4), ["日本", "語"]);
    }

    #[test]
    fn a_card_says_no_more_than_all_of_them_wait() {
        let wait = "connections wait to be accepted";
        assert_eq!(waiting_words(2, Some(2)), format!("2 of 2 {wait}"));
        assert_eq!(
            waiting_words(3, Some(2)),
            format!("full: 3 {wait} (backlog 2)")
        );
        assert_eq!(waiting_words(3, None), format!("3 {wait}"));
    }

    #[test]
    fn a_full_queue_is_told_from_a_busy_one() {
        let words = |waiting, limit| queue_sentence(Queue { waiting, limit });
        assert!(words(129, 128).starts_with("full: 129 of 128"));
        assert_eq!(words(128, 128), "128 of 128 wait to be accepted");
        assert_eq!(words(3, 128), "3 of 128 wait to be accepted");
        assert!(words(0, 128).starts_with("nobody"));
    }
}
