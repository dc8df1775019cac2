//! Tones to escape sequences, ECMA-48.

use anstyle::{AnsiColor, Style};

use super::cell::Tone;

/// Writes text in a tone, or as it is where there is no colour.
pub fn paint(text: &str, tone: Tone, colour: bool) -> String {
    let style = match tone {
        _ if !colour || text.trim().is_empty() => return text.to_owned(),
        Tone::Plain => return text.to_owned(),
        Tone::Strong => Style::new().bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Alert => AnsiColor::Yellow.on_default(),
    };
    format!("{style}{text}{style:#}")
}
