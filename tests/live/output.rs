//! The streams, on every system.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::answer::{Answer, PORTWHO, portwho, turn};
use crate::scene::{self, port};

#[test]
fn the_same_state_gives_the_same_bytes() {
    let listeners = [scene::listener(), scene::listener(), scene::listener()];
    let (_client, _accepted) = scene::connection(&listeners[1]);
    let ports: Vec<_> = listeners.iter().map(|one| port(one).to_string()).collect();
    let ports = format!("tcp:{}", ports.join(","));
    // The age of a process grows, so it is left out.
    for format in [
        ["--format", "table", "--columns", "-since"].as_slice(),
        &["--format", "plain", "--columns", "-since"],
        &["--format", "csv"],
        &["--format", "ndjson"],
        &["--format", "csv", "--sort", "-process"],
        &["--format", "ndjson", "--sort", "state"],
    ] {
        let arguments = [&[ports.as_str()], format].concat();
        let (first, second) = (portwho(&arguments), portwho(&arguments));
        assert_eq!(first.code, Some(0), "{first:?}");
        assert_eq!(first.stdout, second.stdout, "{format:?}");
    }
    let rows = || portwho(&[&ports, "--json"]).rows();
    assert_eq!(rows(), rows());
}

#[test]
fn ndjson_has_the_rows_of_json() {
    let listener = scene::listener();
    let (_client, _accepted) = scene::connection(&listener);
    let port = format!("tcp:{}", port(&listener));
    let lines = portwho(&[&port, "--format", "ndjson"]).stdout;
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, portwho(&[&port, "--json"]).rows());
}

/// Lets portwho write to a stream that will not take it.
fn into(stdout: Stdio, port: u16, format: &str) -> Answer {
    let mut command = Command::new(PORTWHO);
    command.args([&format!("tcp:{port}"), "--format", format]);
    let _turn = turn();
    let output = command.stdout(stdout).stderr(Stdio::piped()).output();
    Answer::from(output.unwrap())
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    let listener = scene::listener();
    for format in ["table", "card", "plain", "json", "ndjson", "csv"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let answer = into(Stdio::from(writer), port(&listener), format);
        assert_eq!(answer.code, Some(0), "{format}: {answer:?}");
        assert!(answer.complaints().is_empty(), "{format}: {answer:?}");
    }
}

#[test]
fn no_escape_codes_go_into_a_pipe() {
    let listener = scene::listener();
    let port = format!("tcp:{}", port(&listener));
    for format in ["table", "card"] {
        let plain = portwho(&[&port, "--format", format]);
        assert!(!plain.stdout.contains('\x1b'), "{plain:?}");
        let coloured = portwho(&[&port, "--format", format, "--color", "always"]);
        assert!(coloured.stdout.contains('\x1b'), "{coloured:?}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        skip!("/dev/full is not there");
    };
    let listener = scene::listener();
    for format in ["table", "card", "plain", "json", "ndjson", "csv"] {
        let full = Stdio::from(full.try_clone().unwrap());
        let answer = into(full, port(&listener), format);
        assert_eq!(answer.code, Some(3), "{format}: {answer:?}");
        let complaints = answer.complaints();
        assert_eq!(complaints.len(), 1, "{format}: {answer:?}");
        let line = complaints[0];
        assert!(
            line.starts_with("portwho: standard output: "),
            "{format}: {answer:?}"
        );
    }
}

#[test]
fn a_recording_gives_the_rows_that_were_there() {
    let listener = scene::listener();
    let (_client, _accepted) = scene::connection(&listener);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording");
    let file = file.to_str().unwrap();
    let port = format!("tcp:{}", port(&listener));
    let recorded = portwho(&["capture", file]);
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let live = portwho(&[&port, "--json"]).rows();
    assert_eq!(live.len(), 2, "{live:#?}");
    drop(listener);
    assert_eq!(portwho(&[&port, "--json", "--from", file]).rows(), live);
}
