//! Projects of processes that the libraries tell of.

use std::path::Path;

use crate::read::project::Projects;
use crate::read::raw::RawProcess;

/// Says in which projects processes were started; gives the pids of those that it did not find out.
pub fn find(processes: &mut [RawProcess]) -> Vec<u32> {
    let mut projects = Projects::new();
    let mut unsought = Vec::new();
    for process in processes {
        let directory = process.working_directory.as_ref();
        process.project =
            directory.and_then(|at| projects.find(Path::new(at.unclean()), process.uid));
        if projects.is_cut_short() {
            unsought.push(process.key.pid);
        }
    }
    unsought
}
