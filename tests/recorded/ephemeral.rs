//! `ephemeral` on recordings: what it prints in every format, what it refuses, how it ends.

use portwho::judge::advise;
use portwho::model::Depth;
use portwho::read::capture::{Capture, Replay};
use portwho::render::{Look, write_ephemeral, write_ephemeral_in};
use portwho::select::Query;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};

use crate::bad_usage::refusal;
use crate::contract::{checked_verb, list};
use crate::{Answer, capture, command, ended};

/// The verb on a capture.
fn on(name: &str, arguments: &[&str]) -> Answer {
    let mut command = command();
    command.arg("ephemeral").arg("--from").arg(capture(name));
    ended(command.args(arguments))
}

fn document(name: &str, arguments: &[&str]) -> Value {
    let answer = on(name, &[&["--json"], arguments].concat());
    checked_verb(&answer.stdout, "ephemeral")
}

#[test]
fn a_pipe_gets_numbers_and_no_bars() {
    let text = on("exhausted", &[]).shown();
    assert!(!text.contains('█'), "{text}");
    assert_data_eq!(text, file!["snapshots/ephemeral.txt"].raw());
}

#[test]
fn json_has_the_range_the_budgets_and_the_advice() {
    let text = on("exhausted", &["--json"]).shown();
    checked_verb(&text, "ephemeral");
    assert_data_eq!(text, file!["snapshots/ephemeral_json.txt"].raw());
}

#[test]
fn the_rows_of_all_formats_are_those_of_json() {
    let document = document("exhausted", &[]);
    let budgets = list(&document["budgets"]);
    let ndjson = on("exhausted", &["--format", "ndjson"]).shown();
    let lines = ndjson
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(lines.collect::<Vec<Value>>(), budgets);
    let csv = on("exhausted", &["--format", "csv"]).shown();
    assert_eq!(csv.lines().count(), 1 + budgets.len());
    let bare = on("exhausted", &["--format", "csv", "--no-header"]).shown();
    assert_eq!(
        bare.lines().collect::<Vec<_>>(),
        csv.lines().skip(1).collect::<Vec<_>>()
    );
    let used = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(5).unwrap().to_owned());
    let expected = budgets.iter().map(|budget| budget["used"].to_string());
    assert!(used.eq(expected), "{csv}");
    let plain = on("exhausted", &["--format", "plain"]).shown();
    assert_eq!(plain.lines().count(), 1 + budgets.len());
    let fields = |line: &str| line.split('\t').count();
    assert!(plain.lines().all(|line| fields(line) == 11), "{plain}");
}

/// Everything that a budget holds has a column in CSV.
#[test]
fn csv_has_every_field_of_a_budget() {
    let csv = on("exhausted", &["--format", "csv"]).shown();
    let titles: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let document = document("exhausted", &[]);
    for (name, value) in document["budgets"][0].as_object().unwrap() {
        let parts = value.as_object().map(|parts| parts.keys().cloned());
        let names = match (parts, name.as_str()) {
            (Some(parts), _) => parts.map(|part| format!("{name}_{part}")).collect(),
            (None, "trend") => vec!["trend_gained".into(), "trend_full_in_seconds".into()],
            (None, _) => vec![name.clone()],
        };
        for name in names {
            assert!(titles.contains(&name.as_str()), "{name} in {titles:?}");
        }
    }
}

#[test]
fn selectors_narrow_which_budgets_are_told() {
    let peers = |arguments: &[&str]| -> Vec<Value> {
        let document = document("exhausted", arguments);
        let budgets = list(&document["budgets"]).iter();
        budgets.map(|budget| budget["peer_port"].clone()).collect()
    };
    for (arguments, expected) in [
        (&["peer=10.0.0.9:5432"][..], json!([5432])),
        (&["peer=:443", "peer=:6379"], json!([443, 6379])),
        (&["peer=10.0.0.0/8"], json!([5432, 443, 6379])),
        (&["10.0.0.5", "tcp"], json!([5432, 443, 6379])),
        (&["local=10.0.0.5", "udp"], json!([null])),
        (&["tcp:10.0.0.6"], json!([])),
        (&["gunicorn"], json!([5432, 6379])),
        (&["pid=1310"], json!([443])),
        (&["user=search"], json!([null])),
        (&["state=close_wait"], json!([443])),
        (&["state=time_wait", "name=billing"], json!([])),
        (&["--top", "1"], json!([5432])),
    ] {
        assert_eq!(Value::from(peers(arguments)), expected, "{arguments:?}");
    }
    let cut = document("exhausted", &["--top", "1"]);
    assert_eq!(cut["budgets_total"], 4);
    let text = on("exhausted", &["--top", "1"]).shown();
    assert!(text.contains("and 3 less full ones"), "{text}");
}

#[test]
fn nothing_that_matches_is_told_with_what_is_free() {
    let answer = on("exhausted", &["peer=10.0.0.1:1"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let told = "portwho: no outgoing connection that matches 'peer=10.0.0.1:1': at most 198 ports are free\n";
    assert_eq!(answer.stderr, told);
}

#[test]
fn a_part_that_is_reached_exits_1() {
    for (part, selectors, code) in [
        ("80%", &[][..], 1),
        ("80", &[], 1),
        ("83.4%", &[], 0),
        ("100%", &[], 0),
        ("10%", &["peer=10.0.0.8:6379"], 0),
        ("2%", &["peer=10.0.0.8:6379"], 1),
        ("0.1%", &["peer=10.0.0.1:1"], 0),
    ] {
        let answer = on("exhausted", &[&["--fail-at", part], selectors].concat());
        assert_eq!(answer.code, code, "{part} {selectors:?} {answer:?}");
    }
    let answer = on("exhausted", &["--fail-at", "80%", "--quiet"]);
    assert_eq!((answer.code, &*answer.stdout, &*answer.stderr), (1, "", ""));
}

/// A recording of a system that tells no range, and one whose tables could not be read.
#[test]
fn what_cannot_be_told_exits_3() {
    let range = document("ordinary-user", &[]);
    assert_eq!(range["range"], Value::Null);
    let codes = list(&range["notes"])
        .iter()
        .map(|note| note["code"].clone());
    assert!(
        codes.into_iter().any(|code| code == "range-unknown"),
        "{range}"
    );
    for name in ["ordinary-user", "partial-table", "no-proc"] {
        for arguments in [&[][..], &["--fail-at", "80%"]] {
            let answer = on(name, arguments);
            assert_eq!(answer.code, 3, "{name} {answer:?}");
            assert!(answer.stderr.contains("cannot tell"), "{name} {answer:?}");
        }
    }
}

#[test]
fn every_capture_gives_a_document_that_the_schema_allows() {
    let folder = capture("web1");
    for entry in std::fs::read_dir(folder.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            document(name, &[]);
            let text = on(name, &[]).stdout;
            let acts = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(acts), "{name}: {text:?}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for arguments in [
        &[":5432"][..],
        &["10.0.0.9:5432"],
        &["local=10.0.0.5:40000"],
        &["raw"],
        &["--interval", "5s"],
        &["--watch"],
        &["--fail-at", "0"],
        &["--fail-at", "101%"],
        &["--fail-at", "x"],
        &["--top", "0"],
        &["--json", "--format", "csv"],
        &["--quiet", "--json"],
        &["peer="],
        &["udp", "peer=10.0.0.9:53"],
    ] {
        refusal(&on("exhausted", arguments), 2);
    }
    let mut command = command();
    refusal(&ended(command.args(["ephemeral", "--interval", "0"])), 2);
    let (_, hint) = refusal(&on("exhausted", &[":5432"]), 2);
    assert!(hint.unwrap().contains("peer="));
}

/// The tables give sockets in the order in which the kernel keeps them.
#[test]
fn what_is_taken_for_every_peer_is_told_by_port() {
    let text = std::fs::read_to_string(capture("exhausted")).unwrap();
    let mut recording: Value = serde_json::from_str(&text).unwrap();
    let tables = recording["sockets"]["tables"].as_array_mut().unwrap();
    let of_tcp = tables.iter_mut().find(|table| table["protocol"] == "tcp");
    let rows = of_tcp.unwrap()["sockets"].as_array_mut().unwrap();
    let listener = rows.iter().find(|row| row["state"] == "listen").unwrap();
    let first = listener["local"]["port"].as_u64().unwrap();
    let mut listener = listener.clone();
    listener["local"]["address"] = json!("10.9.0.1");
    for (number, (port, address)) in [
        (first + 2, "10.9.0.2"),
        (first + 1, "10.9.0.3"),
        (first + 2, "10.9.0.1"),
    ]
    .into_iter()
    .enumerate()
    {
        listener["local"] = json!({ "address": address, "port": port });
        let handle = 999_000 + number;
        (listener["inode"], listener["handle"]) = (json!(handle), json!(handle));
        rows.insert(0, listener.clone());
    }
    let answer = crate::portwho_fed(
        &["ephemeral", "--from", "-", "--json"],
        recording.to_string().as_bytes(),
    );
    let document = checked_verb(&answer.stdout, "ephemeral");
    let taken: Vec<(u64, &str)> = list(&document["taken"])
        .iter()
        .map(|row| {
            let port = row["local_port"].as_u64().unwrap();
            (port, row["local_address"].as_str().unwrap())
        })
        .collect();
    let expected = [
        (first + 1, "10.9.0.3"),
        (first + 2, "10.9.0.1"),
        (first + 2, "10.9.0.2"),
    ];
    let added: Vec<_> = taken.iter().filter(|row| row.0 != first).copied().collect();
    assert_eq!(added, expected, "{taken:?}");
    assert!(taken.is_sorted(), "{taken:?}");
}

/// The capture on a terminal of so many columns, and lines where they are limited.
fn drawn(width: u16, room: Option<usize>) -> String {
    let mut file = std::fs::File::open(capture("exhausted")).unwrap();
    let mut replay = Replay::new(Capture::read(&mut file).unwrap());
    let asked = portwho::Ephemeral {
        query: Query::default(),
        most: 20,
        depth: Depth::Names,
        names_machine: false,
    };
    let usage = portwho::ephemeral(&mut replay, &asked);
    let look = Look {
        header: true,
        width: Some(width),
        colour: false,
    };
    let (advice, mut out) = (advise(&usage), Vec::new());
    match room {
        Some(room) => write_ephemeral_in(room, &usage, &advice, look, &mut out),
        None => write_ephemeral(&usage, &advice, look, &mut out),
    }
    .unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_narrow_terminal_keeps_what_is_free_and_every_state_that_is_there() {
    assert_data_eq!(drawn(80, None), file!["snapshots/ephemeral_80.txt"].raw());
    assert_data_eq!(drawn(200, None), file!["snapshots/ephemeral_200.txt"].raw());
    for width in [80, 90, 100, 132] {
        let text = drawn(width, None);
        let titles = text.lines().find(|line| line.starts_with("LOCAL"));
        for title in ["FREE", "ESTAB", "TIME-WAIT", "CLOSE-WAIT", "OWNERS"] {
            assert!(titles.unwrap().contains(title), "{width}: {text}");
        }
        let fits = |line: &str| unicode_width::UnicodeWidthStr::width(line) <= usize::from(width);
        assert!(text.lines().all(fits), "{width}: {text}");
    }
}

#[test]
fn few_lines_have_the_budgets_and_the_advice_first() {
    for room in [12, 16, 24] {
        let text = drawn(80, Some(room));
        let place = |words: &str| text.lines().position(|line| line.contains(words));
        assert_eq!(place("range  "), Some(0), "{text}");
        assert!(place("10.0.0.9:5432") < place("advice"), "{text}");
        assert!(place("advice") < place("taken for every peer"), "{text}");
        assert!(place("taken for every peer") < place("settings"), "{text}");
    }
    let text = drawn(80, Some(14));
    let shown = text.lines().take(14).collect::<String>();
    assert!(shown.contains("TIME-WAIT, likely of"), "{text}");
    assert!(shown.contains("--interval tells"), "{text}");
}

/// The verb on the capture as it would be, had the machine been another.
fn changed(change: impl FnOnce(&mut Value), arguments: &[&str]) -> Answer {
    let text = std::fs::read_to_string(capture("exhausted")).unwrap();
    let mut recording: Value = serde_json::from_str(&text).unwrap();
    change(&mut recording);
    let arguments = [&["ephemeral", "--from", "-"], arguments].concat();
    crate::portwho_fed(&arguments, recording.to_string().as_bytes())
}

#[test]
fn a_line_names_every_budget_that_has_reached_a_part() {
    let told = |part: &str| on("exhausted", &["--fail-at", part]).stderr;
    let all = told("2%");
    for peer in ["10.0.0.9:5432", "10.0.0.7:443", "10.0.0.8:6379"] {
        assert!(all.contains(peer), "{all}");
    }
    assert!(!told("15%").contains("6379"), "{}", told("15%"));
    let cut = on("exhausted", &["--fail-at", "2%", "--top", "1"]).stderr;
    assert!(cut.contains("and others"), "{cut}");
}

#[test]
fn what_cannot_be_told_says_why() {
    let unread = |recording: &mut Value| {
        let table = &mut recording["sockets"]["tables"][0];
        table["outcome"] = json!({ "unknown": { "why": "it is a test" } });
    };
    let answer = changed(unread, &["udp"]);
    assert_eq!(answer.code, 0, "that table is of TCP: {answer:?}");
    let answer = changed(unread, &[]);
    assert_eq!(answer.code, 3, "{answer:?}");
    assert!(answer.stderr.contains("a table could not be read"));
    let refused = |as_root: bool| {
        move |recording: &mut Value| {
            recording["holders"]["refused"] = json!(4);
            recording["holders"]["as_root"] = json!(as_root);
        }
    };
    let answer = changed(refused(false), &["name=nosuch"]);
    assert_eq!(answer.code, 3, "{answer:?}");
    assert!(answer.stderr.contains("owners of some sockets are hidden"));
    assert!(!answer.stderr.contains("a table"), "{answer:?}");
    // Every socket has an owner that root has seen.
    let answer = changed(refused(true), &["name=nosuch"]);
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn an_owner_that_is_hidden_is_told_and_nobody_is_blamed() {
    let hide = |recording: &mut Value| {
        recording["holders"]["refused"] = json!(4);
        let holders = recording["holders"]["holders"].as_array_mut().unwrap();
        holders.retain(|holder| holder["process"]["pid"] != 1202);
    };
    let answer = changed(hide, &["peer=10.0.0.9:5432"]);
    let line = answer.stdout.lines().find(|line| line.contains(":5432"));
    let line = line.unwrap();
    assert!(line.ends_with(", others hidden"), "{line}");
    assert!(!answer.stdout.contains("likely"), "{}", answer.stdout);
}

#[test]
fn what_is_reserved_already_is_kept() {
    let listens_outside = |recording: &mut Value| {
        recording["limits"]["reserved"] = json!([[39_000, 39_001], [40_100, 40_100]]);
        let rows = recording["sockets"]["tables"][0]["sockets"].as_array_mut();
        let rows = rows.unwrap();
        let mut row = rows
            .iter()
            .find(|row| row["state"] == "listen")
            .unwrap()
            .clone();
        row["local"]["port"] = json!(39_002);
        (row["inode"], row["handle"]) = (json!(999_001), json!(999_001));
        rows.push(row);
        for row in rows.iter_mut().filter(|row| row["state"] == "time_wait") {
            row["state"] = json!("established");
        }
    };
    let text = changed(listens_outside, &[]).stdout;
    let all = "keep what is reserved (net.ipv4.ip_local_reserved_ports): 39000-39002,40100";
    assert!(text.contains(all), "{text}");
}

#[test]
fn how_long_a_port_waits_that_serves_again_is_what_the_kernel_says() {
    let delay = |recording: &mut Value| {
        recording["limits"]["tcp_tw_reuse"] = json!(1);
        recording["limits"]["tcp_tw_reuse_delay"] = json!(2500);
    };
    let text = changed(delay, &[]).stdout;
    assert!(text.contains("serves again after 2500 ms"), "{text}");
    assert!(
        text.contains("to new connections again after 2500 ms"),
        "{text}"
    );
    let document = changed(delay, &["--json"]).stdout;
    let document = checked_verb(&document, "ephemeral");
    assert_eq!(document["settings"]["tcp_tw_reuse_delay"], 2500);
}

#[test]
fn a_range_of_udp_alone_is_told() {
    let other = |recording: &mut Value| recording["limits"]["ephemeral_udp"] = json!([1025, 1034]);
    let text = changed(other, &[]).stdout;
    assert!(
        text.contains("1025-1034 for UDP: 10 for each address"),
        "{text}"
    );
    let document = checked_verb(&changed(other, &["--json"]).stdout, "ephemeral");
    assert_eq!(
        document["udp_range"],
        json!({ "first": 1025, "last": 1034 })
    );
}
