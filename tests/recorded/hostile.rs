//! Names, arguments, paths, users, hosts and interfaces that try to act on the terminal: none does,
//! in no format, and for a parser they are whole.

use serde_json::Value;

use crate::contract::{checked_socket, document, list, sockets, text};
use crate::replay;

/// Characters that a terminal or a reader of lines acts on: control characters (C0, DEL, C1), marks
/// of direction, characters without width, line and paragraph separators, tags.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[track_caller]
pub fn is_clean(text: &str, allowed: &[char]) {
    let bad = text.chars().find(|c| acts(*c) && !allowed.contains(c));
    assert_eq!(bad, None, "{text:?}");
}

const ROWS: usize = 17;
const COLUMNS: &str = "+command,+executable,+directory,+interface,+pids";

#[test]
fn nothing_acts_on_the_terminal_in_any_format() {
    for format in ["table", "card", "plain", "csv", "json", "ndjson"] {
        let mut arguments = vec!["-a", "--format", format];
        if matches!(format, "table" | "plain") {
            arguments.extend(["--columns", COLUMNS]);
        }
        let answer = replay("hostile", &arguments);
        let allowed: &[char] = if format == "plain" {
            &['\n', '\t']
        } else {
            &['\n']
        };
        is_clean(&answer.stdout, allowed);
        is_clean(&answer.stderr, &['\n']);
        assert_eq!(answer.code, 0);
        let rows = answer.stdout.lines().count();
        match format {
            "table" | "plain" => assert_eq!(rows, ROWS + 1, "{format}"),
            "ndjson" => assert_eq!(rows, ROWS),
            // One socket has two owners.
            "csv" => assert_eq!(rows, ROWS + 2),
            _ => {}
        }
    }
}

#[test]
fn colour_is_the_only_thing_that_acts_where_it_is_asked_for() {
    for format in ["table", "card"] {
        let arguments = ["-a", "--format", format, "--color"];
        let plain = replay("hostile", &[&arguments[..], &["never"]].concat()).stdout;
        let coloured = replay("hostile", &[&arguments[..], &["always"]].concat()).stdout;
        assert_eq!(without_colour(&coloured), plain, "{format}");
    }
}

/// Takes out portwho's own sequences: SGR with digits alone.
pub fn without_colour(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('\x1b').enumerate() {
        let sequence = part.split_once('m').filter(|(sequence, _)| {
            sequence.starts_with('[')
                && sequence[1..]
                    .chars()
                    .all(|c| c.is_ascii_digit() || c == ';')
        });
        match sequence {
            Some((_, rest)) if index > 0 => out.push_str(rest),
            _ => out.push_str(part),
        }
    }
    out
}

#[test]
fn a_card_has_no_line_that_another_process_wrote() {
    for port in 7101..=7114 {
        let card = replay("hostile", &["-l", &format!(":{port}")]);
        let lines: Vec<&str> = card.stdout.lines().collect();
        assert!(lines[0].starts_with(&format!("tcp 127.0.0.1:{port}")));
        assert!((3..=5).contains(&lines.len()), "{lines:?}");
        assert!(
            lines[1..].iter().all(|line| line.starts_with("  ")),
            "{lines:?}"
        );
    }
}

#[test]
fn a_record_separator_within_a_name_does_not_make_a_record() {
    let plain = replay("hostile", &["--format", "plain", "-t"]).stdout;
    for line in plain.lines() {
        assert_eq!(line.split('\t').count(), 9, "{line}");
    }
    let csv = replay("hostile", &["--format", "csv"]).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert!(reader.records().all(|record| record.unwrap().len() == 39));
}

#[test]
fn json_holds_names_whole() {
    let raw = std::fs::read_to_string(crate::capture("hostile")).unwrap();
    let capture: Value = serde_json::from_str(&raw).unwrap();
    let found = sockets("hostile", &["-l"]);
    for process in list(&capture["processes"]) {
        let pid = &process["key"]["pid"];
        let owner = found
            .iter()
            .flat_map(|socket| list(&socket["owners"]))
            .find(|owner| owner["pid"] == *pid)
            .expect("every process listens");
        for key in ["comm", "executable", "command", "working_directory"] {
            assert_eq!(owner[key], process[key], "{key} of {pid}");
        }
    }
    let users: Vec<&str> = found.iter().map(|socket| text(socket, "user")).collect();
    assert!(users.contains(&"an\u{1b}[7mna\nroot") && users.contains(&"\u{202e}toor"));
    assert!(
        found
            .iter()
            .any(|socket| socket["interface"] == "e\u{1b}[31mth\u{202e}0")
    );
    assert_eq!(document("hostile", &[])["host"], "web1\u{1b}[31m\n\u{202e}");
}

#[test]
fn ndjson_holds_names_whole() {
    let text = replay("hostile", &["--format", "ndjson"]).stdout;
    let rows: Vec<Value> = text.lines().map(checked_socket).collect();
    assert_eq!(rows, sockets("hostile", &[]));
}

#[test]
fn what_would_act_is_shown_instead() {
    let table = replay("hostile", &["-t"]).stdout;
    for shown in [
        "\\x1b[2Jred",
        "line\\nbreak",
        "tab\\tbed",
        "back\\x08\\x08\\x08\\x08root",
        "\\u{202e}gnp.exe",
        "ng\\u{200b}inx\\u{feff}",
        "bad\u{fffd}\u{fffd}",
        "a) pid=1,fd=3",
        "日本語サーバ",
    ] {
        assert!(table.contains(shown), "{shown} in {table}");
    }
}

/// A process whose name is empty is not a row without a process.
#[test]
fn a_name_of_nothing_leaves_no_hole() {
    let answer = replay(
        "hostile",
        &["-l", ":7114", "--format", "plain", "--no-header"],
    );
    assert!(
        answer.stdout.split('\t').all(|field| !field.is_empty()),
        "{answer:?}"
    );
}

#[test]
fn long_names_are_whole_in_a_pipe() {
    let answer = replay("hostile", &["-l", ":7112"]);
    assert!(answer.stdout.contains(&"x".repeat(1000)));
    assert!(answer.stdout.contains(&"z".repeat(1000)));
}

#[test]
fn notes_of_a_recording_are_clean_as_well() {
    let answer = replay("hostile", &["udp"]);
    assert_eq!(answer.code, 3);
    is_clean(&answer.stderr, &['\n']);
    assert_eq!(answer.stderr.lines().count(), 2, "{}", answer.stderr);
}

#[test]
fn help_for_bad_captures_is_clean() {
    let names = ["no\x1b[31msuch\n\u{202e}file", "\u{9b}x"];
    for name in names {
        let answer = crate::portwho(["--from", name]);
        is_clean(&crate::bad_usage::refusal(&answer, 3).0, &[]);
    }
}
