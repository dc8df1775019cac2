//! The table on terminals of several widths, drawn by the library: the binary takes the width from a
//! terminal, which a test has not. Run with `SNAPSHOTS=overwrite` to write the pictures anew.

use portwho::model::Depth;
use portwho::read::capture::{Capture, Replay};
use portwho::render::{DEFAULT, Format, Look, Page, chosen, render};
use portwho::select::{Query, View};
use portwho::{Survey, survey};
use snapbox::{assert_data_eq, file};
use unicode_width::UnicodeWidthStr;

const ALL: &str = "port,address,state,peer,process,pid,user,since";

fn drawn(capture: &str, view: View, columns: &str, format: Format, width: Option<u16>) -> String {
    let mut file = std::fs::File::open(crate::capture(capture)).unwrap();
    let mut replay = Replay::new(Capture::read(&mut file).unwrap());
    let query = Query {
        view,
        ..Query::default()
    };
    let wanted = Survey {
        query,
        owners: true,
        depth: Some(Depth::Full),
        ..Survey::default()
    };
    let (snapshot, _) = survey(&mut replay, &wanted);
    let page = Page {
        format,
        columns: chosen(columns, &DEFAULT).unwrap(),
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
    String::from_utf8(out).unwrap()
}

fn table(view: View, columns: &str, width: u16) -> String {
    drawn("web1", view, columns, Format::Table, Some(width))
}

#[test]
fn a_listing_fits_80_columns() {
    let usual = DEFAULT.join(",");
    assert_data_eq!(
        table(View::Usual, &usual, 80),
        file!["snapshots/width_80.txt"].raw()
    );
}

#[test]
fn a_listing_does_not_spread_over_200_columns() {
    let usual = DEFAULT.join(",");
    assert_data_eq!(
        table(View::Usual, &usual, 200),
        file!["snapshots/width_200.txt"].raw()
    );
}

#[test]
fn everything_fits_120_columns() {
    assert_data_eq!(
        table(View::Everything, ALL, 120),
        file!["snapshots/width_120_all.txt"].raw()
    );
}

#[test]
fn everything_fits_80_columns() {
    assert_data_eq!(
        table(View::Everything, ALL, 80),
        file!["snapshots/width_80_all.txt"].raw()
    );
}

#[test]
fn a_text_of_several_words_is_cut_where_the_room_ends() {
    let columns = "port,process,user,command";
    let text = drawn("hostile", View::Usual, columns, Format::Table, Some(80));
    let cut: Vec<&str> = text.lines().filter(|line| line.ends_with('…')).collect();
    assert!(cut.len() > 5, "{text}");
    assert!(cut.iter().all(|line| line.width() == 80), "{text}");
}

#[test]
fn wide_characters_are_aligned() {
    let columns = "port,process,user,command";
    assert_data_eq!(
        drawn("hostile", View::Usual, columns, Format::Table, Some(80)),
        file!["snapshots/width_80_hostile.txt"].raw()
    );
}

#[test]
fn no_line_is_wider_than_the_terminal_and_no_row_is_lost() {
    for capture in ["web1", "hostile", "ordinary-user"] {
        for columns in [&DEFAULT.join(","), ALL, "port,command,directory,executable"] {
            let whole = drawn(capture, View::Everything, columns, Format::Table, None);
            for width in [50, 60, 80, 100, 132, 200, 400] {
                let text = drawn(
                    capture,
                    View::Everything,
                    columns,
                    Format::Table,
                    Some(width),
                );
                assert_eq!(text.lines().count(), whole.lines().count());
                for line in text.lines() {
                    assert!(line.width() <= usize::from(width), "{width}: {line}");
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }
}

#[test]
fn absurd_widths_do_not_break_anything() {
    for width in [1, 2, 10, 20, 40, u16::MAX] {
        for format in [Format::Table, Format::Card, Format::Plain] {
            let usual = DEFAULT.join(",");
            let text = drawn("hostile", View::Everything, &usual, format, Some(width));
            assert!(!text.is_empty());
        }
    }
}

#[test]
fn the_details_of_a_card_are_cut_to_the_terminal() {
    let text = drawn("hostile", View::Usual, "port", Format::Card, Some(80));
    for line in text.lines().filter(|line| line.starts_with("    ")) {
        assert!(line.width() <= 80, "{line}");
    }
}
