//! Verbs over altered recordings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::in_process::run;
use portwho_fuzz::properties::verbs;

fuzz_target!(|bytes: &[u8]| verbs::hold(bytes, &mut run));
