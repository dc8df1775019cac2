//! The JSON contract: every JSON that a test sees passes through here and is held against the schema
//! that the program prints, and against the list of keys below.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{Answer, portwho, replay};

const ENVELOPE: [&str; 9] = [
    "version", "kind", "taken_at", "host", "os", "complete", "notes", "forwards", "sockets",
];
const NOTE: [&str; 3] = ["code", "message", "count"];
const SOCKET: [&str; 23] = [
    "protocol",
    "family",
    "state",
    "local_address",
    "local_port",
    "peer_address",
    "peer_port",
    "ip_protocol",
    "interface",
    "v6only",
    "exposure",
    "service",
    "uid",
    "user",
    "inode",
    "netns",
    "netns_name",
    "socket_unit",
    "forwards_to",
    "recv_queue",
    "send_queue",
    "owner_status",
    "owners",
];
const OWNER: [&str; 17] = [
    "pid",
    "name",
    "comm",
    "executable",
    "command",
    "user",
    "uid",
    "parent_pid",
    "started_at",
    "working_directory",
    "unit",
    "container",
    "project",
    "script",
    "services",
    "stopped",
    "fds",
];

struct Schema {
    document: Validator,
    socket: Validator,
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = portwho(["schema"]).shown();
        let whole: Value = serde_json::from_str(&text).expect("the schema is JSON");
        let socket = json!({
            "$schema": whole["$schema"],
            "$ref": "#/$defs/Socket",
            "$defs": whole["$defs"],
        });
        let validator = |schema| jsonschema::validator_for(schema).expect("the schema is valid");
        Schema {
            document: validator(&whole),
            socket: validator(&socket),
        }
    })
}

#[track_caller]
fn check(validator: &Validator, value: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{value:#}");
}

#[track_caller]
fn has_keys(value: &Value, keys: &[&str]) {
    let object = value.as_object().expect("an object");
    for key in keys {
        assert!(object.contains_key(*key), "{key} is missing in {value:#}");
    }
}

/// Reads one socket of the contract.
#[track_caller]
pub fn checked_socket(text: &str) -> Value {
    let socket: Value = serde_json::from_str(text).expect("a socket is JSON");
    check(&schema().socket, &socket);
    has_socket_keys(&socket);
    socket
}

#[track_caller]
fn has_socket_keys(socket: &Value) {
    has_keys(socket, &SOCKET);
    for owner in list(&socket["owners"]) {
        has_keys(owner, &OWNER);
    }
}

/// Reads a document of any kind that the schema allows.
#[track_caller]
pub fn allowed(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("the answer is JSON");
    check(&schema().document, &document);
    document
}

/// Reads a document of a verb, with the keys that every document has.
#[track_caller]
pub fn checked_verb(text: &str, kind: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("the answer is JSON");
    check(&schema().document, &document);
    for key in ENVELOPE
        .iter()
        .filter(|key| !matches!(**key, "sockets" | "forwards"))
    {
        assert!(!document[key].is_null(), "{key} in {document}");
    }
    assert_eq!(document["kind"], kind);
    document
}

/// Reads a document of the contract.
#[track_caller]
pub fn checked(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("the answer is JSON");
    check(&schema().document, &document);
    has_keys(&document, &ENVELOPE);
    assert_eq!(
        (&document["version"], &document["kind"]),
        (&json!(1), &json!("sockets"))
    );
    for note in list(&document["notes"]) {
        has_keys(note, &NOTE);
    }
    list(&document["sockets"]).iter().for_each(has_socket_keys);
    document
}

/// Replays a capture with `--json` and reads the document. The exit code follows from it.
#[track_caller]
pub fn document(capture: &str, arguments: &[&str]) -> Value {
    let Answer { code, stdout, .. } = replay(capture, &[&["--json"], arguments].concat());
    assert!(matches!(code, 0 | 1 | 3), "{arguments:?}: exit {code}");
    let document = checked(&stdout);
    let has_rows = !list(&document["sockets"]).is_empty();
    assert_eq!(has_rows, code == 0, "{arguments:?}: exit {code}");
    document
}

/// The sockets of a document.
#[track_caller]
pub fn sockets(capture: &str, arguments: &[&str]) -> Vec<Value> {
    list(&document(capture, arguments)["sockets"]).to_vec()
}

#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}

/// `80/tcp`, `-/raw`.
pub fn port(socket: &Value) -> String {
    let port = socket["local_port"]
        .as_u64()
        .map_or("-".into(), |port| port.to_string());
    format!("{port}/{}", text(socket, "protocol"))
}

/// `80/tcp 0.0.0.0`: enough to tell listeners of one port apart.
pub fn end(socket: &Value) -> String {
    format!("{} {}", port(socket), text(socket, "local_address"))
}

#[test]
fn every_capture_gives_a_document_that_the_schema_allows() {
    let folder = crate::capture("web1");
    let folder = folder.parent().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let name = path.file_stem().unwrap().to_str().unwrap();
            for arguments in [&[][..], &["-a"], &[":80"], &["--no-owners"]] {
                document(name, arguments);
            }
            seen += 1;
        }
    }
    assert!(seen >= 11, "{seen}");
}

#[test]
fn every_capture_is_told_in_the_readme() {
    let folder = crate::capture("web1");
    let folder = folder.parent().unwrap();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || readme.contains(&format!("`{name}`")),
            "{name}"
        );
    }
}

#[test]
fn the_document_says_where_and_when_it_was_taken() {
    let document = document("web1", &[]);
    assert_eq!(document["taken_at"], "2025-11-20T12:00:00Z");
    assert_eq!(document["host"], "web1");
    assert_eq!(document["os"], "Linux (Debian GNU/Linux 12)");
    assert_eq!(document["complete"], true);
    assert_eq!(document["notes"], json!([]));
}

#[test]
fn unknown_is_null() {
    let found = sockets("web1", &["-a", "local=10.0.0.5:80", "state=time_wait"]);
    let [socket] = found.as_slice() else {
        panic!("{found:#?}")
    };
    let nulls: BTreeSet<&str> = SOCKET
        .into_iter()
        .filter(|key| socket[*key].is_null())
        .collect();
    let expected = [
        "exposure",
        "forwards_to",
        "inode",
        "interface",
        "ip_protocol",
        "netns_name",
        "socket_unit",
        "uid",
        "user",
        "v6only",
    ];
    assert_eq!(nulls, BTreeSet::from(expected));
    assert_eq!(socket["owner_status"], "none");
    assert_eq!(socket["owners"], json!([]));
}

#[test]
fn the_number_of_a_raw_socket_is_its_protocol() {
    let found = sockets("web1", &["raw"]);
    let [socket] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(socket["local_port"], Value::Null);
    assert_eq!(socket["ip_protocol"], 1);
    assert_eq!(socket["peer_address"], Value::Null);
    assert_eq!(socket["peer_port"], Value::Null);
}

#[test]
fn every_owner_of_a_shared_listener_is_there() {
    let found = sockets("web1", &[":8084"]);
    let pids: Vec<u64> = list(&found[0]["owners"])
        .iter()
        .map(|owner| owner["pid"].as_u64().unwrap())
        .collect();
    assert_eq!(pids, [9001, 9002, 9003, 9004]);
}

#[test]
fn an_owner_has_its_facts() {
    let found = sockets("web1", &["udplite"]);
    let owner = json!({
        "pid": 28200, "name": "ffmpeg", "comm": "ffmpeg", "executable": "/usr/bin/ffmpeg",
        "command": ["ffmpeg", "-re", "-i", "talk, final \"cut\".mkv", "", "rtp://10.0.0.77:5004"],
        "user": "anna", "uid": 1000, "parent_pid": 14221, "started_at": "2025-11-20T11:50:00Z",
        "working_directory": "/home/anna/films",
        "unit": { "name": "session-2.scope", "slice": "user-1000.slice", "manager": "system", "claimed": false },
        "container": null, "project": null, "script": null, "services": null, "stopped": null, "fds": [4],
    });
    assert_eq!(found[0]["owners"], json!([owner]));
}

#[test]
fn names_are_told_in_full() {
    for (port, name, comm) in [
        (":3000", "node", "MainThread"),
        (":49300", "git-remote-https", "git-remote-http"),
        (":546", "systemd-networkd", "systemd-network"),
        (":6379", "redis-server", "redis-server"),
    ] {
        let found = sockets("web1", &[port]);
        let owner = &found[0]["owners"][0];
        assert_eq!((text(owner, "name"), text(owner, "comm")), (name, comm));
    }
}
