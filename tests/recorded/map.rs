//! `portwho map` on recordings: who talks to whom, in every format.

use std::io::Write;
use std::process::{Command, Stdio};

use portwho::model::Depth;
use portwho::normalize::service_of;
use portwho::read::Source;
use portwho::read::capture::{Capture, Replay};
use portwho::render::{Atlas, Look, write_map};
use portwho::select::{Query, View};
use portwho::{Survey, survey};
use serde_json::Value;
use snapbox::{assert_data_eq, file};
use unicode_width::UnicodeWidthStr;

use crate::bad_usage::refusal;
use crate::contract::{allowed, list, text};
use crate::hostile::{is_clean, without_colour};
use crate::{Answer, capture, command, ended};

const CAPTURES: [&str; 11] = [
    "web1",
    "ordinary-user",
    "no-ptrace",
    "hidepid",
    "no-proc",
    "container",
    "unknown-table",
    "partial-table",
    "fallback",
    "empty",
    "hostile",
];

fn map(name: &str, arguments: &[&str]) -> Answer {
    let mut command = command();
    command.arg("map").arg("--from").arg(capture(name));
    ended(command.args(arguments))
}

#[track_caller]
fn document(name: &str, arguments: &[&str]) -> Value {
    let answer = map(name, &[&["--json"], arguments].concat());
    let document = allowed(&answer.stdout);
    assert_eq!(document["kind"], "map");
    let has_services = !list(&document["services"]).is_empty();
    assert_eq!(has_services, answer.code == 0, "{name}: {answer:?}");
    document
}

/// `nginx ×3 -> :3000 node`, for each link.
fn told(document: &Value) -> Vec<String> {
    let services = list(&document["services"]);
    let name = |end: &Value| match end.as_u64() {
        Some(id) => {
            let service = services.iter().find(|service| service["id"] == id);
            text(service.expect("the service of a link"), "label").to_owned()
        }
        None => "elsewhere".into(),
    };
    let links = list(&document["links"]).iter();
    links
        .map(|link| {
            let (from, to) = (name(&link["from"]), name(&link["to"]));
            format!("{from} -> :{} {to}", link["port"])
        })
        .collect()
}

#[test]
fn the_map_of_a_server() {
    let shown = map("web1", &[]).shown();
    assert_data_eq!(shown, file!["snapshots/map.txt"].raw());
}

#[test]
fn the_map_of_a_server_as_a_digraph() {
    let shown = map("web1", &["--format", "dot"]).shown();
    assert_data_eq!(shown, file!["snapshots/map_dot.txt"].raw());
}

#[test]
fn the_map_of_a_server_as_a_flowchart() {
    let shown = map("web1", &["--format", "mermaid"]).shown();
    assert_data_eq!(shown, file!["snapshots/map_mermaid.txt"].raw());
}

#[test]
fn the_map_of_a_server_as_json() {
    let shown = map("web1", &["--json"]).shown();
    assert_data_eq!(shown.clone(), file!["snapshots/map_json.txt"].raw());
    assert_eq!(shown, map("web1", &["--format", "json"]).shown());
}

#[test]
fn a_chain_is_told_link_by_link() {
    let document = document("web1", &[]);
    let told = told(&document);
    for link in [
        "elsewhere -> :80 nginx ×3",
        "nginx ×3 -> :3000 node",
        "node -> :6379 redis-server",
        "curl -> :3000 node",
        "git-remote-https -> :443 elsewhere",
        "elsewhere -> :5432 postgres ×2",
    ] {
        assert!(told.iter().any(|one| one == link), "{link} in {told:#?}");
    }
}

#[test]
fn every_listener_and_owner_is_on_the_map() {
    for name in CAPTURES {
        let map = document(name, &[]);
        let listed = crate::contract::sockets(name, &["tcp", "udp", "udplite", "-l"]);
        let services = list(&map["services"]);
        let listeners: usize = services
            .iter()
            .map(|one| list(&one["listeners"]).len())
            .sum();
        assert_eq!(listeners, listed.len(), "{name}");
        let pids: Vec<&Value> = services
            .iter()
            .flat_map(|one| list(&one["owners"]))
            .map(|owner| &owner["pid"])
            .collect();
        for owner in listed.iter().flat_map(|one| list(&one["owners"])) {
            assert!(pids.contains(&&owner["pid"]), "{name}: {owner}");
        }
        let mut once = pids.clone();
        once.sort_by_key(|pid| pid.as_u64());
        once.dedup();
        assert_eq!(
            once.len(),
            pids.len(),
            "{name}: a process is in one service"
        );
    }
}

#[test]
fn selectors_leave_what_matches_and_its_neighbours() {
    let nginx = document("web1", &["nginx"]);
    assert_eq!(
        told(&nginx),
        ["nginx ×3 -> :3000 node", "elsewhere -> :80 nginx ×3"]
    );
    let asked = |document: &Value| -> Vec<String> {
        let services = list(&document["services"]).iter();
        let asked = services.filter(|service| service["asked"] == true);
        asked
            .map(|service| text(service, "label").to_owned())
            .collect()
    };
    assert_eq!(asked(&nginx), ["nginx ×3"]);
    for (selector, label) in [
        (":3000", "node"),
        ("pid=27897", "node"),
        ("project=shop", "git-remote-https"),
        ("unit=redis-server", "redis-server"),
        ("container=edge", "envoy ×2"),
        ("peer=10.0.0.9:443", "git-remote-https"),
        ("user=postgres", "postgres ×2"),
        ("udp:53", "systemd-resolved"),
    ] {
        let found = asked(&document("web1", &[selector]));
        assert!(
            found.iter().any(|one| one == label),
            "{selector}: {found:?}"
        );
    }
    let text = map("web1", &[":6379"]).shown();
    assert!(text.starts_with("redis-server  ") && text.contains("← :6379  node"));
    assert_eq!(text.lines().count(), 2, "a neighbour has no tree: {text}");
}

#[test]
fn the_exit_code_tells_whether_there_is_a_map() {
    for (name, arguments, code) in [
        ("web1", &[][..], 0),
        ("web1", &["tcp:81"], 1),
        ("web1", &["name=nobody-runs-this"], 1),
        ("web1", &["state=time_wait"], 1),
        ("empty", &[], 1),
        ("ordinary-user", &["name=nobody-runs-this"], 3),
        ("no-proc", &["pid=77"], 3),
        ("unknown-table", &["udp:81"], 3),
        ("web1", &["99999"], 2),
        ("web1", &["--format", "svg"], 2),
    ] {
        for format in [
            &[][..],
            &["--json"],
            &["--format=dot"],
            &["--format=mermaid"],
        ] {
            if arguments.contains(&"--format") && !format.is_empty() {
                continue;
            }
            let answer = map(name, &[format, arguments].concat());
            assert_eq!(answer.code, code, "{name} {arguments:?}: {answer:?}");
            if format.is_empty() && matches!(code, 1 | 2) {
                refusal(&answer, code);
            }
        }
    }
}

#[test]
fn what_cannot_be_seen_is_shown_and_told() {
    let answer = map("ordinary-user", &[]);
    assert_eq!(answer.code, 0);
    assert!(answer.stdout.contains("(hidden)"), "{}", answer.stdout);
    assert!(answer.stderr.contains("note: "), "{}", answer.stderr);
    let document = document("ordinary-user", &[]);
    assert_eq!(document["complete"], false);
    let services = list(&document["services"]);
    let hidden = services
        .iter()
        .filter(|one| one["owner_status"] == "hidden");
    assert!(hidden.clone().count() > 1, "not all that is hidden is one");
    assert!(
        hidden
            .into_iter()
            .all(|one| list(&one["owners"]).is_empty())
    );
}

#[test]
fn a_map_of_nothing_is_a_graph_of_nothing() {
    assert_eq!(graph(&map("empty", &["--format=dot"]).stdout).len(), 0);
    assert_eq!(
        flowchart(&map("empty", &["--format=mermaid"]).stdout).len(),
        0
    );
    assert_eq!(map("empty", &[]).stdout, "");
}

#[test]
fn no_name_leaves_its_place_in_any_format() {
    for arguments in [
        &[][..],
        &["--color=always"],
        &["--json"],
        &["--format=dot"],
        &["--format=mermaid"],
    ] {
        let answer = map("hostile", arguments);
        assert_eq!(answer.code, 0);
        is_clean(&without_colour(&answer.stdout), &['\n']);
        is_clean(&answer.stderr, &['\n']);
    }
    let plain = map("hostile", &[]).stdout;
    assert_eq!(
        without_colour(&map("hostile", &["--color=always"]).stdout),
        plain
    );
    let trees = plain.lines().filter(|line| !line.starts_with(['├', '└']));
    let services = list(&document("hostile", &[])["services"]).len();
    assert_eq!(trees.count(), services);
    let names = [
        r"\x1b[2Jred, line\nbreak",
        r"a) pid=1,fd=3",
        r"\u{202e}gnp.exe",
        "日本語サーバ",
    ];
    for labels in [
        graph(&map("hostile", &["--format=dot"]).stdout),
        flowchart(&map("hostile", &["--format=mermaid"]).stdout),
    ] {
        for name in names {
            assert!(
                labels.iter().any(|label| label.contains(name)),
                "{name}: {labels:#?}"
            );
        }
    }
}

#[test]
fn quotes_and_entities_cannot_leave_a_label() {
    let whole = std::fs::read_to_string(capture("web1")).unwrap();
    let name = r#"x\"];a->b;]#34;&quot;<b>`|end"#;
    let hostile = whole.replace(r#""comm": "curl""#, &format!(r#""comm": "{name}""#));
    // The executable would tell the name that comm is cut from.
    let hostile = hostile.replace("/usr/bin/curl", &format!("/usr/bin/{name}"));
    let shown = |format: &str| {
        let arguments = ["map", "--from", "-", "--format", format, ":51114"];
        crate::portwho_fed(&arguments, hostile.as_bytes()).shown()
    };
    let name = r#"x"];a->b;]#34;&quot;<b>`|end"#;
    for labels in [graph(&shown("dot")), flowchart(&shown("mermaid"))] {
        assert!(
            labels.iter().any(|label| label.starts_with(name)),
            "{labels:#?}"
        );
    }
    drawn(&shown("dot"));
}

#[test]
fn graphviz_reads_every_digraph() {
    for name in CAPTURES {
        drawn(&map(name, &["--format=dot"]).stdout);
    }
}

/// Lets Graphviz draw, where it is there.
#[track_caller]
fn drawn(digraph: &str) {
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
fn graph(text: &str) -> Vec<String> {
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
fn flowchart(text: &str) -> Vec<String> {
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

/// Drawn by the library: the binary takes the width from a terminal, which a test has not.
fn drawn_at(name: &str, width: u16) -> String {
    let mut file = std::fs::File::open(capture(name)).unwrap();
    let mut replay = Replay::new(Capture::read(&mut file).unwrap());
    let query = Query {
        view: View::Everything,
        ..Query::default()
    };
    let wanted = Survey {
        query,
        owners: true,
        depth: Some(Depth::Meaning),
        ..Survey::default()
    };
    let (snapshot, _) = survey(&mut replay, &wanted);
    let atlas = Atlas {
        snapshot: &snapshot,
        map: &portwho::judge::map(&snapshot.rows, &replay.limits(false)),
        service_of,
    };
    let look = Look {
        header: true,
        width: Some(width),
        colour: false,
    };
    let mut out = Vec::new();
    write_map(&atlas, look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_map_fits_the_terminal() {
    for name in ["web1", "hostile"] {
        for width in [60, 80, 120] {
            let text = drawn_at(name, width);
            let widest = text.lines().max_by_key(|line| line.width()).unwrap();
            assert!(
                widest.width() <= usize::from(width),
                "{name} {width}: {widest}"
            );
        }
        // Whatever it looks like.
        for width in [1, 5, 20] {
            assert!(!drawn_at(name, width).is_empty());
        }
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
