//! Rules of the packet filter beside sockets that have their ports.

use super::*;
use crate::model::{
    Diverter, Dnat, Family, Forward, Forwarder, InterfaceAddress, Machine, Namespaces, Role,
    Snapshot,
};

/// A rule that sends port 80 to 10.99.0.2:8000.
fn rule() -> Dnat {
    Dnat {
        by: Diverter::Dnat,
        netns: None,
        among: Vec::new(),
        to_last: None,
        protocol: Protocol::Tcp,
        family: Some(Family::Ipv4),
        address: None,
        ports: (80, 80),
        to: Some([10, 99, 0, 2].into()),
        to_ports: Some((8000, 8000)),
        container: None,
        listener: None,
    }
}

fn course(rule: &Dnat, row: &Row) -> Option<Course> {
    diversion(rule, &[row], None).map(|met| met.course)
}

#[test]
fn a_rule_takes_packets_past_the_sockets_that_wait_for_them() {
    let all = listener("0.0.0.0", None, "server", 7);
    assert_eq!(course(&rule(), &all), Some(Course::Elsewhere));
    let both = listener("::", Some(false), "server", 7);
    assert_eq!(course(&rule(), &both), Some(Course::Elsewhere));
    let own = listener("127.0.0.1", None, "server", 7);
    assert_eq!(course(&rule(), &own), Some(Course::Beside));
    let of_loopback = Dnat {
        address: Some([127, 0, 0, 1].into()),
        ..rule()
    };
    assert_eq!(course(&of_loopback, &own), Some(Course::Elsewhere));
}

#[test]
fn a_rule_for_other_packets_does_not_concern_a_socket() {
    let row = listener("10.0.0.5", None, "server", 7);
    let other = |change: fn(&mut Dnat)| {
        let mut rule = rule();
        change(&mut rule);
        rule
    };
    for rule in [
        other(|rule| rule.ports = (81, 90)),
        other(|rule| rule.protocol = Protocol::Udp),
        other(|rule| rule.family = Some(Family::Ipv6)),
        other(|rule| rule.address = Some([10, 0, 0, 6].into())),
        // It says so that the port is to be left as it is.
        other(|rule| (rule.to, rule.to_ports) = (None, None)),
    ] {
        assert_eq!(course(&rule, &row), None, "{rule:?}");
    }
    let only_v6 = listener("::", Some(true), "server", 7);
    assert_eq!(course(&rule(), &only_v6), None);
    let mut elsewhere = row.clone();
    elsewhere.socket = elsewhere.socket.in_netns(Some(7));
    assert_eq!(course(&rule(), &elsewhere), None);
    let mut connected = row;
    connected.socket.state = State::Established;
    assert_eq!(course(&rule(), &connected), None);
}

#[test]
fn a_proxy_beside_the_rule_of_its_runtime_is_no_alarm() {
    let mut proxy = listener("0.0.0.0", None, "docker-proxy", 7);
    let to = |to: &str| Forward {
        by: Forwarder::DockerProxy,
        to: Foreign::new(to),
        container: None,
    };
    for (leads_to, expected) in [
        ("10.99.0.2:8000", Course::Alike),
        ("10.99.0.2:80", Course::Elsewhere),
        ("10.99.0.3:8000", Course::Elsewhere),
    ] {
        proxy.role = Some(Box::new(Role {
            socket_unit: None,
            forwards_to: Some(to(leads_to)),
        }));
        assert_eq!(course(&rule(), &proxy), Some(expected), "{leads_to}");
    }
}

fn snapshot(namespaces: Namespaces, rows: Vec<Row>, forwards: Vec<Dnat>) -> Snapshot {
    Snapshot {
        machine: Machine {
            host: String::new(),
            os: String::new(),
            taken_at: 0,
        },
        read_by: String::new(),
        netns: Some(1),
        rows,
        other_ends: Vec::new(),
        forwards,
        doubts: Vec::new(),
        may_be_sent_on: None,
        may_be_diverted: false,
        namespaces,
        elsewhere: std::collections::BTreeMap::new(),
        notes: Vec::new(),
        unreadable: ProtocolSet::EMPTY,
        sees_bound: true,
    }
}

#[test]
fn a_rule_to_nobody_known_has_a_way_on() {
    let root = Limits {
        uid: Some(0),
        ..limits()
    };
    let next = |namespaces, rule: Dnat, limits: &Limits| {
        let snapshot = snapshot(namespaces, Vec::new(), vec![rule]);
        forwarded(&snapshot, limits)[0].next.clone().unwrap()
    };
    assert_eq!(
        next(Namespaces::Own, rule(), &root),
        "portwho --all-netns :8000"
    );
    assert_eq!(
        next(Namespaces::Own, rule(), &limits()),
        "sudo portwho --all-netns :8000"
    );
    assert_eq!(
        next(Namespaces::All, rule(), &root),
        "ip route get 10.99.0.2"
    );
    let known = Dnat {
        listener: Some(Rc::new(listener("10.99.0.2", None, "server", 7))),
        ..rule()
    };
    assert_eq!(
        next(Namespaces::All, known, &root),
        "portwho why --all-netns :8000"
    );
    let redirected = Dnat { to: None, ..rule() };
    assert_eq!(
        next(Namespaces::All, redirected, &root),
        "portwho why :8000"
    );
}

#[test]
fn who_listens_behind_a_rule_is_in_one_other_namespace_or_not_told() {
    let at = |netns: u64, address: &str| {
        let mut row = listener(address, None, "server", 7);
        row.socket = row.socket.in_netns(Some(netns));
        row.socket.local.port = Some(8000);
        row
    };
    let behind = |rows: Vec<Row>| {
        let here = InterfaceAddress {
            address: [10, 99, 0, 2].into(),
            interface: "eth0".into(),
        };
        let found = snapshot(Namespaces::All, rows, Vec::new());
        let found = Snapshot {
            elsewhere: [(4, vec![here])].into(),
            ..found
        };
        listener_behind(&rule(), &found).map(|row| row.socket.netns())
    };
    assert_eq!(behind(vec![at(2, "10.99.0.2")]), Some(Some(2)));
    assert_eq!(behind(vec![at(1, "10.99.0.2"), at(2, "10.99.0.3")]), None);
    assert_eq!(behind(vec![at(2, "10.99.0.2"), at(3, "10.99.0.2")]), None);
    assert_eq!(
        behind(vec![at(2, "0.0.0.0"), at(4, "0.0.0.0")]),
        Some(Some(4))
    );
}

/// Such a port can be bound, but a server would wait for packets in vain.
#[test]
fn a_port_that_is_sent_elsewhere_is_warned_of_and_not_offered() {
    let limits = limits();
    let unknown = Dnat {
        to: None,
        to_ports: None,
        ..rule()
    };
    let judged = |forwards: &[Dnat], doubts: &[Dnat], is_steered, port| {
        let evidence = Evidence {
            forwards,
            doubts,
            is_steered,
            ..evidence(&[], &limits)
        };
        let check = Check {
            evidence,
            options: SERVER,
        };
        let verdict = check.judge(&Claim {
            port,
            ..claim(Protocol::Tcp, "0.0.0.0")
        });
        (check.may_offer(&verdict), verdict.warnings)
    };
    let sent = vec![Warning::Diverted];
    let doubtful = vec![Warning::MayBeDiverted];
    let root_only = judged(&[], &[], false, 80).0;
    assert_eq!(judged(&[rule()], &[], false, 80), (false, sent.clone()));
    assert_eq!(judged(&[rule()], &[rule()], true, 80), (false, sent));
    assert_eq!(
        judged(&[], std::slice::from_ref(&unknown), false, 80),
        (root_only, doubtful.clone())
    );
    assert_eq!(judged(&[], &[], true, 8080).1, doubtful);
    assert_eq!(judged(&[rule()], &[unknown], false, 8080), (true, vec![]));
}
