//! What Windows tells beside the libraries: names of accounts, services of a process, ports that it
//! keeps. What decodes (netsh, sid) is pure, and built on every system.

pub mod netsh;
pub mod sid;

#[cfg(target_os = "windows")]
mod accounts;
#[cfg(target_os = "windows")]
mod services;

#[cfg(target_os = "windows")]
pub use live::{BY_DESCRIPTOR, addresses, complete, excluded, limits, outcome, sight};

#[cfg(target_os = "windows")]
mod live {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use sysinfo::Uid;

    use super::{accounts, netsh, services};
    use crate::model::{Depth, Foreign, Limits, Protocol, Rules};
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

    /// No port takes a privilege; which ones connections get has no documented call.
    pub fn limits() -> Limits {
        Limits {
            rules: Rules::Other,
            ..Limits::default()
        }
    }

    /// Those of the interfaces that sysinfo lists, and of the loopback, which it leaves out.
    pub fn addresses() -> Vec<IpAddr> {
        let mut addresses = machine::addresses();
        addresses.extend([
            Ipv4Addr::LOCALHOST.into(),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ]);
        addresses
    }

    /// The ranges that netsh lists: it is the one documented way to see them all.
    pub fn excluded(protocol: Protocol) -> Vec<(u16, u16)> {
        let Some(root) = std::env::var_os("SystemRoot") else {
            return Vec::new();
        };
        let program = PathBuf::from(root).join("System32").join("netsh.exe");
        let protocol = format!("protocol={protocol}");
        let arguments = ["int", "ipv4", "show", "excludedportrange", &protocol];
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        output
            .map(|output| netsh::parse_ranges(&output.stdout))
            .unwrap_or_default()
    }

    /// Names the accounts of processes, and the services in them where that is shown.
    pub fn complete(processes: &mut [(RawProcess, Option<Uid>)], depth: Depth) {
        let mut names: BTreeMap<String, Option<String>> = BTreeMap::new();
        let services = match depth {
            Depth::Full => services::running(),
            Depth::Names => BTreeMap::new(),
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
