//! `portwho map` on recordings: who talks to whom, in every format.

mod graphs;
mod unseen;

use portwho::model::Depth;
use portwho::model::service_of;
use portwho::read::Source;
use portwho::read::capture::{Capture, Replay};
use portwho::render::{Atlas, Look, write_map};
use portwho::select::{Query, View};
use portwho::{Survey, survey};
use serde_json::Value;
use snapbox::{assert_data_eq, file};
use unicode_width::UnicodeWidthStr;

use self::graphs::{drawn, flowchart, graph};
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
    let name = format!("'{}'", r#"x"];a->b;]#34;&quot;<b>`|end"#);
    for labels in [graph(&shown("dot")), flowchart(&shown("mermaid"))] {
        assert!(
            labels.iter().any(|label| label.starts_with(&name)),
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
        map: &portwho::judge::map(&snapshot.rows, &replay.limits(true), snapshot.netns),
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
fn owners_are_said_to_be_hidden_of_what_is_on_the_map_alone() {
    let told = |selectors: &[&str]| {
        let answer = map("ordinary-user", selectors);
        let json = map("ordinary-user", &[selectors, &["--json"]].concat());
        (answer.stderr, allowed(&json.stdout))
    };
    let (stderr, document) = told(&[":22"]);
    assert!(stderr.contains("the owner of 1 socket cannot"), "{stderr}");
    assert_eq!(document["complete"], false);
    assert_eq!(document["notes"][0]["count"], 1);
    // Its owner is seen; others that hold it too may not be.
    let (stderr, document) = told(&[":3000"]);
    assert_eq!(stderr, "");
    assert_eq!(document["notes"][0]["code"], "processes-refused");
    assert_eq!(list(&document["notes"]).len(), 1);
    let (stderr, _) = told(&[]);
    assert!(stderr.contains("the owners of 3 sockets"), "{stderr}");
}
