//! Values of options that several verbs take.

use std::fmt::Display;
use std::str::FromStr;
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

/// A number of things, one at least.
pub fn parse_count(text: &str) -> Result<u32, String> {
    parse_number(text, 1, u32::MAX)
}

/// A number of ports, one at least.
pub fn parse_port_count(text: &str) -> Result<u16, String> {
    parse_number(text, 1, u16::MAX)
}

/// What random numbers begin with.
pub fn parse_seed(text: &str) -> Result<u64, String> {
    parse_number(text, 0, u64::MAX)
}

fn parse_number<N: FromStr + PartialOrd + Display>(
    text: &str,
    least: N,
    most: N,
) -> Result<N, String> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_digits);
    let number = number.filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("it takes a number from {least} to {most}"))
}

/// `500ms`, `30s`, `2m`, `1h 30m`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    let bad = || "it takes a duration such as 500ms, 30s, 2m or '1h 30m'".to_owned();
    let span: jiff::SignedDuration = text.parse().map_err(|_| bad())?;
    Duration::try_from(span).map_err(|_| bad())
}
