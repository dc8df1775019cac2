//! A set of single ports in bounded memory: few as a sorted list, many as a bit for each.

/// Ports up to which a list takes less memory than bits for all, and little time to add to.
const FEW: usize = 128;
const WORDS: usize = (1 << 16) / 64;

/// At most 8 KiB, however many ports are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortBits {
    Few(Vec<u16>),
    Many(Vec<u64>),
}

impl Default for PortBits {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl PortBits {
    /// Adds a port; whether it was not there.
    pub fn insert(&mut self, port: u16) -> bool {
        match self {
            Self::Few(ports) => match ports.binary_search(&port) {
                Ok(_) => false,
                Err(at) if ports.len() < FEW => {
                    ports.insert(at, port);
                    true
                }
                Err(_) => {
                    let mut words = vec![0; WORDS];
                    for port in ports.iter().copied().chain([port]) {
                        words[usize::from(port / 64)] |= 1 << (port % 64);
                    }
                    *self = Self::Many(words);
                    true
                }
            },
            Self::Many(words) => {
                let word = &mut words[usize::from(port / 64)];
                let is_new = *word & (1 << (port % 64)) == 0;
                *word |= 1 << (port % 64);
                is_new
            }
        }
    }

    /// Adds all ports of another set.
    pub fn absorb(&mut self, more: &Self) {
        for port in more.iter() {
            self.insert(port);
        }
    }

    pub fn contains(&self, port: u16) -> bool {
        match self {
            Self::Few(ports) => ports.binary_search(&port).is_ok(),
            Self::Many(words) => words[usize::from(port / 64)] & (1 << (port % 64)) != 0,
        }
    }

    pub fn len(&self) -> u32 {
        match self {
            Self::Few(ports) => u32::try_from(ports.len()).unwrap_or(u32::MAX),
            Self::Many(words) => words.iter().map(|word| word.count_ones()).sum(),
        }
    }

    /// The ports, ascending.
    pub fn iter(&self) -> Box<dyn Iterator<Item = u16> + '_> {
        match self {
            Self::Few(ports) => Box::new(ports.iter().copied()),
            Self::Many(_) => Box::new((0..=u16::MAX).filter(|port| self.contains(*port))),
        }
    }
}

impl FromIterator<u16> for PortBits {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut set = Self::default();
        for port in ports {
            set.insert(port);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_hold_the_same() {
        let mut set = PortBits::default();
        let odd = |at: u16| 65_535 - 2 * at;
        for at in 0..1000 {
            assert!(set.insert(odd(at)), "{at}");
            assert!(!set.insert(odd(at)), "{at}");
            assert_eq!(set.len(), u32::from(at) + 1);
        }
        assert!(set.contains(65_535) && set.contains(odd(999)) && !set.contains(65_534));
        assert_eq!(set.iter().next(), Some(odd(999)));
        assert_eq!(set.iter().count(), 1000);
    }

    #[test]
    fn memory_is_bounded() {
        let all: PortBits = (0..=u16::MAX).collect();
        assert_eq!(all.len(), 1 << 16);
        let PortBits::Many(words) = all else {
            panic!("bits for so many")
        };
        assert_eq!(words.capacity() * 8, 8192);
    }
}
