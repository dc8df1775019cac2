//! The parents of this very process.

use sysinfo::{Pid, ProcessRefreshKind};

use super::refresh;

/// More are not read: a chain may be made as long as its user likes.
const MOST: usize = 64;

/// The pids of this process and its parents, the nearest first.
pub fn own_line() -> Vec<u32> {
    let mut all = vec![std::process::id()];
    while let Some(pid) = all.last().copied().filter(|_| all.len() < MOST) {
        let kind = ProcessRefreshKind::nothing().without_tasks();
        let parent = refresh(vec![pid], kind)
            .and_then(|system| system.process(Pid::from_u32(pid))?.parent())
            .map(Pid::as_u32);
        match parent {
            // The first process is everybody's parent.
            Some(parent) if parent > 1 && !all.contains(&parent) => all.push(parent),
            _ => break,
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::own_line;

    #[test]
    fn the_line_begins_with_this_process_and_goes_on_to_its_parent() {
        let line = own_line();
        assert_eq!(line.first(), Some(&std::process::id()), "{line:?}");
        #[cfg(unix)]
        assert_eq!(line.get(1), Some(&std::os::unix::process::parent_id()));
    }
}
