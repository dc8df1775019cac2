//! What owners are, as selectors name them.

use crate::model::{AskedUser, Container, Foreign, Meaning, Process, Row};

pub fn is_of(user: &AskedUser, process: &Process) -> Option<bool> {
    user.is(process.uid, process.user.as_deref())
}

pub fn is_named(process: &Process, part: &str) -> bool {
    let Process {
        name,
        comm,
        executable,
        ..
    } = process;
    let part = part.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&part);
    has(name.unclean())
        || comm.as_ref().is_some_and(|comm| has(comm.unclean()))
        || executable
            .as_ref()
            .is_some_and(|path| has(path.base_name()))
}

pub fn has(text: &Foreign, part: &str) -> bool {
    text.unclean().to_lowercase().contains(&part.to_lowercase())
}

pub fn meanings(row: &Row) -> impl Iterator<Item = &Meaning> {
    row.owners.iter().map(|owner| &owner.process.meaning)
}

pub fn has_unit(meaning: &Meaning, part: &str) -> bool {
    let unit = meaning.unit.as_ref().filter(|unit| !unit.claimed);
    unit.is_some_and(|unit| has(&unit.name, part))
}

pub fn is_of_unit(row: &Row, part: &str) -> bool {
    let opened_by = row.role.as_ref().and_then(|role| role.socket_unit.as_ref());
    opened_by.is_some_and(|unit| has(unit, part))
        || meanings(row).any(|meaning| has_unit(meaning, part))
}

pub fn is_container(container: &Container, part: &str) -> bool {
    let names = [
        &container.name,
        &container.compose_project,
        &container.compose_service,
    ];
    let id = container.identity.id.unclean();
    id.starts_with(part) || names.into_iter().flatten().any(|name| has(name, part))
}

pub fn is_of_container(row: &Row, part: &str) -> bool {
    let forward = row.role.as_ref().and_then(|role| role.forwards_to.as_ref());
    let behind = forward.and_then(|forward| forward.container.as_deref());
    behind.is_some_and(|one| is_container(one, part))
        || meanings(row)
            .filter_map(Meaning::proven_container)
            .any(|one| is_container(one, part))
}

pub fn has_project(meaning: &Meaning, part: &str) -> bool {
    let project = meaning.project.as_ref();
    project.is_some_and(|project| {
        has(&project.name, part)
            || (part.starts_with('/') && is_within(project.directory.unclean(), part))
    })
}

/// Whether a directory is this one, or lies below it.
pub fn is_within(directory: &str, path: &str) -> bool {
    let below = directory.strip_prefix(path.trim_end_matches('/'));
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub fn is_of_project(row: &Row, part: &str) -> bool {
    meanings(row).any(|meaning| has_project(meaning, part))
}
