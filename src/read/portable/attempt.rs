//! Calls of a library that may fail or panic: what they gave, or why nothing, in words.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::model::cause;

/// How often a reading is tried: the library trips over what changes while it reads.
const ATTEMPTS: usize = 3;

/// Characters of a panic's message that are told.
const LONGEST_MESSAGE: usize = 200;

/// Reads until it succeeds, a few times at most; says why it failed.
pub fn patiently<T, E: Into<Box<dyn Error>>>(read: impl Fn() -> Result<T, E>) -> Result<T, String> {
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match quietly(&read) {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => why = format!("netstat2: {}", chain(&*error.into())),
            Err(panic) => why = reason(&*panic),
        }
    }
    Err(why)
}

/// An error with what caused it: the library's own words do not tell that.
fn chain(error: &dyn Error) -> String {
    let mut words = cause(error);
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {}", cause(error));
        source = error.source();
    }
    words
}

/// Runs a call that may panic, without the panic's message on stderr.
fn quietly<T>(call: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // The hook is the whole process's: two that put it back crosswise would lose it.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(call));
    std::panic::set_hook(hook);
    result
}

/// What a panic said, on one line; `panic!` gives it as one of these two.
fn reason(panic: &(dyn Any + Send)) -> String {
    let said = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "",
    };
    let words: Vec<&str> = said.split_whitespace().collect();
    match words.join(" ") {
        said if said.is_empty() => "netstat2 panicked".into(),
        said => {
            let told: String = said.chars().take(LONGEST_MESSAGE).collect();
            format!("netstat2 panicked: {told}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::panic_any;

    use super::*;

    fn panicking(panic: impl Fn() -> Result<(), String>) -> String {
        patiently(panic).unwrap_err()
    }

    #[test]
    fn a_panic_of_the_library_is_an_error_that_says_what_it_said() {
        assert_eq!(
            panicking(|| panic!("no such table")),
            "netstat2 panicked: no such table"
        );
        let number = Cell::new(7);
        assert_eq!(
            panicking(|| panic!("{} rows", number.get())),
            "netstat2 panicked: 7 rows"
        );
        assert_eq!(panicking(|| panic_any(7_u8)), "netstat2 panicked");
        assert_eq!(panicking(|| panic!(" \n")), "netstat2 panicked");
        assert_eq!(
            panicking(|| {
                assert_eq!(number.get(), 8, "sizes");
                Ok(())
            }),
            "netstat2 panicked: assertion `left == right` failed: sizes left: 7 right: 8"
        );
    }

    #[test]
    fn an_error_is_told_with_its_cause() {
        let refuse = || {
            let cause = std::io::Error::other("no such table");
            Err::<(), _>(netstat2::error::Error::OsError(cause))
        };
        assert_eq!(
            patiently(refuse),
            Err("netstat2: failed to call ffi: no such table".into())
        );
    }

    #[test]
    fn a_panic_is_told_in_a_line_of_limited_length() {
        let why = panicking(|| panic!("{}", "é\n".repeat(10_000)));
        assert_eq!(
            why.chars().count(),
            "netstat2 panicked: ".len() + LONGEST_MESSAGE
        );
        assert!(!why.contains('\n'), "{why}");
    }

    #[test]
    fn what_fails_once_is_tried_again() {
        for fails in 0..ATTEMPTS + 1 {
            let tried = Cell::new(0);
            let read = patiently(|| {
                tried.set(tried.get() + 1);
                match tried.get() {
                    now if now > fails => Ok(now),
                    1 => panic!("first"),
                    now => Err(format!("attempt {now}")),
                }
            });
            if fails < ATTEMPTS {
                assert_eq!(read, Ok(fails + 1));
            } else {
                assert_eq!(read, Err("netstat2: attempt 3".into()));
                assert_eq!(tried.get(), ATTEMPTS);
            }
        }
    }

    #[test]
    fn after_a_panic_the_next_reading_finds_all_in_order() {
        panicking(|| panic!("once"));
        assert_eq!(patiently(|| Ok::<_, String>(7)), Ok(7));
    }
}
