//! A set of port numbers.

use std::fmt;

/// Ports as sorted, disjoint, inclusive ranges of 1 to 65535 in host byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortSet(Vec<(u16, u16)>);

impl PortSet {
    pub fn one(port: u16) -> Self {
        Self(vec![(port, port)])
    }

    /// Takes ranges in any order, overlapping or not.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if u32::from(first) <= u32::from(previous.1) + 1 => {
                    previous.1 = previous.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    pub fn contains(&self, port: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// The port, when there is exactly one.
    pub fn single(&self) -> Option<u16> {
        match self.0.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }

    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.0.iter().chain(&other.0).copied())
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_and_merged() {
        let set = PortSet::from_ranges([(90, 95), (80, 80), (81, 89), (65535, 65535), (93, 99)]);
        assert_eq!(set.ranges(), [(80, 99), (65535, 65535)]);
        assert_eq!(set.to_string(), "80-99,65535");
        assert!(set.contains(80) && set.contains(99) && set.contains(65535));
        assert!(!set.contains(79) && !set.contains(100));
    }

    #[test]
    fn one_port_is_told_from_several() {
        assert_eq!(PortSet::one(80).single(), Some(80));
        assert_eq!(PortSet::from_ranges([(80, 81)]).single(), None);
        assert_eq!(
            PortSet::from_ranges([(80, 80), (80, 80)]).single(),
            Some(80)
        );
    }
}
