//! What becomes of what the library gives: its rows, its errors, its panics.

use std::net::Ipv4Addr;

use netstat2::{TcpSocketInfo, UdpSocketInfo};

use super::*;

/// What the library tells of a listener of a process, once for each of its descriptors.
fn listener(port: u16, pid: u32) -> SocketInfo {
    info(
        ProtocolSocketInfo::Tcp(TcpSocketInfo {
            local_addr: Ipv4Addr::LOCALHOST.into(),
            local_port: port,
            remote_addr: Ipv4Addr::UNSPECIFIED.into(),
            remote_port: 0,
            state: TcpState::Listen,
        }),
        pid,
    )
}

fn info(protocol_socket_info: ProtocolSocketInfo, pid: u32) -> SocketInfo {
    #[cfg_attr(not(target_os = "linux"), allow(unused_mut))]
    let mut info = SocketInfo {
        protocol_socket_info,
        associated_pids: vec![pid],
        #[cfg(target_os = "linux")]
        inode: 0,
        #[cfg(target_os = "linux")]
        uid: 0,
    };
    #[cfg(target_os = "linux")]
    {
        info.inode = 70_000 + u32::from(info.local_port());
    }
    info
}

fn tcp(library: impl Fn() -> Result<Vec<SocketInfo>, Error>) -> (Portable, RawTable) {
    let mut portable = Portable::default();
    let table = portable.table(Protocol::Tcp, Some(Family::Ipv4), |_, _| library());
    (portable, table)
}

#[test]
fn a_table_is_unknown_where_the_library_panics() {
    let (_, table) = tcp(|| panic!("Can't read /proc/: {}", "\x1b[31mno"));
    let why = "netstat2 panicked: Can't read /proc/: \x1b[31mno".into();
    assert_eq!(table.outcome, Outcome::Unknown { why });
    assert_eq!(table.sockets, []);
}

#[test]
fn a_table_is_unknown_where_the_library_fails() {
    let (_, table) = tcp(|| Err(Error::NotAValidSocket));
    let why = "netstat2: not a valid socket".into();
    assert_eq!(table.outcome, Outcome::Unknown { why });
}

#[test]
fn a_table_after_a_panic_is_whole() {
    let tried = std::cell::Cell::new(0);
    let (_, table) = tcp(|| {
        tried.set(tried.get() + 1);
        assert!(tried.get() > 1, "a descriptor went away");
        Ok(vec![listener(80, 7)])
    });
    assert_eq!(table.outcome, system::outcome());
    assert_eq!(table.sockets.len(), 1);
}

/// Windows tells of sockets: two that look alike there are two.
#[cfg(not(target_os = "windows"))]
#[test]
fn a_socket_of_several_descriptors_is_known_once_with_everybody_who_has_it() {
    let seen = [(80, 8), (90, 7), (80, 7), (80, 8)];
    let (portable, table) = tcp(|| Ok(seen.map(|(port, pid)| listener(port, pid)).into()));
    let mut handles: Vec<(u16, u64)> = table
        .sockets
        .iter()
        .map(|row| (row.local.port.unwrap(), row.handle))
        .collect();
    handles.sort_unstable();
    handles.dedup();
    let [(80, shared), (90, other)] = handles[..] else {
        panic!("{handles:?}")
    };
    assert_eq!(portable.known(shared), Some(&vec![7, 8]));
    assert_eq!(portable.known(other), Some(&vec![7]));
}

#[test]
fn a_udp_socket_has_no_peer_and_pid_0_is_nobody() {
    let mut portable = Portable::default();
    let table = portable.table(Protocol::Udp, None, |_, _| {
        let socket = UdpSocketInfo {
            local_addr: Ipv4Addr::LOCALHOST.into(),
            local_port: 53,
        };
        Ok(vec![info(ProtocolSocketInfo::Udp(socket), 0)])
    });
    let [row] = table.sockets.as_slice() else {
        panic!("{table:?}")
    };
    assert_eq!((row.state, row.peer.port), (State::Unconnected, Some(0)));
    assert_eq!(portable.known(row.handle), None);
}
