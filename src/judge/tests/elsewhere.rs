//! Systems with other rules than those of Linux.

use super::*;
use crate::model::Rules;

fn elsewhere() -> Limits {
    Limits {
        rules: Rules::Other,
        unprivileged_from: None,
        ..limits()
    }
}

fn check<'a>(rows: &'a [Row], limits: &'a Limits) -> Check<'a> {
    let evidence = Evidence {
        rows,
        limits,
        unreadable: ProtocolSet::EMPTY,
        sees_bound: false,
        forwards: &[],
        doubts: &[],
        is_steered: false,
    };
    Check {
        evidence,
        options: SERVER,
    }
}

#[test]
fn only_what_waits_at_the_very_address_is_taken_without_a_bind() {
    let limits = elsewhere();
    let rows = [listener("127.0.0.1", None, "nginx", 7)];
    let check = check(&rows, &limits);
    let same = check.judge(&claim(Protocol::Tcp, "127.0.0.1"));
    assert_eq!((same.ruling, same.decided), (Ruling::Taken, Decided::Table));
    for wanted in ["0.0.0.0", "all"] {
        let verdict = check.judge(&claim(Protocol::Tcp, wanted));
        assert!(Check::needs_bind(&verdict), "{wanted}: {verdict:?}");
        assert_eq!(verdict.holders, [0], "{wanted}");
    }
    let connected = [row(
        socket(Protocol::Tcp, State::Established, "127.0.0.1", None),
        None,
    )];
    let verdict = self::check(&connected, &limits).judge(&claim(Protocol::Tcp, "127.0.0.1"));
    assert!(Check::needs_bind(&verdict), "{verdict:?}");
}

#[test]
fn a_port_that_no_table_shows_is_free_only_after_a_bind() {
    let limits = elsewhere();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let verdict = check(&[], &limits).judge(&claim(protocol, "all"));
        assert!(Check::needs_bind(&verdict), "{verdict:?}");
    }
}

#[test]
fn a_port_beside_somebody_elses_is_not_offered_as_free() {
    let limits = elsewhere();
    let rows = [listener("127.0.0.1", None, "nginx", 7)];
    let all = claim(Protocol::Tcp, "all");
    let held = check(&rows, &limits);
    assert!(!held.may_offer(&held.judge(&all)));
    let unheld = check(&[], &limits);
    assert!(unheld.may_offer(&unheld.judge(&all)));
}

#[test]
fn a_denied_bind_is_told_from_a_port_in_use() {
    let denied = || Bound::No(ErrorKind::PermissionDenied, "10013".into());
    let limits = elsewhere();
    let all = claim(Protocol::Tcp, "all");
    // Nobody is there: the system keeps the port.
    let unheld = check(&[], &limits);
    let mut verdict = unheld.judge(&all);
    unheld.settle(&mut verdict, denied());
    assert_eq!(
        (verdict.ruling, verdict.reason.clone()),
        (Ruling::Refused, Some(Reason::Forbidden))
    );
    let mut outside = verdict.clone();
    Check::explain(&mut outside, &[(1, 79), (81, 90)]);
    assert_eq!(outside.reason, Some(Reason::Forbidden));
    Check::explain(&mut verdict, &[(1, 79), (80, 80), (81, 90)]);
    assert_eq!(verdict.reason, Some(Reason::Excluded(80, 80)));
    // Somebody has the port for itself (SO_EXCLUSIVEADDRUSE).
    let rows = [listener("0.0.0.0", None, "nginx", 7)];
    let held = check(&rows, &limits);
    let mut verdict = held.judge(&all);
    held.settle(&mut verdict, denied());
    assert_eq!(
        (verdict.ruling, verdict.reason),
        (Ruling::Taken, Some(Reason::Held))
    );
    // A security module of Linux refuses what takes no privilege.
    let limits = Limits {
        unprivileged_from: Some(80),
        ..super::limits()
    };
    let linux = check(&[], &limits);
    let mut verdict = linux.judge(&all);
    linux.settle(&mut verdict, denied());
    assert_eq!(verdict.reason, Some(Reason::Forbidden));
}
