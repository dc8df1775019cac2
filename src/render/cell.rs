//! One field of one row: clean text and what it means for the eye.

use std::borrow::Cow;

use super::clean::Clean;
use crate::model::Foreign;

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
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: Clean::from(text.into()),
            tone: Tone::Plain,
        }
    }

    /// The text, or a faint dash for nothing.
    pub fn of(text: Option<impl Into<Cow<'static, str>>>) -> Self {
        text.map_or_else(Self::absent, Self::new)
    }

    /// Text of another process, or a faint dash for nothing.
    pub fn foreign(text: Option<&Foreign>) -> Self {
        text.map_or_else(Self::absent, |text| Self {
            text: Clean::from(text),
            tone: Tone::Plain,
        })
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
