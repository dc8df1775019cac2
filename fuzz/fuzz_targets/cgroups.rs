//! `/proc/PID/cgroup` of any content: every name stands in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::cgroups;

fuzz_target!(|bytes: &[u8]| cgroups::hold(bytes));
