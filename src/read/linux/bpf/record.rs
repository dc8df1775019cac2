//! What the BPF program writes: a record for each socket, in this machine's byte order. Pure.
//!
//! A short record is the beginning of a long one, which stands where a process begins.

use crate::model::Foreign;
use crate::read::linux::glimpse::{Glimpse, Keys, PathKey};

/// Bytes of a record of a socket alone, and of one that tells of its process too.
pub const SHORT: usize = 16;
pub const LONG: usize = ROOT + PATH;

/// Places of a record's fields.
pub const INODE: usize = 0;
pub const FD: usize = 8;
/// 0 for a short record, 1 for a long one.
pub const KIND: usize = 12;
/// Nanoseconds since boot.
pub const START: usize = 16;
pub const COMM_AT: usize = 24;
/// `struct upid` of the process in the reader's pid namespace.
pub const OWN: usize = 40;
pub const UID: usize = 56;
/// 1 where this field and those about it are filled.
pub const HAS_FACTS: usize = 60;
pub const GROUPS: usize = 64;
pub const MOUNTS: usize = 72;
pub const DIRECTORY: usize = 80;
pub const ROOT: usize = 96;

/// TASK_COMM_LEN, linux/sched.h: the name ends with a NUL.
pub const COMM: usize = 16;
/// `struct upid`, linux/pid.h: a number, and the address of its namespace after four bytes.
pub const UPID: usize = 16;
/// `struct path`, linux/path.h: two addresses.
pub const PATH: usize = 16;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    pub inode: u64,
    pub fd: u32,
    /// `None` for the process of the record before.
    pub process: Option<Told<'a>>,
}

/// What is told of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<'a> {
    /// In the reader's pid namespace.
    pub pid: u32,
    /// Nanoseconds since boot.
    pub start: u64,
    /// The process's name, as `/proc/PID/stat` has it.
    pub comm: &'a [u8],
    /// `None` where something is not known: the process is ending, or the kernel is of another make.
    pub glimpse: Option<Glimpse>,
}

/// Takes the first record, and gives what is left; `None` where it is not whole.
pub fn decode(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let is_long = word(bytes, KIND)? == 1;
    let (one, rest) = bytes.split_at_checked(if is_long { LONG } else { SHORT })?;
    let process = if is_long { Some(told(one)?) } else { None };
    let record = Record {
        inode: long(one, INODE)?,
        fd: word(one, FD)?,
        process,
    };
    Some((record, rest))
}

fn told(bytes: &[u8]) -> Option<Told<'_>> {
    let comm = bytes.get(COMM_AT..COMM_AT + COMM)?;
    let length = comm.iter().position(|byte| *byte == 0);
    let comm = &comm[..length.unwrap_or(COMM)];
    Some(Told {
        pid: word(bytes, OWN)?,
        start: long(bytes, START)?,
        comm,
        glimpse: glimpse(bytes, comm),
    })
}

fn glimpse(bytes: &[u8], comm: &[u8]) -> Option<Glimpse> {
    let path = |at| Some(PathKey(address(bytes, at)?, address(bytes, at + 8)?));
    if word(bytes, HAS_FACTS)? == 0 {
        return None;
    }
    Some(Glimpse {
        comm: Foreign::from_bytes(comm),
        uid: word(bytes, UID)?,
        keys: Keys {
            groups: address(bytes, GROUPS)?,
            mounts: (address(bytes, MOUNTS)?, path(ROOT)?),
            directory: path(DIRECTORY)?,
        },
    })
}

/// An address that is not null.
fn address(bytes: &[u8], at: usize) -> Option<u64> {
    long(bytes, at).filter(|address| *address != 0)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long record with every field filled.
    fn whole() -> Vec<u8> {
        let mut bytes = vec![0; LONG];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        for (at, number) in [
            (INODE, 4711),
            (START, 5_000_000_000),
            (OWN + 8, 70),
            (GROUPS, 1),
            (MOUNTS, 2),
            (DIRECTORY, 3),
            (DIRECTORY + 8, 4),
            (ROOT, 5),
            (ROOT + 8, 6),
        ] {
            put(at, &u64::to_ne_bytes(number));
        }
        for (at, number) in [(FD, 3), (KIND, 1), (OWN, 812), (UID, 33), (HAS_FACTS, 1)] {
            put(at, &u32::to_ne_bytes(number));
        }
        put(COMM_AT, b"nginx\0stale");
        bytes
    }

    fn with(at: usize, field: &[u8]) -> Option<Glimpse> {
        let mut bytes = whole();
        bytes[at..at + field.len()].copy_from_slice(field);
        let (record, _) = decode(&bytes)?;
        record.process?.glimpse
    }

    #[test]
    fn a_process_is_told_once_and_its_sockets_after_it() {
        let mut bytes = whole();
        bytes.extend(4712_u64.to_ne_bytes());
        bytes.extend(4_u32.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        let (first, rest) = decode(&bytes).unwrap();
        assert_eq!((first.inode, first.fd), (4711, 3));
        let told = first.process.unwrap();
        assert_eq!((told.pid, told.start), (812, 5_000_000_000));
        assert_eq!(told.comm, b"nginx");
        let expected = Glimpse {
            comm: Foreign::new("nginx"),
            uid: 33,
            keys: Keys {
                groups: 1,
                mounts: (2, PathKey(5, 6)),
                directory: PathKey(3, 4),
            },
        };
        assert_eq!(told.glimpse, Some(expected));
        let (second, rest) = decode(rest).unwrap();
        let expected = Record {
            inode: 4712,
            fd: 4,
            process: None,
        };
        assert_eq!((second, rest.len()), (expected, 0));
    }

    #[test]
    fn a_record_that_is_cut_short_waits_for_the_rest() {
        let bytes = whole();
        for length in 0..LONG {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn where_something_is_missing_nothing_is_taken() {
        for at in [GROUPS, MOUNTS, DIRECTORY, ROOT] {
            assert_eq!(with(at, &0_u64.to_ne_bytes()), None, "{at}");
        }
        assert_eq!(with(HAS_FACTS, &0_u32.to_ne_bytes()), None);
    }
}
