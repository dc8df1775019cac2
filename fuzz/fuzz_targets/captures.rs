//! Recordings of any content, replayed and drawn in every format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho::judge::conflicts;
use portwho::model::Depth;
use portwho::read::Source;
use portwho::read::capture::{Capture, Replay};
use portwho::render::{COLUMNS, Format, Look, Page, render};
use portwho::select::{Query, View};
use portwho::{Survey, survey};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut capture) = Capture::read(&mut &*bytes) else {
        return;
    };
    let mut source = Replay::new(capture.clone());
    let everything = Survey {
        query: Query {
            view: View::Everything,
            ..Query::default()
        },
        owners: true,
        depth: Some(Depth::Full),
        names_machine: true,
        other_ends: true,
        ..Survey::default()
    };
    let (snapshot, _) = survey(&mut source, &everything);
    conflicts(&snapshot.rows, &source.limits(false));
    let formats = [
        Format::Table,
        Format::Card,
        Format::Plain,
        Format::Json,
        Format::Ndjson,
        Format::Csv,
    ];
    for format in formats {
        let page = Page {
            format,
            kind: "sockets",
            columns: COLUMNS.iter().collect(),
            asked: Vec::new(),
            look: Look {
                header: true,
                width: Some(80),
                colour: false,
            },
            services: true,
            tells_namespaces: false,
            owners: true,
            zone: jiff::tz::TimeZone::UTC,
        };
        let mut out = Vec::new();
        render(&snapshot, &page, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let is_allowed = |c: char| c == '\n' || (c == '\t' && format == Format::Plain);
        assert!(!text.chars().any(|c| c.is_control() && !is_allowed(c)));
    }
    capture.redact();
    capture.write(&mut Vec::new()).unwrap();
});
