//! What was recorded, damaged in thousands of ways, the same ones on every run: what must hold of it is
//! in `tests/properties`, which the targets of `fuzz/` look for too.

#[path = "../properties/mod.rs"]
mod properties;

use std::path::Path;

use fastrand::Rng;
use properties::{addresses, bpf, cgroups, ipvs, manifests, mounts, nat, runtimes, units, verbs};
use serde_json::Value;

/// The files below `tests/raw` whose names end so, in the order of their names.
fn seeds(folder: &str, end: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/raw")
        .join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().is_some_and(|path| path.ends_with(end)));
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Holds a property against the seeds, and against so many damaged ones.
fn damaged(seeds: &[Vec<u8>], count: usize, hold: impl Fn(&[u8])) {
    let mut random = Rng::with_seed(7);
    seeds.iter().for_each(|seed| hold(seed));
    for _ in 0..count {
        let mut bytes = seeds[random.usize(..seeds.len())].clone();
        for _ in 0..random.usize(1..6) {
            damage(&mut bytes, &seeds[random.usize(..seeds.len())], &mut random);
        }
        hold(&bytes);
    }
}

/// Alters, cuts, repeats or mixes.
fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    const ODD: [u8; 16] = *b"\0\xff\n\r=:/\\\"'[]{}-9";
    let mut part = |bytes: &[u8]| {
        let start = random.usize(..=bytes.len());
        let longest = (bytes.len() - start).min(40);
        start..start + random.usize(..=longest)
    };
    let (here, there) = (part(bytes), part(other));
    match random.u8(..8) {
        0 | 1 => here.take(4).for_each(|at| bytes[at] = random.u8(..)),
        2 | 3 => here
            .take(2)
            .for_each(|at| bytes[at] = ODD[random.usize(..ODD.len())]),
        4 => drop(bytes.drain(here)),
        5 => {
            let again = bytes[here.clone()].to_vec();
            bytes.splice(here.start..here.start, again);
        }
        6 => bytes.truncate(here.start),
        _ => drop(bytes.splice(here, other[there].to_vec())),
    }
}

#[test]
fn units_and_containers_stand_in_the_text_of_a_control_group() {
    damaged(&seeds("cgroups", "txt"), 4000, cgroups::hold);
}

#[test]
fn mounts_of_any_text_are_read() {
    damaged(&seeds("cgroups", "mountinfo.txt"), 4000, mounts::hold);
}

#[test]
fn sockets_of_units_have_ports_that_their_files_name() {
    damaged(&seeds("units", ""), 4000, units::hold);
}

#[test]
fn types_and_records_of_any_bytes_are_read() {
    damaged(&seeds("bpf", ""), 4000, bpf::hold);
}

#[test]
fn names_of_projects_stand_in_their_manifests() {
    damaged(&seeds("manifests", ""), 4000, manifests::hold);
}

#[test]
fn answers_of_runtimes_make_up_no_container() {
    damaged(&seeds("runtimes", ""), 3000, runtimes::hold);
}

#[test]
fn addresses_are_no_more_than_the_bytes_hold() {
    damaged(&seeds("", "addresses.bin"), 4000, addresses::hold);
}

#[test]
fn rules_send_elsewhere_only_what_was_asked_for() {
    damaged(&seeds("nat", ".bin"), 400, nat::hold);
}

#[test]
fn virtual_services_send_elsewhere_only_what_was_asked_for() {
    damaged(&seeds("", "ip_vs.txt"), 4000, ipvs::hold);
}

/// Runs the program on a recording that it reads from its standard input.
fn run(arguments: &[&str], recording: &[u8]) -> verbs::Run {
    let arguments = [arguments, &["--from", "-"]].concat();
    let answer = crate::portwho_fed(&arguments, recording);
    verbs::Run {
        code: answer.code,
        stdout: answer.stdout.into_bytes(),
        stderr: answer.stderr.into_bytes(),
    }
}

#[test]
fn verbs_over_altered_recordings_keep_their_promises() {
    let mut random = Rng::with_seed(7);
    for question in 0..u8::try_from(verbs::COMMANDS.len()).unwrap() {
        for _ in 0..3 {
            let length = random.usize(..24) * 6;
            let mut bytes = vec![random.u8(..), question];
            bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(length));
            verbs::hold(&bytes, &mut run);
        }
    }
}

/// Puts what a system gives in no order of its own into another one.
fn shuffle(value: &mut Value, random: &mut Rng) {
    const UNORDERED: [&str; 4] = ["sockets", "holders", "processes", "containers"];
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if let Value::Array(list) = value
                    && UNORDERED.contains(&key.as_str())
                {
                    random.shuffle(list);
                }
                shuffle(value, random);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| shuffle(value, random)),
        _ => {}
    }
}

#[test]
fn the_order_in_which_sockets_and_processes_are_read_alters_no_answer() {
    let mut random = Rng::with_seed(7);
    for name in ["web1", "hostile", "exhausted", "windows"] {
        let text = std::fs::read(crate::capture(name)).unwrap();
        let mut recording: Value = serde_json::from_slice(&text).unwrap();
        for command in [
            &["-a", "--json"][..],
            &[":80"],
            &["why", "--json", "tcp", "udp"],
            &["conflicts", "--json", "--level", "info"],
            &["map", "--json"],
            &["ephemeral", "--json"],
        ] {
            let answer = run(command, &text);
            shuffle(&mut recording, &mut random);
            let again = run(command, recording.to_string().as_bytes());
            assert!(again == answer, "{name}: {command:?}");
        }
    }
}
