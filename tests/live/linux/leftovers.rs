//! Does `check` say what bind(2) does? Against connections, and what is left of them.

use socket2::{Socket, Type};

use super::apart::alone;
use super::place::{Place, accept, places, port};
use super::truth::{BOTH, GROUP, Options, PLAIN, REUSE, assert_agrees};
use crate::answer::{at, portwho};
use crate::scene::{close, until};

/// Waits until a port has a socket in this state and no listener; for TIME-WAIT, no other socket.
fn in_state(port: u16, state: &str) {
    until(state, || {
        let rows = portwho(&[&format!("tcp:{port}"), "--json"]).rows();
        let rows = at(&rows, "tcp", port);
        let is = |state: &str| rows.iter().any(|row| row["state"] == state);
        let is_over = rows.iter().all(|row| row["state"] == "time_wait");
        (is(state) && !is("listen") && (state != "time_wait" || is_over)).then_some(())
    });
}

/// A listener's port and one of its connections, for each place and way there.
fn each_connection(options: &[Options], mut look: impl FnMut(&str, u16, [Socket; 3])) {
    for place in places() {
        for ip in place.reached_at() {
            for options in options {
                let listener = place.listener(*options).unwrap();
                let client = Place::at(ip).socket(Type::STREAM, None).unwrap();
                let accepted = accept(&listener, ip, &client);
                let scene = format!("{place:?} from {ip} {options:?}");
                look(&scene, port(&listener), [listener, client, accepted]);
            }
        }
    }
}

#[test]
fn connections_of_a_listener_that_has_gone_block_what_the_kernel_says_they_block() {
    alone!(|| {
        let all = [PLAIN, REUSE, GROUP, BOTH];
        each_connection(&all, |scene, port, [listener, _client, _accepted]| {
            drop(listener);
            in_state(port, "established");
            assert_agrees(&format!("connection of {scene}"), port);
        });
    });
}

#[test]
fn time_wait_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        let all = [PLAIN, REUSE, BOTH];
        each_connection(&all, |scene, port, [listener, client, accepted]| {
            // Who closes first waits.
            close(accepted);
            close(client);
            drop(listener);
            in_state(port, "time_wait");
            assert_agrees(&format!("time-wait of {scene}"), port);
        });
    });
}

#[test]
fn an_orphan_of_a_listener_that_has_gone_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        let all = [PLAIN, REUSE];
        each_connection(&all, |scene, port, [listener, _client, accepted]| {
            close(accepted);
            drop(listener);
            in_state(port, "fin_wait_2");
            assert_agrees(&format!("orphan of {scene}"), port);
        });
    });
}

#[test]
fn a_port_that_a_client_chose_blocks_what_the_kernel_says_it_blocks() {
    alone!(|| {
        for place in places() {
            for ip in place.reached_at() {
                let listener = Place::at(ip).listener(PLAIN).unwrap();
                for options in [PLAIN, REUSE] {
                    let client = place.bound(Type::STREAM, options).unwrap();
                    let accepted = accept(&listener, ip, &client);
                    let (scene, port) = (format!("{place:?} to {ip} {options:?}"), port(&client));
                    assert_agrees(&format!("client {scene}"), port);
                    close(client);
                    close(accepted);
                    in_state(port, "time_wait");
                    assert_agrees(&format!("closed client {scene}"), port);
                }
            }
        }
    });
}

#[test]
fn a_port_that_the_kernel_chose_for_a_client_blocks_what_it_says() {
    alone!(|| {
        for place in places() {
            for ip in place.reached_at() {
                let listener = Place::at(ip).listener(PLAIN).unwrap();
                for options in [PLAIN, REUSE] {
                    let client = place.socket(Type::STREAM, None).unwrap();
                    options.set(&client).unwrap();
                    let accepted = accept(&listener, ip, &client);
                    let (scene, port) = (format!("{place:?} to {ip} {options:?}"), port(&client));
                    assert_agrees(&format!("client {scene}"), port);
                    close(client);
                    close(accepted);
                    in_state(port, "time_wait");
                    assert_agrees(&format!("closed client {scene}"), port);
                }
            }
        }
    });
}
