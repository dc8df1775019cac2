//! Rules of nf_tables and of iptables-legacy of any content: what is sent elsewhere was asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::nat;

fuzz_target!(|bytes: &[u8]| nat::hold(bytes));
