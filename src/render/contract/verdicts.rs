//! The contract of the verbs that judge: check, free, conflicts.

use serde::Serialize;

use super::{About, RowOut};
use crate::judge::{Finding, Verdict};
use crate::model::Snapshot;
use crate::render::words;

/// Verdicts, as `portwho check --json` prints them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Checks<'a> {
    #[serde(flatten)]
    about: About<'a>,
    checks: Vec<CheckOut<'a>>,
}

/// Whether one address and port can be bound.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Check"))]
struct CheckOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "udp"])))]
    protocol: &'static str,
    /// Null for all addresses, IPv4 and IPv6.
    address: Option<String>,
    interface: Option<&'a str>,
    port: u16,
    #[cfg_attr(test, schemars(extend("enum" = ["free", "taken", "refused", "unknown"])))]
    verdict: &'static str,
    /// "table" for the socket tables, "bind" for a real bind that was closed at once.
    #[cfg_attr(test, schemars(extend("enum" = ["table", "bind"])))]
    decided_by: &'static str,
    /// Null for a free port.
    #[cfg_attr(test, schemars(extend("enum" = ["held", "unseen-holder", "privilege", "excluded", "forbidden", "address",
        "scope", "unreadable", "not-tried", "failed", null])))]
    reason: Option<&'static str>,
    /// The verdict in words.
    message: String,
    /// How `--expect` was met; null without it.
    #[cfg_attr(test, schemars(extend("enum" = ["yes", "stranger", "nobody", "unknown", null])))]
    expectation: Option<&'static str>,
    warnings: Vec<WarningOut>,
    /// The sockets that stand in the way, or may.
    holders: Vec<RowOut<'a>>,
}

/// Something to know that keeps nobody from binding.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Warning"))]
struct WarningOut {
    #[cfg_attr(test, schemars(extend("enum" = ["ephemeral", "reserved", "udp-held", "bind-succeeds",
        "bound-beside", "diverted", "may-be-diverted"])))]
    code: &'static str,
    message: String,
}

impl<'a> Checks<'a> {
    pub fn new(snapshot: &'a Snapshot, verdicts: &'a [Verdict]) -> Self {
        let one = |verdict: &'a Verdict| CheckOut {
            protocol: verdict.claim.protocol.as_str(),
            address: verdict.claim.address.map(|address| address.to_string()),
            interface: verdict.claim.interface.as_deref(),
            port: verdict.claim.port,
            verdict: words::ruling(verdict.ruling),
            decided_by: words::decided(verdict.decided),
            reason: verdict.reason.as_ref().map(words::reason_code),
            message: words::in_one_line(&words::verdict(verdict, &snapshot.rows)),
            expectation: verdict.expectation.map(words::met),
            warnings: verdict
                .warnings
                .iter()
                .map(|warning| WarningOut {
                    code: words::warning_code(*warning),
                    message: words::in_one_line(&words::warning(*warning, verdict, &snapshot.rows)),
                })
                .collect(),
            holders: verdict
                .holders
                .iter()
                .map(|at| RowOut::new(&snapshot.rows[*at]))
                .collect(),
        };
        Self {
            about: About::new("check", snapshot),
            checks: verdicts.iter().map(one).collect(),
        }
    }
}

/// Free ports, as `portwho free --json` prints them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Free<'a> {
    #[serde(flatten)]
    about: About<'a>,
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "udp"])))]
    protocol: &'static str,
    /// Null for all addresses, IPv4 and IPv6.
    address: Option<String>,
    /// How many were asked for.
    asked: usize,
    ports: &'a [u16],
}

impl<'a> Free<'a> {
    pub fn new(
        snapshot: &'a Snapshot,
        protocol: crate::model::Protocol,
        address: Option<std::net::IpAddr>,
        asked: usize,
        ports: &'a [u16],
    ) -> Self {
        Self {
            about: About::new("free", snapshot),
            protocol: protocol.as_str(),
            address: address.map(|address| address.to_string()),
            asked,
            ports,
        }
    }
}

/// Findings, as `portwho conflicts --json` prints them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Conflicts<'a> {
    #[serde(flatten)]
    about: About<'a>,
    findings: Vec<FindingOut<'a>>,
}

/// Something on this machine that will bite.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Finding"))]
struct FindingOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["split-localhost", "shadowed-wildcard", "mixed-group",
        "ephemeral-listener", "bound-only", "self-connection"])))]
    code: &'static str,
    #[cfg_attr(test, schemars(extend("enum" = ["info", "warning", "error"])))]
    severity: &'static str,
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "udp", "udplite", "sctp"])))]
    protocol: &'static str,
    port: u16,
    /// The finding in words.
    message: String,
    /// What to do about it.
    advice: &'static str,
    sockets: Vec<RowOut<'a>>,
}

impl<'a> Conflicts<'a> {
    pub fn new(snapshot: &'a Snapshot, findings: &'a [Finding]) -> Self {
        let one = |finding: &'a Finding| FindingOut {
            code: finding.code.as_str(),
            severity: finding.severity().as_str(),
            protocol: finding.protocol.as_str(),
            port: finding.port,
            message: words::finding(finding, &snapshot.rows),
            advice: finding.advice(),
            sockets: finding
                .rows
                .iter()
                .map(|at| RowOut::new(&snapshot.rows[*at]))
                .collect(),
        };
        Self {
            about: About::new("conflicts", snapshot),
            findings: findings.iter().map(one).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ephemeral, MapOut, Sockets, Why};
    use super::*;

    /// What any `--json` prints.
    #[derive(Serialize, schemars::JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "for the schema")]
    enum Document<'a> {
        Sockets(Sockets<'a>),
        Check(Checks<'a>),
        Free(Free<'a>),
        Conflicts(Conflicts<'a>),
        Why(Why<'a>),
        Map(MapOut<'a>),
        Ephemeral(Ephemeral<'a>),
    }

    /// Set `PORTWHO_BLESS=1` to write the file anew.
    #[test]
    fn the_committed_schema_is_the_generated_one() {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let mut schema = settings.into_generator().into_root_schema_for::<Document>();
        schema.insert("title".into(), "portwho --json, version 1".into());
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("PORTWHO_BLESS").is_some() {
            std::fs::write("src/render/schema-v1.json", &text).unwrap();
        } else {
            assert!(
                text == crate::render::SCHEMA,
                "it has changed: PORTWHO_BLESS=1 cargo test writes it anew"
            );
        }
    }
}
