//! `--format card`: a paragraph for each socket that holds a port, with the connections through it.

use std::collections::HashMap;
use std::io::{self, Write};

use super::cell::Tone;
use super::paint::paint;
use super::{Clean, Page, words};
use crate::model::{Endpoint, Foreign, Owner, OwnerStatus, Protocol, Row, Snapshot, Socket, State};

/// Connections that are listed under one listener; more are counted.
const LISTED: usize = 10;

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    for (index, card) in cards(&snapshot.rows).iter().enumerate() {
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

/// A socket that holds a port, or connections whose listener is not among the rows.
struct Card<'a> {
    holder: Option<&'a Row>,
    connections: Vec<&'a Row>,
}

/// Puts each connection under the listener that takes what is sent to its local address: the one
/// with the same address before a wildcard.
fn cards(rows: &[Row]) -> Vec<Card<'_>> {
    let is_holder = |row: &Row| {
        matches!(
            row.socket.state,
            State::Listen | State::Unconnected | State::Bound
        )
    };
    let (holders, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| is_holder(row));
    let mut by_port: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, row) in holders.iter().enumerate() {
        by_port.entry(port_of(&row.socket)).or_default().push(at);
    }
    let mut cards: Vec<Card> = holders
        .into_iter()
        .map(|row| Card {
            holder: Some(row),
            connections: Vec::new(),
        })
        .collect();
    let mut loose: HashMap<_, usize> = HashMap::new();
    for row in others {
        let holder_of = |at: &usize| cards[*at].holder.map(|holder| &holder.socket);
        let near = by_port
            .get(&port_of(&row.socket))
            .map_or(&[][..], Vec::as_slice);
        let fits = |at: &&usize| holder_of(at).is_some_and(|holder| accepts(holder, &row.socket));
        let is_exact = |at: &&usize| {
            let same = |holder: &Socket| holder.local.canonical() == row.socket.local.canonical();
            holder_of(at).is_some_and(same)
        };
        let exact = near.iter().find(|at| fits(at) && is_exact(at));
        let place = exact.or_else(|| near.iter().find(fits)).copied();
        let place = place.unwrap_or_else(|| {
            // Without a listener, connections of one end, state and owner are told together.
            let pids: Vec<_> = row.owners.iter().map(|owner| owner.process.key).collect();
            let socket = &row.socket;
            let alike = (socket.protocol, socket.state, socket.local, pids);
            *loose.entry(alike).or_insert_with(|| {
                cards.push(Card {
                    holder: None,
                    connections: Vec::new(),
                });
                cards.len() - 1
            })
        });
        cards[place].connections.push(row);
    }
    cards
}

fn port_of(socket: &Socket) -> (Protocol, Option<u16>) {
    (socket.protocol.port_space(), socket.local.port)
}

/// Whether the connection came in by the listener.
fn accepts(listener: &Socket, connection: &Socket) -> bool {
    listener.state == State::Listen
        && listener.protocol.port_space() == connection.protocol.port_space()
        && listener.local.port == connection.local.port
        && (listener.local.canonical() == connection.local.canonical()
            || (listener.local.is_wildcard()
                && (listener.family() == connection.family()
                    || (listener.takes_ipv4() && connection.takes_ipv4()))))
}

struct Writer<'a> {
    snapshot: &'a Snapshot,
    page: &'a Page,
    out: &'a mut dyn Write,
}

impl Writer<'_> {
    fn card(&mut self, card: &Card<'_>) -> io::Result<()> {
        match (card.holder, card.connections.as_slice()) {
            (Some(holder), connections) => {
                let queue =
                    words::queue(&holder.socket).filter(|_| holder.socket.state == State::Listen);
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
        let mut end = words::local_address(socket);
        let port = socket
            .local
            .port
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let at = end.find(" +").unwrap_or(end.len());
        end.insert_str(at, &port);
        let end = Clean::new(&end);
        let service = socket
            .service
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
        let line = format!("{name}{service}  {state}  {meaning}");
        writeln!(self.out, "{}", line.trim_end())
    }

    fn owners(&mut self, row: &Row, queue: Option<&str>) -> io::Result<()> {
        let mut rest: Vec<&Owner> = row.owners.iter().collect();
        while let Some(first) = rest.first().copied() {
            let (alike, others): (Vec<&Owner>, Vec<&Owner>) = rest
                .into_iter()
                .partition(|owner| self.look_alike(first, owner));
            self.owner(&alike)?;
            rest = others;
        }
        if row.owners.is_empty() && self.page.owners {
            let words = match row.owner_status {
                OwnerStatus::Hidden | OwnerStatus::Partial => "the owner cannot be seen",
                OwnerStatus::None if row.socket.inode.is_some() => {
                    "no process holds it: the kernel owns it"
                }
                OwnerStatus::None if words::is_unaccepted(row) => "no process has accepted it yet",
                OwnerStatus::None => "no process owns it any more",
                OwnerStatus::Known | OwnerStatus::Skipped => "",
            };
            let user = words::user(row)
                .map(|user| format!("   user {}", Clean::new(&user)))
                .unwrap_or_default();
            if !words.is_empty() {
                let words = self.paint(words, Tone::Alert);
                writeln!(self.out, "  {words}{user}")?;
            }
        }
        if let Some(queue) = queue {
            let label = self.paint("queue", Tone::Faint);
            writeln!(
                self.out,
                "  {label}      {queue} connections wait to be accepted"
            )?;
        }
        Ok(())
    }

    /// Whether two owners would be told in the same words but for their pids, as workers of a pool.
    fn look_alike(&self, first: &Owner, second: &Owner) -> bool {
        let words = |owner: &Owner| {
            let process = &owner.process;
            (
                self.since(owner).map(|(moment, _)| moment),
                (process.uid, process.user.clone()),
                process.name.clone(),
                process.services.clone(),
            )
        };
        let (a, b) = (&first.process, &second.process);
        words(first) == words(second)
            && (&a.command, &a.working_directory) == (&b.command, &b.working_directory)
    }

    /// When the owner began, and how long ago that is.
    fn since(&self, owner: &Owner) -> Option<(String, String)> {
        let start = owner.process.started_at?;
        let now = self.snapshot.machine.taken_at;
        Some((
            words::moment(start, now, &self.page.zone)?,
            words::age(start, now),
        ))
    }

    /// Owners that look alike: all that is known of the first, and everybody's pid.
    fn owner(&mut self, alike: &[&Owner]) -> io::Result<()> {
        let Some(first) = alike.first() else {
            return Ok(());
        };
        let process = &*first.process;
        let name = self.paint(Clean::new(words::name(process)).as_str(), Tone::Strong);
        let pids: Vec<_> = alike
            .iter()
            .map(|owner| owner.process.key.pid.to_string())
            .collect();
        let noun = if alike.len() == 1 { "pid" } else { "pids" };
        let user = process
            .user
            .as_deref()
            .map(str::to_owned)
            .or_else(|| process.uid.map(|uid| uid.to_string()));
        let user = user
            .map(|user| format!("   user {}", Clean::new(&user)))
            .unwrap_or_default();
        let since = self
            .since(first)
            .map(|(moment, age)| format!("   since {moment} ({age})"));
        let count = if alike.len() == 1 {
            String::new()
        } else {
            format!("  ({} processes)", alike.len())
        };
        writeln!(
            self.out,
            "  {name}{count}   {noun} {}{user}{}",
            pids.join(", "),
            since.unwrap_or_default()
        )?;
        if let Some(command) = &process.command {
            let shown: Vec<String> = command.iter().map(quoted).collect();
            self.detail("command", &Clean::new(&shown.join(" ")))?;
        }
        if !process.services.is_empty() {
            let names: Vec<&str> = process.services.iter().map(Foreign::unclean).collect();
            self.detail("hosts", &Clean::new(&names.join(", ")))?;
        }
        if let Some(directory) = &process.working_directory {
            self.detail("in", &Clean::from(directory))?;
        }
        Ok(())
    }

    /// A labelled line, shortened to the terminal.
    fn detail(&mut self, label: &str, text: &Clean) -> io::Result<()> {
        const INDENT: usize = 13;
        let room = self.page.look.width.map_or(usize::MAX, |width| {
            usize::from(width).saturating_sub(INDENT).max(20)
        });
        let painted = self.paint(&format!("{label:<7}"), Tone::Faint);
        writeln!(self.out, "    {painted}  {}", text.cut(room))
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
        let peer = peer.map(|peer| words::endpoint(&peer, socket.interface.as_deref()));
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
        let end = |end: &Endpoint| (end.canonical(), end.port);
        let (here, there) = (end(&row.socket.local), end(row.socket.peer.as_ref()?));
        let is_it = |other: &&Row| {
            let socket = &other.socket;
            end(&socket.local) == there
                && socket.peer.as_ref().is_some_and(|peer| end(peer) == here)
        };
        self.snapshot
            .other_ends
            .iter()
            .chain(&self.snapshot.rows)
            .find(is_it)
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

/// An argument as a shell would need it, so that empty ones and blanks are seen.
fn quoted(argument: &Foreign) -> String {
    let text = argument.unclean();
    if text.is_empty() || text.contains([' ', '\'', '"', '\t', '\n']) {
        format!("'{}'", text.replace('\'', "'\\''"))
    } else {
        text.to_owned()
    }
}
