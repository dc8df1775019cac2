//! `--format card`: a paragraph for each socket that holds a port, with the connections through it.

mod group;
mod owners;

use std::io::{self, Write};

use self::group::{Group, groups};
use super::cell::Tone;
use super::paint::paint;
use super::{Clean, Page, words};
use crate::judge::taken;
use crate::model::{Endpoint, Owner, Row, Snapshot, State};

/// Connections that are listed under one listener; more are counted.
const LISTED: usize = 10;

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    for (index, card) in groups(&taken(&snapshot.rows)).iter().enumerate() {
        if index > 0 {
            out.write_all(b"\n")?;
        }
        Writer {
            snapshot,
            page,
            out,
        }
        .card(card)?;
    }
    Ok(())
}

struct Writer<'a> {
    snapshot: &'a Snapshot,
    page: &'a Page,
    out: &'a mut dyn Write,
}

impl Writer<'_> {
    fn card(&mut self, card: &Group<'_>) -> io::Result<()> {
        match (card.holders.as_slice(), card.connections.as_slice()) {
            (holders @ [first, ..], connections) => {
                self.headings(holders)?;
                self.owners(first, queue(holders).as_deref())?;
                self.connections("connection", connections, &first.owners)
            }
            ([], [first, ..]) => {
                let meaning = match first.socket.state {
                    State::TimeWait => None,
                    _ => Some(words::without_listener(first, self.snapshot)),
                };
                let line = self.heading(first, meaning);
                writeln!(self.out, "{line}")?;
                self.owners(first, None)?;
                self.connections("peer", &card.connections, &first.owners)
            }
            ([], []) => Ok(()),
        }
    }

    /// A line for each address; where several sockets have one, their number.
    fn headings(&mut self, holders: &[&Row]) -> io::Result<()> {
        let mut lines: Vec<(String, usize)> = Vec::new();
        for holder in holders {
            let line = self.heading(holder, words::reach_sentence(&holder.socket));
            match lines.iter_mut().find(|(known, _)| *known == line) {
                Some((_, count)) => *count += 1,
                None => lines.push((line, 1)),
            }
        }
        for (line, count) in lines.iter().take(LISTED) {
            let times = match count {
                1 => String::new(),
                _ => format!(", by {count} sockets"),
            };
            writeln!(self.out, "{line}{times}")?;
        }
        let more: usize = lines.iter().skip(LISTED).map(|(_, count)| count).sum();
        if more > 0 {
            let rest = format!("and {more} more sockets: --format table lists them all");
            writeln!(self.out, "{}", self.paint(&rest, Tone::Faint))?;
        }
        Ok(())
    }

    /// `tcp 127.0.0.1:3000  LISTEN  only this machine can reach it`
    fn heading(&self, row: &Row, meaning: Option<String>) -> String {
        let socket = &row.socket;
        let end = Clean::new(&words::local_end(socket));
        let service = socket
            .service()
            .filter(|_| self.page.services && socket.state.is_listening());
        let service = service
            .map(|service| format!("  ({service})"))
            .unwrap_or_default();
        let name = self.paint(&format!("{} {end}", socket.protocol), Tone::Strong);
        let state = self.paint(words::state(socket.state), Tone::Plain);
        let meaning = words::state_sentence(socket)
            .map(str::to_owned)
            .or(meaning)
            .unwrap_or_default();
        let is_told = socket.netns_name().is_some() || self.page.tells_namespaces;
        let place = words::netns_seen_from(self.snapshot.netns, socket).filter(|_| is_told);
        let place = place.map(|place| format!("  in netns {}", Clean::new(&place)));
        let place = place.unwrap_or_default();
        let line = format!("{name}{place}{service}  {state}  {meaning}");
        line.trim_end().to_owned()
    }

    /// Lists the other ends; the owners at this end only where they are not those of the card.
    fn connections(&mut self, noun: &str, rows: &[&Row], known: &[Owner]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let plural = if rows.len() == 1 { "" } else { "s" };
        let label = self.paint(&format!("{} {noun}{plural}", rows.len()), Tone::Faint);
        writeln!(self.out, "  {label}")?;
        let lines: Vec<[Clean; 3]> = rows
            .iter()
            .take(LISTED)
            .map(|row| self.connection(row, known))
            .collect();
        let width = |column: usize| {
            lines
                .iter()
                .map(|line| line[column].width())
                .max()
                .unwrap_or(0)
        };
        let (peers, states) = (width(0), width(1));
        for [peer, state, ends] in &lines {
            let blanks = |text: &Clean, width: usize| " ".repeat(width - text.width());
            let line = format!(
                "    {peer}{}  {state}{}  {ends}",
                blanks(peer, peers),
                blanks(state, states)
            );
            writeln!(self.out, "{}", line.trim_end())?;
        }
        if rows.len() > LISTED {
            let rest = format!(
                "    and {} more: --format table lists them all",
                rows.len() - LISTED
            );
            writeln!(self.out, "{}", self.paint(&rest, Tone::Faint))?;
        }
        Ok(())
    }

    /// The peer, the state, and who is at the ends.
    fn connection(&self, row: &Row, known: &[Owner]) -> [Clean; 3] {
        let socket = &row.socket;
        let peer = socket.peer.map(|peer| Endpoint {
            address: peer.canonical(),
            ..peer
        });
        let peer = peer.map(|peer| words::endpoint(&peer, socket.interface()));
        let there = match self.other_end(row) {
            Some(_) if socket.is_connected_to_itself() => "itself".to_owned(),
            Some(there) => named(&there.owners),
            None => String::new(),
        };
        let is_known = |owner: &Owner| {
            known
                .iter()
                .any(|known| known.process.key == owner.process.key)
        };
        let here = match row.owners.iter().all(is_known) {
            true => String::new(),
            false => format!("  held by {}", named(&row.owners)),
        };
        let ends = format!("{there}{here}");
        [
            Clean::new(&peer.unwrap_or_default()),
            Clean::new(words::state(socket.state)),
            Clean::new(&ends),
        ]
    }

    /// The socket at the other end of a connection, where it is on this machine.
    fn other_end(&self, row: &Row) -> Option<&Row> {
        let mut others = self.snapshot.other_ends.iter().chain(&self.snapshot.rows);
        others.find(|other| other.socket.is_other_end_of(&row.socket))
    }

    fn paint(&self, text: &str, tone: Tone) -> String {
        paint(text, tone, self.page.look.colour)
    }
}

/// How the fullest of the listeners keeps up, and which that is where others do better.
fn queue(holders: &[&Row]) -> Option<String> {
    let fullest = holders.iter().max_by_key(|row| row.socket.recv_queue)?;
    let words = words::waiting_sentence(&fullest.socket)?;
    let queue = |row: &Row| (row.socket.recv_queue, row.socket.send_queue);
    let is_same = |row: &&&Row| queue(row) == queue(fullest);
    Some(match holders.iter().all(|row| is_same(&row)) {
        true => words,
        false => format!("{words}, at {}", words::local_end(&fullest.socket)),
    })
}

/// `curl (pid 28001)`, for each owner.
fn named(owners: &[Owner]) -> String {
    let one = |owner: &Owner| {
        format!(
            "{} (pid {})",
            words::name(&owner.process),
            owner.process.key.pid
        )
    };
    owners.iter().map(one).collect::<Vec<_>>().join(", ")
}
