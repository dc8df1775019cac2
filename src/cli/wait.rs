//! `portwho wait SELECTOR...`: until something listens, or nothing does any more.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::Args;

use super::check::tell_losses;
use super::failure::{Exit, Failure, quote};
use super::values::{SourceName, When, parse_duration};
use super::{owner, source, terminal};
use crate::model::Snapshot;
use crate::render::{Clean, Format, Look, Page, render, usual_columns};
use crate::survey;

mod awaited;
mod diverted;

use awaited::{Awaited, Progress, shown};

/// Time between two looks. A change is noticed after this and the time of a look, below 50 ms.
const PAUSE: Duration = Duration::from_millis(25);

const EXAMPLES: &str = "\
Examples:
  portwho wait :8080 :5432 --timeout 30s      both servers are up
  portwho wait :5432 --owner name=postgres    and it is no stranger
  portwho wait --gone :8080                   the old server has let go

A port is TCP unless 'udp:' says otherwise. Durations: 500ms, 30s, 2m, 1h 30m.

Exit status: 0 reached, 1 time ran out, 2 bad usage, 3 cannot tell; 130 interrupted";

/// Wait until something listens, or nothing does any more
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct WaitArgs {
    /// What to wait for: a port, an address and port, an owner ... (all of them)
    #[arg(value_name = "SELECTOR", required = true)]
    selectors: Vec<String>,
    /// Wait until nothing listens there, and no socket keeps the port without listening
    #[arg(long, conflicts_with_all = ["owner", "fail_fast"])]
    gone: bool,
    /// Give up after this time, with exit code 1
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Count only this owner: name=NAME (the whole name), user=USER (of the process and of the socket),
    /// pid=PID (can be repeated). A name alone is no proof
    #[arg(long, value_name = "OWNER")]
    owner: Vec<String>,
    /// Give up at once when a stranger listens, or when the owner is hidden
    #[arg(long, requires = "owner")]
    fail_fast: bool,
    /// Print nothing, only exit with a code
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// When to colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Where to read from
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    source: SourceName,

    /// What was meant to run once it is reached
    #[arg(last = true, hide = true, value_name = "CMD")]
    command: Vec<String>,
}

pub fn run(args: &WaitArgs) -> Result<Exit, Failure> {
    refuse_command(args)?;
    let mut awaited: Vec<Awaited> = args
        .selectors
        .iter()
        .map(|text| Awaited::new(text, args.gone))
        .collect::<Result<_, _>>()?;
    let mut expected = owner::parse(&args.owner)?;
    let mut source = source::open_live(args.source, None)?;
    for note in owner::look_up(source.as_mut(), expected.as_mut()) {
        if !args.quiet {
            terminal::tell(format_args!("portwho: note: {}", Clean::new(&note.message)));
        }
    }
    let start = Instant::now();
    let mut status = Status::new(args);
    let mut said: Vec<Option<String>> = vec![None; awaited.len()];
    let mut diverted: Vec<Option<Snapshot>> = vec![None; awaited.len()];
    loop {
        for one in &mut awaited {
            if args.gone {
                one.look_gone(source.as_mut());
            } else {
                one.look(source.as_mut(), expected.as_ref());
            }
        }
        let undecided = awaited
            .iter()
            .any(|one| one.progress == Progress::Unknown && one.is_unreadable());
        if awaited.iter().all(|one| one.progress == Progress::Reached) {
            status.clear();
            return end(args, &awaited, &diverted, Exit::Yes);
        }
        if undecided {
            status.clear();
            return end(args, &awaited, &diverted, Exit::Unknown);
        }
        for (one, diverted) in awaited.iter().zip(&mut diverted) {
            if !args.gone {
                diverted::look(one, diverted, source.as_mut(), args.quiet);
            }
        }
        for (one, said) in awaited.iter().zip(&mut said) {
            let Some(remark) = remark(one, expected.is_some()) else {
                continue;
            };
            if !args.quiet && said.as_ref() != Some(&remark) {
                status.clear();
                terminal::tell(format_args!("portwho: note: {}", Clean::new(&remark)));
                if let (Progress::Hidden, Some(snapshot)) = (&one.progress, &one.snapshot) {
                    tell_losses(snapshot);
                }
                *said = Some(remark);
            }
            let exit = match one.progress {
                Progress::Stranger(_) => Exit::No,
                Progress::Hidden => Exit::Unknown,
                _ => continue,
            };
            if args.fail_fast {
                status.clear();
                return end(args, &awaited, &diverted, exit);
            }
        }
        let left = args
            .timeout
            .map(|timeout| timeout.saturating_sub(start.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            status.clear();
            let is_unknown =
                |one: &Awaited| matches!(one.progress, Progress::Unknown | Progress::Hidden);
            let mut ways = awaited.iter().zip(&diverted);
            let may_be_diverted = ways.any(|(one, known)| {
                diverted::of(one, known.as_ref()).is_some_and(|known| known.may_be_diverted)
            });
            let is_unknown = may_be_diverted || awaited.iter().any(is_unknown);
            return end(
                args,
                &awaited,
                &diverted,
                if is_unknown { Exit::Unknown } else { Exit::No },
            );
        }
        status.show(start.elapsed());
        std::thread::sleep(left.map_or(PAUSE, |left| left.min(PAUSE)));
    }
}

/// Refuses a command: what was meant to run would be taken for something to wait for.
fn refuse_command(args: &WaitArgs) -> Result<(), Failure> {
    if args.command.is_empty() {
        return Ok(());
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+[]*".contains(c);
    let words = |words: &[String]| {
        let all = words.iter().all(|word| word.chars().all(is_plain));
        all.then(|| words.join(" "))
    };
    let selectors = words(&args.selectors).unwrap_or_else(|| "SELECTOR".into());
    let command = words(&args.command).unwrap_or_else(|| "COMMAND".into());
    Err(
        Failure::usage("wait runs no command, so nothing may follow '--'")
            .hint(format!("portwho wait {selectors} && {command}")),
    )
}

/// What must be known of a selector that is not reached.
fn remark(one: &Awaited, has_expected: bool) -> Option<String> {
    let text = quote(&one.text);
    match &one.progress {
        Progress::Stranger(who) => Some(format!("{text} is held by a stranger: {who}")),
        Progress::Stopped(who) => Some(format!(
            "{text} listens, but cannot answer: {who} is stopped"
        )),
        Progress::Hidden if has_expected => {
            let rows = one.snapshot.iter().flat_map(|snapshot| &snapshot.rows);
            let what = if rows.into_iter().all(|row| !row.owners.is_empty()) {
                "the user of its owner is not known"
            } else {
                "its owner is hidden"
            };
            Some(format!(
                "{text} listens, but {what}: it cannot be compared with --owner"
            ))
        }
        Progress::Hidden => Some(format!("{text} may be there: owners are hidden")),
        Progress::Reached | Progress::NotYet | Progress::Unknown => None,
    }
}

/// Prints the answer, and why there is none.
fn end(
    args: &WaitArgs,
    awaited: &[Awaited],
    diverted: &[Option<Snapshot>],
    exit: Exit,
) -> Result<Exit, Failure> {
    let mut source = source::open_live(args.source, None)?;
    let mut all: Option<Snapshot> = None;
    for (one, known) in awaited.iter().zip(diverted) {
        let known = diverted::of(one, known.as_ref());
        if let Some(known) = known.filter(|known| known.may_be_diverted && !args.quiet) {
            diverted::tell_doubts(known);
        }
        let snapshot = match (known.or(one.snapshot.as_ref()), args.quiet) {
            (Some(snapshot), _) => snapshot.clone(),
            (None, true) => continue,
            (None, false) => survey(source.as_mut(), &shown(&one.query)).0,
        };
        match &mut all {
            None => all = Some(snapshot),
            Some(all) => {
                all.may_be_diverted |= snapshot.may_be_diverted;
                all.forwards.extend(snapshot.forwards);
                let new: Vec<_> = snapshot
                    .rows
                    .into_iter()
                    .filter(|row| !all.rows.contains(row))
                    .collect();
                all.rows.extend(new);
                let new: Vec<_> = snapshot
                    .notes
                    .into_iter()
                    .filter(|note| !all.notes.contains(note))
                    .collect();
                all.notes.extend(new);
            }
        }
    }
    if let Some(snapshot) =
        all.filter(|_| !args.quiet && (exit == Exit::Yes && !args.gone || args.json))
    {
        let page = Page {
            format: if args.json {
                Format::Json
            } else {
                Format::Table
            },
            kind: "wait",
            columns: usual_columns(),
            asked: Vec::new(),
            look: Look {
                header: true,
                width: terminal::width(),
                colour: terminal::wants_colour(args.color),
            },
            services: true,
            tells_namespaces: false,
            owners: true,
            zone: jiff::tz::TimeZone::UTC,
        };
        terminal::answer(|out| render(&snapshot, &page, out))?;
        if exit == Exit::Unknown {
            tell_losses(&snapshot);
        }
    }
    if !args.quiet && exit == Exit::Yes && awaited.iter().any(|one| one.may_be_bound) {
        terminal::tell(
            "portwho: note: sockets that are bound without listening cannot be seen here: \
             'portwho check' tells whether the port is free",
        );
    }
    let open = awaited
        .iter()
        .filter(|one| one.progress != Progress::Reached);
    let open: Vec<String> = open.map(|one| quote(&one.text)).collect();
    match exit {
        _ if args.quiet => {}
        Exit::No => terminal::tell(format_args!(
            "portwho: gave up waiting for {}",
            open.join(" ")
        )),
        Exit::Unknown => terminal::tell(format_args!(
            "portwho: cannot tell about {}",
            open.join(" ")
        )),
        Exit::Yes | Exit::Usage | Exit::Of(_) => {}
    }
    Ok(exit)
}

/// A line on a terminal's standard error that says what is waited for.
struct Status {
    text: Option<String>,
    shown: Option<u64>,
}

impl Status {
    fn new(args: &WaitArgs) -> Self {
        let until = if args.gone { "to be gone" } else { "to listen" };
        let text = format!("waiting for {} {until}", args.selectors.join(" "));
        let wanted = std::io::stderr().is_terminal() && !args.quiet;
        Self {
            text: wanted.then(|| Clean::new(&text).cut(60).to_string()),
            shown: None,
        }
    }

    /// Once a second.
    fn show(&mut self, elapsed: Duration) {
        let second = elapsed.as_secs();
        if let Some(text) = &self.text
            && self.shown != Some(second)
        {
            let _ = write!(std::io::stderr().lock(), "\r{text} ({second} s)");
            self.shown = Some(second);
        }
    }

    fn clear(&mut self) {
        if self.shown.take().is_some() {
            let blanks = " ".repeat(78);
            let _ = write!(std::io::stderr().lock(), "\r{blanks}\r");
        }
    }
}
