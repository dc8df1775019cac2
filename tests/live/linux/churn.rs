//! The world moves while it is read: no row twice, no stable row missing, nobody blamed for another.

use std::collections::HashSet;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use portwho::model::{Depth, ProcessKey};
use portwho::read::{Choice, live};

use super::held::{NO_SOCK_DIAG, answers_sock_diag, inode, rows_of};
use crate::answer::portwho;
use crate::scene;

/// Opens and closes connections, some thousands of them: each takes a port for a minute.
fn churn(listener: &TcpListener, done: &AtomicBool) {
    let address = listener.local_addr().unwrap();
    for _ in 0..150 {
        let batch: Vec<(TcpStream, TcpStream)> = (0..20)
            .filter_map(|_| Some((TcpStream::connect(address).ok()?, listener.accept().ok()?.0)))
            .collect();
        for (client, accepted) in &batch {
            // Both ends are shut, and either may be the one that stays in TIME_WAIT.
            let _ = client.shutdown(Shutdown::Both);
            let _ = accepted.shutdown(Shutdown::Both);
        }
    }
    done.store(true, Ordering::Relaxed);
}

#[test]
fn connections_that_come_and_go_hide_none_that_stays_and_show_none_twice() {
    if !answers_sock_diag() {
        skip!("{NO_SOCK_DIAG}");
    }
    let stable: Vec<TcpListener> = (0..50).map(|_| scene::listener()).collect();
    let kept: Vec<(TcpStream, TcpStream)> = stable.iter().map(scene::connection).collect();
    let busy = scene::listener();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| churn(&busy, &done));
        while !done.load(Ordering::Relaxed) {
            for source in ["native", "proc"] {
                let rows = portwho(&["-ta", "--no-owners", "--json", "--source", source]).rows();
                let mut seen = HashSet::new();
                for row in rows.iter().filter(|row| !row["inode"].is_null()) {
                    assert!(seen.insert(row["inode"].as_u64()), "twice: {row:#}");
                }
                for listener in &stable {
                    assert_eq!(
                        rows_of(&rows, inode(listener)).len(),
                        1,
                        "{source}: a listener"
                    );
                }
                for (client, accepted) in &kept {
                    assert_eq!(rows_of(&rows, inode(client)).len(), 1, "{source}: a client");
                    assert_eq!(
                        rows_of(&rows, inode(accepted)).len(),
                        1,
                        "{source}: an accepted one"
                    );
                }
            }
        }
    });
}

#[test]
fn a_process_with_another_start_time_is_another_process() {
    let mut source = live(Choice::Auto, portwho::read::Owners::Auto).unwrap();
    let pid = std::process::id();
    let reused = ProcessKey { pid, start: 1 };
    assert!(
        source.processes(&[reused], Depth::Full).is_empty(),
        "its pid is used anew"
    );
    let gone = ProcessKey {
        pid: 0x3fff_ffff,
        start: 1,
    };
    assert!(source.processes(&[gone], Depth::Full).is_empty());
}
