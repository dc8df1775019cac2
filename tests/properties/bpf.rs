//! BTF and records of the iterator, of any content.

use portwho::read::linux::bpf::{btf, program, record};

/// # Panics
/// Where a record is taken of bytes that cannot hold it.
pub fn hold(bytes: &[u8]) {
    if let Some(offsets) = btf::find(bytes) {
        let instructions = program::assemble(&offsets, 3);
        assert!(!instructions.is_empty() && instructions.len().is_multiple_of(8));
    }
    let mut rest = bytes;
    while let Some((record, after)) = record::decode(rest) {
        let length = if record.process.is_some() {
            record::LONG
        } else {
            record::SHORT
        };
        assert_eq!(rest.len() - after.len(), length);
        if let Some(told) = &record.process {
            assert!(told.comm.len() <= record::COMM && !told.comm.contains(&0));
        }
        rest = after;
    }
    assert!(rest.len() < record::LONG);
}
