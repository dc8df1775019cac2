//! Projects of processes that the libraries tell of.

use std::path::Path;

use crate::read::project::Projects;
use crate::read::raw::RawProcess;

/// Says in which projects processes were started.
pub fn find(processes: &mut [RawProcess]) {
    let mut projects = Projects::new();
    for process in processes {
        let directory = process.working_directory.as_ref();
        process.project =
            directory.and_then(|at| projects.find(Path::new(at.unclean()), process.uid));
    }
}
