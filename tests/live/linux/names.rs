//! The name that a process goes by, and what is told of its program.

use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value, json};

use super::held::{Held, has_tool, helper_named, open_folder};
use crate::answer::{pids, portwho};
use crate::scene::{self, port, until};

/// The owner that is told of a listener, and what a table says.
fn owner_of(command: &mut Command) -> std::io::Result<(Held, Value, String)> {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let held = Held::holding(command, listener)?;
    let row = portwho(&[&selector, "--json"]).only_row();
    assert_eq!(pids(&row), [held.pid()], "{row:#}");
    let table = portwho(&[&selector, "--format", "table"]).stdout;
    Ok((held, row["owners"][0].clone(), table))
}

#[test]
fn a_name_of_more_than_15_bytes_is_told_whole() {
    let folder = open_folder();
    let program = match helper_named(&folder, "averyveryverylongname") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let (_held, owner, table) = owner_of(&mut Command::new(&program)).unwrap();
    assert_eq!(owner["name"], "averyveryverylongname");
    assert_eq!(owner["comm"], "averyveryverylo");
    let program = program.canonicalize().unwrap();
    assert_eq!(owner["executable"].as_str(), program.to_str());
    assert!(table.contains("averyveryverylongname"), "{table}");
    // A part beyond what the kernel keeps finds it too.
    let found = portwho(&["name=verylongname", "--json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
}

#[test]
fn empty_arguments_are_kept() {
    let folder = open_folder();
    let program = match helper_named(&folder, "arguments") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let mut command = Command::new(program);
    command.arg0("arguments").args(["", "two words", ""]);
    let (_held, owner, _) = owner_of(&mut command).unwrap();
    let expected = json!(["arguments", "", "two words", ""]);
    assert_eq!(owner["command"], expected);
}

#[test]
fn a_program_that_was_deleted_keeps_its_name() {
    let folder = open_folder();
    let program = match helper_named(&folder, "forgotten") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let _held = Held::holding(&mut Command::new(&program), listener).unwrap();
    std::fs::remove_file(&program).unwrap();
    let answer = portwho(&[&selector, "--json"]);
    let owner = &answer.only_row()["owners"][0];
    assert_eq!(owner["name"], "forgotten");
    assert!(!answer.stdout.contains("(deleted)"), "{answer:?}");
}

#[test]
fn a_program_that_calls_itself_something_else_is_told_by_its_file() {
    let folder = open_folder();
    let program = match helper_named(&folder, "realname") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let mut command = Command::new(program);
    let (_held, owner, _) = owner_of(command.arg0("another")).unwrap();
    assert_eq!(owner["name"], "realname");
    assert_eq!(owner["command"], json!(["another"]));
}

/// perl writes a title over its arguments, and its beginning over the kernel's name, as setproctitle
/// of Python and `process.title` of Node do.
#[test]
fn of_a_title_the_name_is_the_program_that_it_names() {
    if !has_tool("perl") {
        skip!("perl is not there");
    }
    let title = "gunicorn: master [main:wsgi]";
    let listener = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&listener));
    let mut perl = Command::new("perl");
    let held = Held::holding(perl.args(["-e", "$0 = shift; sleep 600", title]), listener).unwrap();
    until("the title to be set", || {
        let command = std::fs::read(format!("/proc/{}/cmdline", held.pid())).ok()?;
        command.starts_with(title.as_bytes()).then_some(())
    });
    let row = portwho(&[&spec, "--json"]).only_row();
    let owner = &row["owners"][0];
    assert_eq!(
        (&owner["name"], &owner["comm"]),
        (&json!("gunicorn"), &json!("gunicorn: maste"))
    );
    let table = portwho(&[&spec, "--format", "table"]).stdout;
    assert!(!table.contains("master"), "{table}");
    for name in ["gunicorn", "gunicorn: maste", "perl"] {
        let answer = portwho(&["check", &spec, "--expect", &format!("name={name}")]);
        assert_eq!(answer.code, Some(0), "{name}: {answer:?}");
        let answer = portwho(&[
            "wait",
            &spec,
            "--timeout=5s",
            "--owner",
            &format!("name={name}"),
        ]);
        assert_eq!(answer.code, Some(0), "{name}: {answer:?}");
        let found = portwho(&[&spec, &format!("name={name}"), "--json"]);
        assert_eq!(found.code, Some(0), "{name}: {found:?}");
    }
    let answer = portwho(&["check", &spec, "--expect", "name=guni"]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
}

#[test]
fn the_name_of_the_first_argument_is_expected_too() {
    let listener = scene::listener();
    let spec = format!("127.0.0.1:{}", port(&listener));
    let mut sleep = Command::new("sleep");
    let _held = Held::holding(sleep.arg0("/opt/bin/web").arg("600"), listener).unwrap();
    for (name, code) in [("web", 0), ("sleep", 0), ("/opt/bin/web", 1), ("bin", 1)] {
        let answer = portwho(&["check", &spec, "--expect", &format!("name={name}")]);
        assert_eq!(answer.code, Some(code), "{name}: {answer:?}");
    }
}

#[test]
fn a_program_may_be_called_deleted_and_be_there() {
    let folder = open_folder();
    let program = match helper_named(&folder, "job (deleted)") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let (_held, owner, _) = owner_of(&mut Command::new(program)).unwrap();
    assert_eq!(owner["name"], "job (deleted)");
}

#[test]
fn a_directory_that_was_deleted_is_still_told() {
    let folder = open_folder();
    let inside = folder.path().canonicalize().unwrap().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let mut sleep = Command::new("sleep");
    let _held = Held::holding(sleep.arg("600").current_dir(&inside), listener).unwrap();
    std::fs::remove_dir(&inside).unwrap();
    let row = portwho(&[&selector, "--json"]).only_row();
    let directory = &row["owners"][0]["working_directory"];
    assert_eq!(directory.as_str(), inside.to_str());
}
