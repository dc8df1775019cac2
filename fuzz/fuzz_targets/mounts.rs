//! `/proc/PID/mountinfo` of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::mounts;

fuzz_target!(|bytes: &[u8]| mounts::hold(bytes));
