//! Does `check` say what bind(2) does? Against sockets whose connection has ended while they are open.

use std::io;
use std::net::{IpAddr, Shutdown};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Socket, Type};

use super::apart::{alone, ip as ip_tool};
use super::held::kernel_is;
use super::place::{Place, accept, places, port, try_connect};
use super::truth::{BOTH, GROUP, PLAIN, REUSE, assert_agrees};
use crate::answer::portwho;
use crate::scene::{close, until};

/// What ends a connection of this client to this address; gives what has to stay open.
type Ending = fn(IpAddr, &Socket) -> Vec<Socket>;

/// Asserts over clients on every kind of address, bound on purpose and by the kernel.
fn each_client(scene: &str, end: Ending) {
    for place in places() {
        for ip in place.reached_at() {
            for options in [PLAIN, REUSE, GROUP, BOTH] {
                let chosen = place.bound_on_purpose(options).unwrap();
                let by_bind = place.bound(Type::STREAM, options).unwrap();
                let by_connect = place.socket(Type::STREAM, None).unwrap();
                options.set(&by_connect).unwrap();
                for (source, client) in [
                    ("on purpose", chosen),
                    ("by bind", by_bind),
                    ("by connect", by_connect),
                ] {
                    let held = end(ip, &client);
                    let scene = format!("{scene} {place:?} to {ip} {options:?} {source}");
                    // One that the kernel gave may be gone already.
                    if port(&client) != 0 {
                        assert_agrees(&scene, port(&client));
                    }
                    close(client);
                    drop(held);
                }
            }
        }
    }
}

/// Waits until the socket has no connection any more.
fn until_closed(client: &Socket) {
    until("the end of a connection", || {
        (tcp_state(client) == TCP_CLOSE).then_some(())
    });
}

const TCP_CLOSE: u8 = 7;

/// The state of a socket by `TCP_INFO`, whose first byte it is.
fn tcp_state(socket: &Socket) -> u8 {
    let mut state = 0u8;
    let mut length: libc::socklen_t = 1;
    // SAFETY: the kernel writes one byte at most, as the length says.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut state).cast(),
            &raw mut length,
        )
    };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    state
}

/// A socket at this address that refuses connections: it is bound, and does not listen.
fn refusing(ip: IpAddr) -> Socket {
    Place::at(ip).bound(Type::STREAM, PLAIN).unwrap()
}

/// A connection of the client, and its accepted end.
fn connected(ip: IpAddr, client: &Socket) -> Socket {
    let listener = Place::at(ip).listener(PLAIN).unwrap();
    accept(&listener, ip, client)
}

fn refuse(ip: IpAddr, client: &Socket) -> Vec<Socket> {
    let nobody = refusing(ip);
    let why = try_connect(client, ip, port(&nobody)).unwrap_err();
    assert_eq!(why.kind(), io::ErrorKind::ConnectionRefused);
    vec![nobody]
}

fn reset(ip: IpAddr, client: &Socket) -> Vec<Socket> {
    let accepted = connected(ip, client);
    accepted.set_linger(Some(Duration::ZERO)).unwrap();
    close(accepted);
    until_closed(client);
    Vec::new()
}

/// Leaves the connection by connect(2) to no address.
fn disconnect(ip: IpAddr, client: &Socket) -> Vec<Socket> {
    let accepted = connected(ip, client);
    let none = libc::sockaddr {
        sa_family: libc::AF_UNSPEC as libc::sa_family_t,
        sa_data: [0; 14],
    };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the address is read alone, and as long as it is said to be.
    let done = unsafe { libc::connect(client.as_raw_fd(), &raw const none, length) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    until_closed(client);
    vec![accepted]
}

#[test]
fn a_client_that_was_refused_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| each_client("refused", refuse));
}

#[test]
fn a_client_that_was_refused_and_then_let_in_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        each_client("refused and connected", |ip, client| {
            let mut held = refuse(ip, client);
            held.push(connected(ip, client));
            held
        });
    });
}

#[test]
fn a_client_that_was_reset_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| each_client("reset", reset));
}

#[test]
fn a_client_that_disconnected_and_was_refused_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        each_client("disconnected and refused", |ip, client| {
            let mut held = disconnect(ip, client);
            held.extend(refuse(ip, client));
            held
        });
    });
}

#[test]
fn a_client_that_disconnected_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| each_client("disconnected", disconnect));
}

#[test]
fn a_client_that_was_shut_down_first_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        each_client("shut down", |ip, client| {
            let accepted = connected(ip, client);
            client.shutdown(Shutdown::Both).unwrap();
            close(accepted);
            until_closed(client);
            Vec::new()
        });
    });
}

#[test]
fn a_client_that_was_shut_down_last_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        each_client("closed by the peer", |ip, client| {
            close(connected(ip, client));
            until("the peer's end", || {
                (client.recv(&mut [std::mem::MaybeUninit::uninit()]).unwrap() == 0).then_some(())
            });
            client.shutdown(Shutdown::Both).unwrap();
            until_closed(client);
            Vec::new()
        });
    });
}

/// The kernel gives up a connection over which nothing comes through any more.
#[test]
fn a_client_that_ran_out_of_time_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for place in places().take(3) {
            let ip = place.reached_at()[0];
            for options in [PLAIN, REUSE] {
                let client = place.bound_on_purpose(options).unwrap();
                client
                    .set_tcp_user_timeout(Some(Duration::from_millis(1)))
                    .unwrap();
                let _accepted = connected(ip, &client);
                ip_tool(&["link", "set", "lo", "down"]).unwrap();
                // Whether it can be sent or not, it does not arrive.
                let _ = client.send(b"x");
                until_closed(&client);
                ip_tool(&["link", "set", "lo", "up"]).unwrap();
                let scene = format!("timed out {place:?} {options:?}");
                assert_agrees(&scene, port(&client));
            }
        }
    });
}

#[test]
fn a_socket_that_keeps_its_port_after_its_connection_is_bound() {
    if !kernel_is((6, 8)) {
        skip!("bound sockets are visible since Linux 6.8");
    }
    alone!(|| {
        let ends: [(&str, Ending); 3] = [
            ("refused", refuse),
            ("reset", reset),
            ("disconnected", disconnect),
        ];
        for place in places() {
            let ip = place.reached_at()[0];
            for (scene, end) in ends {
                let client = place.bound_on_purpose(PLAIN).unwrap();
                let _held = end(ip, &client);
                let selector = format!("tcp:{}", port(&client));
                for arguments in [
                    &[&*selector, "--json"][..],
                    &[&selector, "state=bound", "--json"],
                ] {
                    let row = portwho(arguments).only_row();
                    assert_eq!(row["state"], "bound", "{scene} {place:?} {row:#}");
                }
                let card = portwho(&[&selector]);
                assert!(card.stdout.contains("BOUND"), "{card:?}");
                let why = portwho(&["why", &selector]);
                assert!(why.stdout.contains("bound, but not listening"), "{why:?}");
                let gone = ["wait", "--gone", &selector, "--timeout=0"];
                let waited = portwho(&gone);
                assert_eq!(waited.code, Some(1), "{scene} {place:?} {waited:?}");
                let free = portwho(&["free", &port(&client).to_string()]);
                assert_eq!(free.code, Some(1), "{scene} {place:?} {free:?}");
                close(client);
                assert_eq!(portwho(&gone).code, Some(0));
            }
        }
    });
}

/// A bind beside a bound socket succeeds where both set SO_REUSEADDR, and the port is not free for it.
#[test]
fn a_port_that_a_bound_socket_shares_is_not_offered_and_its_holder_is_named() {
    if !kernel_is((6, 8)) {
        skip!("bound sockets are visible since Linux 6.8");
    }
    alone!(|| {
        for place in places() {
            for was_refused in [false, true] {
                let socket = place.bound_on_purpose(REUSE).unwrap();
                let _held = was_refused.then(|| refuse(place.reached_at()[0], &socket));
                let port = port(&socket).to_string();
                for source in ["auto", "proc"] {
                    let source = format!("--source={source}");
                    let free = portwho(&["free", &port, &source]);
                    assert_eq!((free.code, &*free.stdout), (Some(1), ""), "{free:?}");
                }
                let json = portwho(&["check", &port, "--json"]);
                let check = &json.json()["checks"][0];
                // What takes IPv6 alone, or IPv4 on one address, may be no matter to a claim.
                if check["holders"].as_array().unwrap().is_empty() {
                    continue;
                }
                assert_eq!(check["verdict"], "free", "{check:#}");
                let warnings = check["warnings"].as_array().unwrap();
                let mut codes = warnings.iter().map(|one| &one["code"]);
                assert!(codes.any(|code| code == "bound-beside"), "{check:#}");
                let text = portwho(&["check", &port]);
                let pid = format!("(pid {})", std::process::id());
                assert!(text.stdout.contains(&pid), "{text:?}");
                close(socket);
            }
        }
    });
}
