//! `ephemeral`, on every system: connections are counted to their peer, and listeners in the range are
//! named with their owners.

use serde_json::Value;

use crate::answer::{common_sources, portwho};
use crate::scene::{connection, listener, port};

/// What is told by a source; whether all of it can be told hangs on the system.
fn told(source: &str, arguments: &[&str]) -> Value {
    let answer = portwho(&[&["ephemeral", "--json", "--source", source], arguments].concat());
    assert!(matches!(answer.code, Some(0 | 3)), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["kind"], "ephemeral");
    document
}

fn is_mine(owners: &Value) -> bool {
    let owners = owners.as_array().unwrap();
    owners.iter().any(|one| one["pid"] == std::process::id())
}

#[test]
fn a_connection_is_counted_to_its_peer() {
    let listener = listener();
    let _ends = connection(&listener);
    let peer = format!("peer=127.0.0.1:{}", port(&listener));
    for source in common_sources() {
        let document = told(source, &[&peer]);
        let [budget] = document["budgets"].as_array().unwrap().as_slice() else {
            panic!("{source}: {document:#}")
        };
        assert_eq!(budget["states"]["established"], 1, "{source}: {budget:#}");
        assert_eq!(budget["used"], 1, "{source}: {budget:#}");
        assert!(is_mine(&budget["owners"]), "{source}: {budget:#}");
    }
}

/// The owners are asked for after two looks at the tables.
#[test]
fn what_is_taken_for_every_peer_has_its_owner() {
    let listener = listener();
    let mine = port(&listener);
    for source in common_sources() {
        let document = told(source, &[]);
        let bound = |end: &str| document["range"][end].as_u64();
        if let (Some(first), Some(last)) = (bound("first"), bound("last"))
            && !(first..=last).contains(&u64::from(mine))
        {
            skip!("a port that is bound at will is outside the range {first}-{last}");
        }
        let taken = document["taken"].as_array().unwrap().iter();
        let row = taken.into_iter().find(|row| row["local_port"] == mine);
        let row = row.unwrap_or_else(|| panic!("{source}: {document:#}"));
        assert!(is_mine(&row["owners"]), "{source}: {row:#}");
    }
}
