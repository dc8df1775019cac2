//! `portwho map` as text: a paragraph for each service, with its links as branches.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::cell::Tone;
use super::clean::LONGEST;
use super::contract::MapOut;
use super::paint::paint;
use super::{Clean, Look, json, words};
use crate::judge::{Link, Map, Service};
use crate::model::{Container, Protocol, Snapshot};

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

impl Atlas<'_> {
    /// The network namespaces that must be told, and what they are called.
    pub fn namespaces(&self) -> BTreeMap<u64, String> {
        words::other_namespaces(&self.snapshot.rows, self.snapshot.netns)
    }
}

pub fn write_map_json(atlas: &Atlas, out: &mut dyn Write) -> io::Result<()> {
    json::write(&MapOut::new(atlas), out)
}

/// Writes a paragraph for each service that was asked for.
pub fn write_map(atlas: &Atlas, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let tree = Tree {
        atlas,
        containers: words::addressed(&atlas.snapshot.rows),
        namespaces: atlas.namespaces(),
    };
    let services = atlas.map.services.iter().zip(links(atlas.map)).enumerate();
    for (at, (service, [inward, outward])) in services.filter(|(_, (one, _))| one.is_asked) {
        out.write_all(tree.heading(service, look).as_bytes())?;
        let mut lines = tree.branches(at, &inward, Side::In);
        lines.extend(tree.branches(at, &outward, Side::Out));
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

/// On which side of a service the others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From clients.
    In,
    /// To servers, itself among them.
    Out,
}

/// The links of one service to one side.
#[derive(Debug, Default)]
pub struct Links<'a> {
    pub listed: Vec<&'a Link>,
    pub rest: Vec<&'a Link>,
}

/// For each service, the links from clients and those to servers.
pub fn links(map: &Map) -> Vec<[Links<'_>; 2]> {
    let mut all: Vec<[Links; 2]> = Vec::new();
    all.resize_with(map.services.len(), Default::default);
    for link in &map.links {
        if let Some(to) = link.to.filter(|to| link.from != Some(*to)) {
            all[to][0].listed.push(link);
        }
        if let Some(from) = link.from {
            all[from][1].listed.push(link);
        }
    }
    for [inward, outward] in &mut all {
        let end = |link: &&Link| (link.port, link.protocol, link.from);
        inward.listed.sort_by_key(end);
        for links in [inward, outward] {
            links.rest = links.listed.split_off(links.listed.len().min(LISTED));
        }
    }
    all
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

/// What the branches are made of.
struct Tree<'a> {
    atlas: &'a Atlas<'a>,
    containers: BTreeMap<IpAddr, &'a Container>,
    namespaces: BTreeMap<u64, String>,
}

impl Tree<'_> {
    /// `nginx ×3  :80, :443  pids 1100, 1101, 1102  nginx.service`
    fn heading(&self, service: &Service, look: Look) -> String {
        let rows = &self.atlas.snapshot.rows;
        let width = look.width.map_or(LONGEST, usize::from);
        let name = Clean::new(&words::service(service, rows)).cut(width);
        let rest: String = [
            words::ends(service, rows),
            words::namespace(service, rows, &self.namespaces),
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

    fn branches(&self, at: usize, links: &Links, side: Side) -> Vec<Branch> {
        let listed = links.listed.iter();
        let mut lines: Vec<Branch> = listed.map(|link| self.branch(at, link, side)).collect();
        if !links.rest.is_empty() {
            let connections = links.rest.iter().map(|link| link.connections).sum();
            let text = format!("{} and {} more", arrow(side), links.rest.len());
            let count = words::connections(connections) + "; --json lists them all";
            lines.push(Branch {
                cells: [Clean::new(&text), Clean::default(), Clean::default()],
                count: Clean::new(&count),
            });
        }
        lines
    }

    fn branch(&self, at: usize, link: &Link, side: Side) -> Branch {
        let rows = &self.atlas.snapshot.rows;
        let far = match side {
            Side::In => link.from,
            Side::Out => link.to,
        };
        let end = match (link.to, link.peers.first()) {
            (None, Some(peer)) => words::peer_end(peer, link),
            _ => words::link_port(link.protocol, link.port),
        };
        let (who, what) = match far.and_then(|far| self.atlas.map.services.get(far)) {
            Some(_) if far == Some(at) => ("itself".to_owned(), [None, None]),
            Some(other) => {
                let namespace = words::namespace(other, rows, &self.namespaces);
                let what = [words::purpose(other, rows), namespace];
                (words::service(other, rows), what)
            }
            None => {
                let service = (self.atlas.service_of)(link.protocol, link.port);
                let what = words::peer_purpose(link, &self.containers, service);
                let what = what.filter(|_| side == Side::Out);
                let peer = link.peers.first();
                let namespace = peer.and_then(|peer| words::peer_namespace(peer, &self.namespaces));
                (words::unseen_end(link).to_owned(), [what, namespace])
            }
        };
        let what: Vec<String> = what.into_iter().flatten().collect();
        Branch {
            cells: [
                Clean::new(&format!("{} {end}", arrow(side))),
                Clean::new(&who),
                Clean::new(&what.join(", ")),
            ],
            count: Clean::new(&words::weight(link)),
        }
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
        cells.max().unwrap_or(0).min(LONGEST)
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
