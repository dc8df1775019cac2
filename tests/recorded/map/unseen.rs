//! `portwho map` on ends of which no socket is seen: here, elsewhere, in other network namespaces.

use serde_json::{Value, json};

use super::graphs::{flowchart, graph};
use crate::capture;
use crate::contract::{allowed, list};

fn web1() -> Value {
    let whole = std::fs::read_to_string(capture("web1")).unwrap();
    serde_json::from_str(&whole).unwrap()
}

/// A connection of nobody, made from that of git.
fn connection(capture: &Value, local: (&str, u16), peer: (&str, u16), at: u64) -> Value {
    let sockets = list(&capture["sockets"]["tables"][0]["sockets"]);
    let is_git = |socket: &&Value| socket["local"]["port"] == 49300;
    let mut socket = sockets.iter().find(is_git).unwrap().clone();
    for (end, (address, port)) in [("local", local), ("peer", peer)] {
        socket[end]["address"] = address.into();
        socket[end]["port"] = port.into();
    }
    socket["handle"] = at.into();
    socket["inode"] = at.into();
    socket
}

fn shown(capture: &Value, more: &[&str]) -> String {
    let fed = serde_json::to_vec(capture).unwrap();
    let arguments = [&["map", "--from", "-"], more].concat();
    // Sockets without a holder get a note.
    let answer = crate::portwho_fed(&arguments, &fed);
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.stdout
}

#[test]
fn every_format_tells_alike_what_is_not_seen_from_what_is_elsewhere() {
    let mut capture = web1();
    capture["limits"]["addresses"] = json!(["127.0.0.1", "::1", "10.0.0.5", "10.0.0.6"]);
    let added = [
        // Whoever connects, and whoever is connected to; of this machine, and not.
        (("127.0.0.1", 3000), ("127.0.0.1", 50001)),
        (("10.0.0.5", 80), ("10.0.0.6", 50002)),
        (("10.0.0.5", 50003), ("10.0.0.6", 9)),
        (("127.0.0.1", 50004), ("127.0.0.1", 9)),
        (("10.0.0.5", 50005), ("192.0.2.9", 9)),
    ];
    for ((local, peer), at) in added.into_iter().zip(90000..) {
        let socket = connection(&capture, local, peer, at);
        let sockets = &mut capture["sockets"]["tables"][0]["sockets"];
        sockets.as_array_mut().unwrap().push(socket);
    }
    let text = shown(&capture, &[]);
    let line = |parts: &[&str]| {
        let fits = |line: &&str| parts.iter().all(|part| line.contains(part));
        assert_eq!(text.lines().filter(fits).count(), 1, "{parts:?} in {text}");
    };
    line(&["← :3000", "(not seen)", "from 127.0.0.1"]);
    line(&["← :80 ", "(not seen)", "from 10.0.0.6"]);
    line(&["← :80 ", "elsewhere", "from 198.51.100.20"]);
    line(&["→ 10.0.0.6:9 ", "(not seen)"]);
    line(&["→ 127.0.0.1:9 ", "(not seen)"]);
    line(&["→ 192.0.2.9:9 ", "elsewhere"]);

    let document = allowed(&shown(&capture, &["--json"]));
    let mut here = 0;
    for peer in list(&document["links"])
        .iter()
        .flat_map(|link| list(&link["peers"]))
    {
        let is_here = ["127.0.0.1", "10.0.0.6"].contains(&peer["address"].as_str().unwrap());
        assert_eq!(peer["on_this_machine"], is_here, "{peer}");
        assert_eq!(peer["netns"].is_null(), !is_here, "{peer}");
        here += u32::from(is_here);
    }
    assert_eq!(here, 4);

    let dot = shown(&capture, &["--format=dot"]);
    let mermaid = shown(&capture, &["--format=mermaid"]);
    for (labels, text, arrow) in [
        (graph(&dot), &dot, " -> "),
        (flowchart(&mermaid), &mermaid, " --"),
    ] {
        for label in ["elsewhere", "(not seen)"] {
            let count = labels.iter().filter(|one| *one == label).count();
            assert_eq!(count, 1, "{label} in {labels:#?}");
        }
        for begin in ["10.0.0.6:9\n(not seen)", "127.0.0.1:9\n(not seen)"] {
            let mut labels = labels.iter();
            assert!(labels.any(|label| label.starts_with(begin)), "{text}");
        }
        let far = labels.iter().find(|label| label.starts_with("192.0.2.9:9"));
        assert!(!far.unwrap().contains("(not seen)"), "{text}");
        // Who is drawn to have connected from where.
        let mut nodes = text.lines().filter(|line| !line.contains(arrow));
        let node = nodes.find(|line| line.contains("\"(not seen)\""));
        let id: String = node
            .unwrap()
            .trim()
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        for line in text
            .lines()
            .filter(|line| line.contains(", 1 connection from "))
        {
            let is_here = ["from 127.0.0.1", "from 10.0.0.6"]
                .iter()
                .any(|one| line.contains(one));
            let is_from = line.trim().starts_with(&format!("{id}{arrow}"));
            assert_eq!(is_from, is_here, "{line} in {text}");
        }
    }
}

/// The recording with the same sockets once more, in a namespace of another number.
fn twice(name: Option<&str>) -> Value {
    let mut capture = web1();
    let mut sockets = capture["sockets"].clone();
    sockets["netns"] = 7.into();
    for table in sockets["tables"].as_array_mut().unwrap() {
        for socket in table["sockets"].as_array_mut().unwrap() {
            for key in ["handle", "inode"] {
                if let Some(number) = socket[key].as_u64() {
                    socket[key] = (number + 1_000_000).into();
                }
            }
        }
    }
    capture["all_namespaces"] = true.into();
    capture["sockets"]["elsewhere"] =
        json!([{ "name": name, "container": null, "sockets": sockets }]);
    capture
}

#[test]
fn what_lives_in_another_namespace_is_told_to() {
    for (name, word) in [(None, "in netns 7"), (Some("blue"), "in netns blue")] {
        let capture = twice(name);
        let text = shown(&capture, &["--all-netns"]);
        let heading = |line: &&str| line.contains("127.0.0.1:6379");
        let headings: Vec<&str> = text.lines().filter(heading).collect();
        let told = headings.iter().filter(|line| line.contains(word)).count();
        assert_eq!((headings.len(), told), (2, 1), "{text}");
        for labels in [
            graph(&shown(&capture, &["--all-netns", "--format=dot"])),
            flowchart(&shown(&capture, &["--all-netns", "--format=mermaid"])),
        ] {
            let label = |label: &&String| label.contains("127.0.0.1:6379");
            let labels: Vec<&String> = labels.iter().filter(label).collect();
            let told = labels.iter().filter(|one| one.contains(word)).count();
            assert_eq!((labels.len(), told), (2, 1), "{labels:#?}");
        }
        let document = allowed(&shown(&capture, &["--all-netns", "--json"]));
        let services = list(&document["services"]).iter();
        let mut places: Vec<(&Value, &Value)> = services
            .flat_map(|service| list(&service["listeners"]))
            .filter(|listener| {
                listener["local_port"] == 6379 && listener["local_address"] == "127.0.0.1"
            })
            .map(|listener| (&listener["netns"], &listener["netns_name"]))
            .collect();
        places.sort_by_key(|(netns, _)| netns.as_u64());
        let own = json!(4_026_531_840_u64);
        assert_eq!(places, [(&json!(7), &json!(name)), (&own, &Value::Null)]);
    }
}

#[test]
fn many_ends_are_counted_and_json_has_them_all() {
    const MANY: usize = 25;
    let whole = std::fs::read_to_string(capture("web1")).unwrap();
    let mut capture: Value = serde_json::from_str(&whole).unwrap();
    let table = &mut capture["sockets"]["tables"][0]["sockets"];
    let sockets = table.as_array_mut().unwrap();
    let is_git = |socket: &&Value| socket["local"]["port"] == 49300;
    let one = sockets.iter().find(is_git).unwrap().clone();
    for n in 1..MANY {
        let mut socket = one.clone();
        socket["local"]["port"] = (50000 + n).into();
        socket["peer"]["address"] = format!("192.0.2.{n}").into();
        sockets.push(socket);
    }
    // They all have one handle, which is a socket's own.
    for (at, socket) in sockets.iter_mut().rev().take(MANY - 1).enumerate() {
        socket["handle"] = (90000 + at).into();
        socket["inode"] = (90000 + at).into();
    }
    let holders = capture["holders"]["holders"].as_array_mut().unwrap();
    let git = holders
        .iter()
        .find(|one_holder| one_holder["handle"] == one["handle"]);
    let git = git.unwrap().clone();
    for at in 0..MANY - 1 {
        let mut holder = git.clone();
        holder["handle"] = (90000 + at).into();
        holders.push(holder);
    }
    let fed = serde_json::to_vec(&capture).unwrap();
    let shown = |more: &[&str]| {
        let arguments = [&["map", "--from", "-", "name=git-remote"], more].concat();
        crate::portwho_fed(&arguments, &fed).shown()
    };
    let tree = shown(&[]);
    assert_eq!(tree.lines().count(), 1 + 10 + 1, "{tree}");
    let last = tree.lines().last().unwrap();
    assert!(
        last.contains("and 15 more") && last.contains("15 connections"),
        "{last}"
    );
    let links = allowed(&shown(&["--json"]));
    assert_eq!(list(&links["links"]).len(), MANY);
    let labels = graph(&shown(&["--format", "dot"]));
    assert!(
        labels.iter().any(|label| label == "15 more ends elsewhere"),
        "{labels:#?}"
    );
}
