//! `--columns`, `--sort`, `--no-header`, `--no-owners`, `--numeric`. Run with `SNAPSHOTS=overwrite`
//! to write the pictures anew.

use snapbox::{IntoData, assert_data_eq, file, str};

use crate::{replay, words};

fn shown(line: &str) -> String {
    replay("web1", &words(line)).shown()
}

/// The titles of a table.
fn titles(line: &str) -> Vec<String> {
    let text = shown(line);
    let first = text.lines().next().unwrap();
    first.split_whitespace().map(str::to_owned).collect()
}

/// The first column of the rows.
fn first_column(line: &str) -> Vec<String> {
    let text = shown(line);
    let cell = |line: &str| {
        line.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    text.lines().skip(1).map(cell).collect()
}

#[test]
fn columns_help_lists_them() {
    assert_data_eq!(
        shown("--columns help"),
        file!["snapshots/columns.txt"].raw()
    );
}

#[test]
fn every_column_of_the_help_can_be_shown() {
    for line in shown("--columns help").lines() {
        let name = line.split_whitespace().next().unwrap();
        let text = shown(&format!("-a --columns {name}"));
        assert_eq!(text.lines().next().unwrap().trim(), name.to_uppercase());
        assert_eq!(text.lines().count(), 39, "{name}");
    }
}

#[test]
fn a_list_of_columns_replaces_the_usual_ones() {
    assert_data_eq!(
        shown("--columns pid,port,process :80 -l"),
        str![[r#"
    PID  PORT    PROCESS
1100 +2  80/tcp  nginx ×3
1100 +2  80/tcp  nginx ×3

"#]]
        .raw()
    );
}

#[test]
fn signs_add_and_remove() {
    let usual = titles("");
    let changed = titles("--columns +inode,-user");
    let mut expected: Vec<String> = usual.into_iter().filter(|title| title != "USER").collect();
    expected.push("INODE".into());
    assert_eq!(changed, expected);
    assert_eq!(titles("--columns -user,+inode"), expected);
    assert_eq!(titles("--columns=-user,+inode"), expected);
    assert_data_eq!(
        shown("--columns +inode,-user"),
        file!["snapshots/columns_changed.txt"].raw()
    );
}

#[test]
fn columns_hold_what_they_say() {
    assert_data_eq!(
        shown("-a --columns port,family,interface,v6only,queue,uid,netns,parent,pids,fds,owners"),
        file!["snapshots/columns_sockets.txt"].raw()
    );
    assert_data_eq!(
        shown("-a --columns port,command,executable,directory user=anna"),
        file!["snapshots/columns_process.txt"].raw()
    );
}

#[test]
fn a_column_is_shown_once() {
    assert_eq!(titles("--columns port,pid,port"), ["PORT", "PID"]);
    assert_eq!(titles("--columns +port"), titles(""));
}

#[test]
fn rows_without_columns_are_refused() {
    let all = "-port,-service,-address,-reach,-process,-pid,-what,-user,-since";
    let answer = replay("web1", &["--columns", all]);
    crate::bad_usage::refusal(&answer, 2);
}

#[test]
fn rows_are_sorted_by_a_column() {
    let is_sorted = |values: &[u64]| values.is_sorted();
    let pids = |line: &str| -> Vec<u64> {
        let cells = first_column(line);
        let known = cells.iter().filter(|cell| *cell != "-");
        known.map(|cell| cell.parse().unwrap()).collect()
    };
    let ascending = pids("--columns pid --sort pid");
    assert!(
        is_sorted(&ascending) && ascending.len() == 20,
        "{ascending:?}"
    );
    let mut descending = pids("--columns pid --sort -pid");
    descending.reverse();
    assert!(is_sorted(&descending), "{descending:?}");
    for key in ["process", "user", "address"] {
        let cells = first_column(&format!("-t -l --columns {key} --sort {key}"));
        let named: Vec<_> = cells
            .iter()
            .filter(|cell| !cell.starts_with(['(', '[']))
            .collect();
        let right = key == "address" || named.is_sorted();
        assert!(right, "{key}: {cells:?}");
    }
}

#[test]
fn every_sort_key_sorts_both_ways_and_keeps_every_row() {
    let rows = |line: &str| {
        let mut rows: Vec<String> = shown(line).lines().map(str::to_owned).collect();
        rows.sort();
        rows
    };
    let usual = rows("-a");
    for key in [
        "port", "address", "protocol", "state", "peer", "process", "pid", "user", "since",
        "service", "reach", "queue",
    ] {
        assert_eq!(rows(&format!("-a --sort {key}")), usual, "{key}");
        assert_eq!(rows(&format!("-a --sort -{key}")), usual, "-{key}");
        assert_eq!(rows(&format!("-a --sort=-{key}")), usual, "-{key}");
    }
}

#[test]
fn the_usual_order_is_by_port_then_listeners_before_connections() {
    assert_eq!(shown("--sort port"), shown(""));
    let states = first_column("-a --columns state :80");
    assert_eq!(states, ["LISTEN", "LISTEN", "ESTABLISHED", "TIME-WAIT"]);
}

#[test]
fn since_is_the_time_of_the_start() {
    let names = first_column("-a --columns process --sort since");
    assert_eq!(names[0], "systemd-networkd");
    let known = names
        .iter()
        .rev()
        .find(|name| !name.starts_with(['-', '(']));
    assert_eq!(known.unwrap(), "git-remote-https");
}

#[test]
fn unknown_comes_last_in_both_directions() {
    for key in ["pid", "-pid"] {
        let pids = first_column(&format!("-a --columns pid --sort {key}"));
        let first_unknown = pids.iter().position(|pid| pid == "-").unwrap();
        let is_last = pids[first_unknown..].iter().all(|pid| pid == "-");
        assert!(is_last, "{key}: {pids:?}");
    }
}

#[test]
fn a_header_can_be_left_out() {
    for format in ["table", "plain", "csv"] {
        let with = shown(&format!("--format {format}"));
        let without = shown(&format!("--format {format} --no-header"));
        assert_eq!(
            with.lines().count(),
            without.lines().count() + 1,
            "{format}"
        );
        assert!(!without.contains("PORT") && !without.starts_with("protocol"));
    }
    assert_eq!(
        replay("web1", &words("--format csv --no-header :81")).stdout,
        ""
    );
}

#[test]
fn without_owners_none_is_shown() {
    assert_data_eq!(
        shown("--no-owners :80 --format table"),
        file!["snapshots/no_owners.txt"].raw()
    );
}

#[test]
fn numbers_replace_names_of_services() {
    assert_data_eq!(shown("-n udp"), file!["snapshots/numeric.txt"].raw());
}
