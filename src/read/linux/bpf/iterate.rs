//! Runs the iterator and keeps the holders of the wanted sockets.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use rustix::io::{Errno, read};

use super::btf;
use super::calls::{create_map, open_iterator};
use super::map::Types;
use super::program::{LAST, assemble};
use super::record::{Record, Told, decode};
use crate::model::{Foreign, Handles, ProcessKey};
use crate::read::linux::capability::{self, Capability};
use crate::read::linux::glimpse::Glimpses;
use crate::read::raw::RawHolder;

/// `st_ino` of the first time namespace, PROC_TIME_INIT_INO in linux/proc_ns.h.
const FIRST_TIME_NAMESPACE: u64 = 0xEFFF_FFFA;

/// Whether the kernel may let this process have an iterator. What it really says, it says on trying.
pub fn may_be_permitted() -> bool {
    capability::has(Capability::SYS_ADMIN) || capability::has(Capability::BPF | Capability::PERFMON)
}

/// Finds every holder that the kernel knows, and what it tells of them.
///
/// # Errors
/// Why there is no iterator: bpf(2) is refused, or the kernel does not describe its types.
pub fn holders(wanted: &Handles) -> io::Result<(Vec<RawHolder>, Glimpses)> {
    // Start times would be shifted against those of /proc, time_namespaces(7).
    let times = rustix::fs::stat("/proc/self/ns/time").map(|stat| stat.st_ino);
    if times.is_ok_and(|inode| inode != FIRST_TIME_NAMESPACE) {
        return Err(io::Error::other("a time namespace of its own"));
    }
    // And pids would be others than those of /proc. Where nothing is mounted there, there are no others.
    let own = rustix::process::getpid().as_raw_nonzero().to_string();
    let told = std::fs::read_link("/proc/self");
    if told.is_ok_and(|told| told != std::path::Path::new(&own)) {
        return Err(io::Error::other("a /proc of another pid namespace"));
    }
    let types = Types::open("/sys/kernel/btf/vmlinux")?;
    let mut offsets = btf::find(types.bytes())
        .ok_or_else(|| io::Error::other("types are missing from the kernel's BTF"))?;
    drop(types);
    if !may_see_all() {
        offsets.facts = None;
    }
    let map = create_map(LAST)?;
    let program = assemble(&offsets, map.as_raw_fd());
    let iterator = open_iterator(&program, offsets.iterator)?;
    let mut found = Found::new(wanted);
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
        let mut rest = &buffer[..filled];
        while let Some((record, after)) = decode(rest) {
            found.take(record);
            rest = after;
        }
        let taken = filled - rest.len();
        buffer.copy_within(taken..filled, 0);
        filled -= taken;
    }
    // Threads with descriptors of their own tell of the same socket again.
    found.holders.sort_unstable();
    found.holders.dedup();
    Ok((found.holders, found.glimpses))
}

/// Whether `/proc` would show this process every other, whatever the mount and ptrace(2) hide from
/// some: only then is what one of them shares with another that one's to tell. Who may have an iterator
/// is in the first user namespace, so users have the same numbers here as in the kernel.
fn may_see_all() -> bool {
    capability::has(Capability::SYS_PTRACE)
}

/// The holders of the wanted sockets, as far as the records were taken.
struct Found<'a> {
    wanted: &'a Handles,
    /// Nanoseconds in a clock tick.
    tick: u64,
    /// The process that was told of last.
    process: Option<(ProcessKey, Arc<Foreign>)>,
    holders: Vec<RawHolder>,
    glimpses: Glimpses,
}

impl<'a> Found<'a> {
    fn new(wanted: &'a Handles) -> Self {
        Self {
            wanted,
            tick: 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1),
            process: None,
            holders: Vec::new(),
            glimpses: Glimpses::default(),
        }
    }

    fn take(&mut self, record: Record) {
        if let Some(told) = record.process {
            self.process = self.meet(told);
        }
        if let Some((process, comm)) = &self.process
            && self.wanted.contains(record.inode)
        {
            self.holders.push(RawHolder {
                handle: record.inode,
                process: *process,
                fd: Some(record.fd),
                comm: Some(Arc::clone(comm)),
            });
        }
    }

    fn meet(&mut self, told: Told) -> Option<(ProcessKey, Arc<Foreign>)> {
        let process = ProcessKey {
            pid: told.pid,
            start: told.start / self.tick,
        };
        if let Some(glimpse) = told.glimpse {
            self.glimpses.insert(process, glimpse);
        }
        (told.pid != 0).then(|| (process, Arc::new(Foreign::from_bytes(told.comm))))
    }
}
