//! SCTP, on a recording of a machine that has nothing else. Run with `SNAPSHOTS=overwrite` to write the
//! pictures anew.

use snapbox::{assert_data_eq, file};

use crate::{portwho, replay, words};

fn ask(line: &str) -> (i32, String, String) {
    let answer = replay("sctp", &words(line));
    (answer.code, answer.stdout, answer.stderr)
}

/// A listener with two addresses is a row for each of them.
#[test]
fn listeners_are_listed_without_being_asked_for() {
    let (code, table, _) = ask("");
    assert_eq!(code, 0);
    assert_data_eq!(&table, file!["snapshots/sctp.txt"].raw());
    for line in ["-S", "sctp", "pid=126", "name=sgw", "user=root"] {
        assert_eq!(ask(line), (0, table.clone(), String::new()), "{line}");
    }
    for line in ["-t", "-u", "tcp", "udp"] {
        let (code, table, _) = ask(line);
        assert_eq!((code, table.as_str()), (1, ""), "{line}");
    }
}

/// Those that nobody accepted, or that a one-to-many socket has, are of the listener's socket.
#[test]
fn associations_are_rows_beside_their_listener() {
    assert_data_eq!(ask("-a").1, file!["snapshots/sctp_all.txt"].raw());
    assert_data_eq!(ask("sctp:2907").1, file!["snapshots/sctp_card.txt"].raw());
}

/// The kernel counts two sockets that it does not show: they may have any port.
#[test]
fn a_port_that_an_unseen_socket_may_have_is_not_called_unused() {
    for line in [
        "sctp:2909",
        ":2909",
        "state=bound sctp",
        "pid=1 sctp state=bound",
    ] {
        let (code, table, said) = ask(line);
        assert_eq!((code, table.as_str()), (3, ""), "{line}: {said}");
        assert!(said.contains("2 SCTP sockets"), "{line}: {said}");
    }
    let (code, _, said) = ask("-l sctp:2909");
    assert_eq!(code, 1, "they do not listen: {said}");
}

#[test]
fn check_judges_a_port_of_sctp_by_sockets_of_sctp() {
    let file = crate::capture("sctp");
    let check = |spec: &str| {
        let from = ["check", "--from", file.to_str().unwrap(), "--json", spec];
        let answer = portwho(from);
        (answer.code, answer.stdout)
    };
    assert_eq!(check("sctp:2905").0, 1);
    assert_eq!(check("sctp:2908").0, 1, "on either of its addresses");
    // What is bound is not shown, so that only a bind could say that a port is free.
    for spec in ["sctp:2909", "sctp:2999"] {
        assert_eq!(check(spec).0, 3, "{spec}");
    }
}

#[test]
fn why_and_map_tell_of_sctp() {
    let file = crate::capture("sctp");
    let from = ["--from", file.to_str().unwrap()];
    let why = portwho([&["why"], &from[..], &["sctp:2908"]].concat()).shown();
    assert_data_eq!(why, file!["snapshots/sctp_why.txt"].raw());
    let map = portwho([&["map"], &from[..]].concat()).shown();
    assert_data_eq!(map, file!["snapshots/sctp_map.txt"].raw());
}

/// Recordings of older versions have no table of it.
#[test]
fn a_recording_without_sctp_does_not_say_that_there_is_none() {
    let answer = replay("ordinary-user", &["sctp"]);
    assert_eq!(answer.code, 3, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("made without it"),
        "{}",
        answer.stderr
    );
}
