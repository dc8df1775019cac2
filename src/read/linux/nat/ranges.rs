//! Sets of numbers (ports, or addresses as numbers) as sorted, disjoint, inclusive ranges.

/// Sorted, disjoint, not adjacent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    pub fn one(first: u128, last: u128) -> Self {
        Self::new([(first, last)])
    }

    /// Takes ranges in any order, overlapping or not; one that ends before it begins is empty.
    pub fn new(ranges: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let ranges = ranges.into_iter();
        let mut ranges: Vec<_> = ranges.filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    pub fn as_slice(&self) -> &[(u128, u128)] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(one), Some(two)) = (a.peek(), b.peek()) {
            let (first, last) = (one.0.max(two.0), one.1.min(two.1));
            if first <= last {
                both.push((first, last));
            }
            if one.1 < two.1 {
                a.next()
            } else {
                b.next()
            };
        }
        Self(both)
    }

    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut others = other.0.iter().peekable();
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            while let Some(&&(taken, until)) = others.peek() {
                if taken > last {
                    break;
                }
                if let Some(at) = from.filter(|at| *at < taken) {
                    rest.push((at, taken - 1));
                }
                from = from.and_then(|at| Some(at.max(until.checked_add(1)?)));
                if until > last {
                    break;
                }
                others.next();
            }
            rest.extend(from.filter(|at| *at <= last).map(|at| (at, last)));
        }
        Self(rest)
    }

    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.0.iter().chain(&other.0).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against sets of numbers, one by one.
    #[test]
    fn operations_are_those_of_sets() {
        let numbers = |bits: u128| {
            let ones = (0..8).filter(move |at| bits >> at & 1 == 1);
            Ranges::new(ones.map(|at| (at, at)))
        };
        for a in 0..256 {
            for b in 0..256 {
                let (one, two) = (numbers(a), numbers(b));
                assert_eq!(one.intersection(&two), numbers(a & b), "{one:?} {two:?}");
                assert_eq!(one.difference(&two), numbers(a & !b), "{one:?} {two:?}");
                assert_eq!(one.union(&two), numbers(a | b), "{one:?} {two:?}");
            }
        }
    }

    #[test]
    fn the_last_number_of_all_has_no_next() {
        let all = Ranges::one(0, u128::MAX);
        let top = Ranges::one(u128::MAX - 1, u128::MAX);
        assert_eq!(all.difference(&top), Ranges::one(0, u128::MAX - 2));
        assert_eq!(all.difference(&all), Ranges::default());
        assert_eq!(top.union(&all), all);
        assert!(Ranges::one(2, 1).is_empty());
    }
}
