//! What can be typed. No I/O; what it means is worked out elsewhere.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::capture::CaptureArgs;
use super::check::CheckArgs;
use super::completions::CompletionsArgs;
use super::conflicts::ConflictsArgs;
use super::free::FreeArgs;
use super::wait::WaitArgs;

/// Verbs that are taken, though they do not exist yet: nobody shall come to rely on them as names.
pub const RESERVED: [&str; 6] = ["why", "map", "ephemeral", "watch", "diff", "kill"];

/// Verbs that exist.
pub const VERBS: [&str; 8] = [
    "check",
    "free",
    "wait",
    "conflicts",
    "capture",
    "schema",
    "completions",
    "help",
];

const EXAMPLES: &str = "\
Selectors (several of one kind widen, different kinds narrow):
  :80  80,443  :8000-8100  :http     local port, in every state
  127.0.0.1:80  [::1]:80  *:80       what receives at that address and port
  127.0.0.1  [::1]  10.0.0.0/8       what receives at that address
  tcp  udp  tcp:443  udp:53          protocol
  nginx  name=nginx                  part of a process name
  pid=1234  user=www-data            owner
  state=established                  state of the socket
  local=127.0.0.1:80  peer=:443      local or remote end, literally

Examples:
  portwho                            what listens on this machine
  portwho :8080                      who has port 8080, and who is connected
  portwho nginx                      on which ports nginx listens
  portwho -a peer=10.0.0.9:5432      connections to that database
  portwho --json :80 | jq '.sockets[].owners[].pid'

Exit status: 0 something matched, 1 nothing matched, 2 bad usage,
  3 cannot tell (something that could not be read might have matched)";

/// Tell who has a port
///
/// Without selectors, lists what listens: TCP listeners and unconnected UDP sockets.
/// With sudo it sees the owners of everybody's sockets.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "portwho",
    version,
    max_term_width = 100,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    subcommand_precedence_over_arg = true
)]
pub struct Typed {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub list: ListArgs,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Tell whether ports can be bound, and who is in the way
    Check(CheckArgs),
    /// Name free ports
    Free(FreeArgs),
    /// Wait until something listens, or nothing does any more
    Wait(WaitArgs),
    /// Tell what on this machine will bite: listeners in each other's way
    Conflicts(ConflictsArgs),
    /// Record what the readers saw, to be replayed with --from
    Capture(CaptureArgs),
    /// Print the JSON Schema of --json
    Schema,
    /// Print a shell's completion script
    Completions(CompletionsArgs),
}

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
    /// Show IPv6 sockets
    #[arg(short = '6', long, help_heading = "Which sockets")]
    pub ipv6: bool,
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
    /// How to find owners (Linux)
    #[arg(
        long,
        value_name = "WAY",
        env = "PORTWHO_OWNERS",
        default_value = "auto",
        help_heading = "Source"
    )]
    pub owners: OwnersName,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SourceName {
    /// The best that works
    Auto,
    /// The system's own interface alone (Linux: sock_diag)
    Native,
    /// The tables of /proc/net alone (Linux)
    Proc,
    /// The netstat2 and sysinfo libraries
    Portable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OwnersName {
    /// A BPF iterator where it is permitted and saves what one would notice, else /proc
    Auto,
    /// A BPF iterator, which takes CAP_BPF and CAP_PERFMON
    Bpf,
    /// A walk of /proc
    Proc,
}
