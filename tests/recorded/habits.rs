//! The options that fingers know from `ss` and `netstat`.

use crate::contract::{port, sockets, text};
use crate::{replay, words};

fn ports(line: &str) -> Vec<String> {
    sockets("web1", &words(line)).iter().map(port).collect()
}

const TCP: &str = "22/tcp 22/tcp 53/tcp 80/tcp 80/tcp 443/tcp 2049/tcp 2049/tcp 3000/tcp 5432/tcp \
                   6379/tcp 6379/tcp 8084/tcp 8085/tcp 8085/tcp 8443/mptcp 9090/tcp";
const UDP: &str = "53/udp 68/udp 546/udp 5353/udp 5353/udp";

#[test]
fn t_and_u_narrow_the_protocol() {
    assert_eq!(ports("-t").join(" "), TCP);
    assert_eq!(ports("-u").join(" "), UDP);
    assert_eq!(ports("-tu"), ports(""));
    assert_eq!(ports("-t -u"), ports("tcp udp"));
    assert_eq!(ports("-t udp:53"), [""; 0]);
}

#[test]
fn the_habits_of_ss_and_netstat_work() {
    for habit in [
        "-tlnp",
        "-tln",
        "-tl",
        "-lt",
        "-t -l -n -p",
        "--tcp --listening",
    ] {
        assert_eq!(ports(habit).join(" "), TCP, "{habit}");
    }
    for habit in ["-tulpn", "-tuln", "-lntup", "-l", "-p", "-n", "-pn"] {
        assert_eq!(ports(habit), ports(""), "{habit}");
    }
}

#[test]
fn without_a_the_list_stays_listeners() {
    for habit in ["", "-tn", "-tnp", "-4"] {
        for socket in sockets("web1", &words(habit)) {
            let state = text(&socket, "state");
            assert!(
                matches!(state, "listen" | "unconnected"),
                "{habit}: {state}"
            );
        }
    }
}

#[test]
fn a_shows_every_protocol_in_every_state() {
    let all = sockets("web1", &["-a"]);
    assert_eq!(all.len(), 38);
    let has = |key: &str, value: &str| all.iter().any(|socket| text(socket, key) == value);
    for protocol in ["tcp", "mptcp", "udp", "udplite", "raw"] {
        assert!(has("protocol", protocol), "{protocol}");
    }
    for state in [
        "listen",
        "unconnected",
        "bound",
        "established",
        "fin_wait_2",
        "time_wait",
        "close_wait",
    ] {
        assert!(has("state", state), "{state}");
    }
}

#[test]
fn tan_is_every_state_of_tcp() {
    let found = sockets("web1", &["-tan"]);
    assert_eq!(found.len(), 30);
    assert!(
        found
            .iter()
            .all(|socket| matches!(text(socket, "protocol"), "tcp" | "mptcp"))
    );
    assert_eq!(ports("-tan"), ports("-a tcp"));
    assert_eq!(ports("-uan").join(" "), format!("{UDP} 40123/udp"));
}

#[test]
fn l_keeps_to_listeners_even_where_a_port_is_asked_for() {
    assert_eq!(ports("-l :80"), ["80/tcp", "80/tcp"]);
    assert_eq!(ports("-l :4000"), [""; 0]);
}

#[test]
fn families_are_what_takes_them() {
    let ipv4 = ports("-4");
    assert!(ipv4.contains(&"5432/tcp".to_owned()), "dual stack");
    assert!(!ipv4.contains(&"9090/tcp".to_owned()));
    assert_eq!(ipv4.iter().filter(|port| *port == "22/tcp").count(), 1);
    let ipv6 = "22/tcp 80/tcp 546/udp 2049/tcp 5353/udp 5432/tcp 6379/tcp 9090/tcp";
    assert_eq!(ports("-6").join(" "), ipv6);
}

#[test]
fn numbers_have_no_service_names() {
    let with = replay("web1", &[]).shown();
    let without = replay("web1", &["-n"]).shown();
    assert!(with.contains(" domain ") && with.contains("SERVICE"));
    assert!(!without.contains(" domain ") && !without.contains("SERVICE"));
    let card = replay("web1", &["-n", ":80"]).shown();
    assert!(!card.contains("http"), "{card}");
    let card = replay("web1", &[":80"]).shown();
    assert!(card.contains("(http)"), "{card}");
}

#[test]
fn p_changes_nothing() {
    assert_eq!(replay("web1", &["-p"]), replay("web1", &[]));
    assert_eq!(replay("web1", &["-p", ":80"]), replay("web1", &[":80"]));
}
