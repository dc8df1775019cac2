//! Verdicts without a kernel.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::rc::Rc;

use super::*;
use crate::model::{
    Descriptors, Endpoint, Foreign, Limits, Owner, OwnerStatus, Process, ProcessKey, Protocol,
    ProtocolSet, Row, Socket, State, User,
};

mod beside;
mod conflicts;
mod diverted;
mod elsewhere;
mod ephemeral;
mod expected;
mod launchers;
mod map;
mod origin;
mod starters;
mod together;
mod trusted;
mod why;

const SERVER: Options = Options {
    reuse_addr: true,
    reuse_port: false,
};
const PLAIN: Options = Options {
    reuse_addr: false,
    reuse_port: false,
};
const GROUP: Options = Options {
    reuse_addr: false,
    reuse_port: true,
};

fn socket(protocol: Protocol, state: State, address: &str, v6only: Option<bool>) -> Socket {
    Socket {
        protocol,
        state,
        local: Endpoint::new(address.parse::<IpAddr>().unwrap(), 80),
        peer: None,
        ip_protocol: None,
        v6only,
        user: Some(Rc::new(User {
            uid: 1000,
            name: None,
        })),
        inode: NonZeroU64::new(1),
        site: None,
        recv_queue: None,
        send_queue: None,
        handle: NonZeroU64::new(1),
    }
}

fn row(socket: Socket, program: Option<(&str, u32)>) -> Row {
    let owners = program.map(|(name, pid)| Owner {
        process: Rc::new(Process {
            uid: Some(1000),
            user: Some("anna".into()),
            ..Process::named(ProcessKey { pid, start: 1 }, Foreign::new(name))
        }),
        fds: Descriptors::Unknown,
    });
    let owner_status = if owners.is_some() {
        OwnerStatus::Known
    } else {
        OwnerStatus::Hidden
    };
    Row {
        socket,
        owner_status,
        owners: owners.into_iter().collect(),
        role: None,
    }
}

fn listener(address: &str, v6only: Option<bool>, program: &str, pid: u32) -> Row {
    row(
        socket(Protocol::Tcp, State::Listen, address, v6only),
        Some((program, pid)),
    )
}

fn claim(protocol: Protocol, address: &str) -> Claim {
    let address = (address != "all").then(|| address.parse().unwrap());
    Claim {
        protocol,
        address,
        interface: None,
        port: 80,
    }
}

fn limits() -> Limits {
    Limits {
        unprivileged_from: Some(1024),
        may_bind_privileged: Some(true),
        uid: Some(1000),
        addresses: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        ..Limits::default()
    }
}

fn evidence<'a>(rows: &'a [Row], limits: &'a Limits) -> Evidence<'a> {
    Evidence {
        rows,
        limits,
        unreadable: ProtocolSet::EMPTY,
        sees_bound: true,
        forwards: &[],
        doubts: &[],
        is_steered: false,
    }
}

fn judge(rows: &[Row], limits: &Limits, claim: &Claim) -> Verdict {
    Check {
        evidence: evidence(rows, limits),
        options: SERVER,
    }
    .judge(claim)
}

fn settle(verdict: &mut Verdict, bound: Bound, limits: &Limits) {
    let check = Check {
        evidence: evidence(&[], limits),
        options: SERVER,
    };
    check.settle(verdict, bound);
}

#[test]
fn addresses_overlap_as_the_kernel_sees_it() {
    // Holder, its IPV6_V6ONLY, and what it keeps from 127.0.0.1, 127.0.0.2, 0.0.0.0, ::1, :: and all.
    let table: [(&str, Option<bool>, [bool; 6]); 5] = [
        ("127.0.0.1", None, [true, false, true, false, true, true]),
        ("0.0.0.0", None, [true, true, true, false, true, true]),
        ("::1", Some(true), [false, false, false, true, true, true]),
        ("::", Some(false), [true, true, true, true, true, true]),
        ("::", Some(true), [false, false, false, true, true, true]),
    ];
    for (address, v6only, barred) in table {
        let holder = socket(Protocol::Tcp, State::Listen, address, v6only);
        let claims = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "all"];
        for (wanted, is_barred) in claims.into_iter().zip(barred) {
            let found = bar(&holder, &claim(Protocol::Tcp, wanted), SERVER, Some(1000));
            let expected = if is_barred { Bar::Yes } else { Bar::No };
            assert_eq!(found, expected, "{address} {v6only:?} against {wanted}");
        }
    }
}

#[test]
fn a_dual_stack_that_nobody_tells_of_is_a_perhaps() {
    let holder = socket(Protocol::Tcp, State::Listen, "::", None);
    assert_eq!(
        bar(&holder, &claim(Protocol::Tcp, "127.0.0.1"), SERVER, None),
        Bar::Perhaps
    );
    assert_eq!(
        bar(&holder, &claim(Protocol::Tcp, "::1"), SERVER, None),
        Bar::Yes
    );
}

#[test]
fn options_decide_what_only_a_bind_can_tell() {
    let cases = [
        (
            Protocol::Tcp,
            State::Listen,
            [Bar::Yes, Bar::Yes, Bar::Perhaps],
        ),
        (
            Protocol::Tcp,
            State::TimeWait,
            [Bar::Perhaps, Bar::Yes, Bar::Perhaps],
        ),
        (
            Protocol::Tcp,
            State::Bound,
            [Bar::Perhaps, Bar::Yes, Bar::Perhaps],
        ),
        (
            Protocol::Tcp,
            State::Established,
            [Bar::Perhaps, Bar::Yes, Bar::Perhaps],
        ),
        (Protocol::Tcp, State::SynRecv, [Bar::No, Bar::No, Bar::No]),
        (
            Protocol::Mptcp,
            State::Listen,
            [Bar::Yes, Bar::Yes, Bar::Perhaps],
        ),
        (
            Protocol::UdpLite,
            State::Unconnected,
            [Bar::No, Bar::No, Bar::No],
        ),
    ];
    for (protocol, state, bars) in cases {
        let holder = socket(protocol, state, "0.0.0.0", None);
        let found = [SERVER, PLAIN, GROUP]
            .map(|options| bar(&holder, &claim(Protocol::Tcp, "all"), options, Some(1000)));
        assert_eq!(found, bars, "{protocol} {state:?}");
    }
    let udp = socket(Protocol::Udp, State::Unconnected, "0.0.0.0", None);
    let found = [SERVER, PLAIN, GROUP]
        .map(|options| bar(&udp, &claim(Protocol::Udp, "all"), options, Some(1000)));
    assert_eq!(found, [Bar::Perhaps, Bar::Yes, Bar::Perhaps]);
}

#[test]
fn a_group_is_for_one_user() {
    let holder = socket(Protocol::Tcp, State::Listen, "0.0.0.0", None);
    assert_eq!(
        bar(&holder, &claim(Protocol::Tcp, "all"), GROUP, Some(33)),
        Bar::Yes
    );
    assert_eq!(
        bar(&holder, &claim(Protocol::Tcp, "all"), GROUP, None),
        Bar::Perhaps
    );
}

#[test]
fn nothing_there_is_free_by_the_table() {
    let verdict = judge(&[], &limits(), &claim(Protocol::Tcp, "all"));
    assert_eq!(
        (verdict.ruling, verdict.decided),
        (Ruling::Free, Decided::Table)
    );
}

#[test]
fn a_table_that_could_not_be_read_is_never_free() {
    let limits = limits();
    let unreadable = ProtocolSet::meant_by(Protocol::Tcp);
    let evidence = Evidence {
        unreadable,
        ..evidence(&[], &limits)
    };
    let check = Check {
        evidence,
        options: SERVER,
    };
    assert_eq!(
        check.judge(&claim(Protocol::Tcp, "all")).ruling,
        Ruling::Unknown
    );
    assert_eq!(
        check.judge(&claim(Protocol::Udp, "all")).ruling,
        Ruling::Free
    );
    let rows = [listener("0.0.0.0", None, "nginx", 7)];
    let check = Check {
        evidence: Evidence {
            rows: &rows,
            ..evidence
        },
        ..check
    };
    assert_eq!(
        check.judge(&claim(Protocol::Tcp, "all")).ruling,
        Ruling::Taken
    );
}

#[test]
fn where_bound_sockets_are_not_seen_a_bind_must_tell() {
    let limits = limits();
    let evidence = Evidence {
        sees_bound: false,
        ..evidence(&[], &limits)
    };
    let verdict = Check {
        evidence,
        options: SERVER,
    }
    .judge(&claim(Protocol::Tcp, "all"));
    assert!(Check::needs_bind(&verdict));
}

#[test]
fn a_missing_privilege_is_a_refusal_that_still_names_the_holder() {
    let limits = Limits {
        may_bind_privileged: Some(false),
        ..limits()
    };
    let rows = [listener("0.0.0.0", None, "nginx", 7)];
    let verdict = judge(&rows, &limits, &claim(Protocol::Tcp, "all"));
    assert_eq!(
        (verdict.ruling, verdict.reason),
        (Ruling::Refused, Some(Reason::Privilege))
    );
    assert_eq!(verdict.holders, [0]);
}

#[test]
fn an_address_of_elsewhere_is_for_a_bind_to_refuse() {
    let verdict = judge(&[], &limits(), &claim(Protocol::Tcp, "10.9.9.9"));
    assert!(Check::needs_bind(&verdict));
    // Whoever holds the port is not asked before.
    let held = [listener("0.0.0.0", None, "nginx", 7)];
    assert!(Check::needs_bind(&judge(
        &held,
        &limits(),
        &claim(Protocol::Tcp, "10.9.9.9")
    )));
    assert_eq!(
        judge(&[], &limits(), &claim(Protocol::Tcp, "127.0.0.9")).ruling,
        Ruling::Free
    );
    let scoped = judge(&[], &limits(), &claim(Protocol::Tcp, "fe80::1"));
    assert_eq!(
        (scoped.ruling, scoped.reason),
        (Ruling::Refused, Some(Reason::Scope))
    );
}

#[test]
fn a_held_udp_port_is_a_warning_for_tcp() {
    let rows = [row(
        socket(Protocol::Udp, State::Unconnected, "0.0.0.0", None),
        None,
    )];
    let verdict = judge(&rows, &limits(), &claim(Protocol::Tcp, "all"));
    assert_eq!(
        (verdict.ruling, verdict.warnings),
        (Ruling::Free, vec![Warning::UdpHeld])
    );
}

#[test]
fn an_expected_name_is_equal_not_part() {
    let expected = Expected {
        names: ["postgres".into()].into(),
        ..Expected::default()
    };
    let met =
        |rows: &[Row]| expected.judge(&judge(rows, &limits(), &claim(Protocol::Tcp, "all")), rows);
    assert_eq!(met(&[listener("::", Some(false), "postgres", 7)]), Met::Yes);
    assert_eq!(
        met(&[listener("::", Some(false), "postgres_exporter", 7)]),
        Met::Stranger
    );
    assert_eq!(met(&[]), Met::Nobody);
    let hidden = row(socket(Protocol::Tcp, State::Listen, "::", None), None);
    assert_eq!(met(std::slice::from_ref(&hidden)), Met::Unknown);
    let both = [
        listener("127.0.0.1", None, "postgres", 7),
        listener("::1", None, "evil", 8),
    ];
    assert_eq!(met(&both), Met::Stranger);
}

/// Bound sockets of SCTP are never shown, and an association may be in the way wherever it has the port.
#[test]
fn only_a_listener_decides_over_a_port_of_sctp_by_the_table() {
    let sctp = |state, address| row(socket(Protocol::Sctp, state, address, None), None);
    let ruling = |rows: &[Row]| judge(rows, &limits(), &claim(Protocol::Sctp, "127.0.0.1")).ruling;
    assert_eq!(ruling(&[]), Ruling::Unknown);
    assert_eq!(ruling(&[sctp(State::Listen, "0.0.0.0")]), Ruling::Taken);
    assert_eq!(ruling(&[sctp(State::Listen, "10.0.0.1")]), Ruling::Unknown);
    let connected = judge(
        &[sctp(State::Established, "10.0.0.1")],
        &limits(),
        &claim(Protocol::Sctp, "127.0.0.1"),
    );
    assert_eq!(
        (connected.ruling, connected.holders.len()),
        (Ruling::Unknown, 1)
    );
    // TCP has the same number, and another port.
    let tcp = [row(
        socket(Protocol::Tcp, State::Listen, "0.0.0.0", None),
        None,
    )];
    assert_eq!(ruling(&tcp), Ruling::Unknown);
    let of_tcp = judge(
        &[sctp(State::Listen, "0.0.0.0")],
        &limits(),
        &claim(Protocol::Tcp, "127.0.0.1"),
    );
    assert_eq!(of_tcp.ruling, Ruling::Free);
}
