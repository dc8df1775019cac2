//! `portwho check SPEC...`: can these be bound, and who is in the way?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::{Exit, Failure, quote};
use super::values::{SourceName, When};
use super::{owner, selector, source, terminal};
use crate::act::try_bind;
use crate::judge::{Check, Claim, Evidence, Met, Options, Reason, Ruling, Verdict, claims};
use crate::model::{Depth, NetworkDepth, PortSet, Protocol, ProtocolSet, Snapshot, cause};
use crate::read::Source;
use crate::read::bounded::read_named;
use crate::read::encoding::utf8;
use crate::render::{Clean, Look, write_checks, write_checks_json, write_github};
use crate::select::{Place, Query, View};
use crate::{Forwards, Survey, survey};

/// Bytes of a list of ports that are read.
const LONGEST_LIST: u64 = 4 << 20;

const EXAMPLES: &str = "\
Specs:  [tcp:|udp:][ADDRESS:]PORT[-PORT], and lists of ports
  80  80,443  8000-8010      TCP on all addresses, IPv4 and IPv6
  udp:53  tcp:80             protocol
  127.0.0.1:8080  [::1]:80   one address
  0.0.0.0:80  [::]:80        every IPv4 address; every address (dual stack)

Examples:
  portwho check 80 443 udp:53                    before a server starts
  portwho check --file ports.txt --format github
  portwho check 5432 --expect name=postgres      is it held by whom it should be?

A verdict is what bind() would say to a TCP server that sets SO_REUSEADDR. Where that
hangs on something that the system does not show, a socket is bound and closed at once.

Exit status: 0 all can be bound (or --expect holds), 1 one cannot, 2 bad usage,
  3 none is known to be taken, and one is unknown";

/// Tell whether ports can be bound, and who is in the way
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// What a server would bind; "-" reads them from standard input (can be repeated)
    #[arg(value_name = "SPEC", required_unless_present = "file")]
    specs: Vec<String>,
    /// Read specs from a file, one a line; "#" begins a comment
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Judge for a TCP server that does not set SO_REUSEADDR
    #[arg(long, conflicts_with = "reuse_addr", help_heading = "The server")]
    no_reuse_addr: bool,
    /// Judge for a UDP server that sets SO_REUSEADDR
    #[arg(long, help_heading = "The server")]
    reuse_addr: bool,
    /// Judge for a server that sets SO_REUSEPORT to join a group
    #[arg(long, help_heading = "The server")]
    reuse_port: bool,
    /// Ask whether the port is held, listening, by this owner: name=NAME (the whole name), user=USER (of
    /// the process and of the socket), pid=PID (can be repeated). Whoever starts a program chooses its
    /// name, so a name alone is no proof: add user=
    #[arg(long, value_name = "OWNER", help_heading = "The server")]
    expect: Vec<String>,

    /// Confirm every verdict by a real bind
    #[arg(long, conflicts_with_all = ["no_probe", "expect"], help_heading = "How to look")]
    probe: bool,
    /// Bind nothing; what only a bind can tell stays unknown
    #[arg(long, help_heading = "How to look")]
    no_probe: bool,
    /// Where to read from
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = "auto",
        help_heading = "How to look"
    )]
    source: SourceName,
    /// Judge a recording of "portwho capture"; nothing is bound then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "probe"], help_heading = "How to look")]
    from: Option<PathBuf>,

    /// Shape of the answer
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    format: FormatName,
    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
    /// Print nothing, only exit with a code
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    /// Leave out the line of column titles
    #[arg(long, help_heading = "Output")]
    no_header: bool,
    /// When to colour the output
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    color: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// A line for each verdict
    Table,
    /// One document
    Json,
    /// Annotations of a GitHub workflow
    Github,
}

pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let claims = read_claims(args)?;
    let mut expected = owner::parse(&args.expect)?;
    let mut source = match &args.from {
        Some(file) => source::open_capture(file)?,
        None => source::open_live(args.source, None)?,
    };
    let is_json = args.json || args.format == FormatName::Json;
    // A name may be that of the first argument.
    let asks_for_names = expected.as_ref().is_some_and(|one| !one.names.is_empty());
    let depth = if is_json || asks_for_names {
        Depth::Full
    } else {
        Depth::Names
    };
    let mut snapshot = look(source.as_mut(), &claims, is_json, depth);
    let unknown_users = owner::look_up(source.as_mut(), expected.as_mut());
    snapshot.notes.extend(unknown_users);
    let may_bind = !args.no_probe && args.from.is_none() && expected.is_none();
    let limits = source.limits(claims.iter().any(|claim| claim.address.is_some()));
    let mut verdicts = Vec::with_capacity(claims.len());
    for claim in &claims {
        let check = Check {
            evidence: Evidence {
                rows: &snapshot.rows,
                limits: &limits,
                unreadable: snapshot.unreadable,
                sees_bound: snapshot.sees_bound,
                forwards: &snapshot.forwards,
                doubts: &snapshot.doubts,
                is_steered: snapshot.is_steered(),
            },
            options: options(args, claim),
        };
        let mut verdict = check.judge(claim);
        if may_bind && (args.probe || Check::needs_bind(&verdict)) {
            check.settle(&mut verdict, try_bind(claim, check.options));
            if verdict.reason == Some(Reason::Forbidden) {
                Check::explain(
                    &mut verdict,
                    &source.excluded(claim.protocol).unwrap_or_default(),
                );
            }
        }
        verdict.expectation = expected
            .as_ref()
            .map(|expected| expected.judge(&verdict, &snapshot.rows));
        verdicts.push(verdict);
    }
    if !args.quiet {
        let look = Look {
            header: !args.no_header,
            width: terminal::width(),
            colour: terminal::wants_colour(args.color),
        };
        terminal::answer(|out| match args.format {
            _ if is_json => write_checks_json(&snapshot, &verdicts, out),
            FormatName::Github => write_github(&snapshot, &verdicts, out),
            FormatName::Table | FormatName::Json => write_checks(&snapshot, &verdicts, look, out),
        })?;
        if !is_json {
            tell_losses(&snapshot);
        }
    }
    Ok(exit(&verdicts))
}

/// Reads every socket on the claimed ports, with its owners.
fn look(source: &mut dyn Source, claims: &[Claim], is_json: bool, depth: Depth) -> Snapshot {
    let ports = PortSet::from_ranges(claims.iter().map(|claim| (claim.port, claim.port)));
    let query = Query {
        view: View::Everything,
        protocols: [Protocol::Tcp, Protocol::Mptcp, Protocol::Udp]
            .into_iter()
            .chain(claims.iter().map(|claim| claim.protocol))
            .collect::<ProtocolSet>(),
        places: vec![Place {
            ports: Some(ports),
            ..Place::default()
        }],
        ..Query::default()
    };
    let (snapshot, _) = survey(
        source,
        &Survey {
            query,
            owners: true,
            depth: Some(depth),
            names_machine: is_json,
            forwards: Forwards::Known,
            network: NetworkDepth::Devices,
            ..Survey::default()
        },
    );
    snapshot
}

fn options(args: &CheckArgs, claim: &Claim) -> Options {
    let reuse_addr = match claim.protocol {
        Protocol::Udp => args.reuse_addr,
        _ => !args.no_reuse_addr,
    };
    Options {
        reuse_addr,
        reuse_port: args.reuse_port,
    }
}

fn exit(verdicts: &[Verdict]) -> Exit {
    let worst = verdicts
        .iter()
        .map(|verdict| match (verdict.expectation, verdict.ruling) {
            (Some(Met::Yes), _) | (None, Ruling::Free) => 0,
            (Some(Met::Unknown), _) | (None, Ruling::Unknown) => 1,
            (Some(Met::Stranger | Met::Nobody), _) | (None, Ruling::Taken | Ruling::Refused) => 2,
        });
    match worst.max() {
        None | Some(0) => Exit::Yes,
        Some(1) => Exit::Unknown,
        Some(_) => Exit::No,
    }
}

/// Tells what could not be read.
pub fn tell_losses(snapshot: &Snapshot) {
    for note in snapshot.notes.iter().filter(|note| note.code.is_told()) {
        terminal::tell(format_args!("portwho: note: {}", Clean::new(&note.message)));
    }
}

fn read_claims(args: &CheckArgs) -> Result<Vec<Claim>, Failure> {
    let mut texts: Vec<String> = Vec::new();
    if let Some(file) = &args.file {
        texts.extend(read_lines(file)?);
    }
    for spec in &args.specs {
        if spec == "-" {
            texts.extend(read_lines(Path::new("-"))?);
        } else {
            texts.push(spec.clone());
        }
    }
    let mut all: Vec<Claim> = Vec::new();
    for text in &texts {
        let place = selector::parse_place(text)?;
        let claimed = claims(&place).map_err(|why| {
            Failure::usage(format!("{}: {why}", quote(text)))
                .hint("for instance '80', 'udp:53', '127.0.0.1:8080'")
        })?;
        all.extend(claimed);
    }
    if all.is_empty() {
        return Err(Failure::usage("there is nothing to check"));
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|claim| seen.insert(claim.clone()));
    Ok(all)
}

/// The specs in a file, without comments and blank lines; "-" for standard input.
fn read_lines(path: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| {
        let name = match path == Path::new("-") {
            true => "standard input".to_owned(),
            false => quote(&path.to_string_lossy()),
        };
        Failure::usage(format!("{name}: {}", cause(&error)))
    };
    let bytes = read_named(path, LONGEST_LIST).map_err(failed)?;
    let text = String::from_utf8(utf8(&bytes).into_owned());
    let text = text.map_err(|_| failed(std::io::Error::other("it is no text in UTF-8")))?;
    let bare = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    Ok(text
        .lines()
        .map(bare)
        .filter(|line| !line.is_empty())
        .collect())
}
