//! Threads in namespaces of their own: sockets that they make and processes that they start are there.

use std::ffi::{CStr, CString};
use std::io;
use std::panic::resume_unwind;
use std::process::Command;
use std::ptr::null;
use std::thread;

use super::held::{NO_SOCK_DIAG, answers_sock_diag};
use crate::answer::try_run;

/// Runs the scene on a thread with a network of its own, its loopback device up.
pub fn on_own_network<T: Send>(scene: impl FnOnce() -> T + Send) -> io::Result<T> {
    if !answers_sock_diag() {
        // What is asked of a network is more than the second-best way can tell.
        return Err(io::Error::other(NO_SOCK_DIAG));
    }
    let set_up = || ip(&["link", "set", "lo", "up"]);
    apart(libc::CLONE_NEWNET, set_up, scene)
}

/// Runs the rest of a test in a network of its own, where no other test is; skips it where there is none.
macro_rules! alone {
    ($scene:expr) => {
        if let Err(why) = super::apart::on_own_network($scene) {
            skip!("no network of its own: {why}");
        }
    };
}
pub(super) use alone;

/// Runs the scene on a thread where a file system of this kind covers `/proc`.
pub fn with_proc_mounted<T: Send>(
    kind: &CStr,
    options: &CStr,
    scene: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    let set_up = || {
        // What is mounted here must not appear to everybody else.
        mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE, None)?;
        mount(kind, c"/proc", 0, Some(options))
    };
    apart(libc::CLONE_NEWNS, set_up, scene)
}

/// Runs the scene on a thread where the directory of a process covers that of the first, which refuses
/// inspection on some machines.
pub fn with_first_process_covered<T: Send>(
    pid: u32,
    scene: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    let set_up = || {
        mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE, None)?;
        let covering = format!("/proc/{pid}");
        let covering = CString::new(covering).map_err(io::Error::other)?;
        mount(&covering, c"/proc/1", libc::MS_BIND, None)
    };
    apart(libc::CLONE_NEWNS, set_up, scene)
}

fn apart<T: Send>(
    namespaces: libc::c_int,
    set_up: impl FnOnce() -> io::Result<()> + Send,
    scene: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    let name = thread::current().name().unwrap_or_default().to_owned();
    thread::scope(|scope| {
        let run = || {
            // SAFETY: the flags move this thread to new namespaces, and touch no memory.
            if unsafe { libc::unshare(namespaces) } != 0 {
                return Err(io::Error::last_os_error());
            }
            set_up()?;
            Ok(scene())
        };
        let thread = thread::Builder::new().name(name).spawn_scoped(scope, run)?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Mounts a kind of file system, or what the first path names.
fn mount(kind: &CStr, at: &CStr, flags: libc::c_ulong, options: Option<&CStr>) -> io::Result<()> {
    let options = options.map_or(null(), |options| options.as_ptr().cast());
    let (source, changes_one) = (kind.as_ptr(), flags & libc::MS_PRIVATE != 0);
    let kind = if changes_one { null() } else { kind.as_ptr() };
    // SAFETY: every pointer is null or to a text with its NUL, which outlives the call.
    let done = unsafe { libc::mount(source, at.as_ptr(), kind, flags, options) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets up devices with ip(8).
pub fn ip(arguments: &[&str]) -> io::Result<()> {
    let answer = try_run(Command::new("ip").args(arguments))?;
    if answer.code == Some(0) {
        Ok(())
    } else {
        Err(io::Error::other(answer.stderr))
    }
}
