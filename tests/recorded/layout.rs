//! The rules of the code's structure, held against the source files.

use std::path::{Path, PathBuf};

/// A source file without its tests.
struct Source {
    /// Below `src/`, with `/` for separators.
    path: String,
    whole: String,
    /// What stands before the first `#[cfg(test)]` that opens a module; nothing of a file of tests.
    code: String,
}

impl Source {
    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| {
            self.path.starts_with(&format!("{folder}/")) || self.path == format!("{folder}.rs")
        })
    }

    /// Lines of code that hold any of these, comments and strings of attributes aside.
    fn hits(&self, needles: &[&str]) -> Vec<String> {
        let is_comment = |line: &str| line.trim_start().starts_with("//");
        let lines = self.code.lines().enumerate();
        lines
            .filter(|(_, line)| !is_comment(line))
            .filter(|(_, line)| needles.iter().any(|needle| line.contains(needle)))
            .map(|(index, line)| format!("src/{}:{}: {}", self.path, index + 1, line.trim()))
            .collect()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    assert!(paths.len() > 30, "{paths:?}");
    let source = |path: PathBuf| {
        let whole = std::fs::read_to_string(&path)
            .unwrap()
            .replace("\r\n", "\n");
        let below = path.strip_prefix(&root).unwrap();
        let parts: Vec<_> = below.iter().map(|part| part.to_str().unwrap()).collect();
        let is_test = parts
            .iter()
            .any(|part| matches!(*part, "tests" | "tests.rs"));
        let before_tests = whole.split("#[cfg(test)]\nmod ").next();
        let code = before_tests.filter(|_| !is_test).unwrap_or_default();
        Source {
            path: parts.join("/"),
            code: code.to_owned(),
            whole,
        }
    };
    paths.into_iter().map(source).collect()
}

#[track_caller]
fn nothing(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The lines that break a rule in the files that it speaks of.
fn broken(speaks_of: impl Fn(&Source) -> bool, needles: &[&str]) -> Vec<String> {
    let sources = sources();
    let chosen = sources.iter().filter(|source| speaks_of(source));
    chosen.flat_map(|source| source.hits(needles)).collect()
}

const PURE: [&str; 5] = ["model", "normalize", "select", "judge", "render"];
const SYSTEM: [&str; 2] = ["read", "act"];

#[test]
fn platforms_are_told_apart_only_where_the_system_is_met() {
    let needles = [
        "target_os",
        "target_family",
        "target_env",
        "cfg(unix",
        "cfg(windows",
        "cfg(not(unix",
        "cfg(not(windows",
        "cfg!(unix",
        "cfg!(windows",
        "std::os::",
    ];
    nothing(broken(|source| !source.is_in(&SYSTEM), &needles));
}

#[test]
fn the_pure_stages_do_nothing_but_compute() {
    let needles = [
        "std::fs",
        "std::env",
        "std::process",
        "std::net::Tcp",
        "std::net::Udp",
        "std::thread",
        "SystemTime",
        "Instant",
        "Timestamp::now",
        "Zoned::now",
        "TimeZone::system",
        "println!",
        "print!",
        "eprintln!",
        "eprint!",
        "dbg!",
        "stdout()",
        "stderr()",
        "stdin()",
    ];
    nothing(broken(|source| source.is_in(&PURE), &needles));
}

#[test]
fn output_goes_through_streams_that_can_fail() {
    let needles = ["println!", "print!(", "eprintln!", "eprint!(", "dbg!"];
    nothing(broken(|_| true, &needles));
}

#[test]
fn stages_know_only_those_before_them() {
    let stages: [(&str, &[&str]); 7] = [
        ("model", &[]),
        ("read", &["model"]),
        ("normalize", &["model", "read::raw"]),
        ("select", &["model"]),
        ("judge", &["model", "select"]),
        ("render", &["model", "judge"]),
        ("act", &["model", "judge"]),
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((stage, allowed)) = stages.iter().find(|(stage, _)| source.is_in(&[stage])) else {
            continue;
        };
        for hit in source.hits(&["crate::", "portwho::"]) {
            let uses = hit.split("crate::").skip(1);
            let is_allowed = |used: &str| {
                let mut known = allowed.iter().chain([stage]);
                known.any(|known| {
                    used.strip_prefix(known)
                        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
                })
            };
            if !uses.clone().all(is_allowed) || uses.clone().next().is_none() {
                wrong.push(hit);
            }
        }
    }
    nothing(wrong);
}

#[test]
fn the_edge_is_known_to_no_stage() {
    let is_stage = |source: &Source| source.is_in(&PURE) || source.is_in(&SYSTEM);
    let needles = ["clap", "crate::cli", "crate::pipeline", "crate::survey"];
    nothing(broken(is_stage, &needles));
}

#[test]
fn a_file_says_first_what_it_is() {
    let sources = sources();
    let silent = sources
        .iter()
        .filter(|source| !source.whole.starts_with("//! "));
    nothing(
        silent
            .map(|source| format!("src/{}", source.path))
            .collect(),
    );
}

#[test]
fn no_file_is_long() {
    let sources = sources();
    let long = sources.iter().filter_map(|source| {
        let lines = source.whole.lines().count();
        (lines > 400).then(|| format!("src/{}: {lines} lines", source.path))
    });
    nothing(long.collect());
}

#[test]
fn unsafe_code_stands_only_where_the_system_is_met() {
    let needles = ["unsafe ", "unsafe{", "allow(unsafe_code)"];
    nothing(broken(|source| !source.is_in(&SYSTEM), &needles));
}

#[test]
fn nothing_from_outside_can_make_it_panic() {
    let needles = [
        ".unwrap()",
        ".expect(",
        "panic!(",
        "unreachable!(",
        "todo!(",
        "unimplemented!(",
        " assert!(",
        " assert_eq!(",
    ];
    nothing(broken(|_| true, &needles));
}

#[test]
fn nothing_is_left_for_later_or_named_for_everything() {
    nothing(broken(|_| true, &["TODO", "FIXME", "XXX", "#[ignore"]));
    let vague = ["utils", "helpers", "common", "manager", "misc"];
    let sources = sources();
    let named = sources.iter().filter(|source| {
        let mut parts = source.path.trim_end_matches(".rs").split('/');
        parts.any(|part| vague.contains(&part))
    });
    nothing(named.map(|source| source.path.clone()).collect());
}
