//! When processes were started: the kernel counts from its own start.

use rustix::time::{ClockId, clock_gettime};

/// What turns clock ticks since boot into seconds since the Unix epoch.
pub struct Clock {
    /// When the machine started, in ticks since the Unix epoch.
    boot: i64,
    ticks_per_second: i64,
}

impl Clock {
    pub fn read() -> Self {
        let ticks_per_second = i64::try_from(rustix::param::clock_ticks_per_second())
            .unwrap_or(100)
            .max(1);
        let wall = clock_gettime(ClockId::Realtime);
        let since_boot = clock_gettime(ClockId::Boottime);
        let nanoseconds =
            (wall.tv_sec - since_boot.tv_sec) * 1_000_000_000 + (wall.tv_nsec - since_boot.tv_nsec);
        // To whole ticks, so that the moment between the two calls does not show.
        let tick = 1_000_000_000 / ticks_per_second;
        Self {
            boot: (nanoseconds + tick / 2).div_euclid(tick),
            ticks_per_second,
        }
    }

    /// Seconds since the Unix epoch.
    pub fn epoch_of(&self, start: u64) -> Option<i64> {
        Some((self.boot + i64::try_from(start).ok()?).div_euclid(self.ticks_per_second))
    }
}
