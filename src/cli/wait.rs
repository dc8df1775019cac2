//! `portwho wait SELECTOR...`: until something listens, or nothing does any more.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::Args;

use super::check::tell_losses;
use super::failure::{Exit, Failure, quote};
use super::values::{SourceName, When, parse_duration};
use super::{owner, selector, source, terminal};
use crate::judge::{Expected, Met};
use crate::model::{Depth, Protocol, ProtocolSet, Snapshot};
use crate::read::Source;
use crate::render::{Clean, Format, Look, Page, owners_in_words, render, usual_columns};
use crate::select::{Query, View};
use crate::{Survey, glance, survey};

/// Time between two looks. A change is noticed after this and the time of a look, below 50 ms.
const PAUSE: Duration = Duration::from_millis(25);
/// Time after which owners are looked for again though no socket has changed.
const OWNERS_AGAIN: Duration = Duration::from_secs(1);

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
    /// Wait until nothing listens there
    #[arg(long, conflicts_with_all = ["owner", "fail_fast"])]
    gone: bool,
    /// Give up after this time, with exit code 1
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Count only this owner: name=NAME (the whole name), user=USER, pid=PID (can be repeated)
    #[arg(long, value_name = "OWNER")]
    owner: Vec<String>,
    /// Give up at once when a stranger listens
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
}

/// How far one selector has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    Reached,
    NotYet,
    /// Somebody listens who should not; in words.
    Stranger(String),
    /// What could not be read decides.
    Unknown,
}

/// One selector and what was last seen of it.
struct Awaited {
    text: String,
    query: Query,
    handles: Vec<Option<u64>>,
    looked_at: Option<Instant>,
    progress: Progress,
    snapshot: Option<Snapshot>,
    told: Option<String>,
}

pub fn run(args: &WaitArgs) -> Result<Exit, Failure> {
    let mut awaited: Vec<Awaited> = args
        .selectors
        .iter()
        .map(|text| awaited(text))
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
    loop {
        for one in &mut awaited {
            one.look(source.as_mut(), expected.as_ref(), args.gone);
        }
        let undecided = awaited
            .iter()
            .any(|one| one.progress == Progress::Unknown && one.is_unreadable());
        if awaited.iter().all(|one| one.progress == Progress::Reached) {
            status.clear();
            return end(args, &awaited, Exit::Yes);
        }
        if undecided {
            status.clear();
            return end(args, &awaited, Exit::Unknown);
        }
        for one in &mut awaited {
            if let Progress::Stranger(who) = one.progress.clone() {
                if !args.quiet && one.told.as_ref() != Some(&who) {
                    status.clear();
                    terminal::tell(format_args!(
                        "portwho: note: {} is held by a stranger: {}",
                        quote(&one.text),
                        Clean::new(&who)
                    ));
                    one.told = Some(who);
                }
                if args.fail_fast {
                    return end(args, &awaited, Exit::No);
                }
            }
        }
        let left = args
            .timeout
            .map(|timeout| timeout.saturating_sub(start.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            status.clear();
            let is_unknown = awaited.iter().any(|one| one.progress == Progress::Unknown);
            return end(
                args,
                &awaited,
                if is_unknown { Exit::Unknown } else { Exit::No },
            );
        }
        status.show(start.elapsed());
        std::thread::sleep(left.map_or(PAUSE, |left| left.min(PAUSE)));
    }
}

fn awaited(text: &str) -> Result<Awaited, Failure> {
    let mut query = Query {
        view: View::Listening,
        ..Query::default()
    };
    selector::add(&mut query, text)?;
    if !query.states.is_empty() || !query.peers.is_empty() {
        return Err(Failure::usage(format!(
            "{} cannot be waited for: only what listens can",
            quote(text)
        )));
    }
    let names_protocol = !query.protocols.is_empty()
        || query
            .places
            .iter()
            .chain(&query.locals)
            .any(|place| place.protocol.is_some());
    if !names_protocol {
        query.protocols = ProtocolSet::meant_by(Protocol::Tcp);
    }
    Ok(Awaited {
        text: text.to_owned(),
        query,
        handles: Vec::new(),
        looked_at: None,
        progress: Progress::NotYet,
        snapshot: None,
        told: None,
    })
}

impl Awaited {
    /// Looks at the sockets, which costs little; at owners only when the sockets have changed.
    fn look(&mut self, source: &mut dyn Source, expected: Option<&Expected>, gone: bool) {
        let Some(handles) = glance(source, &self.query) else {
            self.survey(source);
            self.progress = Progress::Unknown;
            return;
        };
        let asks_for_owners = expected.is_some() || self.query.asks_for_owners();
        let is_fresh = self
            .looked_at
            .is_some_and(|then| then.elapsed() < OWNERS_AGAIN);
        let has_changed = handles != self.handles;
        self.handles = handles;
        if self.handles.is_empty() || !asks_for_owners {
            let is_there = !self.handles.is_empty();
            self.progress = if is_there == gone {
                Progress::NotYet
            } else {
                Progress::Reached
            };
            if has_changed {
                self.snapshot = None;
            }
            return;
        }
        if is_fresh && !has_changed {
            return;
        }
        let undecided = self.survey(source);
        let rows = self
            .snapshot
            .as_ref()
            .map_or(&[][..], |snapshot| snapshot.rows.as_slice());
        self.progress = match (rows, expected) {
            ([], _) if undecided => Progress::Unknown,
            ([], _) if gone => Progress::Reached,
            ([], _) => Progress::NotYet,
            (_, None) if gone => Progress::NotYet,
            (_, None) => Progress::Reached,
            (rows, Some(expected)) => {
                let judged: Vec<Met> = rows.iter().map(|row| expected.judge_row(row)).collect();
                let stranger = judged.iter().position(|met| *met == Met::Stranger);
                match stranger {
                    Some(at) => Progress::Stranger(owners_in_words(&rows[at])),
                    None if judged.contains(&Met::Unknown) => Progress::Unknown,
                    None => Progress::Reached,
                }
            }
        };
    }

    /// Reads sockets and owners; says whether hidden owners left it undecided.
    fn survey(&mut self, source: &mut dyn Source) -> bool {
        let shown = Survey {
            query: self.query.clone(),
            owners: true,
            depth: Some(Depth::Full),
            names_machine: true,
            ..Survey::default()
        };
        let (snapshot, undecided) = survey(source, &shown);
        self.snapshot = Some(snapshot);
        self.looked_at = Some(Instant::now());
        undecided
    }

    /// Whether tables, and not only owners, could not be read: time does not mend that.
    fn is_unreadable(&self) -> bool {
        self.snapshot
            .as_ref()
            .is_some_and(Snapshot::may_lack_sockets)
    }
}

/// Prints the answer, and why there is none.
fn end(args: &WaitArgs, awaited: &[Awaited], exit: Exit) -> Result<Exit, Failure> {
    let mut source = source::open_live(args.source, None)?;
    let mut all: Option<Snapshot> = None;
    for one in awaited {
        let snapshot = match (&one.snapshot, args.quiet) {
            (Some(snapshot), _) => snapshot.clone(),
            (None, true) => continue,
            (None, false) => {
                let query = one.query.clone();
                let shown = Survey {
                    query,
                    owners: true,
                    depth: Some(Depth::Full),
                    names_machine: true,
                    ..Survey::default()
                };
                survey(source.as_mut(), &shown).0
            }
        };
        match &mut all {
            None => all = Some(snapshot),
            Some(all) => {
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
