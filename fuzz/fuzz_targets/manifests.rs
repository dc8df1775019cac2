//! Manifests of any content: a name is short, and stands in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::manifests;

fuzz_target!(|bytes: &[u8]| manifests::hold(bytes));
