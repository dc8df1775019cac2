//! What holds whatever is read: for the tests that damage recordings (`tests/recorded/damaged.rs`) and
//! for the targets of `fuzz/`.

pub mod addresses;
pub mod bpf;
pub mod cgroups;
pub mod ipvs;
pub mod manifests;
pub mod mounts;
pub mod nat;
pub mod runtimes;
pub mod units;
pub mod verbs;

/// Whether a text has a character that a terminal acts on, or that hides others.
pub fn is_calm(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
    })
}
