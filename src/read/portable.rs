//! A source over netstat2 and sysinfo, for systems without a reader of their own. On Linux it can
//! be chosen, and tests compare the native reader with it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use netstat2::{AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::Source;
use super::machine::{self, Zone};
use super::project::Projects;
use super::range;
use super::raw::{
    Blind, Outcome, RawHolder, RawHolders, RawProcess, RawSocket, RawSockets, RawTable, Via,
};
use crate::model::{
    Depth, Endpoint, Family, Foreign, Handles, Limits, Machine, ProcessKey, Protocol, Scope, State,
};

/// netstat2 for sockets and holders, sysinfo for processes.
#[derive(Default)]
pub struct Portable {
    /// The holders that came with the sockets: the library gives both at once.
    pids: BTreeMap<u64, Vec<u32>>,
}

impl Source for Portable {
    fn machine(&mut self, with_names: bool) -> Machine {
        machine::machine(with_names)
    }

    fn zone(&mut self) -> Zone {
        machine::zone()
    }

    fn sockets(&mut self, scope: &Scope) -> RawSockets {
        let mut raw = RawSockets {
            // The library finds sockets by the processes that hold them there.
            misses_time_wait: cfg!(target_os = "macos"),
            ..RawSockets::default()
        };
        for protocol in scope.protocols.iter() {
            for family in [Family::Ipv4, Family::Ipv6] {
                if scope.includes(family) && protocol != Protocol::Mptcp {
                    raw.tables.push(self.table(protocol, family));
                }
            }
        }
        raw
    }

    fn holders(&mut self, handles: &Handles) -> RawHolders {
        let held = handles
            .iter()
            .filter_map(|handle| Some((handle, self.pids.get(&handle)?)));
        let pairs: Vec<(u64, u32)> = held
            .flat_map(|(handle, pids)| pids.iter().map(move |pid| (handle, *pid)))
            .collect();
        let system = refresh(
            pairs.iter().map(|(_, pid)| *pid).collect(),
            ProcessRefreshKind::nothing(),
        );
        let holders = pairs.into_iter().filter_map(|(handle, pid)| {
            let start = system.as_ref()?.process(Pid::from_u32(pid))?.start_time();
            Some(RawHolder {
                handle,
                process: ProcessKey { pid, start },
                fd: None,
                comm: None,
            })
        });
        RawHolders {
            holders: holders.collect(),
            blind: vec![Blind::Unsaid],
            ..RawHolders::default()
        }
    }

    fn processes(&mut self, keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess> {
        let mut kind = ProcessRefreshKind::nothing()
            .without_tasks()
            .with_exe(UpdateKind::Always)
            .with_cmd(UpdateKind::Always)
            .with_user(UpdateKind::Always);
        if depth == Depth::Full {
            kind = kind.with_cwd(UpdateKind::Always);
        }
        let Some(system) = refresh(keys.iter().map(|key| key.pid).collect(), kind) else {
            return Vec::new();
        };
        let mut projects = (depth == Depth::Full).then(Projects::new);
        keys.iter()
            .filter_map(|key| {
                let mut process = process(&system, *key)?;
                let directory = process.working_directory.as_ref();
                let projects = projects.as_mut().zip(directory);
                process.project = projects
                    .and_then(|(projects, at)| projects.find(std::path::Path::new(at.unclean())));
                Some(process)
            })
            .collect()
    }

    fn limits(&mut self, with_addresses: bool) -> Limits {
        let limits = Limits {
            ephemeral: range::read(),
            ..Limits::default()
        };
        if with_addresses {
            machine::with_addresses(limits)
        } else {
            limits
        }
    }

    fn users(&mut self) -> BTreeMap<u32, String> {
        machine::users()
    }
}

impl Portable {
    fn table(&mut self, protocol: Protocol, family: Family) -> RawTable {
        let mut table = RawTable {
            protocol,
            family: Some(family),
            via: Via::Netstat2,
            outcome: Outcome::Read,
            sockets: Vec::new(),
        };
        let wanted = match protocol {
            Protocol::Tcp => ProtocolFlags::TCP,
            Protocol::Udp => ProtocolFlags::UDP,
            // Linux alone has UDP-Lite and MPTCP.
            Protocol::UdpLite | Protocol::Mptcp if !cfg!(target_os = "linux") => {
                table.outcome = Outcome::Absent;
                return table;
            }
            Protocol::UdpLite | Protocol::Mptcp | Protocol::Raw => {
                table.outcome = Outcome::Unknown {
                    why: "netstat2 does not read this protocol".into(),
                };
                return table;
            }
        };
        let families = match family {
            Family::Ipv4 => AddressFamilyFlags::IPV4,
            Family::Ipv6 => AddressFamilyFlags::IPV6,
        };
        match quietly(|| netstat2::get_sockets_info(families, wanted)) {
            Some(Ok(sockets)) => {
                for socket in sockets {
                    let row = self.row(&socket);
                    table.sockets.push(row);
                }
            }
            Some(Err(error)) => {
                table.outcome = Outcome::Unknown {
                    why: format!("netstat2: {error}"),
                }
            }
            None => {
                table.outcome = Outcome::Unknown {
                    why: "netstat2 panicked".into(),
                }
            }
        }
        table
    }

    fn row(&mut self, socket: &SocketInfo) -> RawSocket {
        let pids: Vec<u32> = socket
            .associated_pids
            .iter()
            .copied()
            .filter(|pid| *pid != 0)
            .collect();
        let (inode, uid) = kernel_facts(socket);
        // Where sockets have no number of their own, they are counted.
        let counted = if pids.is_empty() {
            0
        } else {
            self.pids.len() as u64 + 1
        };
        let handle = inode.unwrap_or(counted);
        if !pids.is_empty() {
            let known = self.pids.entry(handle).or_default();
            known.extend(pids);
            known.sort_unstable();
            known.dedup();
        }
        let local = Endpoint::new(socket.local_addr(), socket.local_port());
        let nobody = Endpoint {
            address: unspecified(&local),
            port: Some(0),
        };
        let (protocol, state, peer) = match &socket.protocol_socket_info {
            ProtocolSocketInfo::Tcp(tcp) => (
                Protocol::Tcp,
                tcp_state(tcp.state),
                Endpoint::new(tcp.remote_addr, tcp.remote_port),
            ),
            ProtocolSocketInfo::Udp(_) => (Protocol::Udp, State::Unconnected, nobody),
        };
        RawSocket {
            protocol,
            state,
            local,
            peer,
            interface: 0,
            uid,
            inode,
            handle,
            v6only: None,
            recv_queue: None,
            send_queue: None,
        }
    }
}

#[cfg(target_os = "linux")]
fn kernel_facts(socket: &SocketInfo) -> (Option<u64>, Option<u32>) {
    let inode = u64::from(socket.inode);
    (Some(inode), Some(socket.uid).filter(|_| inode != 0))
}

#[cfg(not(target_os = "linux"))]
fn kernel_facts(_: &SocketInfo) -> (Option<u64>, Option<u32>) {
    (None, None)
}

fn unspecified(endpoint: &Endpoint) -> std::net::IpAddr {
    match endpoint.family() {
        Family::Ipv4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn tcp_state(state: TcpState) -> State {
    match state {
        TcpState::Listen => State::Listen,
        TcpState::SynSent => State::SynSent,
        TcpState::SynReceived => State::SynRecv,
        TcpState::Established => State::Established,
        TcpState::FinWait1 => State::FinWait1,
        TcpState::FinWait2 => State::FinWait2,
        TcpState::CloseWait => State::CloseWait,
        TcpState::Closing => State::Closing,
        TcpState::LastAck => State::LastAck,
        TcpState::TimeWait => State::TimeWait,
        TcpState::Closed | TcpState::DeleteTcb | TcpState::Unknown => State::Closed,
    }
}

/// Runs a call that may panic, without the panic's message on stderr.
fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(call));
    std::panic::set_hook(hook);
    result.ok()
}

/// Reads these processes; the library wants each pid once, and not to remove what it was not asked for.
fn refresh(mut pids: Vec<u32>, kind: ProcessRefreshKind) -> Option<System> {
    pids.sort_unstable();
    pids.dedup();
    let pids: Vec<Pid> = pids.into_iter().map(Pid::from_u32).collect();
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), false, kind);
    Some(system)
}

fn process(system: &System, key: ProcessKey) -> Option<RawProcess> {
    let process = system
        .process(Pid::from_u32(key.pid))
        .filter(|found| found.start_time() == key.start)?;
    let text = |os: &std::ffi::OsStr| Foreign::from_bytes(os.as_encoded_bytes());
    let path =
        |path: &std::path::Path| Some(text(path.as_os_str())).filter(|path| !path.is_empty());
    let command: Vec<Foreign> = process
        .cmd()
        .iter()
        .map(|argument| text(argument))
        .collect();
    Some(RawProcess {
        key,
        comm: Some(text(process.name())),
        executable: process.exe().and_then(path),
        command: Some(command).filter(|arguments| !arguments.is_empty()),
        uid: process
            .effective_user_id()
            .or(process.user_id())
            .and_then(|uid| uid.to_string().parse().ok()),
        parent_pid: process.parent().map(Pid::as_u32).filter(|pid| *pid != 0),
        started_at: i64::try_from(process.start_time())
            .ok()
            .filter(|start| *start != 0),
        working_directory: process.cwd().and_then(path),
        unit: None,
        container: None,
        project: None,
        program: None,
        restart: None,
    })
}
