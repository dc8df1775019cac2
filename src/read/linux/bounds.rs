//! What one question may cost, however many processes with however many arguments and files it meets.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Foreign;
use crate::read::allowance::Allowance;
use crate::read::project::cost::Cost;
use crate::read::raw::LeftOut;

/// Bytes and number of the arguments that are read of one process.
const OF_PROCESS: (u64, u64) = (256 << 10, 4096);
/// The same of all processes of one user, and of all processes.
const OF_USER: (u64, u64) = (4 << 20, 64 << 10);
const OF_ALL: (u64, u64) = (16 << 20, 256 << 10);
/// What is read of a process where all of that is used up: enough to know it by.
const AT_LEAST: (u64, u64) = (2 << 10, 64);

/// The bounds of one question, which the threads that read for it share.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    arguments: Arc<Mutex<Arguments>>,
    pub projects: Cost,
}

#[derive(Debug)]
struct Arguments {
    bytes: Allowance,
    number: Allowance,
    cut: BTreeSet<u32>,
    unsought: BTreeSet<u32>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            bytes: Allowance::new(OF_USER.0, OF_ALL.0),
            number: Allowance::new(OF_USER.1, OF_ALL.1),
            cut: BTreeSet::new(),
            unsought: BTreeSet::new(),
        }
    }
}

impl Bounds {
    fn lock(&self) -> MutexGuard<'_, Arguments> {
        self.arguments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes and how many arguments may be read of a process of this user.
    pub fn arguments(&self, user: Option<u32>) -> (u64, u64) {
        let left = self.lock();
        let bound = |left: u64, most: u64, least: u64| left.min(most).max(least);
        (
            bound(left.bytes.left(user), OF_PROCESS.0, AT_LEAST.0),
            bound(left.number.left(user), OF_PROCESS.1, AT_LEAST.1),
        )
    }

    /// Notes what was read of a process of this user.
    pub fn spend(&self, user: Option<u32>, bytes: usize, arguments: Option<&[Foreign]>) {
        let mut left = self.lock();
        left.bytes.spend(user, bytes as u64);
        let number = arguments.map_or(0, <[Foreign]>::len);
        left.number.spend(user, number as u64);
    }

    /// Notes that a process has more arguments than were read.
    pub fn cut(&self, pid: u32) {
        self.lock().cut.insert(pid);
    }

    /// Notes that the project of a process was not sought to the end.
    pub fn unsought(&self, place: &str) {
        self.lock().unsought.extend(place.parse::<u32>());
    }

    /// Adds what was noted.
    pub fn tell(&self, left_out: &mut LeftOut) {
        let noted = self.lock();
        left_out.cut.extend(&noted.cut);
        left_out.unsought.extend(&noted.unsought);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_always_tell_enough_to_be_known_by() {
        let bounds = Bounds::default();
        assert_eq!(bounds.arguments(Some(7)), OF_PROCESS);
        bounds.spend(Some(7), 1 << 30, None);
        assert_eq!(bounds.arguments(Some(7)), (AT_LEAST.0, OF_PROCESS.1));
    }

    #[test]
    fn the_arguments_of_one_user_do_not_shorten_those_of_another() {
        let bounds = Bounds::default();
        let words = vec![Foreign::new("x"); 4096];
        for _ in 0..16 {
            bounds.spend(Some(7), 8192, Some(&words));
        }
        assert_eq!(bounds.arguments(Some(7)).1, AT_LEAST.1);
        assert_eq!(bounds.arguments(Some(8)), OF_PROCESS);
    }
}
