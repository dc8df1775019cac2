//! `conflicts`, in networks of the tests' own: what gets in each other's way, and what does not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::apart::on_own_network;
use super::held::{Held, NOBODY, helper_named, is_root, kernel_is, open_folder};
use crate::answer::{pids, portwho};

const LOCAL4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANY4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const LOCAL6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const ANY6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Outside the range from which the kernel serves clients. The network is the test's own.
const PORT: u16 = 8080;

/// A socket of a group that all may join.
fn bound(ip: IpAddr, kind: Type) -> io::Result<Socket> {
    let address = SocketAddr::new(ip, PORT);
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listener(ip: IpAddr) -> io::Result<Socket> {
    let socket = bound(ip, Type::STREAM)?;
    socket.listen(8)?;
    Ok(socket)
}

/// Programs by their names.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        Self(open_folder())
    }

    fn command(&self, name: &str) -> io::Result<Command> {
        let path = self.0.path().join(name);
        // One that runs cannot be written.
        let path = if path.exists() {
            path
        } else {
            helper_named(&self.0, name)?
        };
        Ok(Command::new(path))
    }

    /// A program that has a listener at each of these addresses.
    fn listen(&self, name: &str, at: &[IpAddr]) -> io::Result<Vec<Held>> {
        let hold = |ip: &IpAddr| Held::holding(&mut self.command(name)?, listener(*ip)?);
        at.iter().map(hold).collect()
    }
}

/// The findings at a level; the exit code must go with them.
#[track_caller]
fn findings(arguments: &[&str]) -> Vec<Value> {
    let json = portwho(&[&["conflicts", "--json"], arguments].concat());
    let document = json.json();
    assert_eq!(document["kind"], "conflicts");
    let findings = document["findings"].as_array().unwrap().clone();
    let code = if findings.is_empty() { 0 } else { 1 };
    assert_eq!(json.code, Some(code), "{json:?}");
    let text = portwho(&[&["conflicts"], arguments].concat());
    assert_eq!(text.code, Some(code), "{text:?}");
    assert_eq!(text.stdout.is_empty(), findings.is_empty(), "{text:?}");
    for finding in &findings {
        let advice = finding["advice"].as_str().unwrap();
        assert!(text.stdout.contains(advice), "{text:?}");
        assert!(
            finding["sockets"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        );
    }
    findings
}

fn codes(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// Runs a scene that has a network of its own, or tells why it cannot.
macro_rules! on_own_network {
    ($scene:expr) => {
        if let Err(why) = on_own_network($scene).and_then(|scene: io::Result<()>| scene) {
            skip!("no such network of its own: {why}");
        }
    };
}

#[test]
fn localhost_of_two_programs_is_split() {
    on_own_network!(|| {
        let programs = Programs::new();
        let four = programs.listen("left", &[LOCAL4])?;
        let six = programs.listen("right", &[LOCAL6])?;
        let found = findings(&[]);
        assert_eq!(codes(&found), ["split-localhost"]);
        let split = &found[0];
        assert_eq!(
            (&split["port"], &split["severity"]),
            (&PORT.into(), &"error".into())
        );
        let owners: Vec<u32> = split["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(pids)
            .collect();
        assert_eq!(owners, [four[0].pid(), six[0].pid()]);
        let message = split["message"].as_str().unwrap();
        assert!(
            message.contains("left") && message.contains("right"),
            "{message}"
        );
        assert_eq!(codes(&findings(&["--level", "error"])), ["split-localhost"]);
        Ok(())
    });
}

#[test]
fn localhost_of_one_program_is_not_split() {
    on_own_network!(|| {
        let programs = Programs::new();
        let _held = programs.listen("same", &[LOCAL4, LOCAL6, ANY4, ANY6])?;
        assert!(findings(&[]).is_empty());
        assert!(findings(&["--level=info"]).is_empty());
        Ok(())
    });
}

#[test]
fn a_specific_address_shadows_the_wildcard_of_another_program() {
    on_own_network!(|| {
        let programs = Programs::new();
        let wide = programs.listen("wide", &[ANY4])?;
        let narrow = programs.listen("narrow", &[Ipv4Addr::new(127, 0, 0, 5).into()])?;
        let found = findings(&[]);
        assert_eq!(codes(&found), ["shadowed-wildcard"]);
        assert_eq!(found[0]["severity"], "warning");
        let sockets = found[0]["sockets"].as_array().unwrap();
        let owners: Vec<u32> = sockets.iter().flat_map(pids).collect();
        assert_eq!(owners, [wide[0].pid(), narrow[0].pid()]);
        assert!(findings(&["--level", "error"]).is_empty());
        Ok(())
    });
}

#[test]
fn an_ipv6_address_shadows_no_ipv4_wildcard() {
    on_own_network!(|| {
        let programs = Programs::new();
        let _wide = programs.listen("wide", &[ANY4])?;
        let _narrow = programs.listen("narrow", &[LOCAL6])?;
        assert_eq!(codes(&findings(&[])), ["split-localhost"]);
        Ok(())
    });
}

#[test]
fn a_group_of_two_programs_is_mixed() {
    on_own_network!(|| {
        let programs = Programs::new();
        let mut held = programs.listen("left", &[LOCAL4, LOCAL4])?;
        assert!(findings(&[]).is_empty(), "one program twice");
        held.extend(programs.listen("right", &[LOCAL4])?);
        let found = findings(&["--level", "error"]);
        assert_eq!(codes(&found), ["mixed-group"]);
        assert_eq!(found[0]["sockets"].as_array().map(Vec::len), Some(3));
        Ok(())
    });
}

#[test]
fn a_program_of_two_users_in_one_group_is_mixed() {
    if !is_root() {
        skip!("only root can be two users");
    }
    on_own_network!(|| {
        let programs = Programs::new();
        let _first = programs.listen("server", &[LOCAL4])?;
        let mut command = programs.command("server")?;
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        let _second = Held::holding(&mut command, listener(LOCAL4)?)?;
        assert_eq!(codes(&findings(&[])), ["mixed-group"]);
        Ok(())
    });
}

/// A UDP socket that lets others have its port too, by this option.
fn shared(ip: Ipv4Addr, set: fn(&Socket, bool) -> io::Result<()>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    set(&socket, true)?;
    socket.bind(&SocketAddr::new(ip.into(), PORT).into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// How many of forty datagrams, each from a port of its own, each socket gets.
fn spread(sockets: &[Socket]) -> io::Result<Vec<usize>> {
    for _ in 0..40 {
        let sender = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        sender.send_to(b"x", (Ipv4Addr::LOCALHOST, PORT))?;
    }
    let mut buffer = [std::mem::MaybeUninit::uninit(); 8];
    let mut count = |socket: &Socket| std::iter::from_fn(|| socket.recv(&mut buffer).ok()).count();
    Ok(sockets.iter().map(&mut count).collect())
}

#[test]
fn two_programs_on_one_udp_port_are_found_and_what_is_said_of_them_is_so() {
    on_own_network!(|| {
        let programs = Programs::new();
        let ways: [fn(&Socket, bool) -> io::Result<()>; 2] =
            [Socket::set_reuse_address, Socket::set_reuse_port];
        for (set, is_group) in ways.into_iter().zip([false, true]) {
            let sockets = [
                shared(Ipv4Addr::UNSPECIFIED, set)?,
                shared(Ipv4Addr::UNSPECIFIED, set)?,
            ];
            let got = spread(&sockets)?;
            if is_group {
                assert!(got.iter().all(|count| *count > 0), "{got:?}");
            } else {
                assert_eq!(got, [0, 40]);
            }
            let [one, other] = sockets;
            let _held = [
                Held::holding(&mut programs.command("left")?, one)?,
                Held::holding(&mut programs.command("right")?, other)?,
            ];
            let found = findings(&[]);
            assert_eq!(codes(&found), ["mixed-group"]);
            let one = &found[0];
            assert_eq!(
                (&one["protocol"], &one["severity"]),
                (&"udp".into(), &"warning".into())
            );
            // The options are in no table, so that both are said.
            let advice = one["advice"].as_str().unwrap();
            assert!(
                advice.contains("bound last") && advice.contains("SO_REUSEPORT"),
                "{advice}"
            );
            assert!(findings(&["--level", "error"]).is_empty());
        }
        Ok(())
    });
}

#[test]
fn two_users_on_one_udp_port_are_no_group() {
    if !is_root() {
        skip!("only root can be two users");
    }
    on_own_network!(|| {
        let programs = Programs::new();
        let [one, other] = [(); 2].map(|()| shared(Ipv4Addr::LOCALHOST, Socket::set_reuse_address));
        let other = other?;
        let theirs = Some(rustix::fs::Uid::from_raw(NOBODY));
        rustix::fs::fchown(&other, theirs, None)?;
        let _held = [
            Held::holding(&mut programs.command("server")?, one?)?,
            Held::holding(
                programs.command("server")?.uid(NOBODY).current_dir("/"),
                other,
            )?,
        ];
        let found = findings(&[]);
        assert_eq!(codes(&found), ["mixed-group"]);
        let advice = found[0]["advice"].as_str().unwrap();
        assert!(
            advice.contains("bound last") && !advice.contains("spreads"),
            "{advice}"
        );
        Ok(())
    });
}

#[test]
fn programs_that_share_a_multicast_address_are_only_told_if_wanted() {
    on_own_network!(|| {
        let programs = Programs::new();
        let mdns = Ipv4Addr::new(224, 0, 0, 251);
        let hold = |name: &str| {
            let socket = shared(mdns, Socket::set_reuse_address)?;
            Held::holding(&mut programs.command(name)?, socket)
        };
        let _held = [hold("left")?, hold("right")?];
        assert!(findings(&[]).is_empty());
        let found = findings(&["--level", "info"]);
        assert_eq!(codes(&found), ["mixed-group"]);
        Ok(())
    });
}

/// One program, started twice by one parent: the folder, or one argument, tells two projects apart.
#[test]
fn localhost_of_two_projects_is_split_and_that_of_two_workers_is_not() {
    on_own_network!(|| {
        let programs = Programs::new();
        let folders = [open_folder(), open_folder()];
        let hold = |ip: IpAddr, argument: &str, folder: usize| {
            let mut command = programs.command("server")?;
            command.arg(argument).current_dir(folders[folder].path());
            Held::holding(&mut command, listener(ip)?)
        };
        for ((one, other), (here, there), is_split) in [
            (("worker=1", "worker=2"), (0, 0), false),
            (("shop", "blog"), (0, 0), true),
            (("127.0.0.1", "::1"), (0, 0), true),
            (("serve", "serve"), (0, 1), true),
        ] {
            let _held = [hold(LOCAL4, one, here)?, hold(LOCAL6, other, there)?];
            let split: &[&str] = if is_split { &["split-localhost"] } else { &[] };
            assert_eq!(codes(&findings(&[])), split, "{one} {other}");
        }
        Ok(())
    });
}

#[test]
fn a_pool_of_workers_is_no_conflict() {
    on_own_network!(|| {
        let (_held, told) = Held::helper("workers")?;
        let found = findings(&[]);
        assert!(found.is_empty(), "{told:?} {found:#?}");
        Ok(())
    });
}

#[test]
fn a_bound_socket_and_a_listener_among_the_kernels_ports_are_told_if_wanted() {
    if !kernel_is((6, 8)) {
        skip!("bound sockets are visible since Linux 6.8");
    }
    on_own_network!(|| {
        let _bound = bound(LOCAL4, Type::STREAM)?;
        assert!(findings(&[]).is_empty());
        let found = findings(&["--level", "info"]);
        assert_eq!(codes(&found), ["bound-only"]);
        assert_eq!(found[0]["sockets"][0]["state"], "bound");
        let _listener = crate::scene::listener();
        assert!(findings(&[]).is_empty());
        let found = findings(&["--level=info"]);
        assert_eq!(codes(&found), ["bound-only", "ephemeral-listener"]);
        Ok(())
    });
}

#[test]
fn an_empty_network_has_no_conflict() {
    on_own_network!(|| {
        assert!(findings(&["--level=info"]).is_empty());
        Ok(())
    });
}
