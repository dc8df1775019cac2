//! `portwho why`: a page for each group of processes that holds what was asked for.

mod rules;

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::cell::Tone;
use super::contract::Why;
use super::paint::paint;
use super::{Clean, Look, json, words};
use crate::judge::{Connected, Forwarded, Holders, Listen};
use crate::model::{Namespaces, Process, Reach, Row, Snapshot};

/// Where values begin.
const INDENT: usize = 14;
/// Lines of one kind that are told; more are counted.
const LISTED: usize = 8;
/// Groups of holders that are told.
const PAGES: usize = 20;

/// Writes the pages.
///
/// # Errors
/// What the writer says.
pub fn write_why(
    snapshot: &Snapshot,
    groups: &[Holders<'_>],
    rules: &[Forwarded<'_>],
    look: Look,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let now = snapshot.machine.taken_at;
    let mut page = Page {
        netns: snapshot.netns,
        tells_namespaces: snapshot.namespaces == Namespaces::All,
        rules,
        look,
        zone,
        now,
        out,
    };
    for (index, group) in groups.iter().take(PAGES).enumerate() {
        if index > 0 {
            page.out.write_all(b"\n")?;
        }
        page.group(group)?;
    }
    if groups.len() > PAGES {
        let more = groups.len() - PAGES;
        writeln!(page.out, "\nand {more} more: --json has them all")?;
    }
    page.other_rules(groups)
}

/// Writes the document.
///
/// # Errors
/// What the writer says.
pub fn write_why_json(
    snapshot: &Snapshot,
    groups: &[Holders<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    json::write(&Why::new(snapshot, groups), out)
}

struct Page<'a> {
    /// The reader's own network namespace.
    netns: Option<u64>,
    /// Whether more than one was looked into.
    tells_namespaces: bool,
    rules: &'a [Forwarded<'a>],
    look: Look,
    zone: &'a TimeZone,
    now: i64,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn group(&mut self, group: &Holders<'_>) -> io::Result<()> {
        let headings = group.rows.iter().map(|row| {
            let (name, rest) = words::heading(row);
            let place = words::place(row, self.netns, self.tells_namespaces);
            (name, place, rest)
        });
        let headings = counted(headings);
        for ((name, place, rest), count) in headings.iter().take(LISTED) {
            let name = self.paint(&Clean::new(name), Tone::Strong);
            let line = format!("{name}{}  {}", Clean::new(place), Clean::new(rest));
            let times = match count {
                1 => String::new(),
                _ => format!(", by {count} sockets"),
            };
            writeln!(self.out, "{}{times}", line.trim_end())?;
        }
        if headings.len() > LISTED {
            let more: usize = headings.iter().skip(LISTED).map(|(_, count)| count).sum();
            writeln!(self.out, "and {more} more sockets: --json has them all")?;
        }
        match &group.main {
            None => {
                let nobody = words::no_owner(group.rows[0]);
                let user = words::user_in_text(group.rows[0]).map(|user| format!(", user {user}"));
                self.line("held by", &format!("{nobody}{}", user.unwrap_or_default()))?;
                self.role(group)?;
            }
            Some(main) => self.processes(group, main)?,
        }
        self.diversions(group)?;
        let listens = counted(group.listens.iter().map(reach));
        let listens = listens.into_iter().map(|(line, _)| line).collect();
        let is_listener = group.rows[0].socket.state.is_listening();
        let label = if is_listener {
            "listens on"
        } else {
            "elsewhere"
        };
        self.lines(label, listens)?;
        if let Some(queue) = group.queue {
            let words = words::queue_sentence(queue);
            let tone = if queue.is_full() {
                Tone::Alert
            } else {
                Tone::Plain
            };
            self.toned("queue", &words, tone)?;
        }
        let connected = |one| connected(one, is_listener);
        self.lines("connected", group.connected.iter().map(connected).collect())?;
        self.line("if killed", &group.consequence.why)?;
        self.next(group)
    }

    fn processes(&mut self, group: &Holders<'_>, main: &Process) -> io::Result<()> {
        let user = words::user_of(main).map(|user| format!(", user {user}"));
        let words = format!(
            "{} (pid {}){}{}",
            words::name(main),
            main.key.pid,
            user.unwrap_or_default(),
            self.since(main)
        );
        self.toned("held by", &words, Tone::Strong)?;
        if let Some(halt) = words::halt_sentence(main) {
            self.toned("state", halt, Tone::Alert)?;
        }
        if !group.others.is_empty() {
            let pids: Vec<_> = group
                .others
                .iter()
                .map(|other| {
                    let stopped = other.is_stopped() == Some(true);
                    let stopped = if stopped { ", stopped" } else { "" };
                    format!("{} (pid {}{stopped})", words::name(other), other.key.pid)
                })
                .collect();
            self.list("and by", &pids)?;
        }
        self.role(group)?;
        for (label, text) in words::meaning(&main.meaning) {
            self.foreign(label, &text)?;
        }
        if let Some(command) = &main.command {
            self.foreign("command", &words::command_line(command))?;
        }
        if let Some(directory) = &main.working_directory {
            self.foreign("directory", directory.unclean())?;
        }
        if let Some(executable) = &main.executable {
            let (note, tone) = words::program_note(main.program);
            let text = format!("{}{note}", Clean::from(executable).short());
            self.toned("executable", &text, tone)?;
        }
        match group.parents.as_deref() {
            None => Ok(()),
            Some([]) => self.line("started by", "nobody: it is the first process here"),
            Some(parents) => self.parents(parents),
        }
    }

    /// What the sockets are there for.
    fn role(&mut self, group: &Holders<'_>) -> io::Result<()> {
        let role = group.rows[0].role.as_deref();
        let opener = group.opener.as_deref();
        let opener = opener.map(|one| format!("{} (pid {})", words::name(one), one.key.pid));
        for (label, text) in role.map(words::role).unwrap_or_default() {
            match opener.as_ref().filter(|_| label == words::OPENED) {
                Some(opener) => self.foreign(label, &format!("{text}, by {opener}"))?,
                None => self.foreign(label, &text)?,
            }
        }
        match opener {
            Some(opener) if role.is_none_or(|role| role.socket_unit.is_none()) => {
                self.line(words::OPENED, &opener)
            }
            _ => Ok(()),
        }
    }

    /// The nearest parents, and the last, who answers for all.
    fn parents(&mut self, parents: &[Process]) -> io::Result<()> {
        let one = |parent: &Process| {
            let (name, pid) = (words::name(parent), parent.key.pid);
            format!("{name} (pid {pid}){}", self.since(parent))
        };
        let mut lines: Vec<String> = parents.iter().map(one).collect();
        if lines.len() > LISTED {
            let last = lines.split_off(lines.len() - 2);
            let more = lines.len() - (LISTED - 3);
            lines.truncate(LISTED - 3);
            lines.push(format!("... {more} more: --json has them all ..."));
            lines.extend(last);
        }
        if parents.last().is_some_and(|last| last.key.pid != 1) {
            lines.push("parents of that one cannot be seen".into());
        }
        let mut label = "started by";
        for line in lines {
            self.line(label, &line)?;
            label = "";
        }
        Ok(())
    }

    /// `, since 10:14 (2 h)`.
    fn since(&self, process: &Process) -> String {
        let since = process.started_at.and_then(|start| {
            let moment = words::moment(start, self.now, self.zone)?;
            Some(format!(
                ", since {moment} ({})",
                words::age(start, self.now)
            ))
        });
        since.unwrap_or_default()
    }

    fn line(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.toned(label, text, Tone::Plain)
    }

    /// A label and a text that another program chose.
    fn foreign(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.line(label, Clean::new(text).short().as_str())
    }

    /// A label and its value; on a terminal the value continues below itself.
    fn toned(&mut self, label: &str, text: &str, tone: Tone) -> io::Result<()> {
        let room = self.look.width.map_or(usize::MAX, |width| {
            usize::from(width).saturating_sub(INDENT).max(20)
        });
        let mut label = label;
        for part in words::wrapped(Clean::new(text).as_str(), room) {
            let width = INDENT - 4;
            let head = self.paint(&Clean::new(&format!("{label:<width$}")), Tone::Faint);
            let text = paint(&part, tone, self.look.colour);
            writeln!(self.out, "  {head}  {text}")?;
            label = "";
        }
        Ok(())
    }

    /// A label and a text that is not broken.
    fn whole(&mut self, label: &str, text: &str) -> io::Result<()> {
        let width = INDENT - 4;
        let head = self.paint(&Clean::new(&format!("{label:<width$}")), Tone::Faint);
        writeln!(self.out, "  {head}  {}", Clean::new(text))
    }

    fn lines(&mut self, label: &str, lines: Vec<String>) -> io::Result<()> {
        let mut label = label;
        for line in lines.iter().take(LISTED) {
            self.line(label, line)?;
            label = "";
        }
        match lines.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => self.line("", &format!("and {more} more: --json has them all")),
        }
    }

    fn list(&mut self, label: &str, all: &[String]) -> io::Result<()> {
        let mut text = all[..all.len().min(LISTED)].join(", ");
        if all.len() > LISTED {
            text.push_str(&format!(" and {} more", all.len() - LISTED));
        }
        self.line(label, &text)
    }

    fn paint(&self, text: &Clean, tone: Tone) -> String {
        paint(text.as_str(), tone, self.look.colour)
    }
}

/// Each once, with how often it came.
fn counted<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut found: Vec<(T, usize)> = Vec::new();
    for one in all {
        match found.iter_mut().find(|(known, _)| *known == one) {
            Some((_, count)) => *count += 1,
            None => found.push((one, 1)),
        }
    }
    found
}

/// `0.0.0.0:80/tcp  reached at 10.0.0.5 (eth0), 127.0.0.1 (lo)`.
fn reach(listen: &Listen<'_>) -> String {
    let socket = &listen.row.socket;
    let end = format!("{}/{}", words::bound_end(socket), socket.protocol);
    let at: Vec<String> = listen
        .reached_at
        .iter()
        .map(|one| format!("{} ({})", one.address, one.interface))
        .collect();
    match (socket.reach(), at.as_slice()) {
        (Some(Reach::Loopback | Reach::LoopbackDevice), _) => format!("{end}  only this machine"),
        (Some(Reach::Isolated), _) => format!("{end}  only its own network namespace"),
        (Some(Reach::Multicast), _) => format!("{end}  a multicast group"),
        (Some(Reach::Broadcast), _) => format!("{end}  a broadcast address"),
        (Some(Reach::NoSuchAddress), _) => format!("{end}  no interface has this address"),
        (Some(Reach::All | Reach::Device(_)), []) if !listen.is_reach_known => {
            format!("{end}  no address of its network is known")
        }
        (_, []) => end,
        (Some(Reach::Device(device) | Reach::AddressOnDevice(device)), at) => {
            format!("{end}  reached through {device} at {}", at.join(", "))
        }
        (_, at) => format!("{end}  reached at {}", at.join(", ")),
    }
}

/// `3 from 10.0.0.9`, `1 by curl (pid 28001) on this machine`; of a client `1 to` it.
fn connected(connected: &Connected<'_>, is_listener: bool) -> String {
    let count = connected.rows.len();
    let is_own = |row: &&Row| row.socket.is_connected_to_itself();
    if connected.rows.iter().all(is_own) {
        return format!("{count} to itself");
    }
    if connected.processes.is_empty() {
        let from = if is_listener { "from" } else { "to" };
        let peer = connected.peer.map(|address| address.to_string());
        return format!("{count} {from} {}", peer.unwrap_or_default());
    }
    let processes: Vec<String> = connected
        .processes
        .iter()
        .map(|process| format!("{} (pid {})", words::name(process), process.key.pid))
        .collect();
    let by = if is_listener { "by" } else { "to" };
    format!("{count} {by} {} on this machine", processes.join(", "))
}
