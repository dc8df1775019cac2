//! Who reaches a listener: answers compared with connections from here and from a neighbour.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::apart::{alone, ip, on_own_network};
use crate::answer::portwho;
use crate::scene::port;

/// A listener on an address, perhaps on a device alone.
fn listener(address: Ipv4Addr, device: Option<&str>) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind_device(device.map(str::as_bytes))?;
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    socket.listen(64)?;
    Ok(socket.into())
}

fn connects(to: SocketAddr) -> bool {
    TcpStream::connect_timeout(&to, Duration::from_secs(1)).is_ok()
}

fn set(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(format!("/proc/sys/net/ipv4/conf/{name}"), value)
}

/// Two devices with an address each, and a prefix that is local as a whole.
fn two_devices() -> io::Result<()> {
    ip(&["address", "add", "10.9.0.1/24", "dev", "d0"])?;
    ip(&["link", "set", "d0", "up"])?;
    ip(&["link", "add", "d1", "type", "veth", "peer", "name", "e1"])?;
    ip(&["address", "add", "10.9.1.1/24", "dev", "d1"])?;
    ip(&["link", "set", "d1", "up"])?;
    ip(&["route", "add", "local", "10.20.0.0/24", "dev", "lo"])
}

/// A network beside that of this thread, which it enters by d0 here; it connects to what it is given.
fn neighbour(at: u32, asked: Receiver<SocketAddr>, answers: Sender<io::Result<bool>>) {
    let set_up = || {
        let thread = at.to_string();
        ip(&[
            "link", "add", "e0", "type", "veth", "peer", "name", "d0", "netns", &thread,
        ])?;
        ip(&["address", "add", "10.9.0.2/24", "dev", "e0"])?;
        ip(&["link", "set", "e0", "up"])?;
        set("all/route_localnet", "1")?;
        // It has no loopback of its own that would take what is for that of others.
        ip(&["address", "flush", "dev", "lo"])?;
        ip(&["link", "set", "lo", "down"])
    };
    let set_routes = || {
        for prefix in ["10.9.1.0/24", "10.20.0.0/24", "127.0.0.0/8"] {
            let route = ["route", "add", prefix, "via", "10.9.0.1", "dev", "e0"];
            ip(&[&route[..], &["src", "10.9.0.2"]].concat())?;
        }
        Ok(())
    };
    let failed = answers.clone();
    let scene = on_own_network(move || {
        let answer = |told| answers.send(told).is_ok();
        if answer(set_up().map(|()| true)) && asked.recv().is_ok() {
            answer(set_routes().map(|()| true));
        }
        for to in asked {
            answer(Ok(connects(to)));
        }
    });
    if let Err(why) = scene {
        let _ = failed.send(Err(why));
    }
}

/// Runs the scene with two devices here, and a way to ask a neighbour to connect.
fn with_neighbour(scene: impl FnOnce(&dyn Fn(SocketAddr) -> io::Result<bool>)) -> io::Result<()> {
    let own = rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs();
    thread::scope(|scope| {
        // It ends once nothing can be asked any more, and the scope ends after it.
        let (ask, asked) = channel();
        let (answers, answered) = channel();
        scope.spawn(move || neighbour(own, asked, answers));
        let lost = || io::Error::other("the neighbour has gone");
        let next = || answered.recv().map_err(|_| lost())?;
        next()?;
        two_devices()?;
        let ask = move |to| {
            ask.send(to).map_err(|_| lost())?;
            next()
        };
        // The neighbour has routes once there is something to route to.
        ask(SocketAddr::from(([10, 9, 0, 1], 1)))?;
        scene(&ask);
        Ok(())
    })
}

#[test]
fn an_address_selects_what_can_be_connected_to_there() {
    const ENDS: [(&str, Option<&str>); 6] = [
        ("0.0.0.0", None),
        ("0.0.0.0", Some("d0")),
        ("0.0.0.0", Some("lo")),
        ("127.0.0.1", None),
        ("10.9.1.1", None),
        ("10.9.1.1", Some("d0")),
    ];
    const ADDRESSES: [&str; 5] = ["127.0.0.1", "10.9.0.1", "10.9.1.1", "10.20.0.7", "10.9.7.7"];
    let scene = || {
        let listeners = ENDS.map(|(address, device)| {
            let listener = listener(address.parse().unwrap(), device);
            (address, device, listener)
        });
        with_neighbour(|ask| {
            for (address, device, listener) in listeners {
                // A device that was not there yet.
                let listener =
                    listener.or_else(|_| self::listener(address.parse().unwrap(), device));
                let listener = listener.unwrap();
                compare(&format!("{address} {device:?}"), &listener, &ADDRESSES, ask);
            }
        })
    };
    match on_own_network(scene) {
        Ok(Ok(())) => {}
        Ok(Err(why)) | Err(why) => skip!("no neighbour: {why}"),
    }
}

fn compare(
    end: &str,
    listener: &TcpListener,
    addresses: &[&str],
    ask: &dyn Fn(SocketAddr) -> io::Result<bool>,
) {
    let port = port(listener);
    for routes in ["0", "1"] {
        set("all/route_localnet", routes).unwrap();
        let mut is_reached_from_outside = false;
        for address in addresses {
            let to = SocketAddr::new(address.parse().unwrap(), port);
            let selector = format!("tcp:{address}:{port}");
            let what = format!("{end}, {address}, route_localnet {routes}");
            let from_here = connects(to);
            let waited = portwho(&["wait", &selector, "--timeout", "1ms"]);
            assert_eq!(
                waited.code,
                Some(i32::from(!from_here)),
                "{what}: {waited:?}"
            );
            let from_outside = ask(to).unwrap();
            is_reached_from_outside |= from_outside;
            let found = portwho(&["-l", &selector, "--json"]);
            let is_found = !found.rows().is_empty();
            assert_eq!(is_found, from_here || from_outside, "{what}: {found:?}");
        }
        let row = portwho(&["-l", &format!("tcp:{port}"), "--json"]).only_row();
        let is_confined = row["exposure"] == "loopback";
        assert_eq!(
            is_confined, !is_reached_from_outside,
            "{end} {routes}: {row}"
        );
    }
}

#[test]
fn a_network_that_nothing_leads_into_is_not_everyone() {
    alone!(|| {
        let listener = listener(Ipv4Addr::UNSPECIFIED, None).unwrap();
        let selector = format!("tcp:{}", port(&listener));
        let exposure = || portwho(&["-l", &selector, "--json"]).only_row()["exposure"].clone();
        assert_eq!(exposure(), "loopback");
        let card = portwho(&["-l", &selector]).stdout;
        assert!(card.contains("no other interface is up"), "{card}");
        let page = portwho(&["why", &selector]).stdout;
        assert!(page.contains("only its own network namespace"), "{page}");
        if let Err(why) = ip(&["link", "add", "d0", "type", "veth", "peer", "name", "e0"]) {
            skip!("no device: {why}");
        }
        assert_eq!(exposure(), "loopback", "it is down");
        ip(&["link", "set", "d0", "up"]).unwrap();
        assert_eq!(exposure(), "all");
    });
}

#[test]
fn a_listener_on_an_address_that_no_interface_has_is_not_reachable() {
    alone!(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_freebind_v4(true).unwrap();
        let address = SocketAddr::from(([10, 99, 0, 1], 0));
        socket.bind(&address.into()).unwrap();
        socket.listen(8).unwrap();
        let listener = TcpListener::from(socket);
        let port = port(&listener);
        assert!(!connects(SocketAddr::from(([10, 99, 0, 1], port))));
        let card = portwho(&[&format!("tcp:{port}")]).stdout;
        assert!(card.contains("no interface has this address"), "{card}");
        let named = portwho(&[&format!("tcp:10.99.0.1:{port}"), "--json"]);
        assert_eq!(named.rows().len(), 1, "its own address finds it: {named:?}");
        let waited = portwho(&["wait", &format!("10.99.0.1:{port}"), "--timeout", "1ms"]);
        assert_eq!(waited.code, Some(1), "{waited:?}");
    });
}

/// Nothing here receives for another machine's address, and a look for connections to it is proposed.
#[test]
fn an_address_of_another_machine_is_not_answered_with_listeners_of_this() {
    alone!(|| {
        let listener = listener(Ipv4Addr::UNSPECIFIED, None).unwrap();
        let selector = format!("tcp:10.99.0.9:{}", port(&listener));
        for arguments in [
            vec![selector.as_str()],
            vec!["why", &selector],
            vec!["why", "10.99.0.9"],
        ] {
            let answer = portwho(&arguments);
            assert_eq!(
                (answer.code, answer.stdout.as_str()),
                (Some(1), ""),
                "{answer:?}"
            );
            let said = "10.99.0.9 is not an address of this machine";
            assert!(answer.stderr.contains(said), "{answer:?}");
            let hint = arguments.last().unwrap();
            assert!(
                answer.stderr.contains(&format!("'portwho peer={hint}'")),
                "{answer:?}"
            );
        }
        let here = portwho(&[&format!("tcp:127.0.0.1:{}", port(&listener))]);
        assert_eq!(here.code, Some(0), "{here:?}");
    });
}
