//! `portwho [SELECTOR]...`: what was typed becomes a survey and a page, and the answer is written.

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::failure::{Exit, Failure, quote};
use super::values::{OwnersName, SourceName, When};
use super::{remarks, selector, source, terminal, usage};
use crate::model::{Depth, Family, NetworkDepth, ProtocolSet};
use crate::read::Source;
use crate::render::{COLUMNS, Column, DEFAULT, Format, Look, Page, chosen, fit_lines, render};
use crate::select::{Direction, Key, Order, Query, View};
use crate::{Forwards, Survey, survey};

#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// What to show: a port, an address, a protocol, a process name ... (can be repeated)
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,

    /// Show TCP sockets, MPTCP among them
    #[arg(short = 't', long, help_heading = "Which sockets")]
    pub tcp: bool,
    /// Show UDP sockets
    #[arg(short = 'u', long, help_heading = "Which sockets")]
    pub udp: bool,
    /// Show SCTP sockets
    #[arg(short = 'S', long, help_heading = "Which sockets")]
    pub sctp: bool,
    /// Show only what listens, even where a port is asked for
    #[arg(
        short = 'l',
        long,
        conflicts_with = "all",
        help_heading = "Which sockets"
    )]
    pub listening: bool,
    /// Show every protocol, in every state
    #[arg(short = 'a', long, help_heading = "Which sockets")]
    pub all: bool,
    /// Show what takes IPv4, dual-stack sockets included
    #[arg(
        short = '4',
        long,
        conflicts_with = "ipv6",
        help_heading = "Which sockets"
    )]
    pub ipv4: bool,
    /// Show what takes IPv6, dual-stack sockets included
    #[arg(short = '6', long, help_heading = "Which sockets")]
    pub ipv6: bool,
    /// Look into every network namespace (root sees all of them)
    #[arg(long, help_heading = "Which sockets")]
    pub all_netns: bool,
    /// Ask no runtime (Docker, Podman) for the names of its containers
    #[arg(long, help_heading = "Which sockets")]
    pub no_runtime: bool,
    /// Skip the search for owners
    #[arg(long, help_heading = "Which sockets")]
    pub no_owners: bool,

    /// Shape of the answer [default: card for one port, else table]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<FormatName>,
    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// Columns to show, or +NAME and -NAME to add and remove; "help" lists them
    #[arg(
        long,
        value_name = "LIST",
        allow_hyphen_values = true,
        help_heading = "Output"
    )]
    pub columns: Option<String>,
    /// Sort by port, address, protocol, state, peer, process, pid, user, since, service, reach or
    /// queue; -NAME for descending order
    #[arg(
        long,
        value_name = "COLUMN",
        allow_hyphen_values = true,
        help_heading = "Output"
    )]
    pub sort: Option<String>,
    /// Leave out the line of column titles
    #[arg(long, help_heading = "Output")]
    pub no_header: bool,
    /// Show numbers, no service names
    #[arg(short = 'n', long, help_heading = "Output")]
    pub numeric: bool,
    /// Accepted out of habit: owners are always shown
    #[arg(short = 'p', long = "processes", help_heading = "Output")]
    pub processes: bool,
    /// When to colour the output
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: When,
    /// Say how the answer was found
    #[arg(short = 'v', long, help_heading = "Output")]
    pub verbose: bool,

    /// Where to read from
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = "auto",
        help_heading = "Source"
    )]
    pub source: SourceName,
    /// How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]
    #[arg(long, value_name = "WAY", help_heading = "Source")]
    pub owners: Option<OwnersName>,
    /// Replay a recording of "portwho capture"; "-" for standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "source",
        help_heading = "Source"
    )]
    pub from: Option<std::path::PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// A line for each socket
    Table,
    /// A paragraph for each listener, with its connections
    Card,
    /// Columns separated by tabs, nothing shortened
    Plain,
    /// One document: rows, and what must be known of them
    Json,
    /// A JSON document for each socket
    Ndjson,
    /// The fields of JSON, a line for each owner
    Csv,
}

pub fn run(args: &ListArgs) -> Result<Exit, Failure> {
    if args.columns.as_deref() == Some("help") {
        let lines: Vec<_> = COLUMNS
            .iter()
            .map(|column| (column.name, column.help))
            .collect();
        terminal::answer(|out| out.write_all(fit_lines(&lines).as_bytes()))?;
        return Ok(Exit::Yes);
    }
    usage::refuse_reserved(args.selectors.iter().map(String::as_str))?;
    usage::refuse_late_verbs(args.selectors.iter().map(String::as_str))?;
    let query = query(args)?;
    let format = format(args, &query);
    if args.columns.is_some() && !matches!(format, Format::Table | Format::Plain) {
        return Err(Failure::usage(
            "--columns goes with the formats table and plain alone",
        ));
    }
    let columns = columns(args, &query)?;
    let order = order(args)?;
    let mut source = match &args.from {
        Some(file) => source::open_capture(file)?,
        None => source::open_live(args.source, args.owners)?,
    };
    let other_ends = format == Format::Card && !args.no_owners;
    let shown = Survey {
        other_ends,
        names_machine: format == Format::Json,
        depth: Some(depth(format, &columns)),
        owners: !args.no_owners,
        runtimes: !args.no_runtime,
        forwards: Forwards::OfUnusedPorts,
        addresses: false,
        network: network(format, &columns),
        namespaces: source::namespaces(args.all_netns),
        order,
        query,
    };
    let (snapshot, undecided) = survey(source.as_mut(), &shown);
    if snapshot.rows.is_empty() {
        refuse_near_verb(&args.selectors)?;
    }
    let has_rows = !snapshot.rows.is_empty();
    if has_rows || format == Format::Json || (format == Format::Csv && !args.no_header) {
        let page = page(args, format, columns, source.as_mut())?;
        terminal::answer(|out| render(&snapshot, &page, out))?;
    }
    remarks::tell_notes(&snapshot, format, args.verbose, undecided);
    if has_rows {
        if matches!(format, Format::Card | Format::Table) {
            remarks::tell_forwards(&snapshot);
        }
        return Ok(Exit::Yes);
    }
    let (said, exit) = if undecided {
        let said = remarks::undecided(&args.selectors, &shown.query, &snapshot);
        (said, Exit::Unknown)
    } else {
        let said = remarks::nothing(&args.selectors, &shown.query, &snapshot);
        (said, Exit::No)
    };
    terminal::tell(format_args!("portwho: {said}"));
    remarks::tell_forwards(&snapshot);
    if format != Format::Json {
        let uid = source.limits(false).uid;
        remarks::tell_unread_rules("portwho", &args.selectors, &snapshot, uid);
    }
    Ok(exit)
}

fn query(args: &ListArgs) -> Result<Query, Failure> {
    let mut query = Query {
        view: match (args.all, args.listening) {
            (true, _) => View::Everything,
            (_, true) => View::Listening,
            _ => View::Usual,
        },
        family: match (args.ipv4, args.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        },
        ..Query::default()
    };
    let flags = [
        (args.tcp, crate::model::Protocol::Tcp),
        (args.udp, crate::model::Protocol::Udp),
        (args.sctp, crate::model::Protocol::Sctp),
    ];
    for (_, protocol) in flags.into_iter().filter(|(given, _)| *given) {
        query.protocols = query.protocols.union(ProtocolSet::meant_by(protocol));
    }
    for text in &args.selectors {
        selector::add(&mut query, text)?;
    }
    Ok(query)
}

fn format(args: &ListArgs, query: &Query) -> Format {
    match args.format {
        _ if args.json => Format::Json,
        Some(FormatName::Table) => Format::Table,
        Some(FormatName::Card) => Format::Card,
        Some(FormatName::Plain) => Format::Plain,
        Some(FormatName::Json) => Format::Json,
        Some(FormatName::Ndjson) => Format::Ndjson,
        Some(FormatName::Csv) => Format::Csv,
        None if query.single_port().is_some() && args.columns.is_none() => Format::Card,
        None => Format::Table,
    }
}

/// The chosen columns; where connections may be shown, their state and peer are among the usual ones.
fn columns(args: &ListArgs, query: &Query) -> Result<Vec<&'static Column>, Failure> {
    let listens_only = query.wants_listeners_only();
    let mut usual: Vec<&'static str> = DEFAULT
        .into_iter()
        .filter(|name| !(args.numeric && *name == "service"))
        .collect();
    if !listens_only {
        usual.retain(|name| !matches!(*name, "reach" | "service"));
        // Of all the machine's connections it would say the same over and over.
        usual.retain(|name| *name != "what" || !query.places.is_empty());
        usual.splice(2..2, ["state", "peer"]);
    }
    if args.all_netns {
        usual.insert(usual.len(), "netns");
    }
    if args.no_owners {
        usual.retain(|name| !matches!(*name, "process" | "pid" | "what" | "since"));
    }
    let spec = args.columns.clone().unwrap_or_else(|| usual.join(","));
    let columns = chosen(&spec, &usual).map_err(|name| {
        Failure::usage(format!("{} is not a column", quote(name))).hint("--columns help lists them")
    })?;
    if columns.is_empty() {
        return Err(Failure::usage("no column is left to show"));
    }
    Ok(columns)
}

fn order(args: &ListArgs) -> Result<Order, Failure> {
    let Some(text) = args.sort.as_deref() else {
        return Ok(Order::default());
    };
    let (name, direction) = match text.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (text, Direction::Ascending),
    };
    let known = Key::ALL.into_iter().find(|(known, _)| *known == name);
    known
        .map(|(_, key)| Order { key, direction })
        .ok_or_else(|| {
            let names: Vec<_> = Key::ALL.iter().map(|(name, _)| *name).collect();
            Failure::usage(format!("{} is nothing to sort by", quote(name))).hint(format!(
                "it takes {}, with '-' before it for descending order",
                names.join(", ")
            ))
        })
}

/// No more is read of processes than is shown.
fn depth(format: Format, columns: &[&'static Column]) -> Depth {
    if !matches!(format, Format::Table | Format::Plain) {
        return Depth::Full;
    }
    let of_column = |column: &&Column| match column.name {
        "command" | "directory" | "project" => Depth::Full,
        "what" | "unit" | "container" => Depth::Meaning,
        _ => Depth::Names,
    };
    columns.iter().map(of_column).max().unwrap_or(Depth::Names)
}

/// Who reaches a listener takes facts of the network: a page says more of it than a table.
fn network(format: Format, columns: &[&'static Column]) -> NetworkDepth {
    match format {
        Format::Card => NetworkDepth::Whole,
        Format::Table | Format::Plain if columns.iter().all(|column| column.name != "reach") => {
            NetworkDepth::Nothing
        }
        _ => NetworkDepth::Devices,
    }
}

fn page(
    args: &ListArgs,
    format: Format,
    columns: Vec<&'static Column>,
    from: &mut dyn Source,
) -> Result<Page, Failure> {
    let zone = if format == Format::Card {
        source::zone(from)?
    } else {
        TimeZone::UTC
    };
    Ok(Page {
        format,
        kind: "sockets",
        asked: asked(args, &columns),
        columns,
        look: Look {
            header: !args.no_header,
            width: terminal::width(),
            colour: terminal::wants_colour(args.color),
        },
        services: !args.numeric,
        tells_namespaces: args.all_netns,
        owners: !args.no_owners,
        zone,
    })
}

/// The columns that `--columns` names.
fn asked(args: &ListArgs, columns: &[&'static Column]) -> Vec<&'static Column> {
    let named: Vec<&str> = args
        .columns
        .iter()
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().trim_start_matches('+'))
        .collect();
    columns
        .iter()
        .copied()
        .filter(|column| named.contains(&column.name))
        .collect()
}

/// A bare word that matches no process and nearly spells a verb was meant as one.
fn refuse_near_verb(selectors: &[String]) -> Result<(), Failure> {
    let words = selectors.iter().filter(|word| selector::is_word(word));
    match words
        .into_iter()
        .find_map(|word| usage::near_verb(word).map(|verb| (word, verb)))
    {
        Some((word, verb)) => Err(
            Failure::usage(format!("no process is named {}", quote(word)))
                .hint(format!("did you mean 'portwho {verb}'?")),
        ),
        None => Ok(()),
    }
}
