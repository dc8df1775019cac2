//! Whatever is typed and whatever a file holds: an answer or a refusal, never a panic.

use portwho::model::Depth;
use portwho::read::capture::{Capture, Replay};
use portwho::render::{COLUMNS, Format, Look, Page, render};
use portwho::select::{Query, View};
use portwho::{Survey, survey};
use proptest::prelude::*;

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        // A failure is told in the output; no file of seeds is kept beside the tests.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Whether a text is one line that nothing in it can act on.
fn is_calm(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
    })
}

/// Parts of selectors and of what is none.
const PARTS: [&str; 36] = [
    "80",
    "0",
    "65535",
    "65536",
    ":",
    "::",
    ",",
    "-",
    "[",
    "]",
    "/",
    "8",
    "33",
    "128",
    "%",
    "*",
    "=",
    "tcp",
    "udp",
    "raw",
    "mptcp",
    "pid",
    "user",
    "name",
    "state",
    "local",
    "peer",
    "listen",
    "localhost",
    "127.0.0.1",
    "::1",
    "fe80::1",
    "http",
    "nginx",
    " ",
    "٨",
];

/// What a search by machine has found, and what was wrong with it.
const FOUND: [&str; 1] = [
    // The name of the interface had a bracket, which could not be written again.
    "fe80::2%eth0]:40=8[fe80::2%eth0]:40=80",
];

#[test]
fn what_was_found_once_is_taken_or_refused() {
    for text in FOUND {
        taken_or_refused(text).unwrap();
    }
}

proptest! {
    #![proptest_config(settings(2000))]

    #[test]
    fn any_argument_is_taken_or_refused_in_a_calm_line(text in any::<String>()) {
        taken_or_refused(&text)?;
    }

    #[test]
    fn any_mixture_of_parts_is_taken_or_refused(
        parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..8)
    ) {
        taken_or_refused(&parts.concat())?;
    }
}

fn taken_or_refused(text: &str) -> Result<(), TestCaseError> {
    if let Ok(place) = portwho::cli::parse_place(text) {
        let printed = place.to_string();
        let again = portwho::cli::parse_place(&printed);
        prop_assert_eq!(again.as_ref(), Ok(&place), "printed as {}", printed);
        let ports = place.ports.iter().flat_map(|ports| ports.ranges());
        prop_assert!(
            ports
                .into_iter()
                .all(|(first, last)| 1 <= *first && first <= last)
        );
    }
    let mut query = Query::default();
    if let Err(failure) = portwho::cli::add_selector(&mut query, text) {
        prop_assert!(is_calm(&failure.to_string().replacen("\nhint: ", " ", 1)));
        prop_assert_eq!(failure.exit, portwho::cli::Exit::Usage);
        prop_assert_eq!(query, Query::default());
    }
    Ok(())
}

proptest! {
    #![proptest_config(settings(150))]

    #[test]
    fn a_damaged_capture_is_refused_or_replayed(
        damage in prop::collection::vec((0_usize..30_000, any::<u8>()), 1..4)
    ) {
        let mut bytes = std::fs::read(crate::capture("ordinary-user")).unwrap();
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        match Capture::read(&mut bytes.as_slice()) {
            Err(why) => prop_assert!(!why.is_empty()),
            Ok(capture) => draw(capture)?,
        }
    }
}

/// Draws everything in every format.
fn draw(capture: Capture) -> Result<(), TestCaseError> {
    let everything = Survey {
        query: Query {
            view: View::Everything,
            ..Query::default()
        },
        owners: true,
        depth: Some(Depth::Full),
        other_ends: true,
        ..Survey::default()
    };
    let (snapshot, _) = survey(&mut Replay::new(capture), &everything);
    for format in [
        Format::Table,
        Format::Card,
        Format::Plain,
        Format::Json,
        Format::Ndjson,
        Format::Csv,
    ] {
        for width in [None, Some(80)] {
            let page = Page {
                format,
                columns: COLUMNS.iter().collect(),
                look: Look {
                    header: true,
                    width,
                    colour: false,
                },
                kind: "sockets",
                asked: Vec::new(),
                services: true,
                tells_namespaces: false,
                owners: true,
                zone: jiff::tz::TimeZone::UTC,
            };
            let mut out = Vec::new();
            render(&snapshot, &page, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            prop_assert!(is_calm(&text.replace(['\n', '\t'], "")));
        }
    }
    Ok(())
}
