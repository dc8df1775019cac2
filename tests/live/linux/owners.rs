//! Who holds a socket: every holder, and nobody else.

use std::os::fd::AsRawFd;
use std::process::{Command, id};

use serde_json::Value;

use super::held::{Held, inode, row_of, rows_of};
use super::scenes;
use crate::answer::{assert_owned, pids, portwho};
use crate::scene::{self, port};

#[test]
fn a_listener_of_another_process_is_told_whole() {
    let listener = scene::listener();
    let (port, inode) = (port(&listener), inode(&listener));
    let folder = tempfile::tempdir().unwrap();
    let mut sleep = Command::new("sleep");
    let held = Held::holding(sleep.arg("600").current_dir(&folder), listener).unwrap();
    let document = portwho(&[&format!("tcp:{port}"), "--json"]).json();
    let row = row_of(document["sockets"].as_array().unwrap(), inode);
    assert_owned(row, &[held.pid()]);
    assert_eq!(row["uid"], rustix::process::geteuid().as_raw());
    let owner = &row["owners"][0];
    assert_eq!(owner["command"], serde_json::json!(["sleep", "600"]));
    let directory = folder.path().canonicalize().unwrap();
    assert_eq!(owner["working_directory"].as_str(), directory.to_str());
    assert_eq!(owner["uid"], rustix::process::geteuid().as_raw());
    assert_eq!(owner["parent_pid"], id());
    assert_eq!(owner["fds"], serde_json::json!([0]));
    // Both are RFC 3339 in UTC, and so in the order of time.
    let [started, taken] = [&owner["started_at"], &document["taken_at"]].map(Value::as_str);
    assert!(
        started.is_some() && started <= taken,
        "{started:?} {taken:?}"
    );
    let card = portwho(&[&format!("tcp:{port}")]).stdout;
    let pid = format!("pid {}", held.pid());
    for part in [
        pid.as_str(),
        "user ",
        "since ",
        "sleep 600",
        directory.to_str().unwrap(),
    ] {
        assert!(card.contains(part), "{part} in {card}");
    }
}

#[test]
fn a_listener_shared_by_several_processes_lists_every_holder() {
    let listener = scene::listener();
    let inode = inode(&listener);
    let held = [(); 3].map(|()| Held::sleep(listener.try_clone().unwrap()));
    let mut expected: Vec<u32> = held.iter().map(Held::pid).chain([id()]).collect();
    expected.sort_unstable();
    let rows = portwho(&[&format!("tcp:{}", port(&listener)), "--json"]).rows();
    assert_owned(row_of(&rows, inode), &expected);
    let own = row_of(&rows, inode)["owners"].as_array().unwrap();
    let own = own.iter().find(|owner| owner["pid"] == id()).unwrap();
    assert_eq!(own["fds"], serde_json::json!([listener.as_raw_fd()]));
    let csv = portwho(&[&format!("tcp:{}", port(&listener)), "--format", "csv"]).stdout;
    assert_eq!(csv.lines().count(), 1 + expected.len(), "{csv}");
}

#[test]
fn forked_workers_are_all_owners() {
    let (held, told) = match Held::helper("workers") {
        Ok(told) => told,
        Err(why) => skip!("{why}"),
    };
    let mut expected: Vec<u32> = told[1..].to_vec();
    expected.push(held.pid());
    expected.sort_unstable();
    assert_eq!(expected.len(), 4);
    let port = format!("tcp:{}", told[0]);
    let row = portwho(&[&port, "--json"]).only_row();
    assert_owned(&row, &expected);
    let table = portwho(&[&port, "--format", "table"]).stdout;
    assert!(table.contains("×4"), "{table}");
}

#[test]
fn each_socket_of_a_reuseport_group_has_its_own_owner() {
    let group = scenes::reuseport();
    let port = port(&group[0]);
    let inodes = group.each_ref().map(inode);
    let held = group.map(Held::sleep);
    let rows = portwho(&[&format!("tcp:{port}"), "--json"]).rows();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    for (inode, held) in inodes.into_iter().zip(&held) {
        assert_owned(row_of(&rows, inode), &[held.pid()]);
    }
}

#[test]
fn a_process_with_two_descriptors_of_a_socket_is_one_owner() {
    let listener = scene::listener();
    let second = listener.try_clone().unwrap();
    let row = portwho(&[&format!("tcp:{}", port(&listener)), "--json"]).only_row();
    assert_owned(&row, &[id()]);
    let mut fds = [listener.as_raw_fd(), second.as_raw_fd()];
    fds.sort_unstable();
    assert_eq!(row["owners"][0]["fds"], serde_json::json!(fds));
}

#[test]
fn the_card_keeps_connections_apart_and_names_who_is_at_the_other_end() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    let peer = client.local_addr().unwrap();
    let held = Held::sleep(client);
    let port = port(&listener);
    let card = portwho(&["-n", &format!("tcp:{port}")]).stdout;
    let lines: Vec<&str> = card.lines().collect();
    let heading = format!("tcp 127.0.0.1:{port}  LISTEN  only this machine can reach it");
    assert_eq!(lines[0], heading, "{card}");
    let count = lines.iter().position(|line| line.trim() == "1 connection");
    let connection = lines[count.unwrap_or_else(|| panic!("{card}")) + 1];
    let other_end = format!("(pid {})", held.pid());
    assert!(connection.contains(&peer.to_string()), "{card}");
    assert!(connection.contains(&other_end), "{card}");
    assert!(connection.contains("ESTABLISHED"), "{card}");
    assert_eq!(card.matches("LISTEN").count(), 1, "{card}");
}

#[test]
fn the_search_for_owners_can_be_skipped() {
    let listener = scene::listener();
    let row = portwho(&[&format!("tcp:{}", port(&listener)), "--no-owners", "--json"]).only_row();
    assert_eq!(row["owner_status"], "skipped");
    assert!(pids(&row).is_empty());
}

#[test]
fn owners_are_selected_by_pid_and_by_name() {
    let (ours, theirs) = (scene::listener(), scene::listener());
    let inodes = [inode(&ours), inode(&theirs)];
    let held = Held::sleep(theirs);
    let rows = portwho(&[&format!("pid={}", held.pid()), "--json"]).rows();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_owned(row_of(&rows, inodes[1]), &[held.pid()]);
    for selector in ["sleep", "name=sleep", "name=SLEE"] {
        let rows = portwho(&[selector, "--json"]).rows();
        assert_eq!(rows_of(&rows, inodes[1]).len(), 1, "{selector}");
        assert!(rows_of(&rows, inodes[0]).is_empty(), "{selector}");
    }
}

#[test]
fn a_listener_without_a_process_any_more_is_gone() {
    let listener = scene::listener();
    let (port, inode) = (port(&listener), inode(&listener));
    drop(Held::sleep(listener));
    let rows = portwho(&[&format!("tcp:{port}"), "--json"]).rows();
    assert!(rows_of(&rows, inode).is_empty(), "{rows:#?}");
}
