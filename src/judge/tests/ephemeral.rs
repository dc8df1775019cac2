//! Budgets of ports, and what is advised about them.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use super::super::budget::{Budget, Seen, Tally, infer_owners};
use super::super::{Advice, Pool, Usage, advise, wider};
use crate::model::{
    Endpoint, Foreign, Holding, Limits, Machine, Process, ProcessKey, Protocol, ProtocolSet, Row,
    Snapshot, Socket, State,
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

fn holding(pid: u32, name: &str, close_wait: u32) -> Holding {
    let process = Process {
        uid: Some(33),
        ..Process::named(ProcessKey { pid, start: 1 }, Foreign::new(name))
    };
    Holding {
        process: Rc::new(process),
        sockets: close_wait.max(1),
        close_wait,
    }
}

/// So many connections in one state to one peer.
fn filled(count: u16, peer: &str, state: State) -> Vec<Budget> {
    let sockets: Vec<Seen> = (0..count)
        .map(|at| seen(&format!("10.0.0.5:{}", 40_020 + at), peer, state))
        .collect();
    budgets(&pool(&[]), &sockets)
}

fn usage(budgets: Vec<Budget>) -> Usage {
    Usage {
        snapshot: Snapshot {
            forwards: Vec::new(),
            machine: Machine {
                host: String::new(),
                os: String::new(),
                taken_at: 0,
            },
            read_by: String::new(),
            netns: None,
            rows: Vec::new(),
            other_ends: Vec::new(),
            notes: Vec::new(),
            unreadable: ProtocolSet::EMPTY,
            sees_bound: true,
        },
        limits: limits(),
        pool: pool(&[]),
        total: budgets.len(),
        levels: HashMap::new(),
        addresses: BTreeMap::new(),
        listening: vec![35_000, 40_005, 61_000],
        in_doubt: false,
        seconds: None,
        leaking: HashMap::new(),
        budgets,
    }
}

fn codes(usage: &Usage) -> Vec<&'static str> {
    advise(usage).iter().map(Advice::code).collect()
}

#[test]
fn who_still_talks_to_the_peer_left_the_rest_in_time_wait() {
    let mut found = filled(30, "10.0.0.9:5432", State::TimeWait);
    infer_owners(&mut found);
    assert!(found[0].likely.is_empty(), "nobody talks to it");
    // Workers of one program, one of them from another address.
    let other = seen("10.0.0.6:40000", "10.0.0.9:5432", State::Established);
    found.extend(budgets(&pool(&[]), &[other]));
    found[0].owners = vec![holding(5, "app", 0)];
    found[1].owners = vec![holding(6, "app", 0)];
    infer_owners(&mut found);
    assert_eq!(found[0].likely.len(), 2);
    assert!(found[1].likely.is_empty(), "it has nothing in TIME_WAIT");
    // Two programs: which of them it was is anybody's guess.
    found[0].likely.clear();
    found[1].owners = vec![holding(6, "psql", 0)];
    infer_owners(&mut found);
    assert!(found[0].likely.is_empty());
}

#[test]
fn short_connections_of_one_program_want_a_pool() {
    let mut found = filled(80, "10.0.0.9:5432", State::TimeWait);
    assert!(codes(&usage(found.clone())).is_empty(), "nobody to advise");
    found[0].likely = vec![holding(5, "app", 0)];
    let usage = usage(found);
    assert_eq!(codes(&usage), ["short-connections"]);
    assert_eq!(
        advise(&usage)[0].holding(&usage).unwrap().process.key.pid,
        5
    );
}

#[test]
fn ports_in_time_wait_that_are_given_out_again_want_no_wider_range() {
    let mut found = filled(160, "10.0.0.9:5432", State::TimeWait);
    assert_eq!(found[0].reusable, Some(false), "not on loopback");
    assert_eq!(codes(&usage(found.clone())), ["narrow-range"]);
    found[0].reusable = Some(true);
    assert_eq!(codes(&usage(found)), ["time-wait-reusable"]);
}

#[test]
fn a_narrow_range_is_told_with_its_numbers_and_what_listens_there() {
    let few = usage(filled(20, "10.0.0.9:1", State::Established));
    assert!(codes(&few).is_empty());
    let usage = usage(filled(120, "10.0.0.9:5432", State::Established));
    let [
        Advice::NarrowRange {
            first,
            last,
            reserve,
        },
    ] = &advise(&usage)[..]
    else {
        panic!("{:?}", advise(&usage))
    };
    assert_eq!((*first, *last), (32_768, 60_999));
    assert_eq!(
        reserve,
        &[35_000],
        "not what is in the range, or outside both"
    );
    assert_eq!(wider((32_768, 60_999)), Some((10_240, 65_535)));
    assert_eq!(wider((10_000, 65_535)), None);
}

#[test]
fn sockets_that_a_process_does_not_close_are_a_leak_once_they_grow() {
    let mut found = filled(60, "10.0.0.9:5432", State::CloseWait);
    found[0].owners = vec![holding(5, "app", 60)];
    let mut now = usage(found.clone());
    assert_eq!(codes(&now), ["close-wait"]);
    let mut before = usage(found);
    before.budgets[0].owners = vec![holding(5, "app", 60)];
    now.compare(&before, 5.0);
    assert!(codes(&now).is_empty(), "they do not grow");
    before.budgets[0].owners = vec![holding(5, "app", 40)];
    now.compare(&before, 5.0);
    let advice = advise(&now);
    assert!(matches!(
        advice[..],
        [Advice::Leak {
            grown: Some(20),
            ..
        }]
    ));
    assert_eq!(advice[0].holding(&now).unwrap().process.key.pid, 5);
}

#[test]
fn a_peer_that_does_not_answer_is_told() {
    assert_eq!(
        codes(&usage(filled(60, "10.0.0.9:5432", State::SynSent))),
        ["unanswered"]
    );
}

#[test]
fn an_address_with_many_peers_needs_nothing() {
    use super::super::Address;
    let mut now = usage(filled(30, "10.0.0.9:5432", State::Established));
    let address = IpAddr::from(Ipv4Addr::new(10, 0, 0, 5));
    let many = Address {
        sockets: 900,
        peers: 30,
        fullest: 0.16,
    };
    now.addresses.insert(address, many);
    assert_eq!(codes(&now), ["shared-address"]);
    let one = Address { peers: 1, ..many };
    now.addresses.insert(address, one);
    assert!(codes(&now).is_empty());
}

#[test]
fn a_part_that_is_reached_is_told_from_one_that_cannot_be_known() {
    let mut now = usage(filled(95, "10.0.0.9:5432", State::Established));
    assert_eq!(now.reaches(0.5), Some(true), "95 of 190 are half");
    assert_eq!(now.reaches(0.6), Some(false));
    now.snapshot.unreadable = [Protocol::Tcp].into_iter().collect();
    assert_eq!(now.reaches(0.5), Some(true));
    assert_eq!(now.reaches(0.6), None, "what was not read may be more");
}
