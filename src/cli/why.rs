//! `portwho why SELECTOR...`: why is this port taken?

use std::path::PathBuf;

use clap::Args;

use super::failure::{Exit, Failure};
use super::values::{OwnersName, SourceName, When};
use super::{remarks, selector, source, terminal, usage};
use crate::judge::{Background, forwarded, groups_of_holders};
use crate::model::{Depth, NetworkDepth, Note, NoteCode};
use crate::render::{Format, Look, write_why, write_why_json};
use crate::select::Query;
use crate::{Explained, Forwards, Survey, explain};

const EXAMPLES: &str = "\
Examples:
  portwho why :8080                  who has it, who started that, and how to end it
  sudo portwho why :443              with everybody's processes
  portwho why nginx                  all that nginx holds
  portwho why :8080 --json | jq -r '.holders[].next[]'

Nothing is ended: the commands under \"next\" are for you to run.

Exit status: 0 something holds it, 1 nothing does, 2 bad usage, 3 cannot tell";

/// Tell why a port is taken: by whom, what it is part of, and what to do
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhyArgs {
    /// A port, or another selector (can be repeated)
    #[arg(value_name = "SELECTOR", required = true)]
    selectors: Vec<String>,
    /// Look into every network namespace (root sees all of them)
    #[arg(long)]
    all_netns: bool,
    /// Ask no runtime (Docker, Podman) for the names of its containers
    #[arg(long)]
    no_runtime: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// When to colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Say how the answer was found
    #[arg(short = 'v', long)]
    verbose: bool,
    /// Where to read from
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    source: SourceName,
    /// How to find owners (Linux) [default: auto, or PORTWHO_OWNERS]
    #[arg(long, value_name = "WAY")]
    owners: Option<OwnersName>,
    /// Explain a recording of "portwho capture"
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    from: Option<PathBuf>,
}

pub fn run(args: &WhyArgs) -> Result<Exit, Failure> {
    usage::refuse_reserved(args.selectors.iter().map(String::as_str))?;
    let mut query = Query::default();
    for text in &args.selectors {
        selector::add(&mut query, text)?;
    }
    let mut source = match &args.from {
        Some(file) => source::open_capture(file)?,
        None => source::open_live(args.source, args.owners)?,
    };
    let wanted = Survey {
        query,
        owners: true,
        runtimes: !args.no_runtime,
        forwards: Forwards::OfEveryPort,
        other_ends: true,
        depth: Some(Depth::Whole),
        names_machine: args.json,
        addresses: true,
        network: NetworkDepth::Whole,
        namespaces: source::namespaces(args.all_netns),
        ..Survey::default()
    };
    let explained = explain(source.as_mut(), &wanted);
    let snapshot = &explained.snapshot;
    let background = Background {
        listeners: &explained.listeners,
        parents: &explained.parents,
        limits: &explained.limits,
        own: &explained.own,
    };
    let found = groups_of_holders(snapshot, &background);
    let is_answered = !found.is_empty() || !snapshot.forwards.is_empty();
    if args.json {
        terminal::answer(|out| write_why_json(snapshot, &found, out))?;
    } else if is_answered {
        let zone = source::zone(source.as_mut())?;
        let look = Look {
            header: true,
            width: terminal::width(),
            colour: terminal::wants_colour(args.color),
        };
        let rules = forwarded(snapshot, &explained.limits);
        terminal::answer(|out| write_why(snapshot, &found, &rules, look, &zone, out))?;
    }
    let format = if args.json {
        Format::Json
    } else {
        Format::Card
    };
    remarks::tell_notes(snapshot, format, args.verbose, explained.undecided);
    if !args.json {
        tell_rules(args, &explained, is_answered);
    }
    Ok(match (is_answered, explained.undecided) {
        (true, _) => Exit::Yes,
        (false, true) => {
            let undecided = remarks::undecided(&args.selectors, &wanted.query, snapshot);
            terminal::tell(format_args!("portwho: {undecided}"));
            Exit::Unknown
        }
        (false, false) => {
            let nothing = remarks::nothing(&args.selectors, &wanted.query, snapshot);
            terminal::tell(format_args!("portwho: {nothing}"));
            Exit::No
        }
    })
}

/// A page says all that it knows, and so which rules it could not look into.
fn tell_rules(args: &WhyArgs, explained: &Explained, is_answered: bool) {
    let snapshot = &explained.snapshot;
    let uid = explained.limits.uid;
    remarks::tell_unread_rules("portwho why", &args.selectors, snapshot, uid);
    let is_told = args.verbose || args.all_netns;
    if is_told || is_answered || explained.undecided || snapshot.may_be_sent_on.is_some() {
        return;
    }
    let is_of_rules = |note: &&Note| note.code == NoteCode::RulesUnread;
    for note in snapshot.notes.iter().filter(is_of_rules) {
        terminal::tell(format_args!("portwho: note: {}", note.message));
    }
}
