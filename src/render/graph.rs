//! `portwho map` as a graph: Graphviz DOT (graphviz.org/doc/info/lang.html) and Mermaid
//! (mermaid.js.org/syntax/flowchart.html). Names cannot leave their labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::map::{Atlas, links};
use super::{Clean, words};
use crate::judge::Link;

/// Columns of a line of a label.
const LABEL: usize = 60;

/// What both formats write in their own ways.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

struct Node {
    id: String,
    /// Lines of text.
    label: Vec<Clean>,
    is_service: bool,
}

struct Edge {
    from: String,
    to: String,
    label: Clean,
}

/// Writes a digraph for Graphviz.
pub fn write_dot(atlas: &Atlas, out: &mut dyn Write) -> io::Result<()> {
    let graph = Graph::of(atlas);
    writeln!(out, "digraph portwho {{")?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(out, "  node [shape=box, fontname=\"sans-serif\"];")?;
    for node in &graph.nodes {
        let lines: Vec<String> = node.label.iter().map(dot_text).collect();
        let shape = if node.is_service {
            ""
        } else {
            ", shape=ellipse"
        };
        let label = lines.join("\\n");
        writeln!(out, "  {} [label=\"{label}\"{shape}];", node.id)?;
    }
    for Edge { from, to, label } in &graph.edges {
        let label = dot_text(label);
        writeln!(out, "  {from} -> {to} [label=\"{label}\"];")?;
    }
    writeln!(out, "}}")
}

/// Writes a flowchart for Mermaid.
pub fn write_mermaid(atlas: &Atlas, out: &mut dyn Write) -> io::Result<()> {
    let graph = Graph::of(atlas);
    writeln!(out, "flowchart LR")?;
    for node in &graph.nodes {
        let lines: Vec<String> = node.label.iter().map(mermaid_text).collect();
        let (open, close) = if node.is_service {
            ("[", "]")
        } else {
            ("([", "])")
        };
        let label = lines.join("<br/>");
        writeln!(out, "  {}{open}\"{label}\"{close}", node.id)?;
    }
    for Edge { from, to, label } in &graph.edges {
        let label = mermaid_text(label);
        writeln!(out, "  {from} -->|\"{label}\"| {to}")?;
    }
    Ok(())
}

/// Of a label, each if there is something to say.
type Lines = [Option<String>; 4];

/// The ends that are no services, by what is told of them.
#[derive(Default)]
struct Unseen {
    numbers: BTreeMap<Lines, usize>,
}

impl Unseen {
    fn id(&mut self, lines: Lines) -> String {
        let next = self.numbers.len();
        format!("p{}", self.numbers.entry(lines).or_insert(next))
    }

    /// In the order of their numbers.
    fn all(self) -> impl Iterator<Item = Lines> {
        let mut all: Vec<(Lines, usize)> = self.numbers.into_iter().collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(lines, _)| lines)
    }
}

impl Graph {
    fn of(atlas: &Atlas) -> Self {
        let rows = &atlas.snapshot.rows;
        let containers = words::addressed(rows);
        let namespaces = atlas.namespaces();
        let mut graph = Self::default();
        for (at, service) in atlas.map.services.iter().enumerate() {
            let pids = words::pids(service, rows).map(|pids| format!(" ({pids})"));
            let lines = [
                Some(words::service(service, rows) + &pids.unwrap_or_default()),
                words::purpose(service, rows),
                words::ends(service, rows),
                words::namespace(service, rows, &namespaces),
            ];
            graph.node(format!("s{at}"), lines, true);
        }
        let mut unseen = Unseen::default();
        let place = |link: &Link| {
            let peer = link.peers.first();
            peer.and_then(|peer| words::peer_namespace(peer, &namespaces))
        };
        for (at, [inward, outward]) in links(atlas.map).iter().enumerate() {
            let is_far = |link: &&&Link| link.from.is_none();
            let all = inward.listed.iter().chain(&inward.rest);
            for link in all.filter(is_far) {
                let who = words::unseen_end(link).to_owned();
                let id = unseen.id([Some(who), place(link), None, None]);
                graph.edge(id, format!("s{at}"), link);
            }
            let (near, rest): (Vec<&Link>, Vec<&Link>) =
                outward.rest.iter().partition(|link| link.to.is_some());
            for link in outward.listed.iter().copied().chain(near) {
                let to = match (link.to, link.peers.first()) {
                    (Some(to), _) => format!("s{to}"),
                    (None, peer) => {
                        let end = peer.map(|peer| words::peer_end(peer, link));
                        let service = (atlas.service_of)(link.protocol, link.port);
                        let purpose = words::peer_purpose(link, &containers, service);
                        let is_here = peer.is_some_and(|peer| peer.is_here);
                        let who = is_here.then(|| words::unseen_end(link).to_owned());
                        unseen.id([end, who, purpose, place(link)])
                    }
                };
                graph.edge(format!("s{at}"), to, link);
            }
            let mut more: BTreeMap<&str, Vec<&Link>> = BTreeMap::new();
            for link in rest {
                more.entry(words::unseen_end(link)).or_default().push(link);
            }
            for (which, (who, rest)) in more.iter().enumerate() {
                let id = format!("m{at}n{which}");
                let label = format!("{} more ends {who}", rest.len());
                graph.node(id.clone(), [Some(label), None, None, None], false);
                let connections = rest.iter().map(|link| link.connections).sum();
                graph.edges.push(Edge {
                    from: format!("s{at}"),
                    to: id,
                    label: Clean::new(&words::connections(connections)),
                });
            }
        }
        for (at, lines) in unseen.all().enumerate() {
            graph.node(format!("p{at}"), lines, false);
        }
        graph
    }

    fn node(&mut self, id: String, lines: Lines, is_service: bool) {
        let clean = |line: String| Clean::new(&line).cut(LABEL);
        self.nodes.push(Node {
            id,
            label: lines.into_iter().flatten().map(clean).collect(),
            is_service,
        });
    }

    fn edge(&mut self, from: String, to: String, link: &Link) {
        let port = words::link_port(link.protocol, link.port);
        let label = format!("{port}, {}", words::weight(link));
        self.edges.push(Edge {
            from,
            to,
            label: Clean::new(&label),
        });
    }
}

/// Within double quotes a backslash begins an escape and `&` an HTML entity.
fn dot_text(text: &Clean) -> String {
    let mut out = String::new();
    for c in text.as_str().chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// Within double quotes Mermaid reads HTML, Markdown and its own entities (`#35;`): what is neither a
/// letter nor surely harmless is written as one of those.
fn mermaid_text(text: &Clean) -> String {
    let mut out = String::new();
    for c in text.as_str().chars() {
        if c.is_alphanumeric() || " .,:/-()×→…@+%".contains(c) {
            out.push(c);
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "#{};", c as u32);
        }
    }
    out
}
