//! `portwho free [RANGE]`: names ports that nobody holds, confirmed by a bind.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;

use clap::Args;

use super::check::tell_losses;
use super::failure::{Exit, Failure, quote};
use super::values::{SourceName, parse_port_count, parse_seed};
use super::{selector, source, terminal};
use crate::act::{run_instead, try_bind};
use crate::judge::{Bound, Candidates, Check, Claim, Evidence, Options, consecutive};
use crate::model::{NoteCode, PortSet, Protocol, ProtocolSet, Rules, Snapshot, cause};
use crate::render::{Clean, free_json};
use crate::select::{Place, Query, View};
use crate::{Forwards, Survey, survey};

const EXAMPLES: &str = "\
Examples:
  portwho free                             one free port
  portwho free 8000-8999 --count 3         three of a range
  portwho free -- npm start                run a server with PORT set

Another program may take the port before yours binds it. Running the command from here
makes that time short; if the command fails to bind all the same, it is not run again with
another port. On Unix the command takes the place of portwho and gets its signals.

Exit status: 0 found, 1 fewer than asked, 2 bad usage, 3 cannot tell; with a command its
  own, 126 if it cannot be run, 127 if there is none";

/// Name free ports
///
/// By default from 1024 up, outside the range from which the system serves outgoing
/// connections and outside the reserved ports.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct FreeArgs {
    /// Ports to choose from: 8000-8999, or a list
    range: Option<String>,
    /// How many ports
    #[arg(short = 'n', long, value_name = "N", default_value = "1", value_parser = parse_port_count)]
    count: u16,
    /// Only ports that follow each other
    #[arg(long)]
    consecutive: bool,
    /// UDP ports
    #[arg(short, long)]
    udp: bool,
    /// Find SCTP ports
    #[arg(short = 'S', long, conflicts_with = "udp")]
    sctp: bool,
    /// Address that the server would bind, instead of all
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Choose the same ports for the same number
    #[arg(long, value_name = "N", value_parser = parse_seed)]
    seed: Option<u64>,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["exec", "command"])]
    json: bool,
    /// Where to read from
    #[arg(long, value_name = "SOURCE", default_value = "auto")]
    source: SourceName,
    /// Run a command with the port in PORT (all of them in PORTS), and exit with its code
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true, conflicts_with = "command")]
    exec: Vec<String>,
    /// The same as --exec
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

pub fn run(args: &FreeArgs) -> Result<Exit, Failure> {
    let command = command(args)?;
    let range = args
        .range
        .as_deref()
        .map(selector::parse_ports)
        .transpose()?;
    let address = args.address.as_deref().map(parse_address).transpose()?;
    let protocol = match (args.udp, args.sctp) {
        (true, _) => Protocol::Udp,
        (_, true) => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    let mut source = source::open_live(args.source, None)?;
    let limits = source.limits(address.is_some());
    let mut candidates = Candidates::new(range.as_ref(), &limits);
    let mut random = args
        .seed
        .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
    candidates.shuffle(|bound| random.usize(..bound));
    let wanted = PortSet::from_ranges(candidates.ports.iter().map(|port| (*port, *port)));
    let query = Query {
        view: View::Everything,
        protocols: ProtocolSet::meant_by(protocol),
        places: vec![Place {
            ports: Some(wanted),
            ..Place::default()
        }],
        ..Query::default()
    };
    let (snapshot, _) = survey(
        source.as_mut(),
        &Survey {
            query,
            names_machine: args.json,
            forwards: Forwards::Known,
            ..Survey::default()
        },
    );
    let asked = usize::from(args.count);
    // Elsewhere the bind that confirms each port is all that is needed.
    if limits.rules == Rules::Linux && snapshot.unreadable.contains(protocol) {
        if args.json {
            terminal::answer(|out| free_json(&snapshot, (protocol, address), asked, &[], out))?;
        } else {
            tell_losses(&snapshot);
        }
        return Err(Failure::unknown("cannot tell which ports are free"));
    }
    let options = Options {
        reuse_addr: !args.udp,
        reuse_port: false,
    };
    let evidence = Evidence {
        rows: &snapshot.rows,
        limits: &limits,
        unreadable: snapshot.unreadable,
        sees_bound: snapshot.sees_bound,
        forwards: &snapshot.forwards,
        doubts: &[],
        is_steered: false,
    };
    let check = Check { evidence, options };
    let mut known: BTreeMap<u16, bool> = BTreeMap::new();
    let mut is_unknown = false;
    let mut is_free = |port: u16| {
        *known.entry(port).or_insert_with(|| {
            let claim = Claim {
                protocol,
                address,
                interface: None,
                port,
            };
            let verdict = check.judge(&claim);
            if !check.may_offer(&verdict) {
                return false;
            }
            // A bind beside an unseen socket succeeds where both set SO_REUSEADDR: one that does not
            // set it says more, unless a connection is known that it would fail on as well.
            let sees_bound = snapshot.sees_bound && protocol != Protocol::Sctp;
            let is_sure = sees_bound || !verdict.holders.is_empty();
            let options = Options {
                reuse_addr: options.reuse_addr && is_sure,
                ..options
            };
            let bound = try_bind(&claim, options);
            is_unknown |= bound.is_unknown();
            bound == Bound::Yes
        })
    };
    if !args.json {
        tell_ways_past(&snapshot);
    }
    let ports: Vec<u16> = if args.consecutive {
        let runs = consecutive(&candidates, asked);
        let run = runs
            .into_iter()
            .map(|first| first..=first + (args.count - 1));
        run.into_iter()
            .find(|run| run.clone().all(&mut is_free))
            .into_iter()
            .flatten()
            .collect()
    } else {
        let mut found: Vec<u16> = candidates
            .ports
            .iter()
            .copied()
            .filter(|port| is_free(*port))
            .take(asked)
            .collect();
        found.sort_unstable();
        found
    };
    if args.json {
        terminal::answer(|out| free_json(&snapshot, (protocol, address), asked, &ports, out))?;
    }
    if ports.len() < asked && is_unknown {
        return Err(Failure::unknown(
            "cannot tell which ports are free: none could be bound to try it",
        ));
    }
    if ports.len() < asked {
        // Half an answer on standard output would be taken for a whole one.
        let failure = Failure::usage(format!("{} of {asked} ports found", ports.len()));
        return Err(Failure {
            exit: Exit::No,
            ..failure
        });
    }
    match command {
        [] if args.json => {}
        [] => terminal::answer(|out| ports.iter().try_for_each(|port| writeln!(out, "{port}")))?,
        [program, ..] => return exec(program, command, &ports),
    }
    Ok(Exit::Yes)
}

/// Names what may take packets to any port: a server would wait for them in vain.
fn tell_ways_past(snapshot: &Snapshot) {
    let notes = snapshot.notes.iter();
    for note in notes.filter(|note| note.code == NoteCode::PortsSteered) {
        terminal::tell(format_args!("portwho: note: {}", Clean::new(&note.message)));
    }
}

/// The command to run; of `--exec -- CMD` what follows the dashes.
fn command(args: &FreeArgs) -> Result<&[String], Failure> {
    match args.exec.as_slice() {
        [] => Ok(&args.command),
        [dashes] if dashes == "--" => Err(Failure::usage("--exec needs a command")),
        [dashes, command @ ..] if dashes == "--" => Ok(command),
        command => Ok(command),
    }
}

fn exec(program: &str, command: &[String], ports: &[u16]) -> Result<Exit, Failure> {
    let all: Vec<String> = ports.iter().map(u16::to_string).collect();
    let environment = [
        ("PORT", all.first().cloned().unwrap_or_default()),
        ("PORTS", all.join(" ")),
    ];
    let code = run_instead(command, &environment).map_err(|error| {
        // As shells have it.
        let code = match error.kind() {
            ErrorKind::NotFound => 127,
            _ => 126,
        };
        Failure {
            exit: Exit::Of(code),
            ..Failure::unknown(format!("cannot run {}: {}", quote(program), cause(&error)))
        }
    })?;
    Ok(Exit::Of(code))
}

fn parse_address(text: &str) -> Result<IpAddr, Failure> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().map_err(|_| {
        Failure::usage(format!("{} is not an address", quote(text)))
            .hint("for instance '127.0.0.1' or '::1'")
    })
}
