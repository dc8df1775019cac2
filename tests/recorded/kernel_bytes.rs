//! Decoders on what a kernel really answered: `tests/raw`, whose README says what was asked.

use std::path::Path;

use portwho::model::{Protocol, State};
use portwho::read::linux::inet_diag::decode_row;
use portwho::read::linux::proc_net::{decode_table, is_table};
use portwho::read::linux::wire::{ByteOrder, Message, Messages};
use portwho::read::raw::RawSocket;
use snapbox::{assert_data_eq, file};

/// The sequence number of the recorded requests.
const SEQUENCE: u32 = 7;

fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/raw")
        .join(name);
    std::fs::read(path).unwrap()
}

/// Decodes a recorded dump; the second value is the errno at its end.
fn dump(name: &str, protocol: Protocol) -> (Vec<RawSocket>, Option<i32>) {
    let bytes = recorded(name);
    let (mut rows, mut end) = (Vec::new(), None);
    for message in Messages::new(&bytes, SEQUENCE, ByteOrder::Little) {
        match message {
            Message::Row(body) => rows.push(decode_row(body, protocol, ByteOrder::Little).unwrap()),
            Message::End { errno } => end = Some(errno),
            other => panic!("{other:?}"),
        }
    }
    (rows, end)
}

fn table(name: &str, protocol: Protocol) -> Vec<RawSocket> {
    let text = recorded(name);
    assert!(is_table(&text));
    let (rows, skipped) = decode_table(&text, protocol, ByteOrder::Little);
    assert_eq!(skipped, 0);
    rows
}

fn lines(rows: &[RawSocket]) -> String {
    let line = |row: &RawSocket| {
        let RawSocket {
            protocol,
            state,
            local,
            peer,
            v6only,
            ..
        } = row;
        let ends = format!(
            "{}:{} {}:{}",
            local.address,
            local.port.unwrap(),
            peer.address,
            peer.port.unwrap()
        );
        let queues = format!("{:?}/{:?}", row.recv_queue, row.send_queue);
        format!(
            "{protocol} {} {ends} v6only {v6only:?} uid {:?} queues {queues} inode {}\n",
            state.as_str(),
            row.uid,
            if row.handle == 0 { "none" } else { "some" }
        )
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    lines.concat()
}

#[test]
fn every_state_of_tcp_is_decoded() {
    let (rows, end) = dump("tcp-every-state.bin", Protocol::Tcp);
    assert_eq!(end, Some(0));
    assert_data_eq!(lines(&rows), file!["snapshots/raw_tcp.txt"]);
}

#[test]
fn udp_and_mptcp_are_decoded() {
    let (udp, _) = dump("udp-ipv4.bin", Protocol::Udp);
    let (mptcp, _) = dump("mptcp-ipv4.bin", Protocol::Mptcp);
    assert_data_eq!(
        lines(&udp) + &lines(&mptcp),
        file!["snapshots/raw_udp_mptcp.txt"]
    );
}

#[test]
fn a_missing_table_is_an_errno_and_not_an_empty_answer() {
    let (rows, end) = dump("no-such-table.bin", Protocol::Tcp);
    assert!(rows.is_empty());
    assert_eq!(end, Some(2), "ENOENT");
}

#[test]
fn an_mptcp_socket_has_the_inode_of_its_tcp_row() {
    let (tcp, _) = dump("tcp-every-state.bin", Protocol::Tcp);
    let (mptcp, _) = dump("mptcp-ipv4.bin", Protocol::Mptcp);
    assert_eq!(mptcp.len(), 3);
    for row in mptcp {
        assert!(tcp.iter().any(|other| other.inode == row.inode), "{row:?}");
    }
}

/// `/proc/net` tells of the same sockets, but for those that are bound without listening.
#[test]
fn proc_net_and_sock_diag_tell_of_the_same_sockets() {
    let ends = |rows: Vec<RawSocket>| {
        let mut ends: Vec<_> = rows
            .into_iter()
            .filter(|row| row.state != State::Bound)
            .map(|row| (row.local, row.peer, row.state, row.handle, row.uid))
            .collect();
        ends.sort();
        ends
    };
    let (tcp, _) = dump("tcp-every-state.bin", Protocol::Tcp);
    let mut files = table("proc-net-tcp.txt", Protocol::Tcp);
    files.extend(table("proc-net-tcp6.txt", Protocol::Tcp));
    assert_eq!(ends(tcp), ends(files));
    let (udp, _) = dump("udp-ipv4.bin", Protocol::Udp);
    assert_eq!(ends(udp), ends(table("proc-net-udp.txt", Protocol::Udp)));
}

#[test]
fn a_raw_socket_has_its_protocol_where_others_have_a_port() {
    let rows = table("proc-net-raw.txt", Protocol::Raw);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].local.port, rows[0].state),
        (Some(1), State::Unconnected)
    );
}
