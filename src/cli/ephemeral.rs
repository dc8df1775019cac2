//! `portwho ephemeral`: how full the ports for outgoing connections are, towards whom, because of whom.

mod verdict;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use verdict::{doubt, nothing, reached};

use super::check::tell_losses;
use super::failure::{Exit, Failure, quote};
use super::values::{SourceName, When, parse_count, parse_duration};
use super::{selector, source, terminal};
use crate::judge::{Advice, Usage, advise};
use crate::model::{Depth, Protocol, ProtocolSet};
use crate::render::{
    Clean, Look, write_ephemeral, write_ephemeral_csv, write_ephemeral_in, write_ephemeral_json,
    write_ephemeral_ndjson, write_ephemeral_plain,
};
use crate::select::Query;
use crate::{Ephemeral, ephemeral};

/// Time between two looks where --watch is given alone.
const PERIOD: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
An outgoing connection needs a port that its local address does not yet have towards its
peer: each (local address -> peer address:port) has all ports of the range for itself, less
those that are reserved, and those that a listener or a bound socket takes for every peer.
TIME-WAIT counts: its port is not free. Who left it there is not told by the system, and
inferred from who still talks to the peer.

Examples:
  portwho ephemeral                               every budget, the fullest first
  portwho ephemeral peer=10.0.0.9:5432            towards that database
  portwho ephemeral name=gunicorn                 where gunicorn has connections
  portwho ephemeral --interval 5s                 how fast they fill, and when they are full
  portwho ephemeral --watch                       the same, again and again
  portwho ephemeral --fail-at 80%                 a check: exit code 1 from that part on

Durations: 500ms, 30s, 2m, 1h 30m; a number alone is of seconds.

Exit status: 0 told, and every budget below --fail-at; 1 one has reached it; 2 bad usage;
  3 cannot tell (the range or a table could not be read, or owners that a selector asks for
  are hidden); 130 interrupted";

/// Tell how full the ports for outgoing connections are, and because of whom
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct EphemeralArgs {
    /// Which budgets: peer=ADDRESS:PORT, a local address, name=NAME, state=STATE ... (can be
    /// repeated)
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// Count twice, so long apart, and tell how fast each fills
    #[arg(long, value_name = "TIME", value_parser = parse_interval, conflicts_with = "from")]
    interval: Option<Duration>,
    /// Count again and again, on a terminal in place
    #[arg(long, conflicts_with = "from")]
    watch: bool,
    /// Exit with code 1 when this part of a budget is used, or more
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    fail_at: Option<f64>,
    /// How many budgets to tell of, the fullest first
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_count)]
    top: u32,
    /// Print nothing, only exit with a code
    #[arg(short, long, conflicts_with_all = ["json", "format", "watch"])]
    quiet: bool,
    /// Shape of the answer
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: FormatName,
    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Leave out the line of column titles
    #[arg(long)]
    no_header: bool,
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
enum FormatName {
    /// The range, a line for each budget, and advice
    Table,
    /// The lines of the budgets alone, separated by tabs
    Plain,
    /// One document
    Json,
    /// A JSON document for each budget
    Ndjson,
    /// The fields of JSON, a line for each budget
    Csv,
}

pub fn run(args: &EphemeralArgs) -> Result<Exit, Failure> {
    let asked = Ephemeral {
        query: query(&args.selectors)?,
        most: usize::try_from(args.top).unwrap_or(usize::MAX),
        depth: match args.format() {
            FormatName::Json => Depth::Full,
            _ => Depth::Names,
        },
        names_machine: args.format() == FormatName::Json,
    };
    let mut before = None;
    let period = match (args.interval, args.watch) {
        (Some(period), _) => Some(period),
        (None, true) => Some(PERIOD),
        (None, false) => None,
    };
    if let (Some(period), false) = (period, args.watch) {
        let count = Count::take(args, &asked)?;
        sleep_after(count.at, period);
        before = Some(count);
    }
    loop {
        let mut count = Count::take(args, &asked)?;
        if let Some(before) = &before {
            let seconds = count.at.duration_since(before.at).as_secs_f64();
            count.usage.compare(&before.usage, seconds);
        }
        if args.watch {
            if !args.show_again(&count.usage)? {
                return Ok(Exit::Yes);
            }
        } else {
            args.show(&count.usage)?;
        }
        let exit = args.exit(&count.usage);
        match period.filter(|_| args.watch && exit != Exit::No) {
            Some(period) => sleep_after(count.at, period),
            None => return Ok(exit),
        }
        before = Some(count);
    }
}

/// What was counted, and when.
struct Count {
    usage: Usage,
    at: Instant,
}

impl Count {
    /// A reader may remember what it gave: each count has its own.
    fn take(args: &EphemeralArgs, asked: &Ephemeral) -> Result<Self, Failure> {
        let mut source = match &args.from {
            Some(file) => source::open_capture(file)?,
            None => source::open_live(args.source, None)?,
        };
        let at = Instant::now();
        let usage = ephemeral(source.as_mut(), asked);
        Ok(Self { usage, at })
    }
}

/// Sleeps until a period after a moment is over; it may be longer than a clock can tell.
fn sleep_after(moment: Instant, period: Duration) {
    std::thread::sleep(remaining(moment, period));
}

fn remaining(moment: Instant, period: Duration) -> Duration {
    period.saturating_sub(moment.elapsed())
}

impl EphemeralArgs {
    fn format(&self) -> FormatName {
        if self.json {
            FormatName::Json
        } else {
            self.format
        }
    }

    fn show(&self, usage: &Usage) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        terminal::answer(|out| self.write(usage, &advise(usage), out))?;
        if self.format() != FormatName::Json {
            tell_losses(&usage.snapshot);
        }
        if usage.budgets.is_empty() && !usage.lacks_sockets() {
            terminal::tell(format_args!("portwho: {}", nothing(&self.selectors, usage)));
        }
        Ok(())
    }

    /// Shows it in the place of what was shown before, or below it; whether somebody still reads.
    fn show_again(&self, usage: &Usage) -> Result<bool, Failure> {
        let mut text = Vec::new();
        let advice = advise(usage);
        let written = match terminal::room().filter(|_| self.format() == FormatName::Table) {
            Some(room) => write_ephemeral_in(room, usage, &advice, self.look(), &mut text),
            None => self.write(usage, &advice, &mut text),
        };
        written.map_err(|error| Failure::of_output(&error))?;
        let is_table = self.format() == FormatName::Table;
        terminal::repaint(&text, is_table)
    }

    fn write(&self, usage: &Usage, advice: &[Advice], out: &mut dyn io::Write) -> io::Result<()> {
        let look = self.look();
        match self.format() {
            FormatName::Table => write_ephemeral(usage, advice, look, out),
            FormatName::Plain => write_ephemeral_plain(usage, look.header, out),
            FormatName::Json => write_ephemeral_json(usage, advice, out),
            FormatName::Ndjson => write_ephemeral_ndjson(usage, out),
            FormatName::Csv => write_ephemeral_csv(usage, look.header, out),
        }
    }

    fn look(&self) -> Look {
        Look {
            header: !self.no_header,
            width: terminal::width(),
            colour: terminal::wants_colour(self.color),
        }
    }

    /// The exit code, and on standard error why it is not 0.
    fn exit(&self, usage: &Usage) -> Exit {
        let is_quiet = self.quiet;
        let tell = |line: &str| {
            if !is_quiet {
                // An interface may have any name.
                terminal::tell(format_args!("portwho: {}", Clean::new(line)));
            }
        };
        let Some(percent) = self.fail_at else {
            return match doubt(usage) {
                None => Exit::Yes,
                Some(why) => {
                    tell(&format!("cannot tell all: {why}"));
                    Exit::Unknown
                }
            };
        };
        let part = percent / 100.0;
        match usage.reaches(part) {
            Some(true) => {
                tell(&format!(
                    "{}, and --fail-at is {percent} %",
                    reached(usage, part)
                ));
                Exit::No
            }
            Some(false) => Exit::Yes,
            None => {
                let why = doubt(usage).unwrap_or("not all could be read");
                tell(&format!("cannot tell how full they are: {why}"));
                Exit::Unknown
            }
        }
    }
}

fn query(selectors: &[String]) -> Result<Query, Failure> {
    let mut query = Query::default();
    for text in selectors {
        selector::add(&mut query, text)?;
        // An address with a protocol before it is a local address.
        let (places, locals): (Vec<_>, Vec<_>) = std::mem::take(&mut query.places)
            .into_iter()
            .partition(|place| place.ports.is_some());
        query.locals.extend(locals);
        let names_port = |place: &crate::select::Place| place.ports.is_some();
        if !places.is_empty() || query.locals.iter().any(names_port) {
            let failure = Failure::usage(format!(
                "{} names a local port, and a budget is of many",
                quote(text)
            ));
            return Err(failure.hint("for a peer, 'peer=10.0.0.9:5432'"));
        }
    }
    let is_udp =
        query.protocols.contains(Protocol::Udp) && !query.protocols.contains(Protocol::Tcp);
    if is_udp && !query.peers.is_empty() {
        let failure = Failure::usage("a UDP socket takes its port whoever the peer is");
        return Err(
            failure.hint("leave 'peer=' out, and narrow by the local address: 'local=10.0.0.5'")
        );
    }
    let known: ProtocolSet = [Protocol::Tcp, Protocol::Udp].into_iter().collect();
    if !query.protocols.is_empty() && query.protocols.intersection(known).is_empty() {
        return Err(Failure::usage(
            "the range is of tcp and udp: other protocols have no ports of it",
        ));
    }
    Ok(query)
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    parse_duration(text).and_then(|time| {
        let is_some = Some(time).filter(|time| !time.is_zero());
        is_some.ok_or_else(|| "it takes a time above zero".to_owned())
    })
}

/// `80%` or `80`; above 0, up to 100.
fn parse_percent(text: &str) -> Result<f64, String> {
    let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
    let is_plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = digits.parse::<f64>().ok().filter(|_| is_plain);
    percent
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .ok_or_else(|| "it takes a part above 0 and up to 100, for instance 80%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_beyond_every_clock_is_waited_for_and_not_added_up() {
        let longest = parse_interval("9223372036854775807s").unwrap();
        assert_eq!(longest.as_secs(), 9_223_372_036_854_775_807);
        let left = remaining(Instant::now(), longest);
        assert!(left > Duration::from_secs(1 << 62));
        assert_eq!(remaining(Instant::now(), Duration::ZERO), Duration::ZERO);
        for text in ["9223372036854775808s", "0s", "-1s"] {
            assert!(parse_interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_is_written_with_or_without_its_sign() {
        for (text, percent) in [
            ("80%", 80.0),
            ("80", 80.0),
            ("99.5 %", 99.5),
            ("100%", 100.0),
        ] {
            assert_eq!(parse_percent(text), Ok(percent), "{text}");
        }
        for text in [
            "", "%", "0", "0%", "101", "-5", "+5", "1e1", "80%%", "nan", "inf", "8o",
        ] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }
}
