//! Two ways to the owners, one answer: the kernel's iterator and the walk of `/proc`.

use std::process::{Command, Stdio, id};

use serde_json::Value;

use super::held::Held;
use crate::answer::{PORTWHO, assert_owned, portwho, run};
use crate::scene::{self, port};

/// The answer by a BPF iterator; why not, where there is none.
fn by_iterator(arguments: &[&str]) -> Result<Vec<Value>, String> {
    let answer = portwho(&[arguments, &["--owners", "bpf", "--json"]].concat());
    let document = answer.json();
    let notes = document["notes"].as_array().unwrap();
    let way = notes
        .iter()
        .find(|note| note["code"] == "owners-found-by")
        .expect("the way is told");
    let way = way["message"].as_str().unwrap();
    if way.contains("not to be had") {
        return Err(way.to_owned());
    }
    assert!(way.contains("BPF"), "{way}");
    Ok(document["sockets"].as_array().unwrap().clone())
}

fn by_walk(arguments: &[&str]) -> Vec<Value> {
    portwho(&[arguments, &["--owners", "proc", "--json"]].concat()).rows()
}

/// What is told of the owners. Whether more may be hidden is another matter: only the walk meets
/// those into which nobody may look.
fn owners(rows: &[Value]) -> Vec<Value> {
    rows.iter()
        .map(|row| serde_json::json!([row["inode"], row["owners"]]))
        .collect()
}

#[test]
fn the_iterator_and_the_walk_name_the_same_owners() {
    let listeners: Vec<_> = (0..40).map(|_| scene::listener()).collect();
    let connections: Vec<_> = listeners.iter().map(scene::connection).collect();
    // Shared ones, and one socket with two descriptors.
    let _shared: Vec<Held> = listeners[..5]
        .iter()
        .map(|listener| Held::sleep(listener.try_clone().unwrap()))
        .collect();
    let _again = listeners[7].try_clone().unwrap();
    let helpers: Vec<_> = ["workers", "thread", "leaderless"]
        .iter()
        .filter_map(|case| Held::helper(case).ok())
        .collect();
    let mut ports: Vec<String> = listeners
        .iter()
        .map(|listener| port(listener).to_string())
        .collect();
    ports.extend(helpers.iter().map(|(_, told)| told[0].to_string()));
    let selector = format!("tcp:{}", ports.join(","));
    let iterated = match by_iterator(&[&selector]) {
        Ok(rows) => rows,
        Err(why) => skip!("{why}"),
    };
    let walked = by_walk(&[&selector]);
    assert!(walked.len() >= 40 + connections.len() + helpers.len());
    for (one, other) in owners(&iterated).iter().zip(owners(&walked)) {
        assert_eq!(*one, other);
    }
    assert_eq!(iterated.len(), walked.len());
}

#[test]
fn in_a_pid_namespace_pids_are_those_that_are_seen_there() {
    let script = "exec 3<&0; sleep 600 & exec \"$0\" tcp --owners \"$1\" --json";
    // The shell is pid 1 there and becomes portwho; sleep is pid 2 and holds the socket.
    let listener = scene::listener();
    let answer = |way: &str| {
        let mut command = Command::new("unshare");
        command.args([
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-c",
            script,
            PORTWHO,
            way,
        ]);
        let held: std::os::fd::OwnedFd = listener.try_clone().unwrap().into();
        let answer = run(command.stdin(Stdio::from(held)));
        (answer.code == Some(0)).then_some(answer)
    };
    let (Some(iterated), Some(walked)) = (answer("bpf"), answer("proc")) else {
        skip!("no pid namespace of its own");
    };
    if iterated.stdout.contains("not to be had") {
        skip!("no BPF iterator");
    }
    let inode = super::held::inode(&listener);
    let pids = |answer: &crate::answer::Answer| {
        let rows = answer.rows();
        crate::answer::pids(super::held::row_of(&rows, inode))
    };
    assert_eq!(pids(&iterated), pids(&walked));
    assert!(pids(&iterated).contains(&2), "{iterated:?}");
}

/// The iterator would speak of other pids than `/proc`, from which facts are read.
#[test]
fn with_the_proc_of_another_pid_namespace_there_is_no_iterator() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", PORTWHO, &selector, "--json"]);
    let answer = run(command.args(["--owners", "bpf"]));
    if answer.code != Some(0) {
        skip!("no pid namespace of its own: {}", answer.stderr);
    }
    assert!(answer.stdout.contains("not to be had"), "{answer:?}");
    assert_owned(&answer.only_row(), &[id()]);
}

#[test]
fn the_way_is_chosen_by_the_environment_too_and_a_wrong_one_is_refused() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let mut command = Command::new(PORTWHO);
    command
        .args([&selector, "--verbose"])
        .env("PORTWHO_OWNERS", "proc");
    assert!(run(&mut command).stderr.contains("a walk of /proc"));
    let mut command = Command::new(PORTWHO);
    command.args([&selector]).env("PORTWHO_OWNERS", "magic");
    let answer = run(&mut command);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""));
}

#[test]
fn an_ordinary_user_who_asks_for_an_iterator_is_told_why_there_is_none() {
    if super::held::is_root() {
        skip!("root may have one");
    }
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let answer = portwho(&[&selector, "--owners", "bpf", "--verbose"]);
    assert_eq!(answer.code, Some(0));
    assert!(answer.stderr.contains("not to be had"), "{answer:?}");
}
