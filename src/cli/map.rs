//! `portwho map`: who talks to whom on this machine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::{Exit, Failure, quote};
use super::values::{OwnersName, SourceName, When};
use super::{remarks, selector, source, terminal};
use crate::model::service_of;
use crate::model::{Depth, NetworkDepth};
use crate::render::{Atlas, Format, Look, write_dot, write_map, write_map_json, write_mermaid};
use crate::select::{Query, View};
use crate::{Chart, Survey, chart};

const NOTES: &str = "\
A service is what people see as one: the processes that share a listener, the
workers of a pool, the clients of one program. A link goes from who connected to
who listens. Connections that are only being made are left out, and those in
TIME-WAIT, which belong to nobody.

Examples:
  portwho map                              every service and its connections
  portwho map :443                         what a proxy on port 443 talks to
  portwho map nginx unit=shop
  portwho map --format dot | dot -Tsvg     a picture, by Graphviz
  portwho map --format mermaid             a flowchart for Markdown

Exit status: 0 something is shown, 1 nothing matches, 2 bad usage, 3 cannot tell";

/// Tell who talks to whom: services, and the connections between them
#[derive(Debug, Clone, Args)]
#[command(after_help = NOTES)]
pub struct MapArgs {
    /// Services to show, with what they talk to: a port, a process name ... (can be repeated)
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// Shape of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: MapFormat,
    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Look into every network namespace (root sees all of them)
    #[arg(long)]
    all_netns: bool,
    /// Ask no runtime (Docker, Podman) for the names of its containers
    #[arg(long)]
    no_runtime: bool,
    /// When to colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Where to read from
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    source: SourceName,
    /// How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]
    #[arg(long, value_name = "WAY")]
    owners: Option<OwnersName>,
    /// Map a recording of "portwho capture"
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    from: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MapFormat {
    /// A tree for each service
    Text,
    /// A digraph for Graphviz
    Dot,
    /// A flowchart for Mermaid
    Mermaid,
    /// One document: services, links, and what must be known of them
    Json,
}

pub fn run(args: &MapArgs) -> Result<Exit, Failure> {
    let format = if args.json {
        MapFormat::Json
    } else {
        args.format
    };
    let mut asked = Query {
        view: View::Everything,
        ..Query::default()
    };
    for text in &args.selectors {
        selector::add(&mut asked, text)?;
    }
    let mut source = match &args.from {
        Some(file) => source::open_capture(file)?,
        None => source::open_live(args.source, args.owners)?,
    };
    let shown = match format {
        MapFormat::Json => Depth::Full,
        _ => Depth::Meaning,
    };
    let wanted = Survey {
        owners: true,
        depth: asked.deciding_depth().max(Some(shown)),
        runtimes: !args.no_runtime,
        namespaces: source::namespaces(args.all_netns),
        names_machine: format == MapFormat::Json,
        addresses: true,
        network: match format {
            MapFormat::Json => NetworkDepth::Devices,
            _ => NetworkDepth::Nothing,
        },
        ..Survey::default()
    };
    let Chart {
        snapshot,
        map,
        undecided,
    } = chart(source.as_mut(), &wanted, &asked);
    let atlas = Atlas {
        snapshot: &snapshot,
        map: &map,
        service_of,
    };
    match format {
        MapFormat::Text => {
            let look = Look {
                header: true,
                width: terminal::width(),
                colour: terminal::wants_colour(args.color),
            };
            terminal::answer(|out| write_map(&atlas, look, out))?;
        }
        MapFormat::Dot => terminal::answer(|out| write_dot(&atlas, out))?,
        MapFormat::Mermaid => terminal::answer(|out| write_mermaid(&atlas, out))?,
        MapFormat::Json => terminal::answer(|out| write_map_json(&atlas, out))?,
    }
    let told_as = match format {
        MapFormat::Json => Format::Json,
        _ => Format::Table,
    };
    remarks::tell_notes(&snapshot, told_as, false, undecided);
    let exit = match (map.services.is_empty(), undecided) {
        (false, _) => Exit::Yes,
        (true, true) => {
            let undecided = remarks::undecided(&args.selectors, &asked, &snapshot);
            terminal::tell(format_args!("portwho: {undecided}"));
            Exit::Unknown
        }
        (true, false) => {
            let quoted: Vec<_> = args.selectors.iter().map(|text| quote(text)).collect();
            terminal::tell(match quoted.as_slice() {
                [] => "portwho: nothing listens here, and nothing is connected".to_owned(),
                all => format!("portwho: no service that matches {}", all.join(" ")),
            });
            Exit::No
        }
    };
    if map.services.is_empty() {
        remarks::tell_forwards(&snapshot);
    }
    if snapshot.may_be_sent_on.is_some() {
        let uid = source.limits(false).uid;
        remarks::tell_unread_rules("portwho map", &args.selectors, &snapshot, uid);
    }
    Ok(exit)
}
