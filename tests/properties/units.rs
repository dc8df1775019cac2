//! Unit files of any content: every socket has a port, and every value stands in a file.

use portwho::read::linux::unit_file::{listens, restart};

/// Takes what follows a form feed for the text of a drop-in.
///
/// # Panics
/// Where a socket has no port, or a value is made up.
pub fn hold(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let texts: Vec<&str> = text.split('\u{c}').collect();
    let found = listens(texts.iter().copied());
    assert!(found.len() <= text.lines().count() + texts.len());
    for listen in &found {
        assert!(listen.port > 0 && listen.protocol.has_ports());
        assert!(text.contains(&listen.port.to_string()), "{listen:?}");
    }
    if let Some(policy) = restart(texts.iter().copied()) {
        assert!(!policy.is_empty() && policy.trim() == policy && !policy.contains('\n'));
        assert!(text.contains("Restart"));
    }
}
