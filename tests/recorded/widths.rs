//! The table on terminals of several widths, drawn by the library: the binary takes the width from a
//! terminal, which a test has not. Run with `SNAPSHOTS=overwrite` to write the pictures anew.

use portwho::model::{Depth, Namespaces};
use portwho::read::capture::{Capture, Replay};
use portwho::render::{DEFAULT, Format, Look, Page, chosen, render};
use portwho::select::{Query, View};
use portwho::{Survey, survey};
use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};
use unicode_width::UnicodeWidthStr;

const ALL: &str = "port,address,state,peer,process,pid,user,since";

fn drawn(capture: &str, view: View, columns: &str, format: Format, width: Option<u16>) -> String {
    let recording = std::fs::read(crate::capture(capture)).unwrap();
    drawn_of(&recording, view, columns, format, width, Namespaces::Own)
}

fn drawn_of(
    mut recording: &[u8],
    view: View,
    columns: &str,
    format: Format,
    width: Option<u16>,
    namespaces: Namespaces,
) -> String {
    let mut replay = Replay::new(Capture::read(&mut recording).unwrap());
    let query = Query {
        view,
        ..Query::default()
    };
    let wanted = Survey {
        query,
        owners: true,
        depth: Some(Depth::Full),
        namespaces,
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
        tells_namespaces: namespaces == Namespaces::All,
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

/// web1 with some of its sockets in another namespace too, which somebody has named.
fn two_namespaces() -> Vec<u8> {
    let text = std::fs::read(crate::capture("web1")).unwrap();
    let mut recording: Value = serde_json::from_slice(&text).unwrap();
    let mut far = recording["sockets"].clone();
    far["netns"] = 4_026_532_999_u64.into();
    for table in far["tables"].as_array_mut().unwrap() {
        let sockets = table["sockets"].as_array_mut().unwrap();
        sockets.retain(|socket| [80, 3000].contains(&socket["local"]["port"].as_u64().unwrap()));
        for (socket, at) in sockets.iter_mut().zip(900_000..) {
            socket["inode"] = at.into();
            socket["handle"] = at.into();
        }
    }
    recording["all_namespaces"] = true.into();
    recording["sockets"]["elsewhere"] =
        json!([{"name": "staging-network", "container": null, "sockets": far}]);
    serde_json::to_vec(&recording).unwrap()
}

#[test]
fn a_namespace_leaves_the_room_of_what_is_asked_for() {
    let recording = two_namespaces();
    let table = |view, columns: &str, width| {
        let columns = format!("{columns},netns");
        drawn_of(
            &recording,
            view,
            &columns,
            Format::Table,
            width,
            Namespaces::All,
        )
    };
    let usual = DEFAULT.join(",");
    assert_data_eq!(
        table(View::Usual, &usual, Some(80)),
        file!["snapshots/width_80_netns.txt"].raw()
    );
    let peer = |text: String| {
        let head = text.lines().next().unwrap().to_owned();
        let at = |title| head.find(title);
        (at("PEER"), at("PROCESS"))
    };
    let alone = drawn("web1", View::Everything, ALL, Format::Table, Some(80));
    assert_eq!(peer(table(View::Everything, ALL, Some(80))), peer(alone));
    let whole = table(View::Everything, ALL, None);
    assert!(whole.contains("staging-network"), "{whole}");
}

#[test]
fn the_readers_own_namespace_is_recognised() {
    let recording = two_namespaces();
    let own = "4026531840";
    let drawn = |format| {
        let columns = "port,netns";
        drawn_of(
            &recording,
            View::Usual,
            columns,
            format,
            None,
            Namespaces::All,
        )
    };
    let table = drawn(Format::Table);
    assert!(table.contains("(this)") && !table.contains(own), "{table}");
    let card = drawn(Format::Card);
    assert!(card.contains("in netns (this)"), "{card}");
    assert!(card.contains("in netns staging-network"), "{card}");
    assert!(!card.contains(own), "{card}");
    for format in [Format::Plain, Format::Json] {
        let text = drawn(format);
        assert!(text.contains(own) && !text.contains("(this)"), "{text}");
    }
    let why = |more: &[&str]| {
        let arguments = [&["why", ":3000", "--from", "-"], more].concat();
        crate::portwho_fed(&arguments, &recording).stdout
    };
    let page = why(&["--all-netns"]);
    assert!(
        page.contains("tcp 127.0.0.1:3000  in netns (this)  LISTEN"),
        "{page}"
    );
    assert!(!why(&[]).contains("(this)"));
}
