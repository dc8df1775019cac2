//! Names, arguments, paths, users, hosts and interfaces that try to act on the terminal: none does,
//! in no format, and for a parser they are whole.

use portwho::judge::{Claim, Decided, Reason, Ruling, Verdict};
use portwho::model::{Depth, Protocol};
use portwho::read::capture::{Capture, Replay};
use portwho::render::{Look, write_checks};
use portwho::{Survey, survey};
use serde_json::{Value, json};

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

/// Names that end a clause, begin one, or count as several.
const FORGERIES: [&str; 7] = [
    "db; port is ok",
    "db -- free",
    "db\nport is ok",
    "db, sshd",
    "db; (pid 1)",
    "ok \u{d7}4",
    " db  user root",
];

/// The recording of a server with a process of another name: that of the listener on port 3000.
fn renamed(name: &str) -> String {
    let whole = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let mut capture: Value = serde_json::from_str(&whole).unwrap();
    for process in capture["processes"].as_array_mut().unwrap() {
        if [27897, 9002].contains(&process["key"]["pid"].as_u64().unwrap()) {
            process["comm"] = name.into();
            process["executable"] = format!("/usr/bin/{name}").into();
            process["command"] = json!([name]);
        }
    }
    capture.to_string()
}

fn answer_for(name: &str, arguments: &[&str]) -> crate::Answer {
    let arguments = [arguments, &["--from", "-"]].concat();
    crate::portwho_fed(&arguments, renamed(name).as_bytes())
}

/// The name as a sentence has it: in quotes, and none of it acts.
fn in_text(name: &str) -> String {
    match name {
        "db\nport is ok" => r"db\nport is ok".to_owned(),
        _ => format!("'{name}'"),
    }
}

#[test]
fn a_name_makes_no_line_and_no_clause_of_its_own() {
    for arguments in [
        &["check", "3000"][..],
        &["check", "3000", "--expect", "user=nobody"],
        &["check", "3000", "--format", "github"],
        &[":3000", "--format", "table"],
        &[":3000"],
        &["why", ":3000"],
        &["map", ":3000"],
    ] {
        let usual = answer_for("node", arguments);
        for name in FORGERIES {
            let answer = answer_for(name, arguments);
            assert_eq!(answer.code, usual.code, "{arguments:?} {name}");
            let told = &answer.stdout;
            let lines = usual.stdout.lines().count();
            assert_eq!(told.lines().count(), lines, "{arguments:?} {name}: {told}");
            assert!(
                told.contains(&in_text(name)),
                "{arguments:?} {name}: {told}"
            );
        }
    }
}

/// Drawn by the library: the binary takes the width from a terminal, which a test has not.
#[test]
fn a_verdict_on_a_terminal_has_a_line_for_each_holder_and_none_for_a_name() {
    for name in FORGERIES {
        let recording = renamed(name);
        let mut replay = Replay::new(Capture::read(&mut recording.as_bytes()).unwrap());
        let wanted = Survey {
            owners: true,
            depth: Some(Depth::Names),
            ..Survey::default()
        };
        let (snapshot, _) = survey(&mut replay, &wanted);
        let holders = |port| -> Vec<usize> {
            let rows = snapshot.rows.iter().enumerate();
            let on_port = rows.filter(|(_, row)| row.socket.local.port == Some(port));
            on_port.map(|(at, _)| at).collect()
        };
        let verdict = Verdict {
            claim: Claim {
                protocol: Protocol::Tcp,
                address: None,
                interface: None,
                port: 3000,
            },
            ruling: Ruling::Taken,
            decided: Decided::Table,
            reason: Some(Reason::Held),
            warnings: Vec::new(),
            holders: [holders(3000), holders(8084)].concat(),
            expectation: None,
        };
        let look = Look {
            header: false,
            width: Some(200),
            colour: false,
        };
        let mut out = Vec::new();
        write_checks(&snapshot, &[verdict], look, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let quoted = in_text(name);
        let first = format!("3000/tcp  taken  {quoted} listens on 127.0.0.1 (pid 27897)");
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0], first);
        assert!(
            lines[1]
                .trim_start()
                .starts_with(&format!("gunicorn, {quoted} listens on"))
        );
    }
}

#[test]
fn a_name_is_one_name_among_others() {
    for name in FORGERIES {
        let quoted = in_text(name);
        let table = answer_for(name, &[":8084", "--format", "table"]).stdout;
        assert!(table.contains(&format!("gunicorn, {quoted} ")), "{table}");
        let check = answer_for(name, &["check", "8084"]).stdout;
        let all = format!("gunicorn, {quoted} listens on 0.0.0.0 (pids 9001, 9002, 9003, 9004)");
        assert!(check.contains(&all), "{check}");
        let conflicts = answer_for(name, &["conflicts", "--level", "info"]).stdout;
        assert!(!conflicts.lines().any(|line| line.starts_with("port is ok")));
    }
}

/// Units, containers, projects, scripts and users stand in lists too.
#[test]
fn what_an_owner_is_part_of_is_one_part_of_a_list() {
    let marked = "a; port is ok, b (pid 1).service";
    let quoted = format!("'{marked}'");
    let whole = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let changed = |key: &str, value: Value| {
        let mut capture: Value = serde_json::from_str(&whole).unwrap();
        for process in capture["processes"].as_array_mut().unwrap() {
            if process["key"]["pid"] == 27897 {
                for other in ["unit", "container", "project"] {
                    process[other] = Value::Null;
                }
                process[key] = value.clone();
            }
        }
        if key == "uid" {
            capture["users"]["1000"] = marked.into();
        }
        capture.to_string()
    };
    let unit = json!({"name": marked, "slice": marked, "manager": "system"});
    let container = json!({"runtime": "docker", "id": marked, "pod_uid": null});
    let project = json!({"name": marked, "directory": format!("/srv/{marked}"), "manifest": null});
    for (key, value, verbs) in [
        ("unit", unit, &["list", "why", "map", "card"][..]),
        ("container", container, &["list", "why", "map", "card"]),
        ("project", project, &["list", "why", "map", "card"]),
        ("uid", 1000.into(), &["why", "card"]),
    ] {
        let recording = changed(key, value);
        for verb in verbs {
            let arguments = match *verb {
                "list" => &[":3000", "-l", "--format", "table"][..],
                "card" => &[":3000"],
                verb => &[verb, ":3000"],
            };
            let arguments = [arguments, &["--from", "-"]].concat();
            let told = crate::portwho_fed(&arguments, recording.as_bytes());
            assert_eq!(told.code, 0, "{key} {verb}: {told:?}");
            let text = told.stdout;
            let count = text.matches(marked).count();
            assert!(count > 0, "{key} {verb}: {text}");
            let in_quotes =
                text.matches(&quoted).count() + text.matches(&format!("'/srv/{marked}'")).count();
            assert_eq!(count, in_quotes, "{key} {verb}: {text}");
        }
    }
}

#[test]
fn a_parser_gets_a_name_without_quotes() {
    let arguments = [":3000", "--format", "plain", "--no-header", "--columns"];
    let name = "db; port is ok";
    let plain = answer_for(name, &[&arguments[..], &["process,pid"]].concat());
    let whole = format!("{name}\t27897");
    assert!(plain.stdout.lines().any(|line| line == whole), "{plain:?}");
}

/// The first apostrophe of a field can be taken off, and the text is whole.
#[test]
fn no_name_is_a_formula_in_a_spreadsheet() {
    for name in ["=cmd|calc!A0", "+1", "-1", "@SUM(A1)", "'=1"] {
        let csv = answer_for(name, &[":3000", "--format", "csv"]).stdout;
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let at = reader
            .headers()
            .unwrap()
            .iter()
            .position(|field| field == "owner_name");
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert!(!rows.is_empty());
        for row in &rows {
            assert_eq!(row[at.unwrap()], format!("'{name}"));
            assert!(
                row.iter()
                    .all(|field| !field.starts_with(['=', '+', '-', '@']))
            );
        }
    }
}

/// What portwho says of owners that are not listed is in no quotes.
#[test]
fn a_program_named_like_words_of_portwho_is_told_from_them() {
    let columns = ["--columns", "process,pid", "--no-header"];
    for name in ["(kernel)", "(hidden)", "(no name)", "-", "'(hidden)'"] {
        let quoted = format!("'{}'", name.replace('\'', "\\'"));
        let plain = [&[":3000", "--format", "plain"], &columns[..]].concat();
        let plain = answer_for(name, &plain).stdout;
        let line = format!("{quoted}\t27897");
        assert!(plain.lines().any(|told| told == line), "{plain}");
        for arguments in [
            &[":3000", "--format", "table"][..],
            &[":3000"],
            &["why", ":3000"],
            &["map", ":3000"],
            &["map", ":3000", "--format", "dot"],
            &["check", "3000"],
        ] {
            let told = answer_for(name, arguments).stdout;
            let told = told.replace("\\\\", "\\");
            let own = format!(" {name} ");
            assert!(told.contains(&quoted), "{arguments:?}: {told}");
            // A dash stands for other things too.
            let is_own = told.contains(&own) && name != "-";
            assert!(!is_own, "{arguments:?}: {told}");
        }
    }
    // The words themselves, of an owner that is hidden.
    let hidden = replay("ordinary-user", &["-l", ":22", "--format", "plain"]).stdout;
    assert!(hidden.contains("\t(hidden)\t"), "{hidden}");
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
fn long_names_are_short_for_people_and_whole_for_programs() {
    let long = ["x".repeat(1000), "z".repeat(1000)];
    let columns = ["--columns", COLUMNS];
    for format in ["table", "card", "plain", "csv", "ndjson", "json"] {
        let with_columns = matches!(format, "table" | "plain");
        let columns = if with_columns { &columns[..] } else { &[] };
        let arguments = [&["-l", ":7112", "--format", format], columns].concat();
        let told = replay("hostile", &arguments).stdout;
        let is_for_people = matches!(format, "table" | "card");
        for text in &long {
            let cut = format!("{}…", &text[..100]);
            assert_eq!(told.contains(text), !is_for_people, "{format}");
            assert!(!is_for_people || told.contains(&cut[..100]), "{format}");
        }
    }
}

/// The recording of a server whose command line is as long as Linux lets it be, in a script and a folder
/// with long names.
fn with_huge_arguments() -> String {
    let whole = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let mut capture: Value = serde_json::from_str(&whole).unwrap();
    let mut command = vec![
        "node".to_owned(),
        format!("/srv/{}.js", "s".repeat(100_000)),
    ];
    command.extend(std::iter::repeat_n("x".to_owned(), 750_000));
    for process in capture["processes"].as_array_mut().unwrap() {
        if process["key"]["pid"] == 27897 {
            process["command"] = json!(command);
            process["working_directory"] = format!("/srv/{}", "d".repeat(4000)).into();
            process["executable"] = format!("/usr/{}/node", "e".repeat(4000)).into();
            process["project"] = Value::Null;
        }
    }
    capture.to_string()
}

#[test]
fn a_huge_command_line_makes_no_huge_line_for_people() {
    let recording = with_huge_arguments();
    let told = |arguments: &[&str]| {
        let arguments = [arguments, &["--from", "-"]].concat();
        crate::portwho_fed(&arguments, recording.as_bytes()).shown()
    };
    let columns = "+command,+directory,+executable,+what";
    for arguments in [
        &[":3000"][..],
        &["-l", ":3000", "--format", "table", "--columns", columns],
        &["why", ":3000"],
        &["map", ":3000"],
    ] {
        let text = told(arguments);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest < Some(5 * 600), "{arguments:?}: {longest:?}");
        assert!(text.contains("node"), "{arguments:?}");
        assert!(text.contains('…'), "{arguments:?}");
    }
    for format in ["plain", "csv", "ndjson", "json"] {
        let columns = ["--columns", columns];
        let columns = if format == "plain" { &columns[..] } else { &[] };
        let text = told(&[&["-l", ":3000", "--format", format], columns].concat());
        assert!(text.len() > 1_500_000, "{format}: {}", text.len());
        assert!(!text.contains('…'), "{format}");
    }
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
