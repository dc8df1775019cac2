//! `free` on Linux: which ports it leaves alone, and the command that it runs.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use super::apart::on_own_network;
use crate::answer::{Answer, portwho};
use crate::scene;

fn exec(command: &[&str]) -> Answer {
    portwho(&[&["free", "--exec"], command].concat())
}

#[test]
fn ports_that_the_kernel_gives_out_or_keeps_are_left_alone() {
    let scene = on_own_network(|| {
        // Of ports above 1023, this leaves 65533 to 65535.
        let ipv4 = std::path::Path::new("/proc/sys/net/ipv4");
        fs::write(ipv4.join("ip_local_port_range"), "1024 65000")?;
        fs::write(
            ipv4.join("ip_local_reserved_ports"),
            "65001-65400,65401-65532",
        )?;
        let three = portwho(&["free", "--count", "3"]);
        assert_eq!(three.stdout, "65533\n65534\n65535\n", "{three:?}");
        let four = portwho(&["free", "--count", "4"]);
        assert_eq!((four.code, four.stdout.as_str()), (Some(1), ""));
        // What is asked for by its number is judged as check does.
        let asked = portwho(&["free", "2000,65100", "--count", "2"]);
        assert_eq!(asked.stdout, "2000\n65100\n", "{asked:?}");
        let warned = portwho(&["check", "2000", "65100", "65535", "--json"]);
        assert_eq!(warned.code, Some(0), "{warned:?}");
        let document = warned.json();
        let codes = |at: usize| document["checks"][at]["warnings"][0]["code"].clone();
        assert_eq!([codes(0), codes(1)], ["ephemeral", "reserved"]);
        assert!(codes(2).is_null(), "{document:#}");
        let held = TcpListener::bind("127.0.0.1:65534")?;
        let two = portwho(&["free", "--count", "2", "--consecutive"]);
        assert_eq!((two.code, two.stdout.as_str()), (Some(1), ""), "{held:?}");
        let elsewhere = portwho(&["free", "--count=3", "--address=127.0.0.2"]);
        assert_eq!(elsewhere.code, Some(0), "{elsewhere:?}");
        let udp = portwho(&["free", "--count=3", "--consecutive", "--udp"]);
        assert_eq!(udp.stdout, "65533\n65534\n65535\n", "{udp:?}");
        let held = UdpSocket::bind("[::1]:65535")?;
        let udp = portwho(&["free", "--count=3", "--udp"]);
        assert_eq!((udp.code, udp.stdout.as_str()), (Some(1), ""), "{held:?}");
        std::io::Result::Ok(())
    });
    if let Err(why) = scene.and_then(|scene| scene) {
        skip!("no network of its own: {why}");
    }
}

#[test]
fn a_socket_that_is_bound_alone_keeps_its_port() {
    let scene = on_own_network(|| {
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&any.into()).unwrap();
        let port = socket.local_addr().unwrap().as_socket().unwrap().port();
        let answer = portwho(&["free", &port.to_string()]);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
    });
    if let Err(why) = scene {
        skip!("no network of its own: {why}");
    }
}

#[test]
fn the_command_has_the_port_and_its_code_is_given_on() {
    let answer = exec(&["sh", "-c", "echo \"$PORT/$PORTS\"; echo told >&2; exit 7"]);
    assert_eq!(answer.code, Some(7), "{answer:?}");
    assert_eq!(answer.stderr, "told\n");
    let (port, ports) = answer.stdout.trim().split_once('/').unwrap();
    assert_eq!(port, ports);
    assert!(port.parse::<u16>().is_ok_and(|port| port >= 1024), "{port}");
    let done = exec(&["true"]);
    let printed = (done.stdout.as_str(), done.stderr.as_str());
    assert_eq!((done.code, printed), (Some(0), ("", "")));
}

#[test]
fn several_ports_are_given_to_the_command() {
    let answer = portwho(&[
        "free",
        "-n3",
        "--consecutive",
        "--exec",
        "sh",
        "-c",
        "echo $PORT $PORTS",
    ]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let ports: Vec<u16> = answer
        .stdout
        .split_whitespace()
        .map(|port| port.parse().unwrap())
        .collect();
    let first = ports[0];
    assert_eq!(ports, [first, first, first + 1, first + 2]);
}

#[test]
fn the_commands_own_options_are_not_portwhos() {
    let answer = exec(&[
        "sh",
        "-c",
        "echo \"$@\"",
        "sh",
        "--udp",
        "--count",
        "9",
        "-h",
    ]);
    assert_eq!(answer.stdout, "--udp --count 9 -h\n", "{answer:?}");
    let answer = exec(&["sh", "-c", "echo \"$@\"", "sh", "--", "PORT"]);
    assert_eq!(answer.stdout, "-- PORT\n", "{answer:?}");
}

#[test]
fn a_signal_that_ends_the_command_ends_the_process() {
    for signal in ["TERM", "KILL"] {
        let answer = exec(&["sh", "-c", &format!("kill -{signal} $$")]);
        assert_eq!(answer.code, None, "{answer:?}");
        assert_eq!(answer.stdout, "");
    }
}

#[test]
fn a_command_that_is_not_there_exits_127_with_one_line() {
    for command in ["/no/such/command", "no-such-command\n\x1b[31m"] {
        let answer = exec(&[command]);
        assert_eq!(answer.code, Some(127), "{answer:?}");
        assert_eq!(answer.stdout, "");
        let complaints = answer.complaints();
        assert_eq!(complaints.len(), 1, "{answer:?}");
        assert!(complaints[0].contains("no"), "{answer:?}");
        assert!(!complaints[0].contains('\x1b'), "{answer:?}");
    }
}

#[test]
fn nothing_is_run_without_a_port() {
    let listener = scene::listener();
    let held = scene::port(&listener).to_string();
    let answer = portwho(&["free", &held, "--exec", "echo", "run"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""));
}
