//! Budgets of ports, as sockets are counted into them.

mod advice;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use super::super::budget::{Budget, Seen, Tally, infer_owners};
use super::super::{Advice, Growth, Pool, Usage, advise, wider};
use crate::model::{
    Endpoint, Foreign, Holding, Limits, Machine, Namespaces, Process, ProcessKey, Protocol,
    ProtocolSet, Row, Snapshot, Socket, State,
};

fn limits() -> Limits {
    Limits {
        ephemeral: Some((40_000, 40_199)),
        reserved: vec![(40_010, 40_019), (50_000, 50_001)],
        tcp_tw_reuse: Some(2),
        tcp_timestamps: Some(1),
        time_wait_seconds: Some(60),
        ..Limits::default()
    }
}

fn end(text: &str) -> Endpoint {
    let end: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(end.ip(), end.port())
}

/// A listener or a bound socket.
fn still(local: &str, state: State) -> Row {
    let socket = Socket {
        local: end(local),
        ..super::socket(Protocol::Tcp, state, "0.0.0.0", None)
    };
    super::row(socket, None)
}

fn seen(local: &str, peer: &str, state: State) -> Seen {
    Seen {
        protocol: Protocol::Tcp,
        state,
        local: end(local),
        peer: end(peer),
        interface: 0,
        handle: if state == State::TimeWait { 0 } else { 7 },
        time_wait_left: None,
        v6only: None,
    }
}

fn pool(rows: &[Row]) -> Pool {
    let mut pool = Pool::new(&limits());
    pool.occupy(rows);
    pool
}

fn budgets(pool: &Pool, sockets: &[Seen]) -> Vec<Budget> {
    let mut tally = Tally::default();
    for socket in sockets {
        tally.count(pool, socket);
    }
    tally.budgets(pool, &limits())
}

#[test]
fn a_range_is_less_what_is_reserved_and_what_is_taken() {
    let pool = pool(&[
        still("127.0.0.1:40005", State::Listen),
        still("0.0.0.0:40005", State::Listen),
        still("10.0.0.5:40006", State::Bound),
        still("0.0.0.0:40012", State::Listen),
        still("0.0.0.0:80", State::Listen),
    ]);
    assert_eq!((pool.size(), pool.reserved()), (Some(200), Some(10)));
    assert_eq!(pool.taken(), 2, "once a port, and none of the reserved");
    assert_eq!(pool.capacity(Protocol::Tcp), Some(188));
    assert_eq!(pool.capacity(Protocol::Udp), Some(190));
    assert_eq!(pool.within(1024, 49_151), Some(200));
    assert_eq!(pool.within(40_100, 65_535), Some(100));
    assert_eq!(pool.within(0, 1023), Some(0));
}

#[test]
fn a_range_up_to_the_last_port_is_counted_whole() {
    let pool = Pool::new(&Limits {
        ephemeral: Some((1, 65_535)),
        ..Limits::default()
    });
    assert_eq!(pool.capacity(Protocol::Tcp), Some(65_535));
    assert_eq!(pool.within(49_152, 65_535), Some(16_384));
}

#[test]
fn each_peer_has_all_ports_for_itself() {
    let pool = pool(&[]);
    let found = budgets(
        &pool,
        &[
            seen("10.0.0.5:40000", "10.0.0.9:5432", State::Established),
            seen("10.0.0.5:40001", "10.0.0.9:5432", State::TimeWait),
            seen("10.0.0.5:40000", "10.0.0.9:5433", State::Established),
            seen("10.0.0.6:40000", "10.0.0.9:5432", State::CloseWait),
            // The same as IPv4, written by an IPv6 socket.
            seen(
                "[::ffff:10.0.0.5]:40002",
                "[::ffff:10.0.0.9]:5432",
                State::SynSent,
            ),
        ],
    );
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.key.local.to_string(), one.used, one.free()))
        .collect();
    let expected = [
        ("10.0.0.5", 3, 187),
        ("10.0.0.5", 1, 189),
        ("10.0.0.6", 1, 189),
    ];
    let expected = expected.map(|(local, used, free)| (local.to_owned(), used, Some(free)));
    assert_eq!(told, expected);
    assert_eq!(found[0].count(State::TimeWait), 1);
    assert_eq!((found[0].held.len(), found[2].close_wait.len()), (2, 1));
}

#[test]
fn what_came_from_outside_is_no_use_of_the_range() {
    let pool = pool(&[
        still("10.0.0.5:40000", State::Listen),
        still("[::]:40001", State::Listen),
    ]);
    let from_outside = [
        seen("10.0.0.5:40000", "10.0.0.9:999", State::Established),
        seen("10.0.0.5:40001", "10.0.0.9:999", State::TimeWait),
        seen("[::1]:40001", "[::1]:999", State::Established),
        // Neither in the range, nor of a port that it offers.
        seen("10.0.0.5:80", "10.0.0.9:999", State::Established),
        seen("10.0.0.5:40011", "10.0.0.9:999", State::Established),
    ];
    assert!(budgets(&pool, &from_outside).is_empty());
    let elsewhere = [seen("10.0.0.6:40000", "10.0.0.9:999", State::Established)];
    let found = budgets(&pool, &elsewhere);
    assert_eq!(found[0].count(State::Established), 1, "another address");
    assert_eq!(
        found[0].used, 0,
        "a port that is taken whole is not taken twice"
    );
}

#[test]
fn a_connection_that_is_shown_twice_is_one() {
    let found = budgets(
        &pool(&[]),
        &[
            seen("10.0.0.5:40000", "10.0.0.9:5432", State::Established),
            seen("10.0.0.5:40000", "10.0.0.9:5432", State::TimeWait),
        ],
    );
    assert_eq!((found[0].used, found[0].count(State::TimeWait)), (1, 0));
}

#[test]
fn udp_sockets_take_a_port_of_their_address_whoever_the_peer_is() {
    let udp = |local, peer| Seen {
        protocol: Protocol::Udp,
        ..seen(local, peer, State::Established)
    };
    let found = budgets(
        &pool(&[]),
        &[
            udp("10.0.0.5:40000", "10.0.0.9:53"),
            udp("10.0.0.5:40001", "10.0.0.8:53"),
            // A group that shares a port.
            udp("10.0.0.5:40001", "0.0.0.0:0"),
            udp("10.0.0.6:40001", "0.0.0.0:0"),
        ],
    );
    let told: Vec<_> = found.iter().map(|one| (one.key.peer, one.used)).collect();
    assert_eq!(told, [(None, 2), (None, 1)]);
    assert_eq!(found[0].states.iter().sum::<u32>(), 3);
}

#[test]
fn counts_of_tables_are_added() {
    let pool = pool(&[]);
    let one = seen("10.0.0.5:40000", "10.0.0.9:5432", State::Established);
    let (mut all, mut more) = (Tally::default(), Tally::default());
    all.count(&pool, &one);
    for port in 40_020..40_190 {
        let local = format!("10.0.0.5:{port}");
        more.count(&pool, &seen(&local, "10.0.0.9:5432", State::TimeWait));
    }
    all.absorb(more);
    let found = all.budgets(&pool, &limits());
    assert_eq!(found[0].used, 171);
    assert_eq!(found[0].count(State::TimeWait), 170);
}

#[test]
fn a_udp_socket_on_the_wildcard_takes_its_port_of_every_address() {
    let udp = |local| Seen {
        protocol: Protocol::Udp,
        ..seen(local, "0.0.0.0:0", State::Unconnected)
    };
    let dual = |local, v6only| Seen {
        v6only: Some(v6only),
        peer: end("[::]:0"),
        ..udp(local)
    };
    let found = budgets(
        &pool(&[]),
        &[
            udp("10.0.0.5:40000"),
            udp("10.0.0.6:40001"),
            udp("0.0.0.0:40002"),
            udp("0.0.0.0:40003"),
            dual("[::]:40004", false),
            dual("[::]:40005", true),
            dual("[fd00::5]:40006", true),
        ],
    );
    let told = |local: &str| {
        let local: IpAddr = local.parse().unwrap();
        let mut all = found.iter();
        let one = all.find(|one| one.key.local == local).unwrap();
        (one.used, one.elsewhere, one.states.iter().sum::<u32>())
    };
    assert_eq!(
        told("10.0.0.5"),
        (4, 3, 1),
        "two of 0.0.0.0 and one of [::]"
    );
    assert_eq!(told("0.0.0.0"), (5, 3, 2), "all but those of IPv6 alone");
    assert_eq!(told("fd00::5"), (3, 2, 1));
    assert_eq!(told("::"), (7, 5, 2), "as much as a dual stack needs");
}

#[test]
fn a_connection_bound_to_an_interface_lacks_the_ports_of_those_that_are_not() {
    let on = |interface, port: u16| Seen {
        interface,
        ..seen(
            &format!("10.0.0.5:{port}"),
            "10.0.0.9:5432",
            State::Established,
        )
    };
    let mut sockets: Vec<Seen> = (40_020..40_038).map(|port| on(0, port)).collect();
    sockets.extend([on(3, 40_050), on(3, 40_020), on(4, 40_050)]);
    let found = budgets(&pool(&[]), &sockets);
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.key.interface, one.used, one.elsewhere))
        .collect();
    assert_eq!(told, [(3, 19, 17), (4, 19, 18), (0, 18, 0)]);
}

#[test]
fn a_port_in_time_wait_serves_again_where_the_kernel_waits_no_longer_than_it() {
    let pool = pool(&[]);
    let reusable = |delay| {
        let mut tally = Tally::default();
        tally.count(
            &pool,
            &seen("127.0.0.1:40000", "127.0.0.1:80", State::TimeWait),
        );
        let limits = Limits {
            tcp_tw_reuse_delay: delay,
            ..limits()
        };
        tally.budgets(&pool, &limits)[0].reusable
    };
    assert_eq!(reusable(None), Some(true));
    assert_eq!(reusable(Some(5000)), Some(true));
    assert_eq!(reusable(Some(60_000)), Some(false));
}

#[test]
fn udp_may_have_a_range_of_its_own() {
    let pool = Pool::new(&Limits {
        ephemeral_udp: Some((1025, 1034)),
        ..limits()
    });
    assert_eq!(pool.capacity(Protocol::Tcp), Some(190));
    assert_eq!(pool.capacity(Protocol::Udp), Some(10));
    let udp = |local| Seen {
        protocol: Protocol::Udp,
        ..seen(local, "0.0.0.0:0", State::Unconnected)
    };
    let found = budgets(&pool, &[udp("10.0.0.5:1025"), udp("10.0.0.5:40000")]);
    assert_eq!((found[0].used, found[0].free()), (1, Some(9)));
}
