//! `check --expect name=...`, and what a workflow is told, whatever a process calls itself.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use tempfile::TempDir;

use super::held::{Held, helper_named, open_folder};
use crate::answer::{Answer, portwho};
use crate::scene::{self, free_port, is_free, port, until};

/// A listener that a program of this name has; the program, its spec and its folder.
fn held_by(name: impl AsRef<OsStr>) -> std::io::Result<(Held, String, TempDir)> {
    let listener = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&listener));
    let (held, folder) = hold(name, listener)?;
    Ok((held, spec, folder))
}

fn hold(name: impl AsRef<OsStr>, listener: TcpListener) -> std::io::Result<(Held, TempDir)> {
    let folder = open_folder();
    let mut command = Command::new(helper_named(&folder, name.as_ref())?);
    let held = Held::holding(command.arg0(name), listener)?;
    Ok((held, folder))
}

fn expect(spec: &str, name: &str) -> Answer {
    portwho(&["check", spec, "--expect", &format!("name={name}")])
}

#[test]
fn an_expected_name_must_be_the_whole_name() {
    let (_held, spec, _folder) = match held_by("database_exporter") {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let right = expect(&spec, "database_exporter");
    assert_eq!(right.code, Some(0), "{right:?}");
    for wrong in [
        "database",
        "exporter",
        "DATABASE_EXPORTER",
        "database_exporter2",
        "sleep",
    ] {
        let answer = expect(&spec, wrong);
        assert_eq!(answer.code, Some(1), "{wrong} {answer:?}");
        assert!(
            answer.stdout.contains("database_exporter listens on"),
            "{answer:?}"
        );
    }
    let either = portwho(&[
        "check",
        &spec,
        "--expect=name=sleep",
        "--expect=name=database_exporter",
    ]);
    assert_eq!(either.code, Some(0), "{either:?}");
    let both = portwho(&[
        "check",
        &spec,
        "--expect=pid=1",
        "--expect=name=database_exporter",
    ]);
    assert_eq!(both.code, Some(1), "{both:?}");
}

#[test]
fn a_stranger_is_named_with_its_process() {
    let (held, spec, _folder) = match held_by("stranger") {
        Ok(scene) => scene,
        Err(why) => skip!("{why}"),
    };
    let who = format!("(pid {})", held.pid());
    for arguments in [[].as_slice(), &["--format", "github"], &["--json"]] {
        let answer = portwho(&[&["check", &spec, "--expect=name=database"], arguments].concat());
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.stdout.contains("stranger listens on"), "{answer:?}");
        assert!(answer.stdout.contains(&who), "{answer:?}");
    }
    // Where one of two is as expected, the other is the failure.
    let (_other, second, _folder) = held_by("database").unwrap();
    let answer = portwho(&["check", &spec, &second, "--expect=name=database"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stdout.contains("as expected"), "{answer:?}");
}

#[test]
fn where_nobody_listens_nobody_is_as_expected() {
    let own = format!("--expect=pid={}", std::process::id());
    let nobody = until("a port that stays free", || {
        let port = free_port();
        let nobody =
            is_free(port).then(|| portwho(&["check", &port.to_string(), &own, "--json"]))?;
        is_free(port).then_some(nobody)
    });
    if nobody.json()["source"] != "sock_diag" {
        skip!("the kernel does not answer sock_diag");
    }
    assert_nobody(&nobody);
}

#[track_caller]
fn assert_nobody(answer: &Answer) {
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(
        answer.json()["checks"][0]["expectation"],
        "nobody",
        "{answer:?}"
    );
}

#[test]
fn a_port_that_is_held_without_listening_is_held_by_nobody_expected() {
    let own = format!("--expect=pid={}", std::process::id());
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    bound.bind(&any.into()).unwrap();
    let bound_at = bound.local_addr().unwrap().as_socket().unwrap().to_string();
    let listener = scene::listener();
    let left_at = listener.local_addr().unwrap().to_string();
    let _connection = scene::connection(&listener);
    drop(listener);
    for spec in [bound_at, left_at] {
        assert_nobody(&portwho(&["check", &spec, &own, "--json"]));
    }
}

#[test]
fn every_line_for_a_workflow_is_an_annotation() {
    let listener = scene::listener();
    let taken = format!("127.0.0.1:{}", port(&listener));
    // In the range of the kernel's own, and free: that is a warning.
    let answer = until("a port that stays free", || {
        let warned = format!("127.0.0.77:{}", free_port());
        let is_free = || TcpListener::bind(&warned).is_ok();
        let specs = [&taken, "198.51.100.7:8080", &warned];
        let answer =
            is_free().then(|| portwho(&[&["check", "--format", "github"], &specs[..]].concat()))?;
        is_free().then_some(answer)
    });
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let lines: Vec<&str> = answer.stdout.lines().collect();
    let of = |level: &str| lines.iter().filter(|line| line.starts_with(level)).count();
    assert_eq!(
        (lines.len(), of("::error "), of("::warning ")),
        (3, 2, 1),
        "{answer:?}"
    );
    let pid = format!("(pid {})", std::process::id());
    assert!(lines[0].contains(&pid), "{answer:?}");
}

#[test]
fn a_hostile_name_makes_no_annotation_of_its_own() {
    let names: [&[u8]; 6] = [
        b"a\n::error::b",
        b"a\r::set-output name=x::y",
        b"a%0A::error::b",
        b"::error title=x::y",
        b"a%b%25%",
        "a\u{2028}::error::\u{85}b".as_bytes(),
    ];
    for name in names {
        let name = OsStr::from_bytes(name);
        let (_held, spec, _folder) = match held_by(name) {
            Ok(scene) => scene,
            Err(why) => skip!("no file can be called {name:?} here: {why}"),
        };
        for expectation in [[].as_slice(), &["--expect=name=database"]] {
            let answer = portwho(&[&["check", &spec, "--format", "github"], expectation].concat());
            assert_eq!(answer.code, Some(1), "{answer:?}");
            let lines: Vec<&str> = answer
                .stdout
                .split(['\n', '\r', '\u{85}', '\u{2028}'])
                .collect();
            let is_error = lines[0].starts_with("::error title=");
            assert!(is_error && lines[1..] == [""], "one line: {answer:?}");
            // A runner turns %0A, %0D and %25 back: each sign of the name's own must be written so.
            let after = answer
                .stdout
                .replace("%25", "")
                .replace("%3A", "")
                .replace("%2C", "");
            assert!(!after.contains('%'), "{answer:?}");
            // The title ends at the first "::" and holds nothing that ends it earlier.
            let (title, message) = lines[0]["::error title=".len()..].split_once("::").unwrap();
            assert!(!title.contains([':', ',']), "{answer:?}");
            assert!(message.contains("(pid "), "{answer:?}");
        }
    }
}
