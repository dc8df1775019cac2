//! Which sockets are told on one page, and by whom.

use std::rc::Rc;

use super::*;
use crate::judge::together::{members, pages};
use crate::model::{Descriptors, Forward, Forwarder, Owners, Role};

/// A listener of processes, each a child of another one.
fn shared(address: &str, owners: &[(&str, u32, u32)]) -> Row {
    let mut row = listener(address, None, "", 0);
    row.owners = owners
        .iter()
        .map(|(name, pid, parent)| Owner {
            process: Rc::new(Process {
                parent_pid: Some(*parent),
                ..Process::named(
                    ProcessKey {
                        pid: *pid,
                        start: 1,
                    },
                    Foreign::new(*name),
                )
            }),
            fds: Descriptors::Unknown,
        })
        .collect();
    row
}

/// The pids of each page, the first process before the others.
fn told(rows: &[Row]) -> Vec<Vec<u32>> {
    let pages = pages(rows);
    let pids = |page: &Vec<Taken<'_>>| {
        let members = members(page);
        let all = members.main.iter().chain(&members.others);
        all.map(|process| process.key.pid).collect()
    };
    pages.iter().map(pids).collect()
}

#[test]
fn a_pool_with_a_listener_for_each_worker_is_one_page() {
    let rows = [
        shared("0.0.0.0", &[("web", 12, 10)]),
        shared("0.0.0.0", &[("web", 11, 10)]),
        shared("0.0.0.0", &[("web", 13, 10)]),
    ];
    assert_eq!(told(&rows), [[11, 12, 13]]);
    // Where the one that started the others has a listener too, it is the first.
    let rows = [
        shared("0.0.0.0", &[("web", 12, 20)]),
        shared("0.0.0.0", &[("web", 20, 1)]),
        shared("0.0.0.0", &[("web", 14, 20)]),
    ];
    assert_eq!(told(&rows), [[20, 12, 14]]);
}

#[test]
fn listeners_that_have_nothing_to_do_with_each_other_have_pages_of_their_own() {
    for other in [
        shared("0.0.0.0", &[("dns", 12, 10)]),
        shared("0.0.0.0", &[("web", 12, 9)]),
        shared("127.0.0.1", &[("web", 12, 10)]),
    ] {
        let rows = [shared("0.0.0.0", &[("web", 11, 10)]), other];
        assert_eq!(told(&rows), [[11], [12]]);
    }
}

/// The same two listeners, by the pages and by the map.
#[track_caller]
fn are_one(rows: &[Row], expected: bool) {
    let pages = told(rows).len();
    let services = crate::judge::map(rows, &limits(), None).services.len();
    let wanted = if expected { 1 } else { 2 };
    assert_eq!((pages, services), (wanted, wanted));
}

#[test]
fn pages_and_the_map_agree_on_what_is_one_server() {
    let row = |change: &dyn Fn(&mut Process)| {
        let mut row = shared("0.0.0.0", &[("node", 12, 9)]);
        let mut owner = row.owners[0].clone();
        let process = Rc::make_mut(&mut owner.process);
        process.uid = Some(1000);
        process.executable = Some(Foreign::new("/usr/bin/node"));
        process.meaning.script = Some(Foreign::new("server.js"));
        process.working_directory = Some(Foreign::new("/srv/a"));
        change(process);
        row.owners = Owners::One(owner);
        row
    };
    let first = || {
        row(&|process| {
            process.key.pid = 11;
            process.parent_pid = Some(10);
        })
    };
    let unit = |name: &str| {
        let name = Foreign::new(name);
        let manager = crate::model::Manager::System;
        Some(crate::model::Unit {
            name,
            slice: None,
            manager,
            user: None,
            claimed: false,
        })
    };
    // Started by two shells: one user, folder and script.
    are_one(&[first(), row(&|_| {})], true);
    for change in [
        &(|process: &mut Process| process.uid = Some(1001)) as &dyn Fn(&mut Process),
        &|process| process.meaning.script = Some(Foreign::new("other.js")),
        &|process| process.working_directory = Some(Foreign::new("/srv/b")),
        &|process| process.meaning.unit = unit("web.service"),
        &|process| process.executable = Some(Foreign::new("/opt/node/bin/node")),
        &|process| process.name = Foreign::new("deno"),
    ] {
        are_one(&[first(), row(change)], false);
    }
    // A worker is its parent's, whatever it calls itself.
    let worker = row(&|process| {
        process.parent_pid = Some(11);
        process.name = Foreign::new("worker");
    });
    are_one(&[first(), worker], true);
}

#[test]
fn scripts_of_one_interpreter_are_not_one_program() {
    let python = |pid, script: &str| {
        let mut row = shared("0.0.0.0", &[("python3", pid, 10)]);
        let mut owner = row.owners[0].clone();
        Rc::make_mut(&mut owner.process).meaning.script = Some(Foreign::new(script));
        row.owners = Owners::One(owner);
        row
    };
    let rows = [python(11, "/a.py"), python(12, "/b.py")];
    assert_eq!(told(&rows), [[11], [12]]);
    let rows = [python(11, "/a.py"), python(12, "/a.py")];
    assert_eq!(told(&rows), [[11, 12]]);
}

#[test]
fn proxies_of_one_published_port_are_one_page() {
    let proxy = |address: &str, pid: u32, to: &str| {
        let mut row = shared(address, &[("docker-proxy", pid, 10)]);
        row.role = Some(Box::new(Role {
            socket_unit: None,
            forwards_to: Some(Forward {
                by: Forwarder::DockerProxy,
                to: Foreign::new(to),
                container: None,
            }),
        }));
        row
    };
    let other = |to| [proxy("0.0.0.0", 11, "172.17.0.2:80"), proxy("::", 12, to)];
    assert_eq!(told(&other("172.17.0.2:80")), [[11, 12]]);
    assert_eq!(told(&other("172.17.0.3:80")), [[11], [12]]);
}

#[test]
fn whoever_serves_is_told_before_the_systemd_that_opened_the_socket() {
    let row = shared("0.0.0.0", &[("systemd", 1, 0), ("server", 40, 1)]);
    let pages = pages(std::slice::from_ref(&row));
    let members = members(&pages[0]);
    let pid = |one: Option<Rc<Process>>| one.map(|one| one.key.pid);
    assert_eq!(
        (pid(members.main), pid(members.opener)),
        (Some(40), Some(1))
    );
    assert!(members.others.is_empty());
    assert_eq!(told(&[shared("0.0.0.0", &[("systemd", 1, 0)])]), [[1]]);
}
