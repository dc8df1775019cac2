//! Reads the facts of many processes, and waits for none of them too long.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bounds::Bounds;
use super::deadline::{self, End, LIMIT, Patience, Watch};
use super::glimpse::{Glimpse, Glimpses, WITNESSES};
use super::process::{Care, Reader, belongs};
use super::{ancestors, units};
use crate::model::{Depth, ProcessKey};
use crate::read::raw::{LeftOut, RawProcess, RawSocketUnit};

/// What is kept of the processes over all of the questions of a run.
#[derive(Debug, Default)]
pub struct Processes {
    patience: Arc<Mutex<Patience>>,
    left_out: LeftOut,
    bounds: Bounds,
}

impl Processes {
    /// Begins a question: it may cost as much as any other.
    pub fn begin(&mut self) {
        self.bounds = Bounds::default();
    }

    /// What was left out of the processes that were read.
    pub fn left_out(&self) -> LeftOut {
        self.left_out.clone()
    }

    /// The socket units of those of the processes that are a systemd.
    pub fn socket_units(&mut self, processes: &[RawProcess]) -> Vec<RawSocketUnit> {
        let managers = units::managers(processes);
        if managers.is_empty() {
            return Vec::new();
        }
        let pids: Vec<u32> = managers.iter().map(|manager| manager.key.pid).collect();
        let read = move || managers.iter().flat_map(units::units_of).collect();
        deadline::value(LIMIT, read).unwrap_or_else(|| {
            self.left_out.late.extend(pids);
            Vec::new()
        })
    }

    /// Reads the processes; those that are gone are left out. What was told of them already, and what
    /// others have told that they share, is not read again.
    pub fn read(
        &mut self,
        keys: &[ProcessKey],
        depth: Depth,
        glimpses: &Arc<Glimpses>,
    ) -> Vec<RawProcess> {
        self.run(keys, depth, depth == Depth::Whole, glimpses)
    }

    /// The parents of a process, with the owners of what they are made of.
    pub fn parents(&mut self, key: ProcessKey) -> Option<Vec<RawProcess>> {
        let parents = ancestors::ancestors(key)?;
        Some(self.run(&parents, Depth::Full, true, &Arc::default()))
    }

    fn run(
        &mut self,
        keys: &[ProcessKey],
        depth: Depth,
        has_provenance: bool,
        glimpses: &Arc<Glimpses>,
    ) -> Vec<RawProcess> {
        if keys.is_empty() {
            return Vec::new();
        }
        let job = Arc::new(Job {
            keys: keys.to_vec(),
            depth,
            has_provenance,
            bounds: self.bounds.clone(),
            glimpses: Arc::clone(glimpses),
            asker: rustix::process::geteuid().as_raw(),
            patience: Arc::clone(&self.patience),
            found: Mutex::new(vec![None; keys.len()]),
            quick: Mutex::default(),
        });
        loop {
            let theirs = Arc::clone(&job);
            match deadline::run(LIMIT, move |watch| theirs.work(watch)) {
                End::Done => break,
                End::Late(item) => job.lose(item),
                End::NoThread => {
                    job.work_at_once();
                    break;
                }
            }
        }
        let quick = lock(&job.quick);
        let pids = quick.iter().map(|item| job.keys[*item].pid);
        self.left_out.late.extend(pids);
        self.bounds.tell(&mut self.left_out);
        std::mem::take(&mut *lock(&job.found))
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Processes to read. A thread that comes after one that was left behind goes on with the rest.
struct Job {
    keys: Vec<ProcessKey>,
    depth: Depth,
    /// Whether the owners of files are read too.
    has_provenance: bool,
    bounds: Bounds,
    glimpses: Arc<Glimpses>,
    /// The user that asks.
    asker: u32,
    patience: Arc<Mutex<Patience>>,
    found: Mutex<Vec<Option<RawProcess>>>,
    /// Those that were read without what may block.
    quick: Mutex<BTreeSet<usize>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job {
    fn work(&self, watch: &Watch) {
        // Where there is no /proc, nothing is found.
        let Some(mut reader) = Reader::new(self.depth, self.has_provenance, &self.bounds) else {
            return;
        };
        let order = self.order();
        let mut sharing: HashMap<u64, Vec<usize>> = HashMap::new();
        for at in &order {
            let glimpse = self.glimpse(*at);
            if let Some(glimpse) = glimpse {
                sharing.entry(glimpse.keys.groups).or_default().push(*at);
            }
            if lock(&self.found)[*at].is_none() && !self.read(&mut reader, watch, *at, glimpse) {
                return;
            }
        }
        // The witnesses may have changed meanwhile, and no other: the youngest of those that share is
        // asked itself in the end, and where it says otherwise, so is everyone.
        for mut all in sharing.into_values() {
            all.retain(|at| !lock(&self.quick).contains(at));
            if all.len() <= WITNESSES {
                continue;
            }
            let Some(agrees) = self.agrees(&mut reader, watch, &all) else {
                return;
            };
            if !agrees
                && !{ all }
                    .into_iter()
                    .all(|at| self.read(&mut reader, watch, at, None))
            {
                return;
            }
        }
    }

    /// Reads all of them without what may block.
    fn work_at_once(&self) {
        let Some(mut reader) = Reader::new(self.depth, self.has_provenance, &self.bounds) else {
            return;
        };
        for at in self.order() {
            if lock(&self.found)[at].is_none() {
                lock(&self.quick).insert(at);
                let found = reader.read(self.keys[at], self.glimpse(at), Care::Quick);
                lock(&self.found)[at] = found;
            }
        }
    }

    /// The oldest are the witnesses: a process is likeliest to change when it has just been started.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        order.sort_by_key(|at| self.keys[*at].start);
        order
    }

    /// What was told of a process; what becomes of programs is read of each.
    fn glimpse(&self, at: usize) -> Option<&Glimpse> {
        let glimpse = self.glimpses.of(self.keys[at]);
        glimpse.filter(|_| self.depth < Depth::Whole)
    }

    /// Reads one process; `false` where nobody waits for it any more.
    fn read(
        &self,
        reader: &mut Reader,
        watch: &Watch,
        at: usize,
        glimpse: Option<&Glimpse>,
    ) -> bool {
        if !watch.begin(at) {
            return false;
        }
        let key = self.keys[at];
        let care = self.care(reader, key);
        let found = reader.read(key, glimpse, care);
        if !watch.begin(at) {
            return false;
        }
        if care == Care::Quick && found.is_some() {
            lock(&self.quick).insert(at);
        }
        lock(&self.found)[at] = found;
        true
    }

    fn care(&self, reader: &Reader, key: ProcessKey) -> Care {
        let patience = lock(&self.patience);
        if patience.is_whole() {
            return Care::Whole;
        }
        match reader.user_of(key) {
            Some(uid) if !patience.may_wait(key, uid, self.asker) => Care::Quick,
            _ => Care::Whole,
        }
    }

    /// Whether the youngest that is still there belongs where it was said to; `None` where nobody waits
    /// for that any more.
    fn agrees(&self, reader: &mut Reader, watch: &Watch, all: &[usize]) -> Option<bool> {
        for at in all.iter().rev() {
            if !watch.begin(*at) {
                return None;
            }
            if let Some(now) = reader.read(self.keys[*at], None, Care::Whole) {
                let found = lock(&self.found);
                let told = found[*at].as_ref();
                return Some(told.is_some_and(|told| belongs(told) == belongs(&now)));
            }
        }
        Some(false)
    }

    /// Gives a process up that has been waited for in vain.
    fn lose(&self, at: usize) {
        let key = self.keys[at];
        let user = Reader::new(self.depth, self.has_provenance, &self.bounds)
            .and_then(|reader| reader.user_of(key));
        lock(&self.patience).lose(key, user, self.asker);
        lock(&self.quick).insert(at);
    }
}
