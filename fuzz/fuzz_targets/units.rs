//! Unit files of any content: every socket has a port, and every value stands in a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::units;

fuzz_target!(|bytes: &[u8]| units::hold(bytes));
