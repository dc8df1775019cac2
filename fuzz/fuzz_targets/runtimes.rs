//! Answers of runtimes of containers, and their state files, of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::runtimes;

fuzz_target!(|bytes: &[u8]| runtimes::hold(bytes));
