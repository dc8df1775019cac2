//! Whether processes that listen at one place are one server to people. One rule for pages, for the map
//! and for what conflicts. Pure.

use crate::model::{ContainerId, Foreign, Process, Socket, Unit};

/// Whether two processes are one server: parent and child of one program, or one program with one
/// owner. An owner is a container, a service, or a user with a project and a script; what was started by
/// one parent has one owner too, unless its folder says otherwise.
pub fn are_one_server(a: &Process, b: &Process) -> bool {
    if a.key == b.key {
        return true;
    }
    let is_child = |child: &Process, parent: &Process| child.parent_pid == Some(parent.key.pid);
    let is_worker = is_child(a, b) || is_child(b, a);
    // A worker may go by a name of its own; so may another program of one file (busybox).
    runs_one_file(a, b) && (is_worker || (a.name == b.name && have_one_owner(a, b)))
}

/// Whether two sockets are at one place: workers of a pool may have one each there (SO_REUSEPORT).
pub fn are_at_one_place(a: &Socket, b: &Socket) -> bool {
    a.local == b.local && a.interface() == b.interface() && a.netns() == b.netns()
}

/// Whether both run one file and the same script; where the file cannot be seen, the name tells.
fn runs_one_file(a: &Process, b: &Process) -> bool {
    let is_one_file = match (&a.executable, &b.executable) {
        (Some(one), Some(other)) => one == other,
        _ => a.name == b.name,
    };
    is_one_file && a.meaning.script == b.meaning.script
}

fn have_one_owner(a: &Process, b: &Process) -> bool {
    match (supervised(a), supervised(b)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            // Everything has the first process for a parent that has lost its own.
            let has_one_parent =
                a.parent_pid.is_some_and(|pid| pid > 1) && a.parent_pid == b.parent_pid;
            (has_one_parent || have_one_user(a, b)) && are_in_one_folder(a, b)
        }
        _ => false,
    }
}

/// What a process is part of, where that is more than a user.
#[derive(PartialEq, Eq)]
enum Supervised<'a> {
    Container(&'a ContainerId),
    Unit(&'a Unit),
}

fn supervised(process: &Process) -> Option<Supervised<'_>> {
    let meaning = &process.meaning;
    let unit = meaning.unit.as_ref().filter(|unit| unit.is_telling());
    let container = meaning.container.as_deref();
    let container = container.map(|one| Supervised::Container(&one.identity));
    container.or_else(|| unit.map(Supervised::Unit))
}

/// Whether both are of one user. Where the users cannot be seen (Windows), one file speaks for that.
fn have_one_user(a: &Process, b: &Process) -> bool {
    let is_known = a.uid.is_some() || a.user.is_some() || a.executable.is_some();
    is_known && a.uid == b.uid && a.user == b.user
}

/// Whether both are of one project, and a script that is named from its folder is the same one.
fn are_in_one_folder(a: &Process, b: &Process) -> bool {
    let project = |process: &Process| {
        let project = process.meaning.project.clone();
        project.map(|project| project.directory)
    };
    let is_from_folder = |script: &Foreign| !script.unclean().starts_with('/');
    let names_another = a.meaning.script.as_ref().is_some_and(is_from_folder)
        && a.working_directory.is_some()
        && b.working_directory.is_some()
        && a.working_directory != b.working_directory;
    project(a) == project(b) && !names_another
}
