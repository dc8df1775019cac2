//! `--format plain`: the columns separated by tabs, nothing shortened, no colour.

use std::io::{self, Write};

use super::Page;
use super::cell::Cell;
use crate::model::Snapshot;

pub fn write(snapshot: &Snapshot, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    if page.look.header {
        let titles: Vec<_> = page
            .columns
            .iter()
            .map(|column| column.head.title)
            .collect();
        writeln!(out, "{}", titles.join("\t"))?;
    }
    for row in &snapshot.rows {
        for (index, column) in page.columns.iter().enumerate() {
            if index > 0 {
                out.write_all(b"\t")?;
            }
            let Cell { text, .. } = (column.cell)(row, snapshot);
            out.write_all(text.as_str().as_bytes())?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}
