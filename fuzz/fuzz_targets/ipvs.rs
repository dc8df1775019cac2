//! Lists of virtual services of any content: what is sent elsewhere was asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::ipvs;

fuzz_target!(|bytes: &[u8]| ipvs::hold(bytes));
