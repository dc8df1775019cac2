//! Decoders on what a kernel really answered: `tests/raw`, whose README says what was asked.

use std::path::Path;

use portwho::model::{Endpoint, Protocol, State};
use portwho::read::linux::inet_diag::decode_row;
use portwho::read::linux::proc_net::{count_of, decode_table, is_table};
use portwho::read::linux::sctp;
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

fn sctp_dump(name: &str) -> Vec<RawSocket> {
    let bytes = recorded(name);
    let messages = Messages::new(&bytes, 1, ByteOrder::Little);
    let rows = messages.filter_map(|message| match message {
        Message::Row(body) => Some(sctp::decode_rows(body, ByteOrder::Little).unwrap()),
        Message::End { errno: 0 } => None,
        other => panic!("{other:?}"),
    });
    rows.flatten().collect()
}

#[test]
fn listeners_and_associations_of_sctp_are_decoded() {
    let ipv4 = sctp_dump("sctp/sctp-ipv4-all.bin");
    let ipv6 = sctp_dump("sctp/sctp-ipv6-all.bin");
    assert_data_eq!(
        lines(&ipv4) + &lines(&ipv6),
        file!["snapshots/raw_sctp.txt"]
    );
}

#[test]
fn the_files_of_sctp_tell_of_the_same_sockets() {
    let (endpoints, skipped) = sctp::decode_eps(&recorded("sctp/eps.txt"));
    let (associations, skipped_too) = sctp::decode_assocs(&recorded("sctp/assocs.txt"));
    assert_eq!((skipped, skipped_too), (0, 0));
    let mut dumped = sctp_dump("sctp/sctp-ipv4-all.bin");
    dumped.extend(sctp_dump("sctp/sctp-ipv6-all.bin"));
    let ends = |rows: Vec<RawSocket>| {
        let mut ends: Vec<_> = rows
            .into_iter()
            .map(|row| {
                // The files do not say that an IPv4 address is an IPv6 socket's.
                let end = |end: &Endpoint| (end.address.to_canonical(), end.port);
                let peer = row.peer.port.filter(|port| *port != 0);
                let peer = peer.map(|_| end(&row.peer));
                (end(&row.local), peer, row.state, row.inode, row.uid)
            })
            .collect();
        ends.sort();
        ends
    };
    assert_eq!(ends(dumped), ends([endpoints, associations].concat()));
}

/// Fourteen sockets and the kernel's own: two of them are bound without listening.
#[test]
fn sockets_of_sctp_that_are_not_shown_are_counted() {
    let mut rows = sctp_dump("sctp/sctp-ipv4-all.bin");
    rows.extend(sctp_dump("sctp/sctp-ipv6-all.bin"));
    let shown: std::collections::BTreeSet<_> = rows.iter().map(|row| row.inode).collect();
    let counted = count_of(&recorded("sctp/protocols.txt"), "SCTP");
    assert_eq!((counted, shown.len()), (Some(15), 12));
}
