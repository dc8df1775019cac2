//! The forwards of an OpenSSH client, ssh(1).

use super::{Bind, Way, joined, way_from};
use crate::model::{Endpoint, Foreign};

/// Letters with a value, as ssh(1) lists them.
const VALUES: &str = "bceilmopBDEFIJLOPQRSwW";

/// Whose session an ssh server's process is, by the title that it sets: `sshd: anna@pts/0`, `sshd: anna
/// [priv]`. Every listener of a session is one that its client has asked for: what comes there goes back
/// through the connection. `None` of the daemon itself.
pub fn session(command: &[Foreign]) -> Option<String> {
    let title = command.first()?.unclean();
    let (server, rest) = title.split_once(": ")?;
    let is_server = matches!(server, "sshd" | "sshd-session");
    let user = rest.split(['@', ' ']).next()?;
    // `sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups`; `sshd: [accepted]`.
    let is_user = !user.is_empty() && !user.starts_with(['/', '[']);
    (is_server && is_user).then(|| format!("the ssh client of {user}"))
}

/// Where a listener of `ssh` leads. What stands in a configuration file does not show.
pub fn ssh(words: &[&str], local: &Endpoint) -> Option<String> {
    let mut found = Found::default();
    let mut rest = words;
    // Options may follow the host; what follows those is a command for the other side.
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let letters = match word.strip_prefix('-') {
            Some("-") => {
                if found.host.is_none() {
                    found.host = rest.first().copied();
                }
                break;
            }
            Some("") | None if found.host.is_some() => break,
            Some("") | None => {
                found.host = Some(word);
                continue;
            }
            Some(letters) => letters,
        };
        let Some(at) = letters.find(|letter| VALUES.contains(letter)) else {
            found.lets_all_in |= letters.contains('g');
            continue;
        };
        found.lets_all_in |= letters[..at].contains('g');
        let value = match &letters[at + 1..] {
            "" => {
                let (next, after) = rest.split_first()?;
                rest = after;
                next
            }
            value => value,
        };
        found.option(&letters[at..=at], value);
    }
    let through = found.through()?;
    let ways = found.forwards.iter().map(|(bind, port, far)| {
        let bind = match bind {
            Some(bind) => Bind::parse(bind),
            None if found.lets_all_in => Bind::All,
            None => Bind::Loopback,
        };
        let to = match far {
            Some(far) => format!("{far} through {through}"),
            None => format!("SOCKS proxy through {through}"),
        };
        Way {
            bind,
            ports: (*port, *port),
            to,
        }
    });
    way_from(ways.collect(), local)
}

/// Bind address, port and far end; no far end for a SOCKS proxy.
type LocalForward = (Option<String>, u16, Option<String>);

#[derive(Default)]
struct Found<'a> {
    host: Option<&'a str>,
    login: Option<&'a str>,
    lets_all_in: bool,
    forwards: Vec<LocalForward>,
}

impl<'a> Found<'a> {
    fn option(&mut self, letter: &str, value: &'a str) {
        match letter {
            "l" => self.login = Some(value),
            "L" => self.forwards.extend(parse_forward(value)),
            "D" => self.forwards.extend(parse_dynamic(value)),
            "o" => self.setting(value),
            _ => {}
        }
    }

    /// `-o Keyword=value` or `-o "Keyword value"`, as a line of ssh_config(5).
    fn setting(&mut self, text: &'a str) {
        let is_separator = |c: char| c.is_whitespace() || c == '=';
        let text = text.trim_start();
        let Some((keyword, value)) = text.split_once(is_separator) else {
            return;
        };
        let value = value.trim_matches(|c: char| is_separator(c) || c == '"');
        match keyword.to_ascii_lowercase().as_str() {
            "localforward" => {
                // The near end and the far end are two words.
                let spec = value.split_whitespace().collect::<Vec<_>>().join(":");
                self.forwards.extend(parse_forward(&spec));
            }
            "dynamicforward" => self.forwards.extend(parse_dynamic(value)),
            "user" => self.login = Some(value),
            "gatewayports" => self.lets_all_in |= value.eq_ignore_ascii_case("yes"),
            _ => {}
        }
    }

    /// The other side, with its user where one is named.
    fn through(&self) -> Option<String> {
        let host = self.host?;
        let host = host.strip_prefix("ssh://").unwrap_or(host);
        Some(match self.login {
            Some(login) if !host.contains('@') => format!("{login}@{host}"),
            _ => host.to_owned(),
        })
    }
}

/// `[bind:]port:host:hostport` or `[bind:]port:/socket`; `None` where a socket of this side is a file.
fn parse_forward(spec: &str) -> Option<LocalForward> {
    // A path may hold colons, so it is cut off before the rest is split.
    let (near, path) = match spec.find(":/") {
        Some(at) => (&spec[..at], Some(&spec[at + 1..])),
        None => (spec, None),
    };
    let mut fields = split_fields(near);
    let far = match path {
        Some(path) => path.to_owned(),
        None => {
            let port = fields.pop()?;
            joined(fields.pop()?, port)
        }
    };
    let port = fields.pop()?.parse().ok()?;
    let bind = fields.pop().map(str::to_owned);
    fields.is_empty().then_some((bind, port, Some(far)))
}

/// `[bind:]port`.
fn parse_dynamic(spec: &str) -> Option<LocalForward> {
    let mut fields = split_fields(spec);
    let port = fields.pop()?.parse().ok()?;
    let bind = fields.pop().map(str::to_owned);
    fields.is_empty().then_some((bind, port, None))
}

/// Splits at colons that stand outside of brackets.
fn split_fields(text: &str) -> Vec<&str> {
    let mut is_inside = false;
    text.split(|c| {
        is_inside = match c {
            '[' => true,
            ']' => false,
            _ => is_inside,
        };
        c == ':' && !is_inside
    })
    .collect()
}
