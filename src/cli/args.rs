//! What can be typed. No I/O; what it means is worked out elsewhere.

use clap::{Parser, Subcommand};

use super::capture::CaptureArgs;
use super::check::CheckArgs;
use super::completions::CompletionsArgs;
use super::conflicts::ConflictsArgs;
use super::ephemeral::EphemeralArgs;
use super::free::FreeArgs;
use super::list::ListArgs;
use super::map::MapArgs;
use super::wait::WaitArgs;
use super::why::WhyArgs;

/// Verbs that are taken, though they do not exist yet: nobody shall come to rely on them as names.
pub const RESERVED: [&str; 3] = ["watch", "diff", "kill"];

/// Verbs that exist.
pub const VERBS: [&str; 11] = [
    "why",
    "check",
    "free",
    "wait",
    "conflicts",
    "map",
    "ephemeral",
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
  tcp  udp  sctp  tcp:443  udp:53    protocol
  nginx  name=nginx                  part of a process name
  pid=1234  user=www-data            owner
  unit=nginx  container=web  project=shop    what the owner is part of
  state=established                  state of the socket
  local=127.0.0.1:80  peer=:443      local or remote end, literally

Examples:
  portwho                            what listens on this machine
  portwho :8080                      who has port 8080, and who is connected
  portwho why :8080                  why: its service, container or project, and what to do
  portwho nginx                      on which ports nginx listens
  portwho -a peer=10.0.0.9:5432      connections to that database
  portwho --json :80 | jq '[.sockets[].owners[].pid] | unique[]'

Exit status: 0 something matched, 1 nothing matched, 2 bad usage,
  3 cannot tell (something that could not be read might have matched)";

/// Tell who has a port
///
/// Without selectors, lists what listens: TCP and SCTP listeners, unconnected UDP sockets.
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
// The options of a verb that was not typed are not even put together: that is a third of what it
// takes to begin.
#[command(defer = true)]
pub enum Verb {
    /// Tell why a port is taken: by whom, what it is part of, and what to do
    Why(WhyArgs),
    /// Tell whether ports can be bound, and who is in the way
    Check(CheckArgs),
    /// Name free ports
    Free(FreeArgs),
    /// Wait until something listens, or nothing does any more
    Wait(WaitArgs),
    /// Tell what on this machine will bite: listeners in each other's way
    Conflicts(ConflictsArgs),
    /// Tell who talks to whom: services, and the connections between them
    Map(MapArgs),
    /// Tell how full the ports for outgoing connections are, and because of whom
    Ephemeral(EphemeralArgs),
    /// Record what the readers saw, to be replayed with --from
    Capture(CaptureArgs),
    /// Print the JSON Schema of --json
    Schema,
    /// Print a shell's completion script
    Completions(CompletionsArgs),
}
