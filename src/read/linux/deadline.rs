//! Does reading that may never end on a thread of its own, and leaves the thread behind when it is late.
//!
//! A process can keep its readers waiting: `/proc/PID/cmdline` takes the lock of its address space
//! (`access_remote_vm` in mm/memory.c), which a page fault holds until a FUSE server answers, and its
//! working directory may lie on a server that is down. The threads that stay behind wait killably, so
//! they end with this program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::Pid;

use crate::model::ProcessKey;

/// How long the facts of one process may take.
pub const LIMIT: Duration = Duration::from_millis(500);
/// How long they may take on a machine so busy that the thread does not get its turn.
const LONGEST: Duration = Duration::from_secs(5);
/// How often is looked whether they are late.
const TICK: Duration = Duration::from_millis(50);
/// Processes of one user that are waited for in vain.
const MOST_OF_USER: u32 = 2;
/// The same of all users who are neither root nor the one that asks: a user may have many uids.
const MOST_OF_OTHERS: u32 = 4;
/// Nothing that runs on the thread calls itself often.
const STACK: usize = 512 * 1024;

/// How a piece of reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    /// This item did not come to its end; the thread was left behind.
    Late(usize),
    /// There was no thread to be had.
    NoThread,
}

/// Runs a piece of reading that says which item it begins.
pub fn run(limit: Duration, work: impl FnOnce(&Watch) + Send + 'static) -> End {
    let watch = Arc::new(Watch::default());
    let ending = Ending(Arc::clone(&watch));
    let started = thread::Builder::new().stack_size(STACK).spawn(move || {
        let watch = &ending.0;
        watch.lock().thread = Some(rustix::thread::gettid());
        work(watch);
    });
    match started {
        Ok(_) => watch.wait(limit),
        Err(_) => End::NoThread,
    }
}

/// What one piece of reading gives; `None` where it is late.
pub fn value<T: Send + 'static>(
    limit: Duration,
    read: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let place = Arc::new(Mutex::new(None));
    let theirs = Arc::clone(&place);
    run(limit, move |watch| {
        watch.begin(0);
        let found = read();
        *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    });
    let mut found = place.lock().unwrap_or_else(PoisonError::into_inner);
    found.take()
}

/// What is known of the thread.
#[derive(Debug, Default)]
pub struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    thread: Option<Pid>,
    item: usize,
    begun: Option<Instant>,
    end: Option<End>,
}

impl Watch {
    /// Begins an item; `false` where nobody waits for it any more.
    pub fn begin(&self, item: usize) -> bool {
        let mut state = self.lock();
        state.item = item;
        state.begun = Some(Instant::now());
        state.end.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, limit: Duration) -> End {
        let mut state = self.lock();
        loop {
            if let Some(end) = state.end {
                return end;
            }
            let waited = self.changed.wait_timeout(state, TICK.min(limit));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let elapsed = state.begun.map(|begun| begun.elapsed()).unwrap_or_default();
            let is_late = || elapsed >= LONGEST || !state.thread.is_some_and(is_running);
            if state.end.is_none() && elapsed >= limit && is_late() {
                state.end = Some(End::Late(state.item));
            }
        }
    }
}

/// Marks the end of the work, by whatever way it ends.
struct Ending(Arc<Watch>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let end = if thread::panicking() {
            End::Late(state.item)
        } else {
            End::Done
        };
        state.end.get_or_insert(end);
        self.0.changed.notify_all();
    }
}

/// Whether a thread of this program runs, or would if it got its turn.
fn is_running(thread: Pid) -> bool {
    let path = format!("/proc/self/task/{}/stat", thread.as_raw_nonzero());
    let text = std::fs::read(path).unwrap_or_default();
    let name_end = text.iter().rposition(|byte| *byte == b')');
    name_end.is_some_and(|at| text[at..].starts_with(b") R"))
}

/// For which processes nobody waits again, over all of the questions of a run: the same process, and
/// others of a user who made this program wait before.
#[derive(Debug, Default)]
pub struct Patience {
    late: BTreeSet<ProcessKey>,
    users: BTreeMap<u32, u32>,
    others: u32,
}

impl Patience {
    /// Notes that a process of this user was waited for in vain; one that has ended by now has none.
    pub fn lose(&mut self, process: ProcessKey, uid: Option<u32>, asker: u32) {
        self.late.insert(process);
        let Some(uid) = uid else { return };
        *self.users.entry(uid).or_default() += 1;
        self.others += u32::from(uid != 0 && uid != asker);
    }

    /// Whether no process was waited for in vain, so that nobody's user need be known.
    pub fn is_whole(&self) -> bool {
        self.late.is_empty()
    }

    /// Whether to wait for a process of this user.
    pub fn may_wait(&self, process: ProcessKey, uid: u32, asker: u32) -> bool {
        let of_user = self.users.get(&uid).copied().unwrap_or(0);
        let is_trusted = uid == 0 || uid == asker;
        !self.late.contains(&process)
            && of_user < MOST_OF_USER
            && (is_trusted || self.others < MOST_OF_OTHERS)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    fn process(pid: u32) -> ProcessKey {
        ProcessKey { pid, start: 7 }
    }

    #[test]
    fn work_that_ends_is_waited_for_and_work_that_blocks_is_left_behind() {
        assert_eq!(run(LIMIT, |watch| assert!(watch.begin(3))), End::Done);
        let (_sender, receiver) = channel::<()>();
        let blocks = move |watch: &Watch| {
            watch.begin(1);
            watch.begin(2);
            let _ = receiver.recv();
        };
        assert_eq!(run(SHORT, blocks), End::Late(2));
    }

    #[test]
    fn a_value_that_is_late_is_none() {
        assert_eq!(value(LIMIT, || 7), Some(7));
        let (_sender, receiver) = channel::<()>();
        assert_eq!(value(SHORT, move || receiver.recv()), None);
    }

    #[test]
    fn a_thread_that_was_left_behind_learns_so_when_it_goes_on() {
        let (go_on, receiver) = channel::<()>();
        let (sender, learnt) = channel();
        let blocks = move |watch: &Watch| {
            watch.begin(0);
            let _ = receiver.recv();
            let _ = sender.send(watch.begin(1));
        };
        assert_eq!(run(SHORT, blocks), End::Late(0));
        drop(go_on);
        assert_eq!(learnt.recv(), Ok(false));
    }

    #[test]
    fn a_thread_that_works_has_more_time_than_one_that_waits() {
        let busy = |watch: &Watch| {
            watch.begin(0);
            let start = Instant::now();
            while start.elapsed() < SHORT * 4 {}
        };
        assert_eq!(run(SHORT, busy), End::Done);
    }

    #[test]
    fn work_that_panics_loses_its_item() {
        let panics = |watch: &Watch| {
            watch.begin(5);
            panic!("this panic is wanted");
        };
        assert_eq!(run(LIMIT, panics), End::Late(5));
    }

    #[test]
    fn a_process_is_waited_for_once_and_a_user_twice() {
        let (asker, user, other) = (0, 1000, 1001);
        let mut patience = Patience::default();
        assert!(patience.is_whole() && patience.may_wait(process(1), user, asker));
        patience.lose(process(1), Some(user), asker);
        assert!(!patience.may_wait(process(1), user, asker));
        assert!(patience.may_wait(process(2), user, asker));
        patience.lose(process(2), Some(user), asker);
        assert!(!patience.may_wait(process(3), user, asker));
        assert!(patience.may_wait(process(3), other, asker));
    }

    #[test]
    fn many_users_together_do_not_use_up_what_is_roots_and_the_askers() {
        let asker = 1000;
        let mut patience = Patience::default();
        for uid in 100_000..100_000 + MOST_OF_OTHERS {
            patience.lose(process(uid), Some(uid), asker);
        }
        assert!(!patience.may_wait(process(1), 1001, asker));
        assert!(patience.may_wait(process(1), 0, asker));
        assert!(patience.may_wait(process(1), asker, asker));
    }
}
