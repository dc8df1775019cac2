//! Runs the iterator and keeps the holders of the wanted sockets.

use std::io;
use std::sync::Arc;

use rustix::io::{Errno, read};

use super::btf;
use super::calls::open_iterator;
use super::map::Types;
use super::program::{RECORD, assemble, decode_record};
use crate::model::{Foreign, Handles, ProcessKey};
use crate::read::linux::proc_text::{BPF, PERFMON, SYS_ADMIN, has_capability};
use crate::read::raw::RawHolder;

/// `st_ino` of the first time namespace, PROC_TIME_INIT_INO in linux/proc_ns.h.
const FIRST_TIME_NAMESPACE: u64 = 0xEFFF_FFFA;

/// Whether the kernel may let this process have an iterator. What it really says, it says on trying.
pub fn may_be_permitted() -> bool {
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    let has = |capability| has_capability(&status, capability);
    has(SYS_ADMIN) || (has(BPF) && has(PERFMON))
}

/// Finds every holder that the kernel knows.
///
/// # Errors
/// Why there is no iterator: bpf(2) is refused, or the kernel does not describe its types.
pub fn holders(wanted: &Handles) -> io::Result<Vec<RawHolder>> {
    // Start times would be shifted against those of /proc, time_namespaces(7).
    let times = rustix::fs::stat("/proc/self/ns/time").map(|stat| stat.st_ino);
    if times.is_ok_and(|inode| inode != FIRST_TIME_NAMESPACE) {
        return Err(io::Error::other("a time namespace of its own"));
    }
    let types = Types::open("/sys/kernel/btf/vmlinux")?;
    let offsets = btf::find(types.bytes())
        .ok_or_else(|| io::Error::other("types are missing from the kernel's BTF"))?;
    drop(types);
    let iterator = open_iterator(&assemble(&offsets), offsets.iterator)?;
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    let mut holders: Vec<RawHolder> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        let length = match read(&iterator, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => length,
            // The kernel pauses in a long walk.
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(errno) => return Err(errno.into()),
        };
        filled += length;
        let whole = filled - filled % RECORD;
        for record in buffer[..whole]
            .chunks_exact(RECORD)
            .filter_map(decode_record)
        {
            if wanted.contains(record.inode) && record.pid != 0 {
                let process = ProcessKey {
                    pid: record.pid,
                    start: record.start / tick,
                };
                // What one process has comes together.
                let known = holders.last().filter(|last| last.process == process);
                let comm = known.and_then(|last| last.comm.clone());
                let comm = comm.unwrap_or_else(|| Arc::new(Foreign::from_bytes(record.comm)));
                holders.push(RawHolder {
                    handle: record.inode,
                    process,
                    fd: Some(record.fd),
                    comm: Some(comm),
                });
            }
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
    // Threads with descriptors of their own tell of the same socket again.
    holders.sort_unstable();
    holders.dedup();
    Ok(holders)
}
