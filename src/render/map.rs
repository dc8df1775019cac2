//! `portwho map` as text: a paragraph for each service, with its links as branches.

use std::io::{self, Write};

use super::cell::Tone;
use super::contract::MapOut;
use super::paint::paint;
use super::{Clean, Look, json, words};
use crate::judge::{Link, Map, Service};
use crate::model::{Protocol, Snapshot};

/// Links of a service that are listed to one side; more are counted.
pub const LISTED: usize = 10;

/// A map with what its words are made of.
#[derive(Debug, Clone, Copy)]
pub struct Atlas<'a> {
    pub snapshot: &'a Snapshot,
    pub map: &'a Map,
    /// What a port is registered for.
    pub service_of: fn(Protocol, u16) -> Option<&'static str>,
}

pub fn write_map_json(atlas: &Atlas, out: &mut dyn Write) -> io::Result<()> {
    json::write(&MapOut::new(atlas), out)
}

/// Writes a paragraph for each service that was asked for.
pub fn write_map(atlas: &Atlas, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let services = atlas.map.services.iter().enumerate();
    for (at, service) in services.filter(|(_, service)| service.is_asked) {
        out.write_all(heading(atlas, service, look).as_bytes())?;
        let mut lines = branches(atlas, at, Side::In);
        lines.extend(branches(atlas, at, Side::Out));
        fit(&mut lines, look.width);
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.iter().enumerate() {
            let branch = if index == last { "└─ " } else { "├─ " };
            let text = format!(
                "{}{}",
                paint(branch, Tone::Faint, look.colour),
                line.text(look)
            );
            writeln!(out, "{}", text.trim_end())?;
        }
    }
    Ok(())
}

/// `nginx ×3  pids 1100, 1101, 1102  nginx.service  :80, :443`
fn heading(atlas: &Atlas, service: &Service, look: Look) -> String {
    let rows = &atlas.snapshot.rows;
    let width = look.width.map_or(usize::MAX, usize::from);
    let name = Clean::new(&words::service(service, rows)).cut(width);
    let rest: String = [
        words::ends(service, rows),
        words::pids(service, rows),
        words::purpose(service, rows),
    ]
    .into_iter()
    .flatten()
    .map(|text| format!("  {text}"))
    .collect();
    let rest = Clean::new(&rest).cut(width - name.width());
    format!(
        "{}{rest}\n",
        paint(name.as_str(), Tone::Strong, look.colour)
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From clients.
    In,
    /// To servers, itself among them.
    Out,
}

/// The links of a service to one side: those that are listed, and the rest.
pub fn links(map: &Map, at: usize, side: Side) -> (Vec<&Link>, Vec<&Link>) {
    let is_here = |link: &&Link| match side {
        Side::In => link.to == Some(at) && link.from != Some(at),
        Side::Out => link.from == Some(at),
    };
    let mut all: Vec<&Link> = map.links.iter().filter(is_here).collect();
    if side == Side::In {
        all.sort_by_key(|link| (link.port, link.protocol, link.from));
    }
    let rest = all.split_off(all.len().min(LISTED));
    (all, rest)
}

/// Which end, who is there, what that is, how many connections.
struct Branch {
    cells: [Clean; 3],
    count: Clean,
}

impl Branch {
    fn text(&self, look: Look) -> String {
        let [end, who, what] = &self.cells;
        let who = paint(who.as_str(), Tone::Strong, look.colour);
        let count = paint(self.count.as_str(), Tone::Faint, look.colour);
        format!("{end}{who}{what}{count}")
    }
}

fn branches(atlas: &Atlas, at: usize, side: Side) -> Vec<Branch> {
    let (listed, rest) = links(atlas.map, at, side);
    let mut lines: Vec<Branch> = listed
        .into_iter()
        .map(|link| branch(atlas, at, link, side))
        .collect();
    if !rest.is_empty() {
        let connections = rest.iter().map(|link| link.connections).sum();
        let arrow = arrow(side);
        let text = format!("{arrow} and {} more", rest.len());
        lines.push(Branch {
            cells: [Clean::new(&text), Clean::default(), Clean::default()],
            count: Clean::new(&(words::connections(connections) + "; --json lists them all")),
        });
    }
    lines
}

fn branch(atlas: &Atlas, at: usize, link: &Link, side: Side) -> Branch {
    let rows = &atlas.snapshot.rows;
    let far = match side {
        Side::In => link.from,
        Side::Out => link.to,
    };
    let port = words::link_port(link.protocol, link.port);
    let end = match (link.to, link.peers.first()) {
        (None, Some(peer)) => words::peer_end(peer, link),
        _ => port,
    };
    let (who, what) = match far.and_then(|far| atlas.map.services.get(far)) {
        Some(_) if far == Some(at) => ("itself".to_owned(), None),
        Some(service) => (words::service(service, rows), words::purpose(service, rows)),
        None if side == Side::In => (words::unseen_end(link).to_owned(), None),
        None => {
            let containers = words::addressed(rows);
            let service = (atlas.service_of)(link.protocol, link.port);
            let purpose = words::peer_purpose(link, &containers, service);
            (words::unseen_end(link).to_owned(), purpose)
        }
    };
    Branch {
        cells: [
            Clean::new(&format!("{} {end}", arrow(side))),
            Clean::new(&who),
            Clean::new(&what.unwrap_or_default()),
        ],
        count: Clean::new(&words::weight(link)),
    }
}

fn arrow(side: Side) -> char {
    match side {
        Side::In => '←',
        Side::Out => '→',
    }
}

/// Pads the cells to columns, and cuts them where the terminal is too narrow for all.
fn fit(lines: &mut [Branch], width: Option<u16>) {
    const GAP: usize = 2;
    const BRANCH: usize = 3;
    /// What is left of each column if it can be.
    const LEAST: [usize; 3] = [24, 10, 8];
    let mut widths = [0, 1, 2].map(|column| {
        let cells = lines.iter().map(|line| line.cells[column].width());
        cells.max().unwrap_or(0)
    });
    if let Some(width) = width {
        let gaps = widths.iter().filter(|width| **width > 0).count() * GAP;
        let counts = lines.iter().map(|line| line.count.width());
        let fixed = BRANCH + gaps + counts.max().unwrap_or(0);
        let room = usize::from(width).saturating_sub(fixed);
        for column in [2, 1, 0] {
            let over = widths.iter().sum::<usize>().saturating_sub(room);
            let least = LEAST[column].min(widths[column]);
            widths[column] = widths[column].saturating_sub(over).max(least);
        }
        let room = usize::from(width).saturating_sub(BRANCH + gaps + widths.iter().sum::<usize>());
        for line in &mut *lines {
            line.count = line.count.cut(room);
        }
    }
    for line in lines {
        for (column, cell) in line.cells.iter_mut().enumerate() {
            let cut = if column == 0 {
                cell.cut_middle(widths[column])
            } else {
                cell.cut(widths[column])
            };
            let gap = if widths[column] > 0 { GAP } else { 0 };
            let blanks = widths[column] - cut.width() + gap;
            *cell = cut.padded(blanks);
        }
    }
}
