//! How full the ports for outgoing connections are, against what the kernel still gives.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::apart::alone;
use super::held::{is_root, kernel_is};
use crate::answer::{Answer, PORTWHO, portwho, turn};
use crate::scene::{close, until};

pub const FIRST: u16 = 40_000;

/// Sets what decides about ports in this network namespace.
pub fn set(name: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
}

pub fn narrow(ports: u16) {
    set(
        "ip_local_port_range",
        &format!("{FIRST} {}", FIRST + ports - 1),
    );
}

/// A listener with room for many connections that nobody accepts; its port is outside the range.
pub fn server(port: u16) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.bind(&at.into()).unwrap();
    socket.listen(4096).unwrap();
    socket.into()
}

pub fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap()
}

/// Connects until the kernel refuses.
fn fill(to: SocketAddr) -> Vec<TcpStream> {
    let mut held = Vec::new();
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => held.push(stream),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL), "{error}");
                return held;
            }
        }
    }
}

fn peer(to: SocketAddr) -> String {
    format!("peer={to}")
}

fn ephemeral(arguments: &[&str]) -> Value {
    let answer = portwho(&[&["ephemeral", "--json"], arguments].concat());
    assert!(matches!(answer.code, Some(0 | 1)), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["kind"], "ephemeral");
    document
}

/// The only budget of an answer.
#[track_caller]
fn only(document: &Value) -> &Value {
    match document["budgets"].as_array().unwrap().as_slice() {
        [budget] => budget,
        others => panic!("{others:#?}"),
    }
}

fn advice(document: &Value) -> Vec<&str> {
    let advice = document["advice"].as_array().unwrap().iter();
    advice.map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn a_budget_is_full_when_the_kernel_refuses_and_another_peer_has_its_own() {
    alone!(|| {
        let (server, stranger) = (server(5000), server(5001));
        let (one, other) = (address(&server), address(&stranger));
        narrow(200);
        set("ip_local_reserved_ports", &format!("{}", FIRST + 100));
        // On another address than those of the connections: it takes the port all the same.
        let listener = TcpListener::bind(("127.0.0.5", FIRST + 7)).unwrap();
        let held = fill(one);
        assert_eq!(held.len(), 198, "200 less one reserved and one taken");
        let document = ephemeral(&[&peer(one)]);
        let range = &document["range"];
        for (key, count) in [
            ("size", 200),
            ("reserved", 1),
            ("taken", 1),
            ("available", 198),
        ] {
            assert_eq!(range[key], count, "{range}");
        }
        let budget = only(&document);
        assert_eq!((&budget["used"], &budget["free"]), (&198.into(), &0.into()));
        assert_eq!(
            (&budget["share"], &budget["capacity"]),
            (&100.0.into(), &198.into())
        );
        assert_eq!(budget["states"]["established"], 198);
        let owners = budget["owners"].as_array().unwrap();
        let told: Vec<_> = owners
            .iter()
            .map(|one| (&one["pid"], &one["sockets"]))
            .collect();
        assert_eq!(told, [(&std::process::id().into(), &198.into())]);
        let taken = &document["taken"][0];
        assert_eq!(taken["local_port"], FIRST + 7);
        assert_eq!(taken["owners"][0]["pid"], std::process::id());
        assert!(advice(&document).contains(&"narrow-range"), "{document}");

        let document = ephemeral(&[&peer(other)]);
        assert_eq!(document["budgets"], Value::Array(Vec::new()));
        assert_eq!(document["range"]["available"], 198);
        let held_too = fill(other);
        assert_eq!(held_too.len(), 198, "and the kernel gives as many");
        let checks = [
            ("100%", &[][..], 1),
            ("100", &["udp"], 0),
            ("1%", &["state=syn_sent"], 0),
        ];
        for (part, selectors, code) in checks {
            let answer = portwho(&[&["ephemeral", "--fail-at", part], selectors].concat());
            assert_eq!(answer.code, Some(code), "{part} {answer:?}");
        }
        let quiet = portwho(&["ephemeral", "-q", "--fail-at", "100%", &peer(one)]);
        let said = (quiet.stdout.as_str(), quiet.stderr.as_str());
        assert_eq!((quiet.code, said), (Some(1), ("", "")));
        drop((listener, held, held_too));
    });
}

#[test]
fn a_socket_that_is_bound_and_does_not_listen_takes_its_port_for_every_peer() {
    if !kernel_is((6, 8)) {
        skip!("the kernel does not show such a socket");
    }
    alone!(|| {
        let server = server(5000);
        narrow(200);
        let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let at = SocketAddr::from(([127, 0, 0, 5], FIRST + 9));
        bound.bind(&at.into()).unwrap();
        let document = ephemeral(&[]);
        assert_eq!(document["range"]["available"], 199);
        assert_eq!(document["taken"][0]["state"], "bound", "{document}");
        assert_eq!(fill(address(&server)).len(), 199);
    });
}

#[test]
fn both_readers_count_the_same() {
    alone!(|| {
        let server = server(5000);
        let to = address(&server);
        narrow(200);
        let _listener = TcpListener::bind(("0.0.0.0", FIRST + 7)).unwrap();
        let _held: Vec<_> = (0..150).map(|_| TcpStream::connect(to).unwrap()).collect();
        // An accepted connection, whose port is the listener's, is no use of the range.
        let _inward = TcpStream::connect(("127.0.0.1", FIRST + 7)).unwrap();
        let counts = |arguments: &[&str]| {
            let document = ephemeral(arguments);
            let budgets = document["budgets"].as_array().unwrap().iter();
            let used = budgets.map(|one| (one["peer_port"].clone(), one["used"].clone()));
            used.collect::<Vec<_>>()
        };
        let expected = [(5000, 150), (FIRST + 7, 1)];
        let expected = expected.map(|(port, used)| (Value::from(port), Value::from(used)));
        for source in ["native", "proc"] {
            assert_eq!(counts(&["--source", source]), expected, "{source}");
        }
    });
}

/// Connections that the client closes first, one after the other.
fn short_connections(to: &TcpListener, count: usize) {
    let at = address(to);
    for _ in 0..count {
        let client = TcpStream::connect(at).unwrap();
        let accepted = to.accept().unwrap().0;
        close(client);
        close(accepted);
    }
}

/// Waits until so many sockets of a peer are in TIME_WAIT.
fn in_time_wait(to: SocketAddr, count: u64) -> Value {
    until("TIME-WAIT", || {
        let document = ephemeral(&[&peer(to)]);
        let waiting = document["budgets"][0]["states"]["time_wait"].as_u64();
        (waiting == Some(count)).then_some(document)
    })
}

#[test]
fn time_wait_is_counted_and_attributed_to_who_still_talks_to_the_peer() {
    alone!(|| {
        let listener = server(5000);
        let at = address(&listener);
        narrow(200);
        set("tcp_tw_reuse", "0");
        short_connections(&listener, 50);
        let document = in_time_wait(at, 50);
        let budget = only(&document);
        assert_eq!(budget["used"], 50, "{budget}");
        assert_eq!(budget["time_wait_reusable"], false);
        assert_eq!(budget["owners"], Value::Array(Vec::new()));
        let nobody = &budget["time_wait_inferred_owners"];
        assert_eq!(
            *nobody,
            Value::Array(Vec::new()),
            "nobody talks to it any more"
        );

        let _talks = TcpStream::connect(at).unwrap();
        let document = in_time_wait(at, 50);
        let budget = only(&document);
        assert_eq!(budget["used"], 51, "{budget}");
        let likely = budget["time_wait_inferred_owners"].as_array().unwrap();
        assert_eq!(likely.len(), 1, "{budget}");
        assert_eq!(likely[0]["pid"], std::process::id());
        assert_eq!(advice(&document), ["short-connections"]);
        let shown = portwho(&["ephemeral", &peer(at)]).stdout;
        assert!(shown.contains("TIME-WAIT likely of "), "{shown}");
        // With what is left, as many connect as are said to be free.
        let free = budget["free"].as_u64().unwrap();
        assert_eq!(fill(at).len() as u64, free);
    });
}

#[test]
fn udp_sockets_take_a_port_each() {
    alone!(|| {
        narrow(200);
        let bind = |address: &str| UdpSocket::bind((address, 0)).unwrap();
        let _held = [bind("127.0.0.1"), bind("127.0.0.1"), bind("127.0.0.2")];
        let document = ephemeral(&["udp"]);
        let budgets = document["budgets"].as_array().unwrap();
        let told: Vec<_> = budgets
            .iter()
            .map(|one| {
                (
                    one["local_address"].as_str().unwrap(),
                    one["used"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(told, [("127.0.0.1", 2), ("127.0.0.2", 1)]);
        assert_eq!(budgets[0]["owners"][0]["sockets"], 2);
        assert!(budgets.iter().all(|one| one["peer_address"].is_null()));
    });
}

/// Ends what another thread does when the answer is there, or the test has failed.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A fill goes on until half of the ports are used, and then waits for the forecast: what is told of
/// the rest is held against what the kernel gives, in ports and not in seconds.
#[test]
fn the_forecast_of_a_steady_fill_is_what_then_happens() {
    alone!(|| {
        const PORTS: u16 = 4000;
        let listener = server(5000);
        let at = address(&listener);
        narrow(PORTS);
        set("tcp_tw_reuse", "0");
        let (is_told, made) = (AtomicBool::new(false), AtomicU32::new(0));
        let document = scope(|threads| {
            threads.spawn(|| {
                while !is_told.load(Ordering::Relaxed) {
                    if made.load(Ordering::Relaxed) < u32::from(PORTS) / 2 {
                        // Whoever runs portwho has the turn, which `close` would wait for.
                        let client = TcpStream::connect(at).unwrap();
                        let accepted = listener.accept().unwrap().0;
                        drop(client);
                        drop(accepted);
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                    sleep(Duration::from_millis(1));
                }
            });
            let _end = Told(&is_told);
            until("a fill", || {
                (made.load(Ordering::Relaxed) > 20).then_some(())
            });
            ephemeral(&[&peer(at), "--interval", "300ms"])
        });
        let budget = only(&document);
        let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{budget:#}"));
        let trend = &budget["trend"];
        let gained = number(&trend["gained"]);
        assert!(gained > 0.0 && gained <= f64::from(PORTS) / 2.0, "{trend}");
        let intervals = number(&trend["full_in_seconds"]) / number(&document["seconds"]);
        let forecast = gained * intervals;
        // As many were made as were used then, and some since.
        let since = f64::from(made.load(Ordering::Relaxed)) - number(&budget["used"]);
        let mut more = since;
        loop {
            match TcpStream::connect(at) {
                Ok(client) => {
                    let accepted = listener.accept().unwrap().0;
                    close(client);
                    close(accepted);
                    more += 1.0;
                }
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL), "{error}");
                    break;
                }
            }
        }
        let is_near = (forecast - more).abs() <= 0.2 * more;
        assert!(is_near, "{forecast} foretold, {more} happened: {budget:#}");
        assert!(more > f64::from(PORTS) / 4.0, "{more}");
    });
}

#[test]
fn sockets_that_a_process_does_not_close_are_told_to_leak() {
    alone!(|| {
        let listener = server(5000);
        let at = address(&listener);
        narrow(400);
        let is_told = AtomicBool::new(false);
        let document = scope(|threads| {
            threads.spawn(|| {
                let mut leaked = Vec::new();
                while !is_told.load(Ordering::Relaxed) {
                    if leaked.len() == 300 {
                        // A slow machine has begun to look by the time that they are so many.
                        leaked.clear();
                    }
                    leaked.push(TcpStream::connect(at).unwrap());
                    drop(listener.accept().unwrap().0);
                    sleep(Duration::from_millis(2));
                }
            });
            let document = until("a leak that grows", || {
                let document = ephemeral(&[&peer(at), "--interval", "100ms"]);
                advice(&document)
                    .contains(&"socket-leak")
                    .then_some(document)
            });
            is_told.store(true, Ordering::Relaxed);
            document
        });
        let all = document["advice"].as_array().unwrap();
        let leak = all.iter().find(|one| one["code"] == "socket-leak").unwrap();
        assert_eq!(leak["pid"], std::process::id(), "{leak}");
        assert!(only(&document)["owners"][0]["close_wait"].as_u64() > Some(0));
    });
}

/// The largest resident memory of a run, KiB, which is over but for its end. (What wait4(2) tells of a
/// child is no less than what its parent had when it started it.)
fn peak() -> u64 {
    let mut child = {
        let _turn = turn();
        Command::new(PORTWHO)
            .args([
                "ephemeral",
                "--watch",
                "--interval",
                "1h",
                "--format",
                "ndjson",
            ])
            .env("PORTWHO_OWNERS", "proc")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut line = String::new();
    let told = child.stdout.as_mut().expect("a pipe");
    BufReader::new(told).read_line(&mut line).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("time_wait"), "{line}");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = peak.and_then(|text| text.split_whitespace().next());
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("VmHWM")
}

/// Up to 29,000 sockets more, of which each would take some hundred bytes, were it held. A slow machine
/// makes fewer before the first of them are over, and the kernel of a small one keeps fewer.
#[test]
fn memory_does_not_grow_with_sockets_in_time_wait() {
    if !is_root() {
        skip!("so many sockets take root");
    }
    const FEW: u64 = 1000;
    const LONGEST: Duration = Duration::from_secs(30);
    alone!(|| {
        set("ip_local_port_range", "2000 65000");
        set("tcp_tw_reuse", "0");
        let listener = server(1500);
        let at = address(&listener);
        let most = || (0..5).map(|_| peak()).max().unwrap();
        short_connections(&listener, 1000);
        in_time_wait(at, FEW);
        let few = most();
        let began = Instant::now();
        for _ in 1..30 {
            short_connections(&listener, 1000);
            if began.elapsed() > LONGEST {
                break;
            }
        }
        let document = ephemeral(&[&peer(at)]);
        let count = only(&document)["states"]["time_wait"].as_u64().unwrap();
        if count < 5 * FEW {
            skip!("no more than {count} sockets in TIME-WAIT");
        }
        let many = most();
        assert!(
            many < few + 512,
            "{few} KiB for {FEW} and {many} KiB for {count}"
        );
    });
}

#[test]
fn a_capture_is_judged_as_the_machine_was() {
    alone!(|| {
        let server = server(5000);
        let to = address(&server);
        narrow(200);
        let _held: Vec<_> = (0..10).map(|_| TcpStream::connect(to).unwrap()).collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capture.json");
        let file = file.to_str().unwrap();
        let Answer { code, stderr, .. } = portwho(&["capture", file]);
        assert_eq!(code, Some(0), "{stderr}");
        let (mut live, mut replayed) = (ephemeral(&[]), ephemeral(&["--from", file]));
        for document in [&mut live, &mut replayed] {
            for key in ["taken_at", "notes", "source"] {
                document[key] = Value::Null;
            }
        }
        assert_eq!(live, replayed);
    });
}
