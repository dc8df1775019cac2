//! What is told of an owner, on every system.

use std::process::id;

use crate::answer::portwho;
use crate::scene::{self, port};

#[test]
fn an_owner_is_told_with_its_name_program_user_and_start() {
    let listener = scene::listener();
    let answer = portwho(&[&format!("tcp:{}", port(&listener)), "--json"]);
    let row = answer.only_row();
    let owners = row["owners"].as_array().unwrap();
    let owner = owners.iter().find(|owner| owner["pid"] == id()).unwrap();
    if owner["executable"]
        .as_str()
        .is_some_and(|path| path.contains("/qemu-"))
    {
        skip!("an emulator runs this");
    }
    let program = std::env::current_exe().unwrap();
    let stem = program.file_stem().unwrap().to_str().unwrap();
    assert_eq!(owner["name"], stem, "{owner:#}");
    let executable = owner["executable"].as_str().unwrap();
    let base = executable.rsplit(['/', '\\']).next();
    assert_eq!(base, program.file_name().unwrap().to_str(), "{owner:#}");
    assert!(owner["started_at"].is_string(), "{owner:#}");
    // A user of a container may have no name.
    assert!(
        owner["user"].is_string() || owner["uid"].is_u64(),
        "{owner:#}"
    );
    let card = portwho(&[&format!("tcp:{}", port(&listener))]);
    assert!(card.stdout.contains(&format!("pid {}", id())), "{card:?}");
    assert!(card.stdout.contains("   user "), "{card:?}");
}

#[test]
fn an_owner_is_found_by_its_name() {
    let listener = scene::listener();
    let program = std::env::current_exe().unwrap();
    let name = format!("name={}", program.file_stem().unwrap().to_str().unwrap());
    let port = format!("127.0.0.1:{}", port(&listener));
    let found = portwho(&[&port, &name, "--json"]);
    assert_eq!(found.only_row()["local_address"], "127.0.0.1");
    let expected = portwho(&["check", &port, "--expect", &name]);
    assert_eq!(expected.code, Some(0), "{expected:?}");
    let other = portwho(&["check", &port, "--expect", "name=postgres"]);
    assert_eq!(other.code, Some(1), "{other:?}");
}
