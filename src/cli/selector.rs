//! The grammar of selectors: text to the parts of a query. No I/O.

use std::net::{IpAddr, Ipv6Addr};

use super::failure::{Failure, quote};
use super::unread;
use crate::model::port_of;
use crate::model::{AskedUser, PortSet, Protocol, ProtocolSet, State};
use crate::select::{Addresses, Place, Query};

/// Adds what one argument asks for to the query.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn add(query: &mut Query, text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Err(Failure::usage("a selector is empty")
            .hint("leave it out, or give a port such as ':80'"));
    }
    if let Some((key, value)) = text.split_once('=') {
        return add_keyed(query, text, key, value);
    }
    if let Some(protocol) = Protocol::from_name(text) {
        query.protocols = query.protocols.union(ProtocolSet::meant_by(protocol));
        return Ok(());
    }
    unread::refuse(text)?;
    if is_word(text) {
        query.names.push(text.to_owned());
        return Ok(());
    }
    let place = parse_place(text).map_err(|failure| match parse_pid(text) {
        Ok(pid) => failure.hint(format!("for the process of that id, 'pid={pid}'")),
        Err(_) => failure,
    })?;
    match place {
        Place {
            protocol: None,
            addresses: Some(addresses),
            ports: None,
        } => query.addresses.push(addresses),
        place => query.places.push(place),
    }
    Ok(())
}

/// A bare word: part of a process name. It begins with a letter and is nothing else that we know.
pub fn is_word(text: &str) -> bool {
    let begins_with_letter = text.chars().next().is_some_and(char::is_alphabetic);
    begins_with_letter
        && !text.eq_ignore_ascii_case("localhost")
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
}

fn add_keyed(query: &mut Query, text: &str, key: &str, value: &str) -> Result<(), Failure> {
    if value.is_empty() {
        return Err(Failure::usage(format!(
            "{} asks for nothing: a value must follow '='",
            quote(text)
        )));
    }
    match key {
        "pid" => query.pids.push(parse_pid(value)?),
        "user" => query.users.push(AskedUser::new(value)),
        "name" => query.names.push(value.to_owned()),
        "unit" => query.units.push(value.to_owned()),
        "container" => query.containers.push(value.to_owned()),
        "project" => query.projects.push(value.to_owned()),
        "state" => {
            for name in value.split(',') {
                let state = State::from_name(name).ok_or_else(|| {
                    let all: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
                    Failure::usage(format!("{} is not a state", quote(name)))
                        .hint(format!("states are {}", all.join(", ")))
                })?;
                query.states.insert(state);
            }
        }
        "local" => query.locals.push(parse_place(value)?),
        "peer" => query.peers.push(parse_place(value)?),
        "port" => query.places.push(Place {
            ports: Some(parse_ports(value)?),
            ..Place::default()
        }),
        _ => {
            return Err(Failure::usage(format!("{} is not a selector", quote(text)))
                .hint("keys are pid=, user=, name=, unit=, container=, project=, state=, local=, peer="));
        }
    }
    Ok(())
}

/// Reads a process id.
///
/// # Errors
/// What would be right.
pub fn parse_pid(text: &str) -> Result<u32, Failure> {
    let bad = || {
        Failure::usage(format!(
            "{} is not a process id: those are 1 to {}",
            quote(text),
            u32::MAX / 2
        ))
    };
    if !is_digits(text) {
        return Err(bad());
    }
    text.parse()
        .ok()
        .filter(|pid| (1..=u32::MAX / 2).contains(pid))
        .ok_or_else(bad)
}

/// `[tcp:|udp:][ADDRESS[/PREFIX]][:]PORTS`, with at least one part.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn parse_place(text: &str) -> Result<Place, Failure> {
    unread::refuse(text)?;
    // As listings write it: `80/tcp`.
    if let Some((ports, name)) = text.rsplit_once('/')
        && let Some(protocol) = Protocol::from_name(name).filter(|protocol| protocol.has_ports())
        && ports.starts_with(|c: char| c.is_ascii_digit())
        && !ports.contains(['.', ':'])
    {
        return Ok(Place {
            protocol: Some(protocol),
            addresses: None,
            ports: Some(parse_ports(ports)?),
        });
    }
    let protocol = |text: &str| Protocol::from_name(text.split_once(':')?.0);
    let Some(found) = protocol(text) else {
        return parse_end(text);
    };
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    if protocol(rest).is_some() || Protocol::from_name(rest).is_some() {
        return Err(Failure::usage(format!("{} has two protocols", quote(text))));
    }
    let place = parse_end(rest)?;
    if !found.has_ports() && place.ports.is_some() {
        return Err(Failure::usage(format!(
            "{}: {found} sockets have no port",
            quote(text)
        )));
    }
    Ok(Place {
        protocol: Some(found),
        ..place
    })
}

/// `[ADDRESS[/PREFIX]][:]PORTS`.
fn parse_end(text: &str) -> Result<Place, Failure> {
    let bare = text.split(['%', '/']).next().unwrap_or_default();
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(Place {
            addresses: Some(parse_addresses(text)?),
            ..Place::default()
        });
    }
    if let Some(end) = end_of_url(text) {
        return Err(
            Failure::usage(format!("{} is a URL", quote(text))).hint(format!("write '{end}'"))
        );
    }
    let (addresses, ports) = split_port(text)?;
    let addresses = match addresses {
        "" => None,
        "*" if ports.is_none() => {
            return Err(Failure::usage("'*' alone selects nothing; leave it out"));
        }
        "*" => None,
        other => Some(parse_addresses(other)?),
    };
    Ok(Place {
        protocol: None,
        addresses,
        ports: ports.map(parse_ports).transpose()?,
    })
}

/// The selector for what a URL leads to; without the host, where that is a name.
fn end_of_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let end = authority.rsplit('@').next()?;
    let (host, port) = match end.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (end, scheme),
    };
    parse_ports(port).ok()?;
    Some(match parse_addresses(host) {
        Ok(_) => format!("{host}:{port}"),
        Err(_) => format!(":{port}"),
    })
}

/// Takes an address and ports apart: the port follows the last colon, but not one within brackets.
fn split_port(text: &str) -> Result<(&str, Option<&str>), Failure> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else {
            return Err(Failure::usage(format!("{} lacks a ']'", quote(text)))
                .hint("for instance '[::1]:80'"));
        };
        let (prefix, port) = match after.split_once(':') {
            Some((prefix, port)) => (prefix, Some(port)),
            None => (after, None),
        };
        if prefix.is_empty() && !inside.is_empty() {
            return Ok((inside, port));
        }
        let end = text.len() - port.map_or(0, |port| port.len() + 1);
        return Ok((&text[..end], port));
    }
    if let Some(ports) = text.strip_prefix(':') {
        return Ok(("", Some(ports)));
    }
    match text.rsplit_once(':') {
        Some((address, _)) if address.contains(':') => {
            Err(Failure::usage(format!("{} is not an address", quote(text)))
                .hint("write an IPv6 address with a port as '[::1]:80'"))
        }
        Some((address, port)) => Ok((address, Some(port))),
        None if text.contains(['.', '/', '*']) || text.eq_ignore_ascii_case("localhost") => {
            Ok((text, None))
        }
        None => Ok(("", Some(text))),
    }
}

fn parse_addresses(text: &str) -> Result<Addresses, Failure> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Addresses::Localhost);
    }
    let bad = || {
        Failure::usage(format!("{} is not an address", quote(text)))
            .hint("for instance '127.0.0.1:80', '[::1]:80', '10.0.0.0/8', ':80'")
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    let (address, interface) = match address.split_once('%') {
        Some((address, interface)) if is_interface(interface) => {
            (address, Some(interface.to_owned()))
        }
        Some(_) => return Err(bad()),
        None => (address, None),
    };
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let Some(prefix) = prefix else {
        return Ok(match Addresses::one(address) {
            Addresses::Prefix {
                network, length, ..
            } => Addresses::Prefix {
                network,
                length,
                interface,
            },
            Addresses::Localhost => Addresses::Localhost,
        });
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = Some(prefix)
        .filter(|prefix| is_digits(prefix))
        .and_then(|prefix| prefix.parse::<u8>().ok());
    let length = length.filter(|length| *length <= longest).ok_or_else(|| {
        Failure::usage(format!(
            "{} is not a prefix length: those are 0 to {longest}",
            quote(prefix)
        ))
    })?;
    Ok(Addresses::Prefix {
        network: address,
        length,
        interface,
    })
}

/// `80`, `80,443`, `8000-8100`, `http`.
///
/// # Errors
/// The part that is no port, and what would be right.
pub fn parse_ports(text: &str) -> Result<PortSet, Failure> {
    if text.is_empty() {
        return Err(Failure::usage("a port is missing after ':'").hint("for instance ':80'"));
    }
    let mut ranges = Vec::new();
    for part in text.split(',') {
        if part.is_empty() {
            return Err(Failure::usage(format!(
                "{} has an empty place in its list",
                quote(text)
            )));
        }
        if part.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let ports = port_of(part);
            if ports.is_empty() {
                return Err(Failure::usage(format!(
                    "{} is not a service that portwho knows",
                    quote(part)
                ))
                .hint("give its number"));
            }
            ranges.extend(ports.into_iter().map(|port| (port, port)));
            continue;
        }
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (parse_port(first, part)?, parse_port(last, part)?),
            None => {
                let port = parse_port(part, part)?;
                (port, port)
            }
        };
        if first > last {
            return Err(Failure::usage(format!("{} runs backwards", quote(part)))
                .hint(format!("write '{last}-{first}'")));
        }
        ranges.push((first, last));
    }
    Ok(PortSet::from_ranges(ranges))
}

fn parse_port(text: &str, part: &str) -> Result<u16, Failure> {
    let bad = |shown: &str| {
        Failure::usage(format!(
            "{} is not a port: ports are 1 to 65535",
            quote(shown)
        ))
    };
    if text.is_empty() {
        return Err(Failure::usage(format!("{} is half a range", quote(part)))
            .hint("for instance '8000-8100'"));
    }
    if !is_digits(text) {
        return Err(bad(text));
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(bad(text)),
    }
}

/// Whether a text can name an interface: nothing in it that means something in a selector.
fn is_interface(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "[]/:%,".contains(c);
    !text.is_empty() && !text.contains(is_odd)
}

/// Digits of ASCII alone: what else `parse` takes (a sign) or Unicode calls a digit is a mistake here.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
