//! Names that act on a terminal, or would forge a line: shown, never obeyed; in JSON they are whole.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::apart::alone;
use super::held::{Held, helper_named, open_folder};
use crate::answer::{Answer, portwho};
use crate::scene::{self, port};

const HOSTILE: [&[u8]; 10] = [
    b"\x1b[31mred\x1b[0m",
    b"\x1b]0;title\x07",
    b"new\nline",
    b"\ttab\rreturn\x08",
    "\u{202e}gpj.exe\u{2066}\u{200b}".as_bytes(),
    b"bad\xff\xfe\xc3",
    b"a) S 1 1 (b",
    "\u{9b}31m\u{85}next\u{2028}".as_bytes(),
    b"db; port is ok",
    b"'(pid 1)', \"root\"",
];

const FORMATS: [&str; 6] = ["table", "card", "plain", "csv", "ndjson", "json"];

/// A process whose file, arguments and directory have this name.
fn holding(name: &OsStr) -> std::io::Result<(Held, String, tempfile::TempDir)> {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let (held, folder) = named(name, listener)?;
    Ok((held, selector, folder))
}

/// The same with a socket that is there.
fn named(name: &OsStr, socket: impl Into<OwnedFd>) -> std::io::Result<(Held, tempfile::TempDir)> {
    let folder = open_folder();
    let directory = folder.path().join("in").join(name);
    std::fs::create_dir_all(&directory)?;
    let mut command = Command::new(helper_named(&folder, name)?);
    command.arg0(name).arg(name).current_dir(directory);
    Ok((Held::holding(&mut command, socket)?, folder))
}

/// Whether a character may stand in what is printed; a line break is looked at apart.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

fn ask(selector: &str, format: &str) -> Answer {
    // Every column that shows what a process chose.
    let columns = ["--columns", "+command,+directory"];
    let with_columns = matches!(format, "table" | "plain");
    let columns = if with_columns { &columns[..] } else { &[] };
    portwho(&[&[selector, "--format", format], columns].concat())
}

#[test]
fn a_hostile_name_neither_acts_nor_makes_a_line() {
    let (_plain, plain, _folder) = match holding(OsStr::new("harmless")) {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    for name in HOSTILE {
        let name = OsStr::from_bytes(name);
        let (_held, selector, _folder) = match holding(name) {
            Ok(scene) => scene,
            Err(why) => skip!("no file can be called {name:?} here: {why}"),
        };
        for format in FORMATS {
            let answer = ask(&selector, format);
            assert_eq!(answer.code, Some(0), "{format} {answer:?}");
            let expected = ask(&plain, format).stdout;
            let lines = answer.stdout.lines().count();
            assert_eq!(lines, expected.lines().count(), "{format} {answer:?}");
            let tabs = |text: &str| text.matches('\t').count();
            assert_eq!(tabs(&answer.stdout), tabs(&expected), "{format} {answer:?}");
            let text = answer.stdout.replace(['\n', '\t'], "");
            assert!(text.chars().all(is_harmless), "{format} {answer:?}");
            assert!(answer.complaints().is_empty(), "{format} {answer:?}");
        }
    }
}

/// Answers about a process of each hostile name, and about one of a harmless name: whatever is told of it,
/// on standard output and beside it, takes as many lines.
#[track_caller]
fn are_told_in_as_many_lines(mut ask: impl FnMut(&OsStr) -> std::io::Result<Vec<Answer>>) {
    let usual = match ask(OsStr::new("harmless")) {
        Ok(answers) => answers,
        Err(why) => skip!("{why}"),
    };
    for name in HOSTILE {
        let name = OsStr::from_bytes(name);
        let answers = match ask(name) {
            Ok(answers) => answers,
            Err(why) => skip!("no file can be called {name:?} here: {why}"),
        };
        for (answer, usual) in answers.iter().zip(&usual) {
            assert_eq!(answer.code, usual.code, "{answer:?} {usual:?}");
            for (text, usual) in [
                (&answer.stdout, &usual.stdout),
                (&answer.stderr, &usual.stderr),
            ] {
                assert_eq!(text.lines().count(), usual.lines().count(), "{answer:?}");
                let tabs = |text: &str| text.matches('\t').count();
                assert_eq!(tabs(text), tabs(usual), "{answer:?}");
                let text = text.replace(['\n', '\t'], "");
                assert!(text.chars().all(is_harmless), "{answer:?}");
            }
        }
    }
}

#[test]
fn a_wait_tells_of_a_stranger_in_one_line_whatever_its_name() {
    are_told_in_as_many_lines(|name| {
        let (_held, selector, _folder) = holding(name)?;
        let wait =
            |more: &[&str]| portwho(&[&["wait", &selector, "--timeout", "5m"], more].concat());
        let stranger = wait(&["--owner", "name=postgres", "--fail-fast"]);
        assert_eq!(stranger.code, Some(1), "{stranger:?}");
        let said = stranger.complaints().len() + stranger.stderr.matches("note: ").count();
        assert!(said > 0, "{stranger:?}");
        if name == "db; port is ok" {
            assert!(stranger.stderr.contains("'db; port is ok'"), "{stranger:?}");
        }
        Ok(vec![stranger, wait(&[])])
    });
}

#[test]
fn free_names_no_holder_whatever_its_name() {
    are_told_in_as_many_lines(|name| {
        let (_held, selector, _folder) = holding(name)?;
        let number = selector.trim_start_matches("tcp:");
        let none = portwho(&["free", number]);
        assert_eq!((none.code, &*none.stdout), (Some(1), ""), "{none:?}");
        assert_eq!(none.complaints(), ["portwho: 0 of 1 ports found"]);
        Ok(vec![none])
    });
}

#[test]
fn a_budget_is_one_line_whatever_its_owner_is_called() {
    alone!(|| {
        let server = scene::listener();
        let peer = format!("peer={}", server.local_addr().unwrap());
        are_told_in_as_many_lines(|name| {
            let (client, _accepted) = scene::connection(&server);
            let (_held, _folder) = named(name, client)?;
            let ask = |more: &[&str]| portwho(&[&["ephemeral", &peer], more].concat());
            let text = ask(&[]);
            assert_eq!(text.code, Some(0), "{text:?}");
            if name == "db; port is ok" {
                assert!(text.stdout.contains("'db; port is ok' (pid "), "{text:?}");
            }
            let formats = ["plain", "csv", "ndjson"];
            let rest = formats.map(|format| ask(&["--format", format]));
            Ok([text].into_iter().chain(rest).collect())
        });
    });
}

#[test]
fn json_holds_a_hostile_name_whole() {
    for name in HOSTILE {
        let name = OsStr::from_bytes(name);
        let (held, selector, _folder) = match holding(name) {
            Ok(scene) => scene,
            Err(why) => skip!("no file can be called {name:?} here: {why}"),
        };
        let row = portwho(&[&selector, "--json"]).only_row();
        let owner = &row["owners"][0];
        let name = name.to_string_lossy();
        assert_eq!(owner["pid"], held.pid());
        assert_eq!(owner["name"], *name);
        assert_eq!(owner["command"], serde_json::json!([name, name]));
        let directory = owner["working_directory"].as_str().unwrap();
        assert!(directory.ends_with(&*format!("/{name}")), "{directory:?}");
        assert_eq!(owner["uid"], rustix::process::geteuid().as_raw());
        assert_eq!(owner["parent_pid"], std::process::id());
    }
}

#[test]
fn a_hostile_selector_is_quoted_and_makes_no_line() {
    for selector in ["\x1b[31m:80", "80\n81", "\u{202e}80", "name="] {
        let answer = portwho(&[selector]);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        assert_eq!(answer.stdout, "");
        let lines: Vec<&str> = answer.stderr.lines().collect();
        assert!(
            lines[0].starts_with("portwho: ") && lines.len() <= 2,
            "{answer:?}"
        );
        assert!(
            lines.iter().all(|line| line.chars().all(is_harmless)),
            "{answer:?}"
        );
    }
}
