//! What it may cost to find projects: anybody can make a thousand folders with large manifests in each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::read::allowance::Allowance;

/// Folders of one user, and of all.
const MOST_FOLDERS: (u64, u64) = (2_000, 10_000);
/// Bytes of manifests of one user, and of all.
const MOST_BYTES: (u64, u64) = (4 << 20, 16 << 20);

/// What is left of the folders that may be looked at, and of the bytes that may be read. Those who seek
/// for one question share it.
#[derive(Debug, Clone)]
pub struct Cost(Arc<Mutex<Left>>);

#[derive(Debug)]
struct Left {
    folders: Allowance,
    bytes: Allowance,
}

impl Default for Cost {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Left {
            folders: Allowance::new(MOST_FOLDERS.0, MOST_FOLDERS.1),
            bytes: Allowance::new(MOST_BYTES.0, MOST_BYTES.1),
        })))
    }
}

impl Cost {
    fn lock(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a folder; whether there was one left.
    pub fn folder(&self, user: Option<u32>) -> bool {
        let mut left = self.lock();
        let is_left = left.folders.left(user) > 0;
        left.folders.spend(user, 1);
        is_left
    }

    /// Takes the bytes of a file; whether there were as many left.
    pub fn file(&self, user: Option<u32>, bytes: u64) -> bool {
        let mut left = self.lock();
        let is_left = left.bytes.left(user) >= bytes;
        if is_left {
            left.bytes.spend(user, bytes);
        }
        is_left
    }
}
