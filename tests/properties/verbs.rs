//! Verbs over recordings that were altered: whatever stands in one, the answer is whole, clean and
//! allowed by the schema, and names no process that the recording does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use jsonschema::Validator;
use portwho::render::SCHEMA;
use serde_json::Value;

use super::is_calm;

/// What the program said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Recordings to begin with.
const RECORDINGS: [&str; 12] = [
    include_str!("../captures/web1.json"),
    include_str!("../captures/hostile.json"),
    include_str!("../captures/windows.json"),
    include_str!("../captures/container.json"),
    include_str!("../captures/ordinary-user.json"),
    include_str!("../captures/hidepid.json"),
    include_str!("../captures/fallback.json"),
    include_str!("../captures/no-proc.json"),
    include_str!("../captures/no-ptrace.json"),
    include_str!("../captures/partial-table.json"),
    include_str!("../captures/unknown-table.json"),
    include_str!("../captures/empty.json"),
];

/// What is asked; the first asks for every socket.
pub const COMMANDS: [&[&str]; 24] = [
    &["-a", "--json"],
    &[],
    &[":80"],
    &["-a", "--format", "plain"],
    &["-a", "--format", "csv"],
    &["-a", "--format", "ndjson"],
    &["-a", "--all-netns", "--columns", "help"],
    &["nginx", "user=root"],
    &["-a", "--json", "--all-netns", "--sort", "-pid"],
    &["why", ":80"],
    &["why", "--json", ":80", ":443", ":53", ":5432", "name=node"],
    &["why", "--json", "--all-netns", "tcp", "udp"],
    &["check", "80", "udp:53", "127.0.0.1:5432", "[::1]:8080"],
    &["check", "--json", "80", "443", "8000-8010"],
    &[
        "check",
        "80",
        "--expect",
        "name=nginx",
        "--expect",
        "user=root",
        "--json",
    ],
    &["check", "80", "443", "--format", "github"],
    &["conflicts", "--level", "info"],
    &["conflicts", "--json", "--level", "info"],
    &["map"],
    &["map", "--json", "--all-netns"],
    &["map", "--format", "dot", ":80"],
    &["map", "--format", "mermaid"],
    &["ephemeral", "--json"],
    &["ephemeral", "--fail-at", "80%", "name=nginx"],
];

/// Numbers at the edges of what they may be.
const NUMBERS: [u64; 12] = [
    0,
    1,
    80,
    443,
    1023,
    1024,
    65_535,
    65_536,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    u64::MAX,
];
/// How many of them a port may be, and what else has 32 bits.
const PORTS: usize = 7;
const WORDS: usize = 10;

/// Texts that other processes choose.
const TEXTS: [&str; 20] = [
    "",
    " ",
    "-",
    "\u{1b}[31mred\u{7}",
    "\u{202e}gnp.exe",
    "two\nlines",
    "tab\tand\r",
    "\u{0}",
    "=1+1",
    "(kernel)",
    "'; id; '",
    "$(id)",
    "a, b (pid 1)",
    "日本語のとても長い名前日本語のとても長い名前",
    "ssh.service",
    "/",
    "127.0.0.1",
    "::ffff:10.0.0.1",
    "0.0.0.0",
    "\u{fffd}\u{feff}\u{2028}",
];

/// Takes bytes for a recording, a question, and alterations of six bytes each.
///
/// # Panics
/// Where the answer breaks a promise.
pub fn hold(bytes: &[u8], run: &mut dyn FnMut(&[&str], &[u8]) -> Run) {
    let [recording, question, alterations @ ..] = bytes else {
        return;
    };
    let recording = RECORDINGS[usize::from(*recording) % RECORDINGS.len()];
    let recording = altered(recording, alterations);
    let text = recording.to_string();
    let command = COMMANDS[usize::from(*question) % COMMANDS.len()];
    let answer = run(command, text.as_bytes());
    judge(command, &recording, &answer);
    // The same state gives the same bytes.
    assert_eq!(run(command, text.as_bytes()), answer, "{command:?}");
}

/// Alters values of a recording: two bytes for the place, two for another place, one for what to do
/// and one for what to put there.
fn altered(recording: &str, alterations: &[u8]) -> Value {
    let mut recording: Value = serde_json::from_str(recording).unwrap_or_default();
    let mut places = Vec::new();
    walk(&recording, &mut String::new(), &mut places);
    for alteration in alterations.chunks_exact(6).take(64) {
        let at = |high: usize| u16::from_be_bytes([alteration[high], alteration[high + 1]]);
        let place = &places[usize::from(at(0)) % places.len()];
        let (how, what) = (alteration[4], alteration[5]);
        // Values of one kind may stand for each other, so that the whole stays a recording.
        let kin: Vec<&String> = places.iter().filter(|other| is_kin(place, other)).collect();
        let other = kin[usize::from(at(2)) % kin.len()];
        let other = recording.pointer(other).cloned().unwrap_or_default();
        if let Some(value) = recording.pointer_mut(place) {
            match how {
                0..=99 => *value = other,
                100..=253 => alter(value, place, how, usize::from(what)),
                // No recording, most often.
                254 => *value = Value::Null,
                255 => *value = Value::from(-1),
            }
        }
    }
    recording
}

/// The places of all values, as JSON pointers.
fn walk(value: &Value, here: &mut String, places: &mut Vec<String>) {
    places.push(here.clone());
    let length = here.len();
    let mut below = |step: &str, value: &Value| {
        here.push('/');
        here.push_str(&step.replace('~', "~0").replace('/', "~1"));
        walk(value, here, places);
        here.truncate(length);
    };
    match value {
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                below(&index.to_string(), value);
            }
        }
        Value::Object(members) => members.iter().for_each(|(key, value)| below(key, value)),
        _ => {}
    }
}

/// Whether two places differ in numbers alone.
fn is_kin(one: &str, other: &str) -> bool {
    let is_number = |step: &str| step.bytes().all(|b| b.is_ascii_digit());
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || (is_number(one) && is_number(other)) => {}
            _ => return false,
        }
    }
}

/// Puts something else in a value's place that may stand there.
fn alter(value: &mut Value, place: &str, how: u8, what: usize) {
    /// Members whose texts are of a few words or of a form of their own.
    const FIXED: [&str; 14] = [
        "protocol", "state", "family", "via", "outcome", "runtime", "manager", "address", "to",
        "rules", "halt", "kind", "blind", "taken_at",
    ];
    const LONG: [&str; 5] = ["handle", "inode", "start", "netns", "loopback_netns"];
    let is_index = |step: &&str| step.bytes().all(|b| b.is_ascii_digit());
    let name = place
        .split('/')
        .rfind(|step| !is_index(step))
        .unwrap_or_default();
    match value {
        Value::Number(_) if name == "version" => {}
        Value::Number(_) => {
            let known = match name {
                _ if name.contains("port") || name == "ephemeral" => PORTS,
                _ if LONG.contains(&name) => NUMBERS.len(),
                _ => WORDS,
            };
            *value = NUMBERS[what % known].into();
        }
        Value::String(text) if !FIXED.contains(&name) => {
            *text = TEXTS[what % TEXTS.len()].to_owned();
        }
        Value::Bool(truth) => *truth = !*truth,
        Value::Array(list) => match how % 4 {
            0 => list.truncate(what % list.len().max(1)),
            1 => list.reverse(),
            _ => {
                let again = list.get(what % list.len().max(1)).cloned();
                list.extend(again);
            }
        },
        _ => {}
    }
}

/// Holds an answer against what is promised.
fn judge(command: &[&str], recording: &Value, answer: &Run) {
    let said = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("what is printed is UTF-8");
    let (stdout, stderr) = (said(&answer.stdout), said(&answer.stderr));
    assert!(
        matches!(answer.code, 0 | 1 | 3),
        "{command:?}: exit {}: {stderr}",
        answer.code
    );
    assert!(
        is_calm(&stderr.replace('\n', "")),
        "{command:?}: {stderr:?}"
    );
    let has = |word: &str| command.contains(&word);
    let may_hold_lines = has("csv");
    let whole = stdout.replace(['\n', '\t'], "");
    assert!(may_hold_lines || is_calm(&whole), "{command:?}: {stdout:?}");
    let refusals = ["not a portwho capture", "a capture of version"];
    let is_refused = refusals.iter().any(|refusal| stderr.contains(refusal));
    assert!(!is_refused || answer.code == 3 && stdout.is_empty());
    if is_refused {
        return;
    }
    let known = Known::of(recording);
    if has("--json") {
        let document: Value = serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("{command:?}: {error}: {stdout}{stderr}"));
        let errors: Vec<String> = schema()
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{command:?}: {errors:?}");
        known.has_pids_of(&document);
        if command[0] == "-a" {
            known.has_sockets_of(&document, command == COMMANDS[0]);
        }
    } else if has("ndjson") {
        for line in stdout.lines() {
            let document: Value = serde_json::from_str(line).expect("a line is JSON");
            known.has_pids_of(&document);
        }
    }
}

fn schema() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        jsonschema::validator_for(&schema).expect("the schema is one")
    })
}

/// What a recording names.
struct Known<'a> {
    pids: BTreeSet<u64>,
    /// Pids by what they hold.
    holders: BTreeMap<u64, BTreeSet<u64>>,
    /// Sockets of the namespace that was read.
    sockets: Vec<&'a Value>,
    elsewhere: Vec<&'a Value>,
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl<'a> Known<'a> {
    fn of(recording: &'a Value) -> Self {
        let mut holders: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for holder in items(&recording["holders"]["holders"]) {
            if let (Some(handle), Some(pid)) =
                (holder["handle"].as_u64(), holder["process"]["pid"].as_u64())
            {
                holders.entry(handle).or_default().insert(pid);
            }
        }
        let of_processes = items(&recording["processes"]).iter();
        let pids = of_processes.flat_map(|process| {
            [
                process["key"]["pid"].as_u64(),
                process["parent_pid"].as_u64(),
            ]
        });
        let of_tables = |sockets: &'a Value| {
            let tables = items(&sockets["tables"]).iter();
            tables.flat_map(|table| items(&table["sockets"]))
        };
        let namespaces = items(&recording["sockets"]["elsewhere"]).iter();
        Self {
            pids: pids
                .flatten()
                .chain(holders.values().flatten().copied())
                .collect(),
            holders,
            sockets: of_tables(&recording["sockets"]).collect(),
            elsewhere: namespaces
                .flat_map(|one| of_tables(&one["sockets"]))
                .collect(),
        }
    }

    /// No answer names a process that the recording does not.
    fn has_pids_of(&self, document: &Value) {
        match document {
            Value::Object(members) => {
                for (key, value) in members {
                    if let ("pid" | "parent_pid", Some(pid)) = (key.as_str(), value.as_u64()) {
                        assert!(self.pids.contains(&pid), "{key} {pid} is made up");
                    }
                    self.has_pids_of(value);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.has_pids_of(value)),
            _ => {}
        }
    }

    /// Each owner of a socket is a holder of it, and no socket is dropped.
    fn has_sockets_of(&self, document: &Value, is_whole: bool) {
        let rows = items(&document["sockets"]);
        for row in rows {
            let all = self.sockets.iter().chain(&self.elsewhere);
            let same = all.filter(|raw| is_row_of(row, raw));
            let handles = same.filter_map(|raw| raw["handle"].as_u64());
            let held: BTreeSet<u64> = handles
                .filter_map(|handle| self.holders.get(&handle))
                .flatten()
                .copied()
                .collect();
            for owner in items(&row["owners"]) {
                let pid = owner["pid"].as_u64().unwrap_or_default();
                assert!(held.contains(&pid), "{pid} is no holder of {row}");
            }
            let is_owned = !items(&row["owners"]).is_empty();
            let status = row["owner_status"].as_str().unwrap_or_default();
            assert_eq!(is_owned, matches!(status, "known" | "partial"), "{row}");
        }
        for raw in self.sockets.iter().filter(|_| is_whole) {
            let is_shown = rows.iter().any(|row| is_row_of(row, raw));
            assert!(is_shown || is_of_mptcp(rows, raw), "{raw} is dropped");
        }
    }
}

fn is_row_of(row: &Value, raw: &Value) -> bool {
    let port = raw["local"]["port"]
        .as_u64()
        .filter(|_| raw["protocol"] != "raw");
    let is_known = |address: &Value| {
        let address: Option<std::net::IpAddr> = address.as_str()?.parse().ok();
        address.map(|one| one.to_canonical())
    };
    row["local_port"].as_u64() == port
        && is_known(&row["local_address"]) == is_known(&raw["local"]["address"])
}

/// An MPTCP socket stands in the table of TCP too, under the same inode.
fn is_of_mptcp(rows: &[Value], raw: &Value) -> bool {
    let is_it = |row: &Value| row["protocol"] == "mptcp" && row["inode"] == raw["inode"];
    raw["protocol"] == "tcp" && rows.iter().any(is_it)
}
