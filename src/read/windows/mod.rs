//! What Windows tells beside the libraries: names of accounts, services of a process, ports that it
//! keeps. What decodes (netsh, sid) is pure, and built on every system.

pub mod netsh;
pub mod sid;

#[cfg(target_os = "windows")]
mod accounts;
#[cfg(target_os = "windows")]
mod services;

#[cfg(target_os = "windows")]
pub use live::{
    BY_DESCRIPTOR, complete, excluded, has_sctp, in_time, interfaces, known_uid, lacks_users,
    limits, network, outcome, sight,
};

#[cfg(target_os = "windows")]
mod live {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use sysinfo::Uid;

    use super::netsh::{parse_dynamic_range, parse_ranges};
    use super::{accounts, services};
    use crate::model::{
        Depth, Foreign, InterfaceAddress, Limits, Network, NetworkDepth, Protocol, Rules,
    };
    use crate::read::machine;
    use crate::read::raw::{Blind, Outcome, RawProcess};

    /// GetExtendedTcpTable tells of sockets.
    pub const BY_DESCRIPTOR: bool = false;

    pub fn outcome() -> Outcome {
        Outcome::Read
    }

    /// Everybody may see every socket, with the process that opened it.
    pub fn sight() -> (bool, Vec<Blind>) {
        (false, vec![Blind::OneOwner])
    }

    /// Nothing that is read of a process waits for it.
    pub fn in_time<T>(read: impl FnOnce() -> T) -> Option<T> {
        Some(read())
    }

    /// No port takes a privilege; which ones connections get, netsh tells.
    pub fn limits() -> Limits {
        let range = |protocol| {
            let text = netsh(&["int", "ipv4", "show", "dynamicport", protocol])?;
            parse_dynamic_range(&text)
        };
        Limits {
            rules: Rules::Other,
            ephemeral: range("tcp"),
            ephemeral_udp: range("udp"),
            ..Limits::default()
        }
    }

    pub fn network(depth: NetworkDepth) -> Option<Network> {
        (depth == NetworkDepth::Whole).then(|| machine::network(interfaces()))?
    }

    /// Those that sysinfo lists, and the loopback, which it leaves out.
    pub fn interfaces() -> Vec<InterfaceAddress> {
        let mut all = machine::interfaces();
        let loopback = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        all.extend(loopback.map(|address| InterfaceAddress {
            address,
            interface: "loopback".into(),
        }));
        all
    }

    /// The system has no SCTP of its own.
    pub fn has_sctp() -> bool {
        false
    }

    pub fn lacks_users() -> bool {
        false
    }

    pub fn known_uid(uid: u32) -> Option<u32> {
        Some(uid)
    }

    /// The ranges that netsh lists: it is the one documented way to see them all.
    pub fn excluded(protocol: Protocol) -> Option<Vec<(u16, u16)>> {
        let protocol = format!("protocol={protocol}");
        let ranges = netsh(&["int", "ipv4", "show", "excludedportrange", &protocol]);
        ranges.map(|text| parse_ranges(&text))
    }

    /// What netsh prints; `None` where it fails.
    fn netsh(arguments: &[&str]) -> Option<Vec<u8>> {
        let root = std::env::var_os("SystemRoot")?;
        let program = PathBuf::from(root).join("System32").join("netsh.exe");
        let mut command = Command::new(program);
        let output = command.args(arguments).stdin(Stdio::null()).output();
        let output = output.ok().filter(|output| output.status.success());
        output.map(|output| output.stdout)
    }

    /// Names the accounts of processes, and the services in them where that is shown.
    pub fn complete(processes: &mut [(RawProcess, Option<Uid>)], depth: Depth) {
        let mut names: BTreeMap<String, Option<String>> = BTreeMap::new();
        let services = match depth {
            Depth::Names => BTreeMap::new(),
            Depth::Meaning | Depth::Full | Depth::Whole => services::running(),
        };
        for (process, uid) in processes {
            let sid = uid.as_ref().map(|uid| uid.to_string());
            let name = sid.and_then(|sid| {
                let known = names.entry(sid);
                known.or_insert_with_key(|sid| accounts::name(sid)).clone()
            });
            process.account = name.map(Foreign::new);
            let mine = services.get(&process.key.pid).into_iter().flatten();
            process.services = mine.map(Foreign::new).collect();
        }
    }
}
