//! The stages that have no system in them: decoding, joining, drawing, on ten thousand sockets.

use std::net::Ipv4Addr;

use divan::{Bencher, black_box};
use jiff::tz::TimeZone;
use portwho::model::{
    Endpoint, Foreign, Machine, Namespaces, ProcessKey, Protocol, ProtocolSet, Snapshot, State,
};
use portwho::normalize::{Names, join, sockets};
use portwho::read::linux::inet_diag::decode_row;
use portwho::read::linux::wire::{ByteOrder, Message, Messages};
use portwho::read::raw::{
    Outcome, RawHolder, RawHolders, RawProcess, RawSocket, RawSockets, RawTable, Via,
};
use portwho::render::{Format, Look, Page, render, usual_columns};
use portwho::select::Order;

const COUNT: u32 = 10_000;

fn main() {
    divan::main();
}

/// A dump of connections as the kernel writes it.
fn dump() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..COUNT {
        let mut row = [0; 88];
        row[..4].copy_from_slice(&88_u32.to_ne_bytes());
        row[4..6].copy_from_slice(&20_u16.to_ne_bytes());
        (row[16], row[17]) = (2, 1);
        row[20..22].copy_from_slice(&((number % 60_000) as u16).to_be_bytes());
        row[24..28].copy_from_slice(&Ipv4Addr::LOCALHOST.octets());
        row[84..88].copy_from_slice(&(number + 1).to_ne_bytes());
        bytes.extend(row);
    }
    bytes
}

fn raw() -> RawSockets {
    let socket = |number: u32| RawSocket {
        protocol: Protocol::Tcp,
        state: State::Established,
        local: Endpoint::new(Ipv4Addr::LOCALHOST, (number % 60_000) as u16),
        peer: Endpoint::new(Ipv4Addr::from(0x0a00_0000 + number), 443),
        interface: 0,
        uid: Some(1000),
        inode: Some(u64::from(number) + 1),
        handle: u64::from(number) + 1,
        v6only: None,
        recv_queue: Some(0),
        send_queue: Some(0),
        time_wait_left: None,
    };
    let table = RawTable {
        protocol: Protocol::Tcp,
        family: None,
        via: Via::SockDiag,
        outcome: Outcome::Read,
        unseen: 0,
        sockets: (0..COUNT).map(socket).collect(),
    };
    RawSockets {
        tables: vec![table],
        ..RawSockets::default()
    }
}

fn holders() -> RawHolders {
    let holder = |number: u32| RawHolder {
        handle: u64::from(number) + 1,
        process: ProcessKey {
            pid: number % 500 + 1,
            start: 1,
        },
        fd: Some(number),
        comm: None,
    };
    RawHolders {
        holders: (0..COUNT).map(holder).collect(),
        ..RawHolders::default()
    }
}

fn processes() -> Vec<RawProcess> {
    let process = |pid: u32| RawProcess {
        key: ProcessKey { pid, start: 1 },
        comm: Some(Foreign::new("server")),
        executable: Some(Foreign::new("/usr/bin/server")),
        command: None,
        uid: Some(1000),
        parent_pid: Some(1),
        started_at: Some(1_700_000_000),
        working_directory: None,
        unit: None,
        container: None,
        project: None,
        program: None,
        halt: None,
        provenance: None,
        restart: None,
        account: None,
        services: Vec::new(),
    };
    (1..=500).map(process).collect()
}

fn snapshot() -> Snapshot {
    let mut rows = sockets(raw());
    join(&mut rows, &mut holders(), processes(), &Names::default());
    Order::default().sort(&mut rows);
    let machine = Machine {
        host: "h".into(),
        os: "o".into(),
        taken_at: 1_700_000_100,
    };
    Snapshot {
        machine,
        read_by: "sock_diag".into(),
        netns: None,
        rows,
        other_ends: Vec::new(),
        forwards: Vec::new(),
        doubts: Vec::new(),
        may_be_sent_on: None,
        may_be_diverted: false,
        namespaces: Namespaces::Own,
        elsewhere: std::collections::BTreeMap::new(),
        notes: Vec::new(),
        unreadable: ProtocolSet::EMPTY,
        sees_bound: true,
    }
}

#[divan::bench]
fn decode(bencher: Bencher) {
    let bytes = dump();
    bencher.bench(|| {
        Messages::new(black_box(&bytes), 0, ByteOrder::NATIVE)
            .filter_map(|message| match message {
                Message::Row(body) => decode_row(body, Protocol::Tcp, ByteOrder::NATIVE),
                _ => None,
            })
            .count()
    });
}

#[divan::bench]
fn normalize(bencher: Bencher) {
    bencher.with_inputs(raw).bench_local_values(sockets);
}

#[divan::bench]
fn join_owners(bencher: Bencher) {
    let mut holders = holders();
    bencher
        .with_inputs(|| (sockets(raw()), processes()))
        .bench_local_values(|(mut rows, processes)| {
            join(&mut rows, &mut holders, processes, &Names::default());
            rows
        });
}

#[divan::bench(args = ["table", "plain", "json", "csv"])]
fn draw(bencher: Bencher, format: &str) {
    let snapshot = snapshot();
    let page = Page {
        format: match format {
            "table" => Format::Table,
            "plain" => Format::Plain,
            "json" => Format::Json,
            _ => Format::Csv,
        },
        kind: "sockets",
        columns: usual_columns(),
        asked: Vec::new(),
        look: Look {
            header: true,
            width: None,
            colour: false,
        },
        services: true,
        tells_namespaces: false,
        owners: true,
        zone: TimeZone::UTC,
    };
    bencher.bench_local(|| {
        let mut out = Vec::with_capacity(8 << 20);
        render(&snapshot, &page, &mut out).map(|()| out.len())
    });
}
