//! A source over netstat2 and sysinfo, for systems without a reader of their own. On Linux it can
//! be chosen, and tests compare the native reader with it.

mod attempt;
mod line;
mod projects;
mod sightings;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
mod linux;

use std::collections::{BTreeMap, BTreeSet};

use netstat2::error::Error;
use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState, get_sockets_info,
};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, Uid, UpdateKind};

use self::attempt::patiently;
#[cfg(target_os = "linux")]
use self::linux as system;
use self::sightings::{Sighting, mapped, once_each};
use super::Source;
use super::machine::{self, Zone};
#[cfg(target_os = "macos")]
use super::macos as system;
use super::raw::{
    LeftOut, Outcome, RawHolder, RawHolders, RawProcess, RawSocket, RawSockets, RawTable, Via,
};
use super::users::Users;
#[cfg(target_os = "windows")]
use super::windows as system;
use crate::model::{
    Account, Depth, Endpoint, Family, Foreign, Halt, Handles, Limits, Machine, Network,
    NetworkDepth, ProcessKey, Protocol, Scope, State, without_exe,
};

/// netstat2 for sockets and holders, sysinfo for processes.
#[derive(Default)]
pub struct Portable {
    /// The holders that came with the sockets: the library gives both at once.
    pids: BTreeMap<u64, Vec<u32>>,
    /// Those of the sockets that were asked for before: one question may take two looks.
    earlier: BTreeMap<u64, Vec<u32>>,
    /// How many sockets have been counted. It only grows, so that those of one look are not taken for
    /// those of another.
    counted: u64,
    users: Users,
    left_out: LeftOut,
}

impl Source for Portable {
    fn machine(&mut self, with_names: bool) -> Machine {
        machine::machine(with_names)
    }

    fn zone(&mut self) -> Zone {
        machine::zone()
    }

    fn sockets(&mut self, scope: &Scope) -> RawSockets {
        let families = match scope.family {
            Some(family) => vec![Some(family)],
            // Each reading walks all processes there, and tells of both.
            None if system::BY_DESCRIPTOR => vec![None],
            None => vec![Some(Family::Ipv4), Some(Family::Ipv6)],
        };
        self.earlier = std::mem::take(&mut self.pids);
        let mut raw = RawSockets {
            // A connection in TIME_WAIT has no descriptor any more.
            misses_time_wait: system::BY_DESCRIPTOR,
            lacks_users: system::lacks_users(),
            ..RawSockets::default()
        };
        let protocols = scope.protocols.iter();
        for protocol in protocols.filter(|one| *one != Protocol::Mptcp) {
            for family in &families {
                let table = self.table(protocol, *family, get_sockets_info);
                raw.tables.push(table);
            }
        }
        raw
    }

    fn holders(&mut self, handles: &Handles) -> RawHolders {
        let held = handles
            .iter()
            .filter_map(|handle| Some((handle, self.known(handle)?)));
        let pairs: Vec<(u64, u32)> = held
            .flat_map(|(handle, pids)| pids.iter().map(move |pid| (handle, *pid)))
            .collect();
        let running = refresh(
            pairs.iter().map(|(_, pid)| *pid).collect(),
            ProcessRefreshKind::nothing(),
        );
        let holders = pairs.into_iter().filter_map(|(handle, pid)| {
            let start = running.as_ref()?.process(Pid::from_u32(pid))?.start_time();
            Some(RawHolder {
                handle,
                process: ProcessKey { pid, start },
                fd: None,
                comm: None,
            })
        });
        let (as_root, blind) = system::sight();
        RawHolders {
            holders: holders.collect(),
            as_root,
            blind,
            ..RawHolders::default()
        }
    }

    fn left_out(&mut self) -> LeftOut {
        self.left_out.clone()
    }

    fn own_line(&mut self) -> Vec<u32> {
        line::own_line()
    }

    fn processes(&mut self, keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess> {
        let mut kind = ProcessRefreshKind::nothing()
            .without_tasks()
            .with_exe(UpdateKind::Always)
            .with_cmd(UpdateKind::Always)
            .with_user(UpdateKind::Always);
        if depth >= Depth::Full {
            kind = kind.with_cwd(UpdateKind::Always);
        }
        let pids: Vec<u32> = keys.iter().map(|key| key.pid).collect();
        let theirs = pids.clone();
        let in_time = system::in_time(move || refresh(theirs, kind));
        let running = in_time.unwrap_or_else(|| {
            // Arguments are read from a process's memory, and links by the kernel alone.
            self.left_out.late.extend(&pids);
            refresh(pids, kind.with_cmd(UpdateKind::Never))
        });
        let Some(running) = running else {
            return Vec::new();
        };
        let mut found: Vec<(RawProcess, Option<Uid>)> = keys
            .iter()
            .filter_map(|key| process(&running, *key))
            .collect();
        system::complete(&mut found, depth);
        let mut found: Vec<RawProcess> = found.into_iter().map(|(process, _)| process).collect();
        if depth >= Depth::Full {
            self.left_out.unsought.extend(projects::find(&mut found));
        }
        found
    }

    fn limits(&mut self, with_addresses: bool) -> Limits {
        let limits = system::limits();
        if with_addresses {
            machine::with_addresses(limits, system::interfaces())
        } else {
            limits
        }
    }

    fn network(&mut self, depth: NetworkDepth) -> Option<Network> {
        system::network(depth)
    }

    fn excluded(&mut self, protocol: Protocol) -> Option<Vec<(u16, u16)>> {
        system::excluded(protocol)
    }

    fn users(&mut self, uids: &BTreeSet<u32>) -> BTreeMap<u32, String> {
        self.users.names(uids)
    }

    fn account(&mut self, name: &str) -> Account {
        self.users.account(name)
    }
}

impl Portable {
    /// The holders of a socket of the last two looks.
    fn known(&self, handle: u64) -> Option<&Vec<u32>> {
        let now = self.pids.get(&handle);
        now.or_else(|| self.earlier.get(&handle))
    }

    /// Reads one protocol, of one family or of both, by the library or what stands for it.
    fn table(
        &mut self,
        protocol: Protocol,
        family: Option<Family>,
        library: impl Fn(AddressFamilyFlags, ProtocolFlags) -> Result<Vec<SocketInfo>, Error>,
    ) -> RawTable {
        let mut table = RawTable {
            protocol,
            family,
            via: Via::Netstat2,
            outcome: Outcome::Read,
            unseen: 0,
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
            Protocol::Sctp if !system::has_sctp() => {
                table.outcome = Outcome::Absent;
                return table;
            }
            Protocol::UdpLite | Protocol::Mptcp | Protocol::Raw | Protocol::Sctp => {
                table.outcome = Outcome::Unknown {
                    why: "netstat2 does not read this protocol".into(),
                };
                return table;
            }
        };
        let families = match family {
            Some(Family::Ipv4) => AddressFamilyFlags::IPV4,
            Some(Family::Ipv6) => AddressFamilyFlags::IPV6,
            None => AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6,
        };
        match patiently(|| library(families, wanted)) {
            Ok(found) => {
                let seen = found.into_iter().map(|socket| sighting(&socket)).collect();
                for one in once_each(seen, system::BY_DESCRIPTOR) {
                    let row = self.row(one);
                    table.sockets.push(row);
                }
                table.outcome = system::outcome();
            }
            Err(why) => table.outcome = Outcome::Unknown { why },
        }
        table
    }

    /// Keeps who holds the socket for when that is asked.
    fn row(&mut self, seen: Sighting) -> RawSocket {
        let Sighting { mut row, mut pids } = seen;
        pids.retain(|pid| *pid != 0);
        // Where sockets have no number of their own, they are counted.
        self.counted += 1;
        let counted = if pids.is_empty() { 0 } else { self.counted };
        row.handle = row.inode.unwrap_or(counted);
        if !pids.is_empty() {
            let known = self.pids.entry(row.handle).or_default();
            known.extend(pids);
            known.sort_unstable();
            known.dedup();
        }
        row
    }
}

fn sighting(socket: &SocketInfo) -> Sighting {
    let (inode, uid) = kernel_facts(socket);
    let local = Endpoint::new(mapped(socket.local_addr()), socket.local_port());
    let nobody = Endpoint {
        address: unspecified(&local),
        port: Some(0),
    };
    let (protocol, state, peer) = match &socket.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => (
            Protocol::Tcp,
            tcp_state(tcp.state, tcp.local_port),
            Endpoint::new(mapped(tcp.remote_addr), tcp.remote_port),
        ),
        ProtocolSocketInfo::Udp(_) => (Protocol::Udp, State::Unconnected, nobody),
    };
    Sighting {
        pids: socket.associated_pids.clone(),
        row: RawSocket {
            protocol,
            state,
            local,
            peer,
            interface: 0,
            uid,
            inode,
            handle: 0,
            v6only: None,
            recv_queue: None,
            send_queue: None,
            time_wait_left: None,
        },
    }
}

#[cfg(target_os = "linux")]
fn kernel_facts(socket: &SocketInfo) -> (Option<u64>, Option<u32>) {
    let inode = u64::from(socket.inode);
    let uid = Some(socket.uid).filter(|_| inode != 0);
    (Some(inode), uid.and_then(system::known_uid))
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

fn tcp_state(state: TcpState, port: u16) -> State {
    match state {
        // A socket that is neither connected nor listens keeps the port that it has.
        TcpState::Closed if port != 0 => State::Bound,
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

/// Reads these processes; the library wants each pid once, and not to remove what it was not asked for.
fn refresh(mut pids: Vec<u32>, kind: ProcessRefreshKind) -> Option<System> {
    pids.sort_unstable();
    pids.dedup();
    let pids: Vec<Pid> = pids.into_iter().map(Pid::from_u32).collect();
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), false, kind);
    Some(system)
}

/// Whether a process is stopped. Windows has no such state.
fn halt(status: ProcessStatus) -> Option<Halt> {
    if cfg!(windows) {
        return None;
    }
    match status {
        ProcessStatus::Stop => Some(Halt::Signal),
        ProcessStatus::Tracing => Some(Halt::Debugger),
        ProcessStatus::Run | ProcessStatus::Sleep | ProcessStatus::UninterruptibleDiskSleep => {
            Some(Halt::No)
        }
        _ => None,
    }
}

fn process(system: &System, key: ProcessKey) -> Option<(RawProcess, Option<Uid>)> {
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
    let uid = process.effective_user_id().or(process.user_id());
    let mut comm = text(process.name());
    if cfg!(windows) {
        comm = Foreign::new(without_exe(comm.unclean()));
    }
    let found = RawProcess {
        key,
        comm: Some(comm),
        executable: process.exe().and_then(path),
        command: Some(command).filter(|arguments| !arguments.is_empty()),
        uid: uid
            .and_then(|uid| uid.to_string().parse().ok())
            .and_then(system::known_uid),
        account: None,
        parent_pid: process.parent().map(Pid::as_u32).filter(|pid| *pid != 0),
        started_at: i64::try_from(process.start_time())
            .ok()
            .filter(|start| *start != 0),
        working_directory: process.cwd().and_then(path),
        unit: None,
        container: None,
        project: None,
        program: None,
        halt: halt(process.status()),
        provenance: None,
        restart: None,
        services: Vec::new(),
    };
    Some((found, uid.cloned()))
}
