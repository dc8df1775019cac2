//! Datagrams of rtnetlink of any content, of a kernel of either byte order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portwho_fuzz::properties::addresses;

fuzz_target!(|bytes: &[u8]| addresses::hold(bytes));
