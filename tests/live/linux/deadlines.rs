//! Processes and files that would keep their reader busy for ever: portwho shows what it can, in bounded
//! time and memory, and says what it left out.

use std::process::Command;

use super::held::{Held, helper_program};
use crate::answer::{Answer, PORTWHO, run};
use crate::scene;

/// A listener's process whose memory cannot be read, and its port; why not, where that cannot be.
fn unreadable(folder: &std::path::Path) -> Result<(Held, u16), String> {
    let program = helper_program().map_err(|why| why.to_string())?;
    let mut command = Command::new(program);
    command.arg("silent").arg(folder);
    let (mut held, line) = Held::saying(&mut command).map_err(|why| why.to_string())?;
    let port = line.trim().parse().map_err(|_| line.trim().to_owned())?;
    let stat = format!("/proc/{0}/task/{0}/stat", held.pid());
    scene::until("the lock of the memory to be held", || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        (stat.contains(") D ") || held.has_ended()).then_some(())
    });
    Ok((held, port))
}

/// Runs portwho, which may take a minute and no more: without a deadline it would never end.
fn portwho(arguments: &[&str]) -> Answer {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", PORTWHO]).args(arguments);
    run(&mut command)
}

fn has_note(answer: &Answer, code: &str) -> bool {
    let notes = answer.json()["notes"].clone();
    notes
        .as_array()
        .unwrap()
        .iter()
        .any(|note| note["code"] == code)
}

#[test]
fn a_process_whose_memory_cannot_be_read_is_shown_without_its_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let (held, port) = match unreadable(folder.path()) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    for options in [&[][..], &["--owners", "proc"], &["--source", "portable"]] {
        let selector = format!("tcp:{port}");
        let answer = portwho(&[&[&*selector, "--json"], options].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let owner = &answer.only_row()["owners"][0];
        assert_eq!(owner["pid"], held.pid(), "{options:?}");
        assert_eq!(owner["name"], "holder");
        assert!(owner["command"].is_null(), "{owner}");
        assert!(has_note(&answer, "details-left-out"), "{answer:?}");
    }
    let answer = portwho(&["why", &format!(":{port}")]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stderr.contains("took too long"), "{answer:?}");
}

#[test]
fn a_wait_ends_in_time_where_an_owners_memory_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (_held, port) = match unreadable(folder.path()) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    let port = format!(":{port}");
    let wait = [
        "wait",
        &port,
        "--owner",
        "name=no-such-program",
        "--timeout",
        "1s",
    ];
    let answer = portwho(&wait);
    assert_eq!(answer.code, Some(1), "{answer:?}");
}

#[test]
fn a_name_that_the_unread_arguments_might_tell_is_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let (_held, port) = match unreadable(folder.path()) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    let answer = portwho(&[&format!(":{port}"), "name=no-such-script"]);
    assert_eq!(answer.code, Some(3), "{answer:?}");
}

#[test]
fn a_device_in_place_of_a_time_zone_is_refused() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", scene::port(&listener));
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", PORTWHO, &selector, "--format", "card"]);
    let answer = run(command.env("TZ", "/dev/zero"));
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("'/dev/zero'"), "{answer:?}");
    assert_eq!(answer.stdout, "");
}

#[test]
fn arguments_beyond_the_bound_are_cut_and_that_is_said() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", scene::port(&listener));
    let mut command = Command::new("sleep");
    command.arg("600").args(vec!["0"; 20_000]);
    let held = Held::holding(&mut command, listener).unwrap();
    let answer = portwho(&[&selector, "--json"]);
    let row = answer.only_row();
    let owners = row["owners"].as_array().unwrap();
    let owner = owners.iter().find(|one| one["pid"] == held.pid()).unwrap();
    assert_eq!(owner["command"].as_array().unwrap().len(), 4096);
    assert_eq!(owner["command"][0], "sleep");
    assert!(has_note(&answer, "arguments-cut"), "{answer:?}");
}
