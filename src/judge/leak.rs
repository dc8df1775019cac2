//! Two counts of what waits in CLOSE_WAIT: whether sockets are left there for good.

use super::port_bits::PortBits;

/// Sockets that there must be more of.
const MOST_BY_CHANCE: u32 = 10;

/// What became of a budget's connections in CLOSE_WAIT between two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    before: u32,
    /// Of those before, how many are there no more.
    left: u32,
    now: u32,
}

impl Closing {
    /// Compares their ports.
    pub fn new(before: &PortBits, now: &PortBits) -> Self {
        let left = before.iter().filter(|port| !now.contains(*port)).count();
        Self {
            before: before.len(),
            left: u32::try_from(left).unwrap_or(u32::MAX),
            now: now.len(),
        }
    }

    /// How many more there are.
    pub fn grown(self) -> u32 {
        self.now.saturating_sub(self.before)
    }

    /// Whether they become more and stay: by ten at least and by a tenth, and of those before no more
    /// than one in ten is there no more. What closes late has others each time.
    pub fn is_leak(self) -> bool {
        let grown = self.grown();
        grown >= MOST_BY_CHANCE && 10 * grown >= self.before && 10 * self.left <= self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_leak(before: std::ops::Range<u16>, now: std::ops::Range<u16>) -> bool {
        Closing::new(&before.collect(), &now.collect()).is_leak()
    }

    #[test]
    fn a_leak_grows_and_loses_nothing() {
        assert!(is_leak(0..0, 0..10), "from nothing");
        assert!(is_leak(0..40, 0..60));
        assert!(is_leak(0..40, 3..60), "some were closed after all");
        assert!(!is_leak(0..60, 0..60), "no more than before");
        assert!(!is_leak(0..5, 0..14), "nine may be chance");
        assert!(!is_leak(0..200, 0..215), "less than a tenth");
        assert!(!is_leak(0..10, 100..125), "none of them stayed");
        assert!(!is_leak(0..40, 0..20));
    }
}
