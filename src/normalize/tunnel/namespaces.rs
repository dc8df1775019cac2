//! Programs that carry connections into the network namespace of a rootless container.

use super::{Bind, Way, way_from};
use crate::model::Endpoint;

/// rootlesskit: `--publish [ADDRESS:]PORT:CHILD_PORT/PROTOCOL`; more may be added while it runs.
pub fn rootlesskit(words: &[&str], local: &Endpoint) -> Option<String> {
    const PUBLISH: [&str; 2] = ["-p", "--publish"];
    let values = words.iter().enumerate().filter_map(|(at, word)| {
        if PUBLISH.contains(word) {
            return words.get(at + 1).copied();
        }
        let (option, value) = word.split_once('=')?;
        PUBLISH.contains(&option).then_some(value)
    });
    let ways = values
        .flat_map(|value| value.split(','))
        .filter_map(|spec| {
            let spec = spec.split('/').next().unwrap_or(spec);
            let (near, far) = spec.rsplit_once(':')?;
            let (bind, near) = match near.rsplit_once(':') {
                Some((bind, near)) => (Bind::parse(bind), near),
                None => (Bind::All, near),
            };
            let near = near.parse().ok()?;
            Some(Way {
                bind,
                ports: (near, near),
                to: format!("port {far} in its network namespace"),
            })
        });
    way_from(ways.collect(), local).or_else(|| Some("its network namespace".to_owned()))
}

/// Options of slirp4netns with a value, slirp4netns(1).
const SLIRP_VALUES: [&str; 15] = [
    "-e",
    "--exit-fd",
    "-r",
    "--ready-fd",
    "-m",
    "--mtu",
    "-a",
    "--api-socket",
    "--cidr",
    "--netns-type",
    "--userns-path",
    "--outbound-addr",
    "--outbound-addr6",
    "--macaddress",
    "--target-type",
];

/// slirp4netns takes its forwards over a socket: only whose namespace it serves is known.
pub fn slirp4netns(words: &[&str]) -> Option<String> {
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if SLIRP_VALUES.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            return Some(namespace_of(word));
        }
    }
    None
}

/// The namespace that a process id or a path names.
fn namespace_of(target: &str) -> String {
    if !target.is_empty() && target.bytes().all(|b| b.is_ascii_digit()) {
        format!("the network namespace of process {target}")
    } else {
        format!("network namespace {target}")
    }
}

/// Options of pasta without a value, passt(1): what follows any other is its value.
const PASTA_FLAGS: [&str; 32] = [
    "-d",
    "--debug",
    "--trace",
    "--stats",
    "-q",
    "--quiet",
    "-f",
    "--foreground",
    "-e",
    "--stderr",
    "-4",
    "--ipv4-only",
    "-6",
    "--ipv6-only",
    "--no-tcp",
    "--no-udp",
    "--no-icmp",
    "--no-dhcp",
    "--no-ndp",
    "--no-dhcpv6",
    "--no-ra",
    "--no-map-gw",
    "--freebind",
    "--config-net",
    "--no-copy-routes",
    "--no-copy-addrs",
    "--netns-only",
    "--no-netns-quit",
    "--no-dhcp-dns",
    "--no-dhcp-search",
    "--no-splice",
    "--host-lo-to-ns-lo",
];

/// pasta: `-t` and `-u` with `[ADDRESS[%INTERFACE]/]PORTS[:PORTS],...`, `auto`, `all` or `none`.
pub fn pasta(words: &[&str], local: &Endpoint) -> Option<String> {
    let mut specs = Vec::new();
    let mut place = None;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (option, mut value) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        if !option.starts_with('-') {
            place.get_or_insert(namespace_of(option));
            break;
        }
        if value.is_none() && !PASTA_FLAGS.contains(&option) {
            value = words.next();
        }
        match (option, value) {
            ("-t" | "--tcp-ports" | "-u" | "--udp-ports", Some(spec)) => specs.push(spec),
            ("--netns", Some(path)) => place = Some(namespace_of(path)),
            _ => {}
        }
    }
    let place = place.filter(|place| !place.ends_with(' '));
    let place = place.unwrap_or_else(|| "its network namespace".to_owned());
    let ways = specs.iter().flat_map(|spec| ways(spec, local, &place));
    way_from(ways.collect(), local)
}

/// The ways of one specification: those with the port of this end.
fn ways(spec: &str, local: &Endpoint, place: &str) -> Vec<Way> {
    let to = |port: u16| format!("port {port} in {place}");
    let Some(port) = local.port else {
        return Vec::new();
    };
    let same = |bind| Way {
        bind,
        ports: (port, port),
        to: to(port),
    };
    if matches!(spec, "auto" | "all") {
        return vec![same(Bind::Unsaid)];
    }
    let range = |text: &str| -> Option<(u16, u16)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let one = |spec: &str| -> Option<Way> {
        let (bind, spec) = match spec.split_once('/') {
            Some((address, spec)) => (Bind::parse(address), spec),
            None => (Bind::Unsaid, spec),
        };
        let (near, far) = spec.split_once(':').unwrap_or((spec, spec));
        let (near, far) = (range(near)?, range(far)?);
        let far = far.0.checked_add(port.checked_sub(near.0)?)?;
        (port <= near.1).then(|| Way {
            bind,
            ports: near,
            to: to(far),
        })
    };
    spec.split(',').filter_map(one).collect()
}
