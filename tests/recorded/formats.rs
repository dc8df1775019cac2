//! The shapes of an answer, and that they agree. Run with `SNAPSHOTS=overwrite` to write the
//! pictures anew.

use std::collections::BTreeMap;

use serde_json::Value;
use snapbox::{assert_data_eq, file};

use crate::contract::{checked, checked_socket, list, sockets};
use crate::replay;

const QUERIES: [&[&str]; 6] = [
    &[],
    &["-a"],
    &[":80"],
    &["udp"],
    &["--no-owners"],
    &["gunicorn"],
];

fn shown(arguments: &[&str]) -> String {
    replay("web1", arguments).shown()
}

#[test]
fn a_listing_is_a_table() {
    assert_data_eq!(shown(&[]), file!["snapshots/table.txt"].raw());
}

#[test]
fn everything_is_a_table_with_states_and_peers() {
    assert_data_eq!(shown(&["-a"]), file!["snapshots/table_all.txt"].raw());
}

#[test]
fn a_table_names_what_it_could_not_see() {
    let answer = replay("ordinary-user", &["-a"]);
    assert_data_eq!(answer.stdout, file!["snapshots/table_hidden.txt"].raw());
}

#[test]
fn plain_is_separated_by_tabs() {
    let text = shown(&["--format", "plain"]);
    assert_data_eq!(text.clone(), file!["snapshots/plain.txt"].raw());
    for line in text.lines() {
        assert_eq!(line.split('\t').count(), 9, "{line}");
        assert!(
            line.split('\t').all(|field| field == field.trim()),
            "{line}"
        );
    }
}

#[test]
fn plain_names_every_owner() {
    let text = shown(&[
        "--format",
        "plain",
        "--no-header",
        "--columns",
        "process,pid",
        ":8084",
        ":8443",
    ]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.contains(&"gunicorn\t9001,9002,9003,9004"), "{text}");
    assert!(lines.contains(&"haproxy\t1400"), "{text}");
}

#[test]
fn csv_has_a_line_for_each_owner() {
    let text = shown(&["--format", "csv", ":8084", ":5004", ":2049"]);
    assert_data_eq!(text.clone(), file!["snapshots/csv.txt"].raw());
    assert_eq!(text.lines().count(), 1 + 4 + 1 + 2);
}

#[test]
fn json_is_readable() {
    let text = shown(&["--json", ":3000"]);
    checked(&text);
    assert_data_eq!(text, file!["snapshots/json.txt"].raw());
}

#[test]
fn ndjson_has_a_line_for_each_socket() {
    let text = shown(&["--format", "ndjson", ":3000"]);
    text.lines().for_each(|line| drop(checked_socket(line)));
    assert_data_eq!(text, file!["snapshots/ndjson.txt"].raw());
}

#[test]
fn json_has_two_names() {
    assert_eq!(shown(&["--json"]), shown(&["--format", "json"]));
}

#[test]
fn the_rows_of_ndjson_are_those_of_json() {
    for arguments in QUERIES {
        let text = shown(&[&["--format", "ndjson"], arguments].concat());
        let rows: Vec<Value> = text.lines().map(checked_socket).collect();
        assert_eq!(rows, sockets("web1", arguments), "{arguments:?}");
    }
}

/// A field of CSV as JSON has it: nothing is null, a list is a JSON text.
fn is_same(field: &str, value: &Value) -> bool {
    match value {
        Value::Null => field.is_empty(),
        Value::String(text) => field == text,
        Value::Array(_) => serde_json::from_str::<Value>(field).is_ok_and(|list| list == *value),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            let text = value.to_string();
            field == text
        }
    }
}

#[test]
fn csv_has_the_fields_of_json() {
    for arguments in QUERIES {
        let text = shown(&[&["--format", "csv"], arguments].concat());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let lines: Vec<BTreeMap<String, String>> =
            reader.deserialize().collect::<Result<_, _>>().unwrap();
        let mut lines = lines.iter();
        for socket in sockets("web1", arguments) {
            let owners = list(&socket["owners"]);
            for index in 0..owners.len().max(1) {
                let line = lines.next().expect("a line for each owner");
                let owner = owners.get(index);
                for (key, value) in socket.as_object().unwrap() {
                    let is_right = key == "owners" || is_same(&line[key], value);
                    assert!(is_right, "{key}: {line:?}");
                }
                for (key, value) in owner.and_then(Value::as_object).into_iter().flatten() {
                    assert!(is_same(&line[&format!("owner_{key}")], value), "{line:?}");
                }
                let owner_pid = &line["owner_pid"];
                assert_eq!(owner_pid.is_empty(), owner.is_none(), "{line:?}");
            }
        }
        assert_eq!(lines.next(), None);
    }
}

#[test]
fn every_shape_has_as_many_rows() {
    for arguments in QUERIES {
        let rows = sockets("web1", arguments).len();
        for (format, header) in [("table", 1), ("plain", 1), ("ndjson", 0)] {
            let text = shown(&[&["--format", format], arguments].concat());
            assert_eq!(
                text.lines().count(),
                rows + header,
                "{format} {arguments:?}"
            );
        }
    }
}

#[test]
fn no_shape_has_blanks_at_the_ends_of_lines() {
    for format in ["table", "card", "csv", "json", "ndjson"] {
        for line in shown(&["-a", "--format", format]).lines() {
            assert_eq!(line, line.trim_end(), "{format}");
        }
    }
}

#[test]
fn the_same_state_gives_the_same_bytes() {
    for format in ["table", "card", "plain", "csv", "json", "ndjson"] {
        for selector in ["-a", ":80", "-l"] {
            let arguments = ["--format", format, selector];
            assert_eq!(shown(&arguments), shown(&arguments), "{arguments:?}");
        }
    }
}

/// The order of rows and of holders is the kernel's whim.
#[test]
fn the_order_in_which_the_system_answers_changes_nothing() {
    let text = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let mut capture: Value = serde_json::from_str(&text).unwrap();
    let reverse = |list: &mut Value| list.as_array_mut().unwrap().reverse();
    for table in capture["sockets"]["tables"].as_array_mut().unwrap() {
        reverse(&mut table["sockets"]);
    }
    reverse(&mut capture["holders"]["holders"]);
    reverse(&mut capture["processes"]);
    let reversed = capture.to_string();
    for format in ["table", "card", "csv", "json"] {
        let answer = crate::portwho_fed(
            &["--from", "-", "-a", "--format", format],
            reversed.as_bytes(),
        );
        assert_eq!(
            answer.shown(),
            shown(&["-a", "--format", format]),
            "{format}"
        );
    }
}
