//! `--format card`: a paragraph for each socket that holds a port, with the connections through it.

mod owners;

use std::io::{self, Write};

use super::cell::Tone;
use super::paint::paint;
use super::{Clean, Page, words};
use crate::judge::{Taken, taken};
use crate::model::{Endpoint, Owner, Row, Snapshot, State};

/// Connections that are listed under one listener; more are counted.
const LISTED: usize = 10;

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    for (index, card) in taken(&snapshot.rows).iter().enumerate() {
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
    fn card(&mut self, card: &Taken<'_>) -> io::Result<()> {
        match (card.holder, card.connections.as_slice()) {
            (Some(holder), connections) => {
                let queue = words::waiting_sentence(&holder.socket);
                self.heading(holder, words::reach_sentence(&holder.socket))?;
                self.owners(holder, queue.as_deref())?;
                self.connections("connection", connections, &holder.owners)
            }
            (None, [first, ..]) => {
                let meaning = match first.socket.state {
                    State::TimeWait => None,
                    _ => Some(
                        "nothing listens here: a connection uses it as its own port".to_owned(),
                    ),
                };
                self.heading(first, meaning)?;
                self.owners(first, None)?;
                self.connections("peer", &card.connections, &first.owners)
            }
            (None, []) => Ok(()),
        }
    }

    /// `tcp 127.0.0.1:3000  LISTEN  only this machine can reach it`
    fn heading(&mut self, row: &Row, meaning: Option<String>) -> io::Result<()> {
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
        writeln!(self.out, "{}", line.trim_end())
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
        let there = self
            .other_end(row)
            .map(|there| named(&there.owners))
            .unwrap_or_default();
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
