//! Reads the graphs of `portwho map`, and lets Graphviz draw them.

use std::io::Write;
use std::process::{Command, Stdio};

/// Lets Graphviz draw, where it is there.
#[track_caller]
pub fn drawn(digraph: &str) {
    let dot = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut dot) = dot else {
        // The parser below has read it in any case.
        graph(digraph);
        return;
    };
    let mut input = dot.stdin.take().unwrap();
    input.write_all(digraph.as_bytes()).unwrap();
    drop(input);
    let output = dot.wait_with_output().unwrap();
    // It may lack fonts, and say so.
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !complaint.contains("syntax"),
        "{complaint}"
    );
}

/// Reads a digraph as we write it, and gives the labels as they are drawn.
#[track_caller]
pub fn graph(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("digraph portwho {"));
    assert_eq!(text.lines().last(), Some("}"));
    let statements = lines.filter(|line| line.starts_with("  ") && line.contains("[label="));
    let labels: Vec<String> = statements
        .map(|line| {
            let (ends, rest) = line.trim().split_once(" [label=\"").expect(line);
            ends.split(" -> ").for_each(is_id);
            let mut label = String::new();
            let mut chars = rest.chars();
            loop {
                match chars.next().expect(line) {
                    '"' => break,
                    '\\' => match chars.next().expect(line) {
                        'n' => label.push('\n'),
                        c @ ('"' | '\\') => label.push(c),
                        c => panic!("\\{c} in {line}"),
                    },
                    c => label.push(c),
                }
            }
            let rest = chars.as_str();
            assert!(matches!(rest, "];" | ", shape=ellipse];"), "{line}");
            label.replace("&amp;", "&")
        })
        .collect();
    // The first line, the direction, the shape, the last line.
    assert_eq!(labels.len() + 4, text.lines().count(), "{text}");
    labels
}

/// Reads a flowchart as we write it, and gives the labels as they are drawn.
#[track_caller]
pub fn flowchart(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("flowchart LR"));
    lines
        .map(|line| {
            let (before, rest) = line.split_once('"').expect(line);
            let (label, after) = rest.split_once('"').expect(line);
            let (before, after) = (before.trim(), after.trim());
            match (before.split_once(" -->|"), after.split_once("| ")) {
                (Some((from, "")), Some(("", to))) => [from, to].into_iter().for_each(is_id),
                _ => {
                    let brackets = before.trim_end_matches(['[', '(']);
                    is_id(brackets);
                    assert!(matches!(after, "]" | "])"), "{line}");
                }
            }
            decoded(label)
        })
        .collect()
}

#[track_caller]
fn is_id(id: &str) {
    assert!(
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric()),
        "{id:?}"
    );
}

/// A label with Mermaid's entities read.
#[track_caller]
fn decoded(label: &str) -> String {
    let label = label.replace("<br/>", "\n");
    let mut parts = label.split('#');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';').expect(&label);
        let code = number.parse().ok().and_then(char::from_u32);
        out.push(code.expect(number));
        out.push_str(rest);
    }
    let harmless = |c: char| c.is_alphanumeric() || " .,:/-()×→…@+%\n".contains(c);
    let raw = label.chars().filter(|c| !matches!(c, '#' | ';'));
    let odd: Vec<char> = raw.filter(|c| !harmless(*c)).collect();
    assert!(odd.is_empty(), "{odd:?} in {label}");
    out
}
