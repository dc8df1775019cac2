//! Exit codes of a listing: 0 something matched, 1 nothing matched, 2 bad usage, 3 cannot tell.

use crate::contract::document;
use crate::{Answer, replay, words};

#[track_caller]
fn ends(table: &[(&str, &str, i32)]) {
    for (capture, line, code) in table {
        let Answer {
            code: actual,
            stderr,
            ..
        } = replay(capture, &words(line));
        assert_eq!(actual, *code, "{capture}: {line}: {stderr}");
    }
}

#[test]
fn something_that_matches_exits_0() {
    ends(&[
        ("web1", "", 0),
        ("web1", ":80", 0),
        ("web1", "state=time_wait", 0),
        ("web1", "--no-owners :80", 0),
        // What was lost is told, and does not undo what was found.
        ("ordinary-user", "", 0),
        ("ordinary-user", ":22", 0),
        ("ordinary-user", "name=node", 0),
        ("no-proc", ":5432", 0),
        ("unknown-table", ":80", 0),
        ("partial-table", "", 0),
        ("container", ":40317", 0),
    ]);
}

#[test]
fn nothing_that_matches_exits_1() {
    ends(&[
        ("empty", "", 1),
        ("empty", ":80", 1),
        ("empty", "-a", 1),
        ("empty", "nginx", 1),
        ("web1", ":81", 1),
        ("web1", "tcp:68", 1),
        ("web1", "name=nobody-runs-this", 1),
        ("web1", "127.0.0.2:3000 -l", 1),
        ("fallback", ":81 -l", 1),
        ("fallback", "udp:81", 1),
        // An owner that is hidden does not make a free port doubtful.
        ("ordinary-user", ":81", 1),
        ("no-proc", ":81", 1),
        ("ordinary-user", ":3000 peer=:1", 1),
    ]);
}

#[test]
fn nothing_where_something_unread_could_match_exits_3() {
    ends(&[
        ("unknown-table", ":81", 3),
        ("unknown-table", "udp", 3),
        ("unknown-table", "udp:53", 3),
        ("unknown-table", "name=dnsmasq", 3),
        ("partial-table", ":81", 3),
        ("partial-table", "tcp:81", 3),
        // A socket that is bound without listening cannot be seen there.
        ("fallback", ":81", 3),
        ("ordinary-user", "name=sshd", 3),
        ("ordinary-user", "sshd :22", 3),
        ("ordinary-user", "pid=812", 3),
        ("ordinary-user", "user=nobody", 3),
        ("no-ptrace", "node", 3),
        ("hidepid", "sshd", 3),
        ("no-proc", "node", 3),
        ("container", "name=dockerd", 3),
    ]);
}

#[test]
fn a_table_that_cannot_hold_the_answer_does_not_make_it_doubtful() {
    ends(&[
        ("unknown-table", "tcp:81", 1),
        ("unknown-table", "-t :81", 1),
        ("partial-table", "udp:53", 1),
        ("ordinary-user", "name=sshd :3000 state=time_wait", 1),
        // Nobody holds a TIME_WAIT socket, so nobody hidden does.
        ("ordinary-user", "name=sshd state=time_wait", 1),
    ]);
}

#[test]
fn a_partial_owner_list_leaves_a_name_in_doubt() {
    ends(&[
        ("ordinary-user", "name=sshd :3000", 3),
        // Beyond a container's own processes nobody shares a socket that one of them holds.
        ("container", "name=dockerd :8080", 1),
    ]);
}

#[test]
fn skipping_owners_does_not_skip_those_that_were_asked_for() {
    ends(&[
        ("web1", "--no-owners nginx", 0),
        ("web1", "--no-owners name=nobody-runs-this", 1),
        ("ordinary-user", "--no-owners name=sshd", 3),
    ]);
}

#[test]
fn nothing_is_written_for_people_or_rows_where_nothing_matched() {
    for (capture, selector, code) in [("web1", ":81", 1), ("unknown-table", ":81", 3)] {
        for format in ["table", "card", "plain", "ndjson"] {
            let answer = replay(capture, &["--format", format, selector]);
            assert_eq!(
                (answer.code, answer.stdout.as_str()),
                (code, ""),
                "{format}"
            );
            assert!(answer.stderr.starts_with("portwho: "), "{}", answer.stderr);
        }
        let csv = replay(capture, &["--format", "csv", selector]);
        assert_eq!((csv.code, csv.stdout.lines().count()), (code, 1));
    }
}

#[test]
fn an_envelope_is_printed_with_exits_0_1_and_3() {
    for (capture, selector, code) in [
        ("web1", ":80", 0),
        ("web1", ":81", 1),
        ("empty", ":80", 1),
        ("unknown-table", ":81", 3),
        ("ordinary-user", "name=sshd", 3),
    ] {
        assert_eq!(replay(capture, &["--json", selector]).code, code);
        let document = document(capture, &[selector]);
        assert_eq!(document["complete"], code != 3, "{capture} {selector}");
        let has_notes = !document["notes"].as_array().unwrap().is_empty();
        assert_eq!(has_notes, code == 3, "{capture} {selector}");
    }
}

#[test]
fn nothing_is_said_in_one_line() {
    for (line, said) in [
        (":81", "nothing uses port 81"),
        (":81 -l", "nothing listens on port 81"),
        ("name=x1", "nothing listens that matches 'name=x1'"),
        (":81 nginx", "no socket that matches ':81' 'nginx'"),
    ] {
        let answer = replay("web1", &words(line));
        assert_eq!(answer.stderr, format!("portwho: {said}\n"));
    }
    let answer = replay("empty", &[]);
    assert_eq!(answer.stderr, "portwho: nothing listens here\n");
}

#[test]
fn no_and_cannot_tell_are_said_in_different_words() {
    let no = replay("web1", &[":81"]).stderr;
    let unknown = replay("unknown-table", &[":81"]).stderr;
    assert!(!no.contains("cannot tell"), "{no}");
    assert!(unknown.contains("cannot tell"), "{unknown}");
    assert!(
        unknown.contains("udp over IPv4: cannot be read"),
        "{unknown}"
    );
    assert!(
        !unknown.contains("nothing") && !unknown.contains("free"),
        "{unknown}"
    );
}

/// "Nothing uses port 53" is said only where nothing does: not where a protocol, a family or an
/// address left out who uses it.
#[test]
fn what_is_not_there_is_said_as_narrowly_as_it_was_asked_for() {
    for (arguments, said) in [
        (&[":4"][..], "portwho: nothing uses port 4"),
        (&["-l", ":4"], "portwho: nothing listens on port 4"),
        (&["udp:3000"], "portwho: no socket that matches 'udp:3000'"),
        (
            &["-u", ":3000"],
            "portwho: no udp socket that matches ':3000'",
        ),
        (&["-t", ":4"], "portwho: no tcp socket that matches ':4'"),
        (
            &["-lt", ":4"],
            "portwho: no listening tcp socket that matches ':4'",
        ),
        (&["mptcp:4"], "portwho: no socket that matches 'mptcp:4'"),
        (
            &["-6", ":3000"],
            "portwho: no socket over IPv6 that matches ':3000'",
        ),
        (
            &["[::1]:3000"],
            "portwho: no socket that matches '[::1]:3000'",
        ),
        (
            &[":3000", "state=time_wait"],
            "portwho: no socket that matches ':3000' 'state=time_wait'",
        ),
    ] {
        let answer = crate::replay("web1", arguments);
        assert_eq!(
            (answer.code, answer.stdout.as_str()),
            (1, ""),
            "{arguments:?}"
        );
        assert_eq!(answer.stderr.trim_end(), said, "{arguments:?}");
    }
}

#[test]
fn cannot_tell_comes_with_its_reason() {
    for capture in ["ordinary-user", "no-ptrace"] {
        let answer = crate::replay(capture, &["name=no-such-program"]);
        assert_eq!(answer.code, 3);
        assert!(answer.stderr.lines().count() >= 2, "{answer:?}");
    }
}

#[test]
fn a_port_is_taken_as_listings_write_it() {
    let as_listed = crate::replay("web1", &["3000/tcp"]);
    assert_eq!(as_listed, crate::replay("web1", &["tcp:3000"]));
    assert_eq!(as_listed.code, 0);
}
