//! One field of one row: clean text and what it means for the eye.

use super::clean::Clean;

/// How a cell is painted, where there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    #[default]
    Plain,
    /// What the reader looks for.
    Strong,
    /// What may be passed over.
    Faint,
    /// What should be looked at twice.
    Alert,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    pub text: Clean,
    pub tone: Tone,
}

impl Cell {
    pub fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: Clean::new(text.as_ref()),
            tone: Tone::Plain,
        }
    }

    /// The text, or a faint dash for nothing.
    pub fn of(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::absent, Self::new)
    }

    /// What stands where there is nothing to say.
    pub fn absent() -> Self {
        Self::new("-").tone(Tone::Faint)
    }

    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}
