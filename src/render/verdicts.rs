//! Verdicts and findings as tables, as JSON, and as annotations of a workflow.

use std::io::{self, Write};
use std::net::IpAddr;

use super::cell::{Cell, Tone};
use super::contract::{Checks, Conflicts, Free};
use super::sheet::{self, Head, Look, Shrink};
use super::{Clean, json, words};
use crate::judge::{Finding, Met, Ruling, Severity, Verdict};
use crate::model::{Protocol, Snapshot};

const fn head(title: &'static str, shrink: Shrink) -> Head {
    Head {
        title,
        shrink,
        expendable: 0,
        right: false,
        pinned: false,
        may_be_vacant: false,
    }
}

/// A line for each verdict.
pub fn write_checks(
    snapshot: &Snapshot,
    verdicts: &[Verdict],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let heads = [
        head("PORT", Shrink::Never),
        head("VERDICT", Shrink::Never),
        head("WHY", Shrink::End(20)),
    ];
    let rows = verdicts.iter().flat_map(|verdict| {
        let (word, tone) = match (verdict.expectation, verdict.ruling) {
            (Some(Met::Yes), _) => ("as expected", Tone::Plain),
            (Some(Met::Stranger), _) => ("stranger", Tone::Alert),
            (Some(Met::Nobody), _) => ("not held", Tone::Alert),
            (Some(Met::Unknown), _) => ("unknown", Tone::Alert),
            (None, Ruling::Free) => ("free", Tone::Plain),
            (None, ruling) => (words::ruling(ruling), Tone::Alert),
        };
        let reasons = reasons(verdict, snapshot, look);
        let head = [
            Cell::new(words::claim(&verdict.claim)).tone(Tone::Strong),
            Cell::new(word).tone(tone),
        ];
        // Further reasons stand below the first, their heads left blank.
        let heads = std::iter::once(head).chain(std::iter::repeat_with(Default::default));
        let lines = heads
            .zip(reasons)
            .map(|(head, reason)| head.into_iter().chain([Cell::new(reason)]).collect());
        lines.collect::<Vec<Vec<Cell>>>()
    });
    sheet::write(&heads, rows, look, out)
}

/// Why a verdict is as it is: on a terminal a line for each holder, else all in one.
fn reasons(verdict: &Verdict, snapshot: &Snapshot, look: Look) -> Vec<String> {
    let mut all = words::verdict(verdict, &snapshot.rows);
    if verdict.expectation.is_none() && verdict.ruling != Ruling::Taken {
        all.extend(
            verdict
                .warnings
                .iter()
                .flat_map(|warning| words::warning(*warning, verdict, &snapshot.rows)),
        );
    }
    if look.width.is_none() || all.is_empty() {
        all = vec![words::in_one_line(&all)];
    }
    all
}

pub fn write_checks_json(
    snapshot: &Snapshot,
    verdicts: &[Verdict],
    out: &mut dyn Write,
) -> io::Result<()> {
    json::write(&Checks::new(snapshot, verdicts), out)
}

/// Annotations of a GitHub workflow, an error for each claim that fails and a warning for the rest.
pub fn write_github(
    snapshot: &Snapshot,
    verdicts: &[Verdict],
    out: &mut dyn Write,
) -> io::Result<()> {
    for verdict in verdicts {
        let claim = words::claim(&verdict.claim);
        let (is_error, word) = match (verdict.expectation, verdict.ruling) {
            (Some(Met::Yes), _) => (false, ""),
            (Some(Met::Stranger), _) => (true, "is held by a stranger"),
            (Some(Met::Nobody), _) => (true, "is not held"),
            (Some(Met::Unknown), _) => (true, "cannot be judged"),
            (None, Ruling::Free) => (false, ""),
            (None, Ruling::Taken) => (true, "is taken"),
            (None, Ruling::Refused) => (true, "is refused"),
            (None, Ruling::Unknown) => (true, "cannot be judged"),
        };
        if is_error {
            let why = words::in_one_line(&words::verdict(verdict, &snapshot.rows));
            annotation("error", &format!("{claim} {word}"), &why, out)?;
        } else if verdict.expectation.is_none() {
            for warning in &verdict.warnings {
                let words = words::warning(*warning, verdict, &snapshot.rows);
                let words = words::in_one_line(&words);
                annotation("warning", &claim, &words, out)?;
            }
        }
    }
    Ok(())
}

/// `::error title=...::...`; the format's own characters are written as it asks for.
fn annotation(level: &str, title: &str, message: &str, out: &mut dyn Write) -> io::Result<()> {
    let escaped = |text: &str| Clean::new(text).as_str().replace('%', "%25");
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    writeln!(out, "::{level} title={title}::{}", escaped(message))
}

pub fn free_json(
    snapshot: &Snapshot,
    (protocol, address): (Protocol, Option<IpAddr>),
    asked: usize,
    ports: &[u16],
    out: &mut dyn Write,
) -> io::Result<()> {
    json::write(&Free::new(snapshot, protocol, address, asked, ports), out)
}

/// A line for each finding, and its advice.
pub fn write_conflicts(
    snapshot: &Snapshot,
    findings: &[Finding],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    for finding in findings {
        let tone = if finding.severity() == Severity::Info {
            Tone::Plain
        } else {
            Tone::Alert
        };
        let port = format!("{}/{}", finding.port, finding.protocol);
        let port = super::paint::paint(&port, Tone::Strong, look.colour);
        let level = super::paint::paint(finding.severity().as_str(), tone, look.colour);
        writeln!(out, "{port}  {level}  {}", finding.code.as_str())?;
        for row in finding.rows.iter().filter_map(|at| snapshot.rows.get(*at)) {
            writeln!(out, "  {}", Clean::new(&words::holder(row)))?;
        }
        writeln!(
            out,
            "  {} {}",
            super::paint::paint("advice:", Tone::Faint, look.colour),
            finding.advice()
        )?;
    }
    Ok(())
}

pub fn write_conflicts_json(
    snapshot: &Snapshot,
    findings: &[Finding],
    out: &mut dyn Write,
) -> io::Result<()> {
    json::write(&Conflicts::new(snapshot, findings), out)
}
