//! A hundred thousand sockets: every one is told, line by line, in memory that does not grow with a
//! table of them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::OnceLock;

use crate::contract::checked_socket;
use crate::{command, ended};

const ROWS: usize = 100_000;

/// A capture of many listeners of one process.
fn capture() -> &'static tempfile::NamedTempFile {
    static FILE: OnceLock<tempfile::NamedTempFile> = OnceLock::new();
    FILE.get_or_init(|| {
        let text = std::fs::read_to_string(crate::capture("container")).unwrap();
        let row = text
            .lines()
            .find(|line| line.contains("\"port\": 8080"))
            .expect("a row to repeat")
            .trim()
            .trim_end_matches(',');
        let mut rows = String::new();
        for index in 0..ROWS {
            let address = format!("\"10.{}.{}.1\"", index / 60_000, index % 60_000 / 256);
            let port = format!("\"port\": {}", index % 60_000 + 1024);
            let row = row
                .replacen("\"0.0.0.0\"", &address, 1)
                .replacen("\"port\": 8080", &port, 1);
            writeln!(rows, "{row},").unwrap();
        }
        let text = text.replacen(row, rows.trim_end_matches([',', '\n']), 1);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    })
}

/// Runs on the many; gives the lines, and the peak of the program's memory in KiB where the system
/// tells it. The peak is read while the last lines do not fit into the pipe, so that the program is
/// still there.
fn run(arguments: &[&str]) -> (Vec<String>, Option<u64>) {
    let mut child = command()
        .arg("--from")
        .arg(capture().path())
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut read: Vec<String> = lines
        .by_ref()
        .take(ROWS * 9 / 10)
        .map(Result::unwrap)
        .collect();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let peak = status.ok().and_then(|status| {
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    });
    read.extend(lines.map(Result::unwrap));
    assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    (read, peak)
}

#[test]
fn every_row_is_told_and_no_table_of_all_cells_is_kept() {
    let (rows, least) = run(&["--format", "ndjson"]);
    assert_eq!(rows.len(), ROWS + 1);
    checked_socket(&rows[0]);
    checked_socket(&rows[ROWS]);
    for (format, around) in [("table", 1), ("plain", 1), ("json", 15)] {
        let (lines, peak) = run(&["--format", format]);
        assert_eq!(lines.len(), ROWS + 1 + around, "{format}");
        // A table of a hundred thousand rows of cells takes hundreds of MiB.
        if let (Some(least), Some(peak)) = (least, peak) {
            assert!(
                peak < least + 16 * 1024,
                "{format}: {peak} KiB, not {least}"
            );
        }
    }
}

#[test]
fn one_of_many_is_found() {
    let mut command = command();
    command
        .arg("--from")
        .arg(capture().path())
        .arg("10.0.0.1:1100");
    assert!(ended(&mut command).shown().contains("10.0.0.1:1100"));
}

#[test]
fn a_reader_of_the_first_line_alone_is_no_error() {
    for format in ["table", "plain", "json", "ndjson", "csv"] {
        let mut child = command()
            .arg("--from")
            .arg(capture().path())
            .args(["--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        assert!(first.ends_with('\n'), "{first}");
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // The note on the hidden owner is all that there is to say.
        assert!(
            said.lines().count() <= 1 && !said.contains("panicked"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(0), "{format}: {said}");
    }
}
