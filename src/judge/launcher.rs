//! The process that started a holder, past the wrappers between: it may start it again. Pure.

use super::prompt::{is_prompt, is_shell};
use super::starter::{called, is_systemd};
use crate::model::{Foreign, Process};

/// Programs that run one other, and end when it does.
pub const WRAPPERS: [&str; 18] = [
    "sudo",
    "doas",
    "su",
    "runuser",
    "setpriv",
    "setsid",
    "unshare",
    "nsenter",
    "timeout",
    "strace",
    "tini",
    "dumb-init",
    "docker-init",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "poetry",
];

/// Programs that start again what has ended, where they are told to.
const RESTARTERS: [&str; 3] = ["forever", "supervisor", "ts-node-dev"];

/// An option by which a program that runs several others starts again what has ended.
const RESTARTS: &str = "--restart-tries";

/// Programs that run what others ask them for: they go on without it, and their end is that of all of it.
const HOSTS: [&str; 11] = [
    "cron", "crond", "atd", "anacron", "sshd", "login", "inetd", "xinetd", "tmux", "screen",
    "script",
];

/// The nearest parent that is no wrapper; `None` for one that takes in orphans, as the first process
/// and systemd do.
pub fn launcher(chain: &[Process]) -> Option<&Process> {
    let parent = chain.iter().find(|parent| !is_wrapper(parent))?;
    let takes_orphans = parent.key.pid == 1 || is_systemd(parent);
    (!takes_orphans).then_some(parent)
}

/// How a program ends for good that starts again what ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// First itself, then what it started, which would go on.
    Both,
    /// By SIGINT, as from Ctrl+C: after another signal concurrently goes on restarting.
    Interrupt,
}

/// How it has to end where the holder shall stay ended: a script that runs commands one after the other,
/// or a program whose purpose is to start them again. Of other programs (an editor, a test) that is not
/// known, and their end may be that of much else.
pub fn ending(launcher: &Process) -> Option<Ending> {
    let words = launcher.command.as_deref().unwrap_or_default();
    if words
        .iter()
        .any(|word| word.unclean().starts_with(RESTARTS))
    {
        return Some(Ending::Interrupt);
    }
    let is_script = is_shell(launcher) && !is_prompt(launcher);
    let is_loop = is_script || called(launcher, &RESTARTERS).is_some();
    is_loop.then_some(Ending::Both)
}

/// Whether it runs what others ask it for.
pub fn is_host(process: &Process) -> bool {
    is_prompt(process) || called(process, &HOSTS).is_some()
}

fn is_wrapper(process: &Process) -> bool {
    called(process, &WRAPPERS).is_some() || runs_one_command(process)
}

/// Whether it is a shell that runs a single command, and ends with it: `sh -c 'node server.js'`.
fn runs_one_command(process: &Process) -> bool {
    let words = process.command.as_deref().unwrap_or_default();
    let mut words = words.iter().skip(1).map(Foreign::unclean);
    let is_option = words.next().is_some_and(|word| word == "-c");
    let text = words.find(|word| *word != "--").unwrap_or_default();
    let is_plain = |c: char| !";&|\n(){}`$".contains(c);
    let starts_block = ["while", "until", "for", "exec"]
        .iter()
        .any(|word| text.split_whitespace().next() == Some(word));
    is_shell(process)
        && is_option
        && !text.is_empty()
        && text.chars().all(is_plain)
        && !starts_block
}

/// `bash loop.sh (pid 5)`: the name, with what it runs.
pub fn described(process: &Process) -> String {
    let (name, pid) = (process.name.in_sentence(), process.key.pid);
    let script = process.meaning.script.as_ref().map(Foreign::base_name);
    // `/dev/fd/63` of a script that comes through a pipe says nothing.
    let is_telling = |script: &&str| {
        *script != process.name.unclean() && !script.bytes().all(|byte| byte.is_ascii_digit())
    };
    match script.filter(is_telling) {
        Some(script) => {
            let script = Foreign::new(script);
            format!("{name} {} (pid {pid})", script.in_sentence())
        }
        None => match command_of(process) {
            Some(text) => format!("{name} -c '{text}' (pid {pid})"),
            None => format!("{name} (pid {pid})"),
        },
    }
}

/// The beginning of what a shell was given to run.
fn command_of(process: &Process) -> Option<String> {
    const LONGEST: usize = 40;
    let words = process.command.as_deref().filter(|_| is_shell(process))?;
    let at = words.iter().position(|word| word.unclean() == "-c")?;
    let text = words.get(at + 1)?.unclean();
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    Some(cut)
}
