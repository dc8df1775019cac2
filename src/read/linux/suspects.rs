//! Finds processes that may have a socket without a descriptor: a thread that waits in accept() or
//! recv() keeps the socket for as long as it waits, though the descriptor has been closed meanwhile.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::proc_files::{open_proc, read_small};
use super::proc_text::{decode_stat, decode_syscall};
use super::walk::{numbers_in, pids};
use crate::model::ProcessKey;
use crate::read::raw::{RawSocket, RawSuspect};

/// No more threads are asked: each takes some ten microseconds.
const MOST_THREADS: usize = 10_000;

/// The calls that wait on the descriptor that is their first argument.
const ACCEPTS: [(libc::c_long, &str); 1] = [(libc::SYS_accept4, "accept")];
const RECEIVES: [(libc::c_long, &str); 4] = [
    (libc::SYS_recvfrom, "recv"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_recvmmsg, "recvmmsg"),
    (libc::SYS_read, "read"),
];

/// The processes with a thread that waits on a closed descriptor, as one that has these sockets would.
pub fn find<'a>(sockets: impl Iterator<Item = &'a RawSocket>) -> Vec<RawSuspect> {
    let (mut accepts, mut receives) = (false, false);
    for socket in sockets {
        let is_listening = socket.state.is_listening() && socket.protocol.is_stream();
        accepts |= is_listening;
        receives |= !is_listening;
    }
    let mut wanted: Vec<(libc::c_long, &'static str)> = Vec::new();
    if accepts {
        wanted.extend(ACCEPTS);
        // Not every processor's kernel has it.
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm"))]
        wanted.push((libc::SYS_accept, "accept"));
    }
    if receives {
        wanted.extend(RECEIVES);
    }
    let Ok(proc) = open_proc() else {
        return Vec::new();
    };
    let mut buffer = Box::new([MaybeUninit::uninit(); 32 * 1024]);
    let mut room = MOST_THREADS;
    let mut found = Vec::new();
    // This very process reads files that it closes.
    let own = std::process::id();
    for pid in pids().into_iter().filter(|pid| *pid != own) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(tasks) = openat(&proc, format!("{pid}/task"), flags, Mode::empty()) else {
            continue;
        };
        let threads = numbers_in(&tasks, &mut buffer[..]).unwrap_or_default();
        for thread in threads {
            if room == 0 {
                return found;
            }
            room -= 1;
            let Some(call) = waits_on_closed(&tasks, thread, &wanted) else {
                continue;
            };
            let stat = read_small(&proc, format!("{pid}/stat")).ok();
            if let Some(stat) = stat.and_then(|text| decode_stat(&text)) {
                found.push(RawSuspect {
                    process: ProcessKey {
                        pid,
                        start: stat.start,
                    },
                    comm: stat.comm,
                    call: call.to_owned(),
                });
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The call in which a thread waits on a descriptor that it does not have any more.
fn waits_on_closed(
    tasks: &OwnedFd,
    thread: u32,
    wanted: &[(libc::c_long, &'static str)],
) -> Option<&'static str> {
    let text = read_small(tasks, format!("{thread}/syscall")).ok()?;
    let (number, descriptor) = decode_syscall(&text)?;
    let number = libc::c_long::try_from(number).ok()?;
    let (_, call) = wanted.iter().find(|(wanted, _)| *wanted == number)?;
    let link = readlinkat(tasks, format!("{thread}/fd/{descriptor}"), Vec::new());
    matches!(link, Err(Errno::NOENT)).then_some(*call)
}
