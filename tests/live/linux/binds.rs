//! Does `check` say what bind(2) does? Against listeners, bound sockets and UDP.

use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::AsFd;

use rustix::fs::{Uid, fchown};
use socket2::{Protocol, Type};

use super::apart::alone;
use super::held::{NOBODY, is_root};
use super::place::{Place, accept, connect, places, port};
use super::truth::{BOTH, GROUP, PLAIN, REUSE, assert_agrees};
use crate::scene::close;

const LOCAL: Place = Place::at(IpAddr::V4(Ipv4Addr::LOCALHOST));

#[test]
fn a_listener_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for place in places() {
            for options in [PLAIN, REUSE] {
                let listener = place.listener(options).unwrap();
                assert_agrees(&format!("listener {place:?} {options:?}"), port(&listener));
            }
        }
    });
}

#[test]
fn a_group_of_listeners_takes_whom_the_kernel_says_it_takes() {
    alone!(|| {
        for place in places() {
            for options in [GROUP, BOTH] {
                let first = place.listener(options).unwrap();
                let second = place.socket(Type::STREAM, None).unwrap();
                options.set(&second).unwrap();
                let address = SocketAddr::new(place.ip, port(&first));
                second.bind(&address.into()).unwrap();
                second.listen(8).unwrap();
                assert_agrees(&format!("group {place:?} {options:?}"), port(&first));
            }
        }
    });
}

#[test]
fn the_group_of_another_user_takes_nobody_in() {
    alone!(|| {
        if !is_root() {
            skip!("only root can be two users");
        }
        for kind in [Type::STREAM, Type::DGRAM] {
            for options in [GROUP, BOTH] {
                let socket = LOCAL.socket(kind, None).unwrap();
                let given = fchown(socket.as_fd(), Some(Uid::from_raw(NOBODY)), None);
                if let Err(why) = given {
                    skip!("a socket cannot be given away: {why}");
                }
                options.set(&socket).unwrap();
                let any = SocketAddr::new(LOCAL.ip, 0);
                socket.bind(&any.into()).unwrap();
                if kind == Type::STREAM {
                    socket.listen(8).unwrap();
                }
                assert_agrees(
                    &format!("another user's {kind:?} {options:?}"),
                    port(&socket),
                );
            }
        }
    });
}

#[test]
fn a_bound_socket_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for place in places() {
            for options in [PLAIN, REUSE, GROUP, BOTH] {
                let bound = place.bound(Type::STREAM, options).unwrap();
                assert_agrees(&format!("bound {place:?} {options:?}"), port(&bound));
            }
        }
    });
}

#[test]
fn a_listener_that_was_shut_down_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for options in [PLAIN, REUSE] {
            let listener = LOCAL.listener(options).unwrap();
            listener.shutdown(Shutdown::Both).unwrap();
            assert_agrees(&format!("shut down {options:?}"), port(&listener));
        }
    });
}

#[test]
fn a_socket_of_one_device_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for kind in [Type::STREAM, Type::DGRAM] {
            for place in places() {
                let socket = place.bound(kind, PLAIN).unwrap();
                if let Err(why) = socket.bind_device(Some(b"lo")) {
                    skip!("SO_BINDTODEVICE: {why}");
                }
                if kind == Type::STREAM {
                    socket.listen(8).unwrap();
                }
                assert_agrees(&format!("on a device {place:?} {kind:?}"), port(&socket));
            }
        }
    });
}

#[test]
fn a_multipath_listener_blocks_tcp_as_the_kernel_says() {
    alone!(|| {
        for place in places() {
            let listener = match place.socket(Type::STREAM, Some(Protocol::MPTCP)) {
                Ok(socket) => socket,
                Err(why) => skip!("no MPTCP: {why}"),
            };
            listener.bind(&SocketAddr::new(place.ip, 0).into()).unwrap();
            listener.listen(8).unwrap();
            assert_agrees(&format!("multipath {place:?}"), port(&listener));
        }
    });
}

#[test]
fn a_udp_socket_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for place in places() {
            for options in [PLAIN, REUSE, GROUP, BOTH] {
                let socket = place.bound(Type::DGRAM, options).unwrap();
                assert_agrees(&format!("udp {place:?} {options:?}"), port(&socket));
            }
        }
    });
}

#[test]
fn a_connected_udp_socket_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for place in places() {
            for ip in place.reached_at() {
                let peer = Place::at(ip).bound(Type::DGRAM, PLAIN).unwrap();
                for options in [PLAIN, REUSE] {
                    let chosen = place.bound(Type::DGRAM, options).unwrap();
                    let automatic = place.socket(Type::DGRAM, None).unwrap();
                    options.set(&automatic).unwrap();
                    for (source, socket) in [("chosen", chosen), ("automatic", automatic)] {
                        connect(&socket, ip, port(&peer));
                        let scene = format!("udp {place:?} to {ip} {options:?} {source}");
                        assert_agrees(&scene, port(&socket));
                    }
                }
            }
        }
    });
}

/// A connection whose client set a port, and was refused further talk.
#[test]
fn a_connection_that_was_reset_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for options in [PLAIN, REUSE] {
            let listener = LOCAL.listener(PLAIN).unwrap();
            let client = LOCAL.bound(Type::STREAM, options).unwrap();
            let accepted = accept(&listener, LOCAL.ip, &client);
            accepted
                .set_linger(Some(std::time::Duration::ZERO))
                .unwrap();
            close(accepted);
            assert_agrees(&format!("reset {options:?}"), port(&client));
        }
    });
}
