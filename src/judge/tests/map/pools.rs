//! Which processes are one service.

use super::*;
use crate::model::{Manager, Owners, Role};

/// The owners of two rows.
fn both(one: &Row, other: &Row) -> Owners {
    one.owners.iter().chain(&other.owners).cloned().collect()
}

#[test]
fn whoever_shares_a_listener_is_one_service() {
    let mut shared = listens("0.0.0.0:80", "nginx", 1);
    shared.owners = both(&shared, &listens("0.0.0.0:80", "nginx", 2));
    let rows = [shared, talks("10.0.0.5:40000", "192.0.2.1:443", "nginx", 2)];
    assert_eq!(links(&rows), ["nginx 1,2 -> :443 elsewhere x1"]);
}

#[test]
fn a_group_on_one_port_is_one_service_if_it_is_one_program() {
    let rows = ["envoy", "envoy", "haproxy"];
    let rows: Vec<Row> = rows
        .into_iter()
        .zip(1..)
        .map(|(name, pid)| listens("0.0.0.0:8085", name, pid))
        .collect();
    assert_eq!(services(&rows), ["envoy 1,2", "haproxy 3"]);
}

#[test]
fn a_worker_belongs_to_the_listener_whose_connections_it_handles() {
    let child = |row: Row| with(row, |process| process.parent_pid = Some(1));
    let rows = [
        listens("0.0.0.0:22", "sshd", 1),
        child(talks("10.0.0.5:22", "192.0.2.1:50000", "sshd-session", 2)),
        child(talks("10.0.0.5:40000", "192.0.2.1:443", "sshd", 3)),
    ];
    let told = [
        "elsewhere -> :22 sshd 1,2,3 x1",
        "sshd 1,2,3 -> :443 elsewhere x1",
    ];
    assert_eq!(links(&rows), told);
}

#[test]
fn a_stranger_that_handles_a_connection_is_who_is_talked_to() {
    let rows = [
        listens("0.0.0.0:79", "inetd", 1),
        talks("10.0.0.5:79", "192.0.2.1:50000", "fingerd", 2),
    ];
    assert_eq!(links(&rows), ["elsewhere -> :79 fingerd 2 x1"]);
    assert_eq!(services(&rows), ["inetd 1", "fingerd 2"]);
}

#[test]
fn a_client_is_not_one_with_the_server_it_talks_to() {
    let [client, server] = connected(("app", 2), "127.0.0.1:40000", ("app", 1), "127.0.0.1:3000");
    let child = with(client, |process| process.parent_pid = Some(1));
    let rows =
        [listens("127.0.0.1:3000", "app", 1), child, server].map(|row| in_unit(row, "app.service"));
    assert_eq!(links(&rows), ["app 2 -> :3000 app 1 x1"]);
}

#[test]
fn processes_of_a_unit_belong_to_its_listener() {
    let rows = [
        listens("127.0.0.1:3000", "app", 1),
        talks("10.0.0.5:40000", "192.0.2.1:443", "app", 7),
    ];
    assert_eq!(services(&rows), ["app 1", "app 7"], "somebody started each");
    let rows = rows.map(|row| in_unit(row, "app.service"));
    assert_eq!(services(&rows), ["app 1,7"]);
}

#[test]
fn clients_of_one_program_are_one_service() {
    let rows = [
        talks("10.0.0.5:40000", "192.0.2.1:443", "curl", 1),
        talks("10.0.0.5:40001", "192.0.2.1:443", "curl", 2),
        talks("10.0.0.5:40002", "192.0.2.2:443", "curl", 2),
        with(
            talks("10.0.0.5:40003", "192.0.2.1:443", "curl", 3),
            |process| process.uid = Some(0),
        ),
    ];
    let told = [
        "curl 3 -> :443 elsewhere x1",
        "curl 1,2 -> :443 elsewhere x2",
        "curl 1,2 -> :443 elsewhere x1",
    ];
    let mut links = links(&rows);
    links.sort();
    let mut told = told.map(str::to_owned);
    told.sort();
    assert_eq!(links, told);
}

fn opened(mut row: Row) -> Row {
    row.role = Some(Box::new(Role {
        socket_unit: Some(Foreign::new("web.socket")),
        forwards_to: None,
    }));
    row
}

/// Two sockets that a manager opened, of which a service has one by now.
fn activated(pid: u32, manager: impl Fn(&mut Process)) -> Vec<String> {
    let other = opened(listens("127.0.0.1:7778", "systemd", pid));
    let web = opened(listens("127.0.0.1:7777", "systemd", pid));
    let [other, mut web] = [other, web].map(|row| with(row, &manager));
    web.owners = both(&web, &listens("127.0.0.1:7777", "web", 9));
    services(&[other, web])
}

fn in_scope(process: &mut Process, name: &str, manager: Manager) {
    process.meaning.unit = Some(Unit {
        name: Foreign::new(name),
        slice: None,
        manager,
        user: None,
        claimed: false,
    });
}

#[test]
fn systemd_is_left_out_once_the_service_has_the_socket() {
    let told = activated(1, |process| process.uid = Some(0));
    assert_eq!(told, ["web 9", "systemd 1"]);
    let told = activated(5, |process| in_scope(process, "init.scope", Manager::User));
    assert_eq!(told, ["web 9", "systemd 5"], "a user's");
}

#[test]
fn systemd_is_not_known_by_its_name_alone() {
    assert_eq!(activated(1, |_| ()), ["systemd 1,9"], "not of root");
    assert_eq!(
        activated(5, |process| process.uid = Some(0)),
        ["systemd 5,9"]
    );
    for (name, manager) in [
        ("a.service", Manager::User),
        ("init.scope", Manager::System),
    ] {
        let told = activated(5, |process| in_scope(process, name, manager));
        assert_eq!(told, ["systemd 5,9"], "{name}");
    }
}
