//! Binds that succeed beside a socket that has the port already.

use super::*;

/// The verdict after a bind that succeeded, and whether `free` would offer the port.
fn bound(holder: Socket, options: Options, protocol: Protocol) -> (Vec<Warning>, bool) {
    let rows = [row(holder, Some(("node", 7)))];
    let limits = limits();
    let evidence = Evidence {
        rows: &rows,
        limits: &limits,
        unreadable: ProtocolSet::EMPTY,
        sees_bound: true,
        forwards: &[],
        doubts: &[],
        is_steered: false,
    };
    let check = Check { evidence, options };
    let mut verdict = check.judge(&Claim {
        port: 80,
        ..claim(protocol, "127.0.0.1")
    });
    assert!(Check::needs_bind(&verdict), "{verdict:?}");
    let is_offered = check.may_offer(&verdict);
    check.settle(&mut verdict, Bound::Yes);
    assert_eq!(verdict.ruling, Ruling::Free);
    (verdict.warnings, is_offered)
}

#[test]
fn a_bound_socket_that_shares_is_a_warning_and_no_port_to_offer() {
    let socket = |state| socket(Protocol::Tcp, state, "127.0.0.1", None);
    let warned = (vec![Warning::BoundBeside], false);
    assert_eq!(bound(socket(State::Bound), SERVER, Protocol::Tcp), warned);
    // What is left of a connection goes by itself.
    let quiet = (vec![], true);
    for state in [State::TimeWait, State::Established] {
        assert_eq!(bound(socket(state), SERVER, Protocol::Tcp), quiet);
    }
}

#[test]
fn a_udp_socket_that_shares_is_a_warning_unless_a_group_is_asked_for() {
    let holder = || socket(Protocol::Udp, State::Unconnected, "127.0.0.1", None);
    assert_eq!(
        bound(holder(), SERVER, Protocol::Udp),
        (vec![Warning::BoundBeside], false)
    );
    let group = Options {
        reuse_port: true,
        ..SERVER
    };
    assert_eq!(bound(holder(), group, Protocol::Udp), (vec![], false));
}

#[test]
fn a_bind_settles_what_the_table_left_open() {
    let no = |kind: ErrorKind| Bound::No(kind, "why".into());
    let cases = [
        (Bound::Yes, Ruling::Free, None),
        (
            no(ErrorKind::AddrInUse),
            Ruling::Taken,
            Some(Reason::UnseenHolder),
        ),
        (
            no(ErrorKind::PermissionDenied),
            Ruling::Refused,
            Some(Reason::Privilege),
        ),
        (
            no(ErrorKind::AddrNotAvailable),
            Ruling::Refused,
            Some(Reason::Address),
        ),
        (
            no(ErrorKind::Other),
            Ruling::Unknown,
            Some(Reason::Failed("why".into())),
        ),
    ];
    for (bound, ruling, reason) in cases {
        let mut verdict = judge(&[], &limits(), &claim(Protocol::Tcp, "all"));
        settle(&mut verdict, bound, &limits());
        assert_eq!((verdict.ruling, verdict.reason), (ruling, reason));
        assert_eq!(verdict.decided, Decided::Bind);
    }
    let rows = [listener("0.0.0.0", None, "nginx", 7)];
    let mut verdict = judge(&rows, &limits(), &claim(Protocol::Tcp, "all"));
    settle(&mut verdict, Bound::Yes, &limits());
    assert_eq!(verdict.warnings, [Warning::BindSucceeds]);
}
