//! `--format card`, the answer to "who has this port?". Run with `SNAPSHOTS=overwrite` to write the
//! pictures anew.

use snapbox::{assert_data_eq, file};

use crate::{replay, words};

fn card(line: &str) -> String {
    replay("web1", &words(line)).shown()
}

#[test]
fn a_listener_is_told_with_its_owner_and_its_connections() {
    assert_data_eq!(card(":3000"), file!["snapshots/card_connections.txt"].raw());
}

#[test]
fn a_bound_socket_is_told_as_just_that() {
    assert_data_eq!(card(":4000"), file!["snapshots/card_bound.txt"].raw());
}

#[test]
fn a_port_in_time_wait_is_told_as_just_that() {
    assert_data_eq!(card(":45678"), file!["snapshots/card_time_wait.txt"].raw());
}

#[test]
fn a_clients_own_port_is_told_as_just_that() {
    assert_data_eq!(card(":51114"), file!["snapshots/card_client.txt"].raw());
    assert_data_eq!(card(":41000"), file!["snapshots/card_close_wait.txt"].raw());
}

/// A connection on a port that a rule or a program gives to another listener need not be a client's.
#[test]
fn a_port_that_is_taken_past_its_sockets_is_no_clients_own() {
    let text = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let mut capture: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut heading = |forwards: serde_json::Value, arguments: &str| {
        capture["forwards"] = forwards;
        let fed = serde_json::to_vec(&capture).unwrap();
        let answer = crate::portwho_fed(&words(&format!("{arguments} --from -")), &fed);
        answer.stdout.lines().next().unwrap().to_owned()
    };
    let rule = serde_json::json!({
        "forwards": [{
            "protocol": "tcp", "family": "ipv4", "address": null, "ports": [51000, 52000],
            "to": null, "to_ports": [7801, 7801], "by": "tproxy",
        }],
        "not_understood": 0, "refused": null,
    });
    let told = heading(rule, ":51114");
    let sentence =
        "nothing listens here: a TPROXY rule sends :51000-52000/tcp to this machine, port 7801";
    assert!(told.ends_with(sentence), "{told}");
    let unread = serde_json::json!({
        "forwards": [], "not_understood": 0, "refused": "not permitted", "sends_on": true,
    });
    let told = heading(unread, ":51114");
    assert!(
        told.ends_with("or a rule sent it to another port's listener"),
        "{told}"
    );
    let program = serde_json::json!({
        "forwards": [], "not_understood": 0, "refused": null,
        "programs": [{ "id": 12, "name": "tubular" }],
    });
    let told = heading(program, ":51114");
    assert!(
        told.ends_with("a program may have given it to another port's listener"),
        "{told}"
    );
}

#[test]
fn workers_that_share_a_listener_are_all_there() {
    assert_data_eq!(card(":8084"), file!["snapshots/card_workers.txt"].raw());
}

#[test]
fn two_sockets_on_one_port_have_a_card_each() {
    assert_data_eq!(card(":8085"), file!["snapshots/card_reuseport.txt"].raw());
    assert_data_eq!(card(":80"), file!["snapshots/card_families.txt"].raw());
}

#[test]
fn a_dual_stack_listener_has_its_mapped_connections() {
    assert_data_eq!(card(":5432"), file!["snapshots/card_dual_stack.txt"].raw());
}

#[test]
fn the_kernel_is_named_where_it_owns() {
    assert_data_eq!(card(":2049"), file!["snapshots/card_kernel.txt"].raw());
}

#[test]
fn datagrams_and_arguments_are_told() {
    assert_data_eq!(card(":5004"), file!["snapshots/card_arguments.txt"].raw());
    assert_data_eq!(card(":40123"), file!["snapshots/card_udp_peer.txt"].raw());
}

#[test]
fn a_hidden_owner_is_told_as_hidden() {
    let answer = replay("ordinary-user", &[":22"]);
    assert_eq!(answer.code, 0);
    assert_data_eq!(answer.stdout, file!["snapshots/card_hidden.txt"].raw());
    assert_eq!(
        answer.stderr,
        "portwho: note: the owner of 1 socket cannot be seen: run portwho with sudo to see them\n"
    );
}

#[test]
fn a_card_is_the_usual_shape_for_one_port_alone() {
    let is_card = |line: &str| !card(line).starts_with("PORT");
    for line in [
        ":3000",
        "3000",
        ":postgresql",
        "127.0.0.1:3000",
        "tcp:53",
        "-t 3000",
        ":80 nginx",
        "--format card",
    ] {
        assert!(is_card(line), "{line}");
    }
    for line in [
        "",
        "80,443",
        ":8000-8100",
        ":80 :3000",
        "nginx",
        "tcp",
        ":3000 --format table",
        ":3000 --columns port,pid",
    ] {
        assert!(!is_card(line), "{line}");
    }
}

#[test]
fn a_card_without_owners_does_not_speak_of_them() {
    let card = card("--no-owners :3000");
    for word in ["node", "pid", "owner", "curl", "nobody"] {
        assert!(!card.contains(word), "{word}: {card}");
    }
    assert!(card.contains("127.0.0.1:51114"));
}
