//! CPU time and memory of a whole process, in pairs.

use std::io;
use std::process::{Command, Stdio};

/// What one run cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Seconds, user and system.
    pub cpu: f64,
    /// Largest resident memory, KiB.
    pub memory: f64,
}

/// Runs a command to its end, its output thrown away.
#[allow(unsafe_code)]
pub fn run(command: &[&str], environment: &[(&str, &str)]) -> io::Result<Cost> {
    let child = Command::new(command[0])
        .args(&command[1..])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    // SAFETY: both are plain data that wait4(2) fills; zero is a valid value of each.
    let (mut status, mut usage): (libc::c_int, libc::rusage) = (0, unsafe { std::mem::zeroed() });
    // SAFETY: the pid is a child's, not yet waited for; both pointers are valid for the call.
    let done = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    if done != pid {
        return Err(io::Error::last_os_error());
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Cost {
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        memory: usage.ru_maxrss as f64,
    })
}

/// Ratios of the first command to the second: of CPU time and of memory, medians of pairs.
pub fn ratio(
    ours: &[&str],
    theirs: &[&str],
    environment: &[(&str, &str)],
    pairs: usize,
) -> io::Result<(f64, f64, f64)> {
    let mut cpu = Vec::new();
    let mut memory = Vec::new();
    let mut absolute = Vec::new();
    // One of each to warm up.
    run(ours, environment)?;
    run(theirs, environment)?;
    // What takes less than a tick of accounting is run several times.
    let repeat = |command: &[&str]| -> io::Result<Cost> {
        let mut total = Cost::default();
        for _ in 0..REPEAT {
            let cost = run(command, environment)?;
            total.cpu += cost.cpu;
            total.memory = total.memory.max(cost.memory);
        }
        Ok(total)
    };
    for _ in 0..pairs {
        let (a, b) = (repeat(ours)?, repeat(theirs)?);
        cpu.push(a.cpu / b.cpu.max(1e-9));
        memory.push(a.memory / b.memory.max(1.0));
        absolute.push(a.cpu / f64::from(REPEAT));
    }
    Ok((median(cpu), median(memory), median(absolute)))
}

/// Runs that make one measurement.
const REPEAT: u32 = 3;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
