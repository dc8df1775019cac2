//! Why something failed, as a message says it: errors of the system without their numbers.

use std::fmt::Display;

/// The words of an error, in lower case, without `(os error 2)` and a final full stop.
pub fn cause(error: &(impl Display + ?Sized)) -> String {
    let words = error.to_string();
    let words = match words.rsplit_once(" (os error ") {
        Some((words, _)) => words,
        None => &words,
    };
    let words = words.trim_end().trim_end_matches('.');
    let mut chars = words.chars();
    match (chars.next(), chars.as_str()) {
        // An abbreviation stays as it is.
        (Some(first), rest) if !rest.starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn an_error_of_the_system_is_told_without_its_number() {
        assert_eq!(
            cause("No such file or directory (os error 2)"),
            "no such file or directory"
        );
        assert_eq!(
            cause("The system cannot find the file specified. (os error 2)"),
            "the system cannot find the file specified"
        );
        assert_eq!(cause("RPC failed"), "RPC failed");
        assert_eq!(cause(""), "");
        let error = io::Error::from_raw_os_error(13);
        assert!(!cause(&error).contains("os error"));
        assert_eq!(cause(&io::Error::other("not a device")), "not a device");
    }
}
