//! `portwho conflicts`: what on this machine will bite.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::check::tell_losses;
use super::failure::{Exit, Failure};
use super::values::{SourceName, When};
use super::{source, terminal};
use crate::judge::{Severity, conflicts};
use crate::model::{
    Depth, NetworkDepth, NoteCode, Protocol, ProtocolSet, Snapshot, State, StateSet,
};
use crate::read::Source;
use crate::render::{Look, write_conflicts, write_conflicts_json};
use crate::select::{Query, View};
use crate::{Survey, survey};

const FINDINGS: &str = "\
Findings:
  error    split-localhost     127.0.0.1 and ::1 are answered by different programs
  error    mixed-group         different programs share a TCP port by SO_REUSEPORT
  warning  mixed-group         different programs share a UDP port; info if multicast
  warning  shadowed-wildcard   a specific address takes clients from another's wildcard
  warning  self-connection     a socket connected to itself keeps servers from its port
  info     ephemeral-listener  a listener where the system finds ports for connections
  info     bound-only          a socket that holds a port and does not listen

A pool of workers, and one program on several addresses, are no conflicts.

Exit status: 0 none at the level, 1 some, 2 bad usage, 3 cannot tell (owners are hidden)";

/// Tell what on this machine will bite: listeners in each other's way
#[derive(Debug, Clone, Args)]
#[command(after_help = FINDINGS)]
pub struct ConflictsArgs {
    /// Least severity to report
    #[arg(long, value_name = "LEVEL", default_value = "warning")]
    level: Level,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// When to colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Where to read from
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    source: SourceName,
    /// Judge a recording of "portwho capture"
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    from: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Info,
    Warning,
    Error,
}

/// Adds sockets that are connected to themselves, with their owners: few of all connections.
fn add_self_connections(source: &mut dyn Source, wanted: &Survey, snapshot: &mut Snapshot) {
    let query = Query {
        view: View::Everything,
        protocols: ProtocolSet::meant_by(Protocol::Tcp),
        states: [State::Established].into_iter().collect(),
        to_themselves: true,
        ..Query::default()
    };
    let wanted = Survey {
        query,
        ..wanted.clone()
    };
    let (found, _) = survey(source, &wanted);
    let known: Vec<NoteCode> = snapshot.notes.iter().map(|note| note.code).collect();
    let notes = found.notes.into_iter();
    let notes = notes.filter(|note| !known.contains(&note.code));
    snapshot.notes.extend(notes);
    snapshot.unreadable = snapshot.unreadable.union(found.unreadable);
    snapshot.rows.extend(found.rows);
}

pub fn run(args: &ConflictsArgs) -> Result<Exit, Failure> {
    let mut source = match &args.from {
        Some(file) => source::open_capture(file)?,
        None => source::open_live(args.source, None)?,
    };
    let least = match args.level {
        Level::Info => Severity::Info,
        Level::Warning => Severity::Warning,
        Level::Error => Severity::Error,
    };
    // Bound sockets cost a look of their own, and are of interest only at this level.
    let mut states = StateSet::listening();
    if least == Severity::Info {
        states.insert(State::Bound);
    }
    let query = Query {
        view: View::Listening,
        states,
        ..Query::default()
    };
    // Arguments tell two servers of one interpreter apart.
    let depth = Some(Depth::Full);
    let wanted = Survey {
        query,
        owners: true,
        depth,
        names_machine: args.json,
        addresses: true,
        network: NetworkDepth::Whole,
        ..Survey::default()
    };
    let (mut snapshot, _) = survey(source.as_mut(), &wanted);
    if least <= Severity::Warning {
        add_self_connections(source.as_mut(), &wanted, &mut snapshot);
    }
    let (mut findings, is_blind) = conflicts(&snapshot.rows, &source.limits(false));
    findings.retain(|finding| finding.severity() >= least);
    if args.json {
        terminal::answer(|out| write_conflicts_json(&snapshot, &findings, out))?;
    } else {
        let look = Look {
            header: true,
            width: terminal::width(),
            colour: terminal::wants_colour(args.color),
        };
        terminal::answer(|out| write_conflicts(&snapshot, &findings, look, out))?;
        tell_losses(&snapshot);
    }
    Ok(match findings.len() {
        0 if is_blind || snapshot.may_lack_sockets() => {
            terminal::tell("portwho: cannot tell: what could not be read may be in conflict");
            Exit::Unknown
        }
        0 => Exit::Yes,
        _ => Exit::No,
    })
}
