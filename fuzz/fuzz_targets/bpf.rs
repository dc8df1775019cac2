//! BTF and records of the iterator, of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::bpf;

fuzz_target!(|bytes: &[u8]| bpf::hold(bytes));
