//! Where a program that passes connections on sends them: its command line and one of its listeners in;
//! the far end out. Pure.

use std::net::IpAddr;

use crate::model::{Endpoint, Foreign, Forward, Forwarder};

mod namespaces;
mod ssh;
#[cfg(test)]
mod tests;

/// Names of programs that pass connections on.
const PROGRAMS: [&str; 13] = [
    "docker-proxy",
    "rootlesskit",
    "slirp4netns",
    "pasta",
    "pasta.avx2",
    "passt",
    "passt.avx2",
    "ssh",
    "sshd",
    "sshd-session",
    "kubectl",
    "oc",
    "k3s",
];

/// Whether a program of this name may pass connections on.
pub fn is_forwarder(program: &str) -> bool {
    PROGRAMS.contains(&program)
}

/// Where what comes to `local` goes, as the command line of its owner tells; `None` for programs that
/// pass nothing on, and where it does not tell.
///
/// `program` is the base name of the executable.
pub fn forwards_of(program: &str, command: &[Foreign], local: &Endpoint) -> Option<Forward> {
    let port = local.port?;
    let words: Vec<&str> = command.iter().skip(1).map(Foreign::unclean).collect();
    let (by, to) = match program {
        "docker-proxy" => (Forwarder::DockerProxy, docker_proxy(&words, port)),
        "rootlesskit" => (
            Forwarder::Rootlesskit,
            namespaces::rootlesskit(&words, local),
        ),
        "slirp4netns" => (Forwarder::Slirp4netns, namespaces::slirp4netns(&words)),
        "pasta" | "pasta.avx2" | "passt" | "passt.avx2" => {
            // One program under two names: it is pasta where it was called so.
            let called = command.first().map(Foreign::base_name);
            let is_pasta = called.unwrap_or(program).starts_with("pasta");
            let to = is_pasta.then(|| namespaces::pasta(&words, local));
            (Forwarder::Pasta, to.flatten())
        }
        "ssh" => (Forwarder::Ssh, ssh::ssh(&words, local)),
        "sshd" | "sshd-session" => (Forwarder::Sshd, ssh::session(command)),
        "kubectl" | "oc" | "k3s" => (Forwarder::Kubectl, kubectl(&words, port)),
        _ => return None,
    };
    let to = Foreign::new(to?);
    Some(Forward {
        by,
        to,
        container: None,
    })
}

/// A way from an end of this machine to another end.
struct Way {
    bind: Bind,
    /// First and last port.
    ports: (u16, u16),
    to: String,
}

/// The address that a forward was told to listen on.
enum Bind {
    /// None was told, or a name.
    Unsaid,
    All,
    Loopback,
    One(IpAddr),
}

impl Bind {
    fn parse(text: &str) -> Self {
        let text = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        let plain = text.split('%').next().unwrap_or(text);
        match (text, plain.parse::<IpAddr>()) {
            ("" | "*", _) => Self::All,
            ("localhost", _) => Self::Loopback,
            (_, Ok(address)) if address.is_unspecified() => Self::All,
            (_, Ok(address)) => Self::One(address.to_canonical()),
            (_, Err(_)) => Self::Unsaid,
        }
    }

    fn is_of(&self, local: &Endpoint) -> bool {
        let address = local.canonical();
        match self {
            Self::Unsaid => true,
            Self::All => address.is_unspecified(),
            Self::Loopback => address.is_loopback(),
            Self::One(one) => *one == address,
        }
    }
}

/// The far end of the one way that begins at this end; several ways with different far ends tell nothing.
fn way_from(ways: Vec<Way>, local: &Endpoint) -> Option<String> {
    let port = local.port?;
    let (mut same, mut others): (Vec<Way>, Vec<Way>) = ways
        .into_iter()
        .filter(|way| (way.ports.0..=way.ports.1).contains(&port))
        .partition(|way| way.bind.is_of(local));
    if same.is_empty() {
        same.append(&mut others);
    }
    let first = same.pop()?;
    same.iter()
        .all(|way| way.to == first.to)
        .then_some(first.to)
}

/// The value of an option as Go's flag package takes it: `-name value`, `-name=value`, one dash or two.
fn go_flag<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        let option = word.strip_prefix('-')?;
        let option = option.strip_prefix('-').unwrap_or(option);
        match option.strip_prefix(name)? {
            "" => words.get(at + 1).copied(),
            rest => rest.strip_prefix('='),
        }
    })
}

/// An address and a port, as one text.
fn joined(address: &str, port: &str) -> String {
    if address.contains(':') && !address.starts_with('[') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// Docker's userland proxy: one process for each published port.
fn docker_proxy(words: &[&str], port: u16) -> Option<String> {
    let is_this = go_flag(words, "host-port")?.parse() == Ok(port);
    let address = go_flag(words, "container-ip")?;
    let far = go_flag(words, "container-port")?;
    let address: IpAddr = address.parse().ok()?;
    let far: u16 = far.parse().ok()?;
    is_this.then(|| std::net::SocketAddr::new(address, far).to_string())
}

/// Options of kubectl whose value is the next word.
const KUBECTL_VALUES: [&str; 20] = [
    "-n",
    "--namespace",
    "--context",
    "--kubeconfig",
    "--address",
    "--pod-running-timeout",
    "-s",
    "--server",
    "--cluster",
    "--user",
    "--as",
    "--as-group",
    "--as-uid",
    "--token",
    "--request-timeout",
    "-v",
    "--cache-dir",
    "--certificate-authority",
    "--client-certificate",
    "--client-key",
];

/// `kubectl port-forward TYPE/NAME [LOCAL:]REMOTE...`; `:REMOTE` leaves the local port to the system.
fn kubectl(words: &[&str], port: u16) -> Option<String> {
    let mut namespace = None;
    let mut plain = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if KUBECTL_VALUES.contains(&word) {
            let value = words.next();
            if matches!(word, "-n" | "--namespace") {
                namespace = value;
            }
        } else if let Some(value) = word.strip_prefix("--namespace=") {
            namespace = Some(value);
        } else if let Some(value) = word.strip_prefix("-n").filter(|_| !word.starts_with("--")) {
            namespace = Some(value.trim_start_matches('='));
        } else if !word.starts_with('-') {
            plain.push(word);
        }
    }
    let at = plain.iter().position(|word| *word == "port-forward")?;
    let (target, pairs) = plain[at + 1..].split_first()?;
    let pair = |pair: &&'_ str| -> Option<(u16, String)> {
        let (near, far) = pair.split_once(':').unwrap_or((pair, pair));
        let near = if near.is_empty() {
            0
        } else {
            near.parse().ok()?
        };
        Some((near, far.to_owned()))
    };
    let pairs: Vec<(u16, String)> = pairs.iter().filter_map(pair).collect();
    let chosen: Vec<_> = pairs.iter().filter(|(near, _)| *near == 0).collect();
    let named = pairs.iter().find(|(near, _)| *near == port);
    let (_, far) = named.or_else(|| chosen.first().copied().filter(|_| chosen.len() == 1))?;
    let kind = if target.contains('/') { "" } else { "pod/" };
    let place = namespace.map(|name| format!(" in namespace {name}"));
    Some(format!("{kind}{target}:{far}{}", place.unwrap_or_default()))
}
