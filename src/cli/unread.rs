//! Protocols with ports whose sockets portwho does not read.

use super::failure::{Failure, quote};

/// Their names as selectors, how people write them, and what lists their sockets.
const UNREAD: [(&str, &str, &str); 4] = [
    ("dccp", "DCCP", "ss --dccp -a"),
    ("vsock", "vsock", "ss --vsock -a"),
    ("tipc", "TIPC", "ss --tipc -a"),
    ("rds", "RDS", "rds-info -I"),
];

/// Refuses a selector that asks for such a protocol: `dccp`, `dccp:5000`, `5000/dccp`.
///
/// # Errors
/// That the answer is unknown, and what would give one.
pub fn refuse(text: &str) -> Result<(), Failure> {
    let (before, after) = (text.split(':').next(), text.rsplit('/').next());
    let is_meant = |name: &str| {
        let is_name = |part: &str| part.eq_ignore_ascii_case(name);
        before.is_some_and(is_name) || after.is_some_and(is_name)
    };
    let Some((name, written, lister)) = UNREAD.iter().find(|(name, ..)| is_meant(name)) else {
        return Ok(());
    };
    let failure = Failure::unknown(format!(
        "{}: portwho does not read {written} sockets",
        quote(text)
    ));
    Err(failure.hint(format!(
        "'{lister}' lists them; for a process of that name, 'name={name}'"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Exit;

    #[test]
    fn selectors_of_protocols_that_are_not_read_cannot_be_answered() {
        for text in ["dccp", "DCCP", "vsock:22", "tipc", "rds:4000", "5000/dccp"] {
            let failure = refuse(text).unwrap_err();
            assert_eq!(failure.exit, Exit::Unknown, "{text}");
            assert!(failure.message.contains("does not read"), "{text}");
        }
        for text in ["nginx", "sctp:2905", "rdsd", "80", "[::1]:80", "10.0.0.0/8"] {
            assert_eq!(refuse(text), Ok(()), "{text}");
        }
    }
}
