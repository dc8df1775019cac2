//! `--format csv` (RFC 4180): the fields of the JSON contract under a header. A socket with several
//! owners has a line for each; lists are JSON texts. A text that a spreadsheet would run as a formula has
//! an apostrophe before it, which makes it a text there.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::Page;
use super::clean::Clean;
use super::contract::RowOut;
use crate::model::Snapshot;

/// The fields of an owner; in the header they follow those of the socket, as `owner_pid` and so on.
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

const SOCKET: [&str; 22] = [
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
];

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = csv::Writer::from_writer(out);
    if page.look.header {
        let owner = OWNER.iter().map(|field| format!("owner_{field}"));
        let titles = SOCKET.iter().map(|field| (*field).to_owned());
        lines.write_record(titles.chain(owner)).map_err(io_error)?;
    }
    for row in &snapshot.rows {
        let Value::Object(socket) = serde_json::to_value(RowOut::new(row))? else {
            continue;
        };
        let nobody = [Value::Object(Map::new())];
        let owners = match socket.get("owners") {
            Some(Value::Array(owners)) if !owners.is_empty() => owners.as_slice(),
            _ => &nobody,
        };
        for owner in owners {
            let fields = SOCKET.iter().map(|field| text(socket.get(*field)));
            let record = fields.chain(OWNER.iter().map(|field| text(owner.get(*field))));
            lines.write_record(record).map_err(io_error)?;
        }
    }
    lines.flush()
}

/// Writes records of fields that are [`text`].
pub fn write_records<const N: usize>(
    records: impl Iterator<Item = [String; N]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut lines = csv::Writer::from_writer(out);
    for record in records {
        lines.write_record(record).map_err(io_error)?;
    }
    lines.flush()
}

/// The error of the writer itself, its kind kept: a reader that has left is no failure.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Whether a spreadsheet would take a text for more than that. One that begins with an apostrophe gets
/// another, so that the first can always be taken off. <https://owasp.org/www-community/attacks/CSV_Injection>
fn is_formula(text: &str) -> bool {
    let begins = |c: char| "=+-@\t\r\n'".contains(c);
    // Those of full width mean the same to some.
    text.starts_with(begins) || text.starts_with(['\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// A field as text: nothing for null, and no line break or escape sequence from outside.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if is_formula(text) => format!("'{}", Clean::new(text)),
        Some(Value::String(text)) => Clean::new(text).to_string(),
        Some(other) => Clean::new(&other.to_string()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_formula_and_a_number_no_text() {
        for (value, field) in [
            (Value::from("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0"),
            (Value::from("+1"), "'+1"),
            (Value::from("-1"), "'-1"),
            (Value::from("@SUM(A1)"), "'@SUM(A1)"),
            (Value::from("\t=1"), "'\\t=1"),
            (Value::from("\r=1"), "'\\r=1"),
            (Value::from("\u{ff1d}1"), "'\u{ff1d}1"),
            (Value::from("'=1"), "''=1"),
            (Value::from("a=1"), "a=1"),
            (Value::from("nginx"), "nginx"),
            (Value::from("::1"), "::1"),
            (Value::from(-0.5), "-0.5"),
            (Value::from(vec!["=1"]), "[\"=1\"]"),
            (Value::Null, ""),
        ] {
            assert_eq!(text(Some(&value)), field);
        }
    }

    /// The header is the contract's: a field that is added there must be added here.
    #[test]
    fn the_header_has_every_field_of_the_contract() {
        let schema: Value = serde_json::from_str(super::super::SCHEMA).unwrap();
        let required = |name: &str| -> Vec<String> {
            let list = schema["$defs"][name]["required"].as_array().unwrap();
            list.iter()
                .map(|field| field.as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(required("Owner"), OWNER);
        let socket: Vec<String> = required("Socket")
            .into_iter()
            .filter(|field| field != "owners")
            .collect();
        assert_eq!(socket, SOCKET);
    }
}
