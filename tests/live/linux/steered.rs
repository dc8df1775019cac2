//! Ports whose packets are handed to other sockets: by TPROXY rules, and by BPF programs.

use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::apart::on_own_network;
use super::forwarded::rule;
use crate::answer::portwho;
use crate::scene;

#[test]
fn the_port_to_which_a_tproxy_rule_hands_packets_is_named() {
    const IPTABLES: &[&str] =
        &["-t mangle -A PREROUTING -p tcp --dport 7802 -j TPROXY --on-port 7801 --tproxy-mark 1/1"];
    const NFT: &[&str] = &[
        "add table ip t",
        "add chain ip t pre { type filter hook prerouting priority -150 ; }",
        "add rule ip t pre tcp dport 7802 tproxy to :7801 meta mark set 1 accept",
    ];
    for (tool, rules) in [
        ("iptables-nft", IPTABLES),
        ("iptables-legacy", IPTABLES),
        ("nft", NFT),
    ] {
        let told = on_own_network(|| {
            rules.iter().try_for_each(|words| rule(tool, words))?;
            Ok::<_, String>([
                portwho(&["tcp:7802"]),
                portwho(&["tcp:7802", "--json"]),
                portwho(&["why", "tcp:7802"]),
                portwho(&["check", "7802"]),
                portwho(&["tcp:7803"]),
            ])
        });
        let told = match told.map_err(|why| why.to_string()).and_then(|it| it) {
            Ok(told) => told,
            Err(why) => skip!("no rules of {tool}: {why}"),
        };
        let [list, document, why, check, other] = told;
        let rule = "a TPROXY rule sends :7802/tcp to this machine, port 7801\n";
        assert_eq!(list.code, Some(1), "{tool} {list:?}");
        assert!(list.stderr.contains(rule), "{tool} {list:?}");
        let forward = &document.json()["forwards"][0];
        assert_eq!(forward["by"], "tproxy", "{tool} {document:?}");
        assert_eq!(why.code, Some(0), "{tool} {why:?}");
        assert!(why.stdout.starts_with(rule), "{tool} {why:?}");
        assert!(why.stdout.contains("portwho why :7801\n"), "{tool} {why:?}");
        assert_eq!(check.code, Some(0), "{tool} {check:?}");
        assert!(check.stdout.contains("sent elsewhere"), "{tool} {check:?}");
        assert_eq!(other.code, Some(1), "{tool} {other:?}");
        assert!(!other.stderr.contains("TPROXY"), "{tool} {other:?}");
    }
}

/// bpf(2) with these attributes; a descriptor, or 0.
fn bpf(command: i64, attributes: &mut [u64]) -> io::Result<i32> {
    let size = size_of_val(attributes);
    // SAFETY: the attributes are whole words of the size that is told; what they point to outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size) };
    match i32::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

fn descriptor(command: i64, attributes: &mut [u64]) -> io::Result<OwnedFd> {
    let descriptor = bpf(command, attributes)?;
    // SAFETY: these commands give a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Two numbers of four bytes in one of eight, as they lie in memory.
fn pair(first: u32, second: u32) -> u64 {
    let [a, b, c, d] = first.to_ne_bytes();
    let [e, f, g, h] = second.to_ne_bytes();
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// An instruction: operation, registers to and from, offset, constant (linux/bpf.h).
fn instruction(operation: u8, to: u8, from: u8, offset: i16, constant: i32) -> u64 {
    let registers = if cfg!(target_endian = "big") {
        to << 4 | from
    } else {
        from << 4 | to
    };
    let [a, b] = offset.to_ne_bytes();
    let [c, d, e, f] = constant.to_ne_bytes();
    u64::from_ne_bytes([operation, registers, a, b, c, d, e, f])
}

/// Attaches a program named "steer" to this network, which gives what comes to the port to the listener.
fn steer(port: u16, listener: &TcpListener) -> io::Result<Vec<OwnedFd>> {
    const MAP_CREATE: i64 = 0;
    const MAP_UPDATE: i64 = 2;
    const PROGRAM_LOAD: i64 = 5;
    const LINK_CREATE: i64 = 28;
    const SOCKMAP: u32 = 15;
    const SK_LOOKUP: (u32, u32) = (30, 36);
    let map = descriptor(MAP_CREATE, &mut [pair(SOCKMAP, 4), pair(8, 1), 0, 0])?;
    let number = |fd: &dyn AsRawFd| u32::try_from(fd.as_raw_fd()).unwrap();
    let (key, value) = (0_u32, u64::from(number(listener)));
    let key = std::ptr::from_ref(&key) as u64;
    let value = std::ptr::from_ref(&value) as u64;
    bpf(MAP_UPDATE, &mut [number(&map).into(), key, value, 0])?;
    let program = [
        instruction(0xBF, 6, 1, 0, 0),
        // `local_port` of `struct bpf_sk_lookup`.
        instruction(0x61, 2, 6, 60, 0),
        instruction(0x55, 2, 0, 14, port.into()),
        instruction(0x62, 10, 0, -4, 0),
        instruction(0x18, 1, 1, 0, map.as_raw_fd()),
        instruction(0, 0, 0, 0, 0),
        instruction(0xBF, 2, 10, 0, 0),
        instruction(0x07, 2, 0, 0, -4),
        // bpf_map_lookup_elem, and later bpf_sk_assign and bpf_sk_release.
        instruction(0x85, 0, 0, 0, 1),
        instruction(0x15, 0, 0, 7, 0),
        instruction(0xBF, 7, 0, 0, 0),
        instruction(0xBF, 1, 6, 0, 0),
        instruction(0xBF, 2, 7, 0, 0),
        instruction(0xB7, 3, 0, 0, 0),
        instruction(0x85, 0, 0, 0, 124),
        instruction(0xBF, 1, 7, 0, 0),
        instruction(0x85, 0, 0, 0, 86),
        // SK_PASS.
        instruction(0xB7, 0, 0, 0, 1),
        instruction(0x95, 0, 0, 0, 0),
    ];
    let length = u32::try_from(program.len()).unwrap();
    let name = u64::from_ne_bytes(*b"steer\0\0\0");
    let loaded = descriptor(
        PROGRAM_LOAD,
        &mut [
            pair(SK_LOOKUP.0, length),
            program.as_ptr() as u64,
            c"MIT".as_ptr() as u64,
            0,
            0,
            0,
            name,
            0,
            pair(0, SK_LOOKUP.1),
        ],
    )?;
    let network = File::open("/proc/thread-self/ns/net")?;
    let link = descriptor(
        LINK_CREATE,
        &mut [
            pair(number(&loaded), number(&network)),
            pair(SK_LOOKUP.1, 0),
        ],
    )?;
    Ok(vec![map, loaded, link])
}

#[test]
fn a_program_that_chooses_sockets_is_named_and_leaves_ports_unknown() {
    let told = on_own_network(|| {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let unused = TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let (port, own) = (scene::port(&unused), scene::port(&listener));
        drop(unused);
        let _attached = steer(port, &listener).map_err(|why| why.to_string())?;
        let unused = format!("tcp:{port}");
        let answers = [
            portwho(&[&unused]),
            portwho(&[&unused, "--json"]),
            portwho(&["why", &unused]),
            portwho(&["map", &unused]),
            portwho(&["wait", &unused, "--timeout", "1ms"]),
            portwho(&["check", &unused]),
            portwho(&["free", &port.to_string()]),
        ];
        let _client = TcpStream::connect(("127.0.0.1", port)).map_err(|why| why.to_string())?;
        let _accepted = listener.accept().map_err(|why| why.to_string())?;
        let taken = portwho(&[&unused, "--format", "card"]);
        let listening = portwho(&[&format!("tcp:{own}"), "--format", "card"]);
        Ok::<_, String>((answers, taken, listening))
    });
    let told = told.map_err(|why| why.to_string()).and_then(|it| it);
    let ([list, document, why, map, wait, check, free], taken, listening) = match told {
        Ok(told) => told,
        Err(why) => skip!("no such program: {why}"),
    };
    for answer in [&list, &why, &map, &wait] {
        assert_eq!(answer.code, Some(3), "{answer:?}");
        let note = "the BPF program 'steer' (id ";
        assert_eq!(answer.stderr.matches(note).count(), 1, "{answer:?}");
    }
    assert_eq!(document.code, Some(3), "{document:?}");
    let document = document.json();
    assert_eq!(document["complete"], false, "{document:#}");
    let mut notes = document["notes"].as_array().unwrap().iter();
    assert!(notes.any(|note| note["code"] == "ports-steered"));
    // A program keeps no server from binding.
    for answer in [&check, &free] {
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let note = "the BPF program 'steer' (id ";
        assert_eq!(answer.stderr.matches(note).count(), 1, "{answer:?}");
    }
    assert!(check.stdout.contains("may be sent elsewhere"), "{check:?}");
    // Of a connection that it gave to another listener.
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let sentence = "nothing listens here: a program may have given it to another port's listener";
    assert!(taken.stdout.contains(sentence), "{taken:?}");
    assert!(!taken.stdout.contains("its own port"), "{taken:?}");
    assert_eq!(listening.code, Some(0), "{listening:?}");
}
