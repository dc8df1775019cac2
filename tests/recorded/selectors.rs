//! Selectors, alone and combined: which sockets of `web1` each one finds.

use crate::contract::{end, port, sockets};
use crate::words;

/// `80/tcp 443/tcp`, in the order of the answer.
#[track_caller]
fn ports(line: &str) -> String {
    let found: Vec<String> = sockets("web1", &words(line)).iter().map(port).collect();
    found.join(" ")
}

/// `80/tcp 0.0.0.0, 80/tcp ::`, in the order of the answer.
#[track_caller]
fn ends(line: &str) -> String {
    let found: Vec<String> = sockets("web1", &words(line)).iter().map(end).collect();
    found.join(", ")
}

#[track_caller]
fn all_find(table: &[(&str, &str)]) {
    for (line, expected) in table {
        assert_eq!(ports(line), *expected, "{line}");
    }
}

#[track_caller]
fn all_find_ends(table: &[(&str, &str)]) {
    for (line, expected) in table {
        assert_eq!(ends(line), *expected, "{line}");
    }
}

const HTTP: &str = "80/tcp 80/tcp 80/tcp 80/tcp";

#[test]
fn a_port_finds_every_state_of_it() {
    all_find(&[
        (":80", HTTP),
        ("80", HTTP),
        (":http", HTTP),
        ("*:80", HTTP),
        ("port=80", HTTP),
        (":3000", "3000/tcp 3000/tcp 3000/tcp"),
        (":4000", "4000/tcp"),
        (":45678", "45678/tcp"),
        (":51114", "51114/tcp"),
        (":53", "53/tcp 53/udp"),
        (":5004", "5004/udplite"),
        (":8443", "8443/mptcp"),
        (":81", ""),
        // A protocol number is no port.
        (":1", ""),
    ]);
}

#[test]
fn lists_and_ranges_of_ports_widen() {
    all_find(&[
        ("443,9090", "443/tcp 9090/tcp"),
        (":443,9090", "443/tcp 9090/tcp"),
        (":8000-8100", "8084/tcp 8085/tcp 8085/tcp"),
        ("8084-8085,68", "68/udp 8084/tcp 8085/tcp 8085/tcp"),
        ("8443-65535,8000-8084 -l", "8084/tcp 8443/mptcp 9090/tcp"),
        (":https,postgresql -l", "443/tcp 5432/tcp"),
        ("1-65535 -l udp", "53/udp 68/udp 546/udp 5353/udp 5353/udp"),
        (":443 :9090", "443/tcp 9090/tcp"),
        ("9090 443 443", "443/tcp 9090/tcp"),
        ("00443", "443/tcp"),
    ]);
}

#[test]
fn a_protocol_finds_what_listens_on_it() {
    all_find(&[
        ("udp", "53/udp 68/udp 546/udp 5353/udp 5353/udp"),
        ("UDP", "53/udp 68/udp 546/udp 5353/udp 5353/udp"),
        ("udplite", "5004/udplite"),
        ("mptcp", "8443/mptcp"),
        ("raw", "-/raw"),
        ("udplite raw", "5004/udplite -/raw"),
        ("tcp:443", "443/tcp"),
        ("tcp:53", "53/tcp"),
        ("udp:53", "53/udp"),
        ("udp:53 tcp:443", "53/udp 443/tcp"),
        ("udp:127.0.0.53:53", "53/udp"),
        ("udp:443", ""),
        ("tcp:68", ""),
    ]);
}

#[test]
fn mptcp_counts_as_tcp_and_is_one_row() {
    for line in ["tcp:8443", "tcp :8443", "-t :8443", "mptcp:8443", "mptcp"] {
        assert_eq!(ports(line), "8443/mptcp", "{line}");
    }
    assert!(ports("tcp").contains("8443/mptcp"));
    assert_eq!(ports("mptcp:443"), "");
}

#[test]
fn an_address_finds_what_receives_there() {
    all_find_ends(&[
        ("127.0.0.1:80", "80/tcp 0.0.0.0"),
        ("10.0.0.5:80 -l", "80/tcp 0.0.0.0"),
        ("[::1]:80", "80/tcp ::"),
        ("[2001:db8::5]:9090", "9090/tcp 2001:db8::5"),
        ("[2001:db8::6]:9090", ""),
        ("127.0.0.1:3000 -l", "3000/tcp 127.0.0.1"),
        ("127.0.0.2:3000 -l", ""),
        ("localhost:6379 -l", "6379/tcp 127.0.0.1, 6379/tcp ::1"),
        ("127.0.0.1:http", "80/tcp 0.0.0.0"),
        ("10.0.0.5:443", "443/tcp 10.0.0.5"),
        ("10.0.0.6:443", ""),
        ("0.0.0.0:80", "80/tcp 0.0.0.0"),
        ("10.0.0.0/8:443", "443/tcp 10.0.0.5"),
        ("11.0.0.0/8:443", ""),
        ("[2001:db8::]/32:9090", "9090/tcp 2001:db8::5"),
    ]);
}

#[test]
fn a_dual_stack_listener_receives_ipv4_and_a_v6only_one_does_not() {
    all_find_ends(&[
        ("127.0.0.1:5432", "5432/tcp ::"),
        ("[::1]:5432", "5432/tcp ::"),
        ("127.0.0.1:22", "22/tcp 0.0.0.0"),
        ("10.0.0.0/24:22 -l", "22/tcp 0.0.0.0"),
        ("[2001:db8::]/32:22", "22/tcp ::"),
    ]);
}

#[test]
fn an_address_without_a_port_finds_listeners() {
    let everywhere_ipv4 = ends("10.0.0.5");
    for wildcard in [
        "22/tcp 0.0.0.0",
        "5432/tcp ::",
        "8443/mptcp 0.0.0.0",
        "68/udp 0.0.0.0",
    ] {
        assert!(everywhere_ipv4.contains(wildcard), "{wildcard}");
    }
    for other in ["22/tcp ::", "127.0.0.1", "fe80"] {
        assert!(!everywhere_ipv4.contains(other), "{other}");
    }
    all_find_ends(&[
        ("[::1] :6379", "6379/tcp ::1"),
        ("::1 :6379", "6379/tcp ::1"),
        ("127.0.0.0/8 name=node", "3000/tcp 127.0.0.1"),
        ("10.0.0.0/8 nginx", "80/tcp 0.0.0.0, 443/tcp 10.0.0.5"),
        ("127.0.0.53 :53", "53/tcp 127.0.0.53, 53/udp 127.0.0.53"),
        ("0.0.0.0/0 :443", "443/tcp 10.0.0.5"),
    ]);
}

#[test]
fn a_scope_belongs_to_a_link_local_address() {
    all_find_ends(&[
        ("[fe80::1%eth0]:546", "546/udp fe80::1"),
        ("[fe80::1]:546", "546/udp fe80::1"),
        ("[fe80::1%lo]:546", ""),
        ("[fe80::]/10 :546", "546/udp fe80::1"),
    ]);
}

#[test]
fn a_mapped_row_matches_ipv4() {
    let established = "5432/tcp ::ffff:10.0.0.5";
    all_find_ends(&[
        ("local=10.0.0.5:5432", established),
        ("peer=10.0.0.9:41822", established),
        ("peer=10.0.0.0/8 :5432", established),
        ("10.0.0.5:5432 state=established", established),
        ("[::ffff:10.0.0.5]:5432 state=established", established),
    ]);
    assert_eq!(ends("-4 :5432"), format!("5432/tcp ::, {established}"));
    assert_eq!(ends("-6 :5432"), "5432/tcp ::");
}

#[test]
fn local_is_literal() {
    all_find_ends(&[
        ("local=127.0.0.1:80", ""),
        ("local=0.0.0.0:80", "80/tcp 0.0.0.0"),
        ("local=[::]:80", "80/tcp ::"),
        ("local=[::]:5432", "5432/tcp ::"),
        ("local=:443", "443/tcp 10.0.0.5"),
        ("local=127.0.0.1:3000 -l", "3000/tcp 127.0.0.1"),
        ("local=udp:127.0.0.53:53", "53/udp 127.0.0.53"),
        ("local=10.0.0.0/8:443", "443/tcp 10.0.0.5"),
        ("local=127.0.0.1", "3000/tcp 127.0.0.1, 6379/tcp 127.0.0.1"),
    ]);
}

#[test]
fn peer_finds_connections() {
    all_find(&[
        ("peer=:443", "45678/tcp 49300/tcp"),
        ("peer=10.0.0.9:443", "45678/tcp 49300/tcp"),
        ("peer=:https state=established", "49300/tcp"),
        ("peer=127.0.0.1:3000", "51114/tcp 51120/tcp"),
        ("peer=udp:123", "40123/udp"),
        ("peer=udp::123", "40123/udp"),
        ("peer=203.0.113.7", "22/tcp"),
        ("peer=127.0.0.1:51114", "3000/tcp"),
        ("-a peer=10.0.0.9:5432", ""),
    ]);
}

#[test]
fn states_are_found_by_their_names_and_habits() {
    all_find(&[
        ("state=bound", "4000/tcp"),
        ("state=close_wait", "41000/tcp"),
        ("state=CLOSE-WAIT", "41000/tcp"),
        ("state=time_wait", "80/tcp 45678/tcp"),
        ("state=fin_wait_2", "6379/tcp"),
        ("state=bound,close_wait", "4000/tcp 41000/tcp"),
        ("state=bound state=close_wait", "4000/tcp 41000/tcp"),
        ("state=established udp", "40123/udp"),
        ("state=estab tcp:80", "80/tcp"),
        ("state=syn_sent", ""),
    ]);
    assert_eq!(ports("state=listen"), ports("tcp"));
}

#[test]
fn owners_are_found_by_pid_user_and_name() {
    all_find(&[
        ("pid=27897", "3000/tcp"),
        ("pid=9003", "8084/tcp"),
        ("pid=9003 pid=1500", "8084/tcp 9090/tcp"),
        ("pid=1", ""),
        ("user=anna", "3000/tcp"),
        ("user=1000", "3000/tcp"),
        ("user=postgres user=redis", "5432/tcp 6379/tcp 6379/tcp"),
        ("user=nobody", ""),
        ("nginx", "80/tcp 80/tcp 443/tcp"),
        ("name=nginx", "80/tcp 80/tcp 443/tcp"),
        ("NGINX", "80/tcp 80/tcp 443/tcp"),
        ("ngi", "80/tcp 80/tcp 443/tcp"),
        ("redis postgres", "5432/tcp 6379/tcp 6379/tcp"),
        ("no-such-program", ""),
    ]);
}

#[test]
fn a_name_is_the_full_one_the_kernels_or_the_executables() {
    all_find(&[
        ("name=node", "3000/tcp"),
        ("name=MainThread", "3000/tcp"),
        ("name=systemd-resolved", "53/tcp 53/udp"),
        ("name=redis-check-rdb", "6379/tcp 6379/tcp"),
        ("python3.11", "8084/tcp"),
        ("gunicorn", "8084/tcp"),
        ("name=git-remote-https -a", "49300/tcp"),
        // Arguments are no names.
        ("name=server.js", ""),
    ]);
}

#[test]
fn a_socket_is_found_by_its_own_user_where_nobody_holds_it() {
    assert_eq!(ports("user=root :2049"), "2049/tcp 2049/tcp");
}

#[test]
fn different_kinds_narrow() {
    all_find(&[
        (":80 state=listen", "80/tcp 80/tcp"),
        (":80 nginx", "80/tcp 80/tcp 80/tcp"),
        (":80 node", ""),
        (":22 user=anna", "22/tcp"),
        ("udp user=root", "68/udp"),
        ("tcp user=www-data name=envoy", "8085/tcp 8085/tcp"),
        ("pid=27897 state=close_wait", "41000/tcp"),
        ("pid=27897 peer=:6379", "41000/tcp"),
        (":80 :3000 127.0.0.1 -l", "80/tcp 3000/tcp"),
        ("nginx redis 127.0.0.1", "80/tcp 6379/tcp"),
        (
            "user=anna node pid=27897 tcp 127.0.0.1 :3000 -l",
            "3000/tcp",
        ),
        (
            "-a user=anna state=established",
            "22/tcp 3000/tcp 3000/tcp 49300/tcp 51114/tcp",
        ),
    ]);
}

#[test]
fn names_that_hold_anything_go_through_name() {
    for (argument, code) in [
        ("name=a) pid=1", 0),
        ("name=tab\tbed", 0),
        ("name=日本", 0),
        ("日本語", 0),
        ("name=80", 1),
        ("name==cmd", 0),
    ] {
        let answer = crate::replay("hostile", &["-t", argument]);
        // One process of that capture could not be read, so that "no" is "cannot tell".
        let expected = if code == 1 { 3 } else { code };
        assert_eq!(answer.code, expected, "{argument}: {}", answer.stderr);
    }
}
