//! Who is named, and what is advised.

use super::*;

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
            doubts: Vec::new(),
            may_be_sent_on: None,
            may_be_diverted: false,
            namespaces: Namespaces::Own,
            elsewhere: BTreeMap::new(),
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
        protocols: [Protocol::Tcp, Protocol::Udp].into_iter().collect(),
        overrun: BTreeMap::new(),
        own_peers: BTreeSet::new(),
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

/// What is told of so many in CLOSE_WAIT before and now.
fn leak(before: u16, now: u16) -> (Usage, Vec<Advice>) {
    let of = |count: u16| {
        let mut found = filled(count, "10.0.0.9:5432", State::CloseWait);
        for budget in &mut found {
            budget.owners = vec![holding(5, "app", u32::from(count))];
        }
        usage(found)
    };
    let mut later = of(now);
    later.compare(&of(before), 5.0);
    let advice = advise(&later);
    (later, advice)
}

#[test]
fn sockets_that_a_process_does_not_close_are_a_leak_once_they_grow() {
    let mut found = filled(60, "10.0.0.9:5432", State::CloseWait);
    found[0].owners = vec![holding(5, "app", 60)];
    assert_eq!(codes(&usage(found)), ["close-wait"]);
    for before in [40, 0] {
        let (usage, advice) = leak(before, 60);
        let [one @ Advice::Leak { growth, .. }] = &advice[..] else {
            panic!("{advice:?}")
        };
        assert_eq!(*growth, Growth::Leak(u32::from(60 - before)));
        assert_eq!(one.code(), "socket-leak");
        assert_eq!(one.holding(&usage).unwrap().process.key.pid, 5);
    }
}

#[test]
fn many_that_are_not_closed_are_told_though_they_do_not_grow() {
    for (before, grown) in [(60, 0), (59, 1), (80, 0)] {
        let (_, advice) = leak(before, 60);
        let [one @ Advice::Leak { growth, .. }] = &advice[..] else {
            panic!("{advice:?}")
        };
        assert_eq!((one.code(), *growth), ("close-wait", Growth::Slight(grown)));
    }
    assert!(leak(3, 4).1.is_empty(), "a few may be late");
}

#[test]
fn what_a_leak_fills_wants_no_wider_range() {
    let found = filled(180, "10.0.0.9:5432", State::CloseWait);
    let usage = usage(found);
    let advice = advise(&usage);
    assert_eq!(codes(&usage), ["close-wait"], "nor an owner that is seen");
    assert!(matches!(advice[..], [Advice::Leak { owner: None, .. }]));
}

#[test]
fn a_range_without_any_port_left_is_full_for_every_peer() {
    let rows: Vec<Row> = (40_000..40_200)
        .map(|port| still(&format!("10.0.0.7:{port}"), State::Listen))
        .collect();
    let mut taken = usage(Vec::new());
    taken.pool.occupy(&rows);
    assert_eq!(taken.reaches(0.8), Some(true));
    assert_eq!(codes(&taken), ["no-ports", "narrow-range"]);
    taken.protocols = [Protocol::Udp].into_iter().collect();
    assert_eq!(taken.reaches(0.8), Some(false), "UDP has its own");
    assert!(codes(&taken).is_empty());
    let reserved = Limits {
        reserved: vec![(40_000, 40_199)],
        ..limits()
    };
    taken.pool = Pool::new(&reserved);
    assert_eq!(taken.reaches(0.8), Some(true), "nor for UDP");
}

#[test]
fn an_owner_that_is_not_seen_may_have_left_what_is_in_time_wait() {
    let mut found = filled(30, "10.0.0.9:5432", State::TimeWait);
    found[0].owners = vec![holding(5, "app", 0)];
    found[0].unseen = 40;
    infer_owners(&mut found);
    assert!(found[0].likely.is_empty());
    found[0].unseen = 0;
    infer_owners(&mut found);
    assert_eq!(found[0].likely.len(), 1);
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
