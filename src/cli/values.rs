//! Values of options that several verbs take.

use std::time::Duration;

use clap::ValueEnum;

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

/// `500ms`, `30s`, `2m`, `1h 30m`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| "not a duration".to_owned())?;
    Duration::try_from(span).map_err(|_| "not a duration".to_owned())
}
