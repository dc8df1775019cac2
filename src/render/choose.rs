//! Which columns are shown: `--columns` against the usual ones.

use super::columns::{COLUMNS, Column};

/// Reads `--columns`: a list of names, or `+name` and `-name` against the default.
///
/// # Errors
/// The name that no column has.
pub fn chosen<'a>(
    spec: &'a str,
    default: &[&'static str],
) -> Result<Vec<&'static Column>, &'a str> {
    let column = |name: &'a str| {
        COLUMNS
            .iter()
            .find(|column| column.name == name)
            .ok_or(name)
    };
    let names: Vec<&str> = spec.split(',').map(str::trim).collect();
    let is_change = names.iter().any(|name| name.starts_with(['+', '-']));
    let start: &[&'static str] = if is_change { default } else { &[] };
    let mut columns: Vec<&'static Column> = COLUMNS
        .iter()
        .filter(|column| start.contains(&column.name))
        .collect();
    columns.sort_by_key(|column| start.iter().position(|name| *name == column.name));
    for name in names {
        if let Some(removed) = name.strip_prefix('-') {
            let removed = column(removed)?;
            columns.retain(|column| *column != removed);
        } else {
            let added = column(name.strip_prefix('+').unwrap_or(name))?;
            if !columns.contains(&added) {
                columns.push(added);
            }
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::columns::DEFAULT;

    fn names(spec: &str) -> Result<Vec<&str>, &str> {
        chosen(spec, &DEFAULT).map(|columns| columns.iter().map(|column| column.name).collect())
    }

    #[test]
    fn every_default_is_a_column() {
        for name in DEFAULT {
            assert!(COLUMNS.iter().any(|column| column.name == name), "{name}");
        }
    }

    #[test]
    fn names_are_unique() {
        for (index, column) in COLUMNS.iter().enumerate() {
            assert!(
                COLUMNS[..index].iter().all(|other| other != column),
                "{column:?}"
            );
        }
    }

    #[test]
    fn a_list_replaces_and_signs_change() {
        assert_eq!(names("pid,port"), Ok(vec!["pid", "port"]));
        let changed = names("+inode,-user").unwrap();
        assert_eq!(changed.last(), Some(&"inode"));
        assert!(!changed.contains(&"user") && changed.contains(&"port"));
        assert_eq!(names("port,port"), Ok(vec!["port"]));
        assert_eq!(names("nonsense"), Err("nonsense"));
        assert_eq!(names(""), Err(""));
    }
}
