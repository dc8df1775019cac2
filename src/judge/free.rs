//! Which ports to try, in which order.

use crate::model::{Limits, PortSet};

/// First port that is not one of the well-known (RFC 6335).
const AFTER_WELL_KNOWN: u16 = 1024;

/// Ports from which free ones are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    pub ports: Vec<u16>,
}

impl Candidates {
    /// The ports of a range that was asked for, or those that neither the system gives out nor
    /// anybody reserved, from 1024 on.
    pub fn new(range: Option<&PortSet>, limits: &Limits) -> Self {
        let usual = PortSet::from_ranges([(AFTER_WELL_KNOWN, u16::MAX)]);
        let ranges = range.unwrap_or(&usual).ranges().iter();
        let ports = ranges.flat_map(|(first, last)| *first..=*last);
        let is_usual = |port: &u16| {
            range.is_some() || !(limits.is_ephemeral(*port) || limits.is_reserved(*port))
        };
        Self {
            ports: ports.filter(is_usual).collect(),
        }
    }

    /// Puts the ports in the order that a source of numbers below a bound gives (Fisher and Yates).
    pub fn shuffle(&mut self, mut below: impl FnMut(usize) -> usize) {
        for at in (1..self.ports.len()).rev() {
            self.ports.swap(at, below(at + 1));
        }
    }
}

/// The starts of all runs of so many consecutive ports, in the order of the candidates.
pub fn consecutive(candidates: &Candidates, count: usize) -> Vec<u16> {
    let mut present = vec![false; usize::from(u16::MAX) + 1];
    for port in &candidates.ports {
        present[usize::from(*port)] = true;
    }
    let is_run = |first: &u16| {
        let first = usize::from(*first);
        present
            .get(first..first + count)
            .is_some_and(|run| run.iter().all(|port| *port))
    };
    candidates.ports.iter().copied().filter(is_run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            ephemeral: Some((32_768, 60_999)),
            reserved: vec![(8000, 8009)],
            ..Limits::default()
        }
    }

    #[test]
    fn the_usual_candidates_leave_the_systems_ports_alone() {
        let candidates = Candidates::new(None, &limits()).ports;
        for (port, is_in) in [
            (1023, false),
            (1024, true),
            (7999, true),
            (8005, false),
            (32_768, false),
            (61_000, true),
        ] {
            assert_eq!(candidates.contains(&port), is_in, "{port}");
        }
    }

    #[test]
    fn a_range_that_is_asked_for_is_taken_as_it_is() {
        let range = PortSet::from_ranges([(8000, 8002), (40_000, 40_000)]);
        assert_eq!(
            Candidates::new(Some(&range), &limits()).ports,
            [8000, 8001, 8002, 40_000]
        );
    }

    #[test]
    fn runs_lie_within_the_candidates() {
        let range = PortSet::from_ranges([(10, 13), (20, 20), (65_534, 65_535)]);
        let candidates = Candidates::new(Some(&range), &limits());
        assert_eq!(consecutive(&candidates, 3), [10, 11]);
        assert_eq!(consecutive(&candidates, 1).len(), 7);
        assert!(consecutive(&candidates, 5).is_empty());
        assert_eq!(consecutive(&candidates, 2).last(), Some(&65_534));
    }

    #[test]
    fn a_shuffle_keeps_every_port() {
        let range = PortSet::from_ranges([(1, 100)]);
        let mut candidates = Candidates::new(Some(&range), &limits());
        candidates.shuffle(|bound| bound / 2);
        assert_ne!(candidates.ports[..3], [1, 2, 3]);
        candidates.ports.sort_unstable();
        assert!(candidates.ports.into_iter().eq(1..=100));
    }
}
