//! Which shells somebody types at: one that runs a script has a mind of its own.

use crate::model::{Foreign, Process};

const SHELLS: [&str; 9] = [
    "bash", "zsh", "fish", "sh", "dash", "ksh", "nu", "pwsh", "tcsh",
];

/// Long options of bash, which takes them with one dash too.
const LONG: [&str; 11] = [
    "debugger",
    "init-file",
    "login",
    "noediting",
    "noprofile",
    "norc",
    "posix",
    "pretty-print",
    "rcfile",
    "restricted",
    "verbose",
];

/// Long options that take the next word.
const WITH_VALUE: [&str; 7] = [
    "init-file",
    "rcfile",
    // fish, nu
    "init-command",
    "features",
    "config",
    "env-config",
    "execute",
];

/// Long options by which a shell runs what it is given, and ends.
const RUNS: [&str; 5] = ["command", "commands", "file", "encodedcommand", "testbin"];

/// Whether it is a shell. One that runs a script may go by the script's name.
pub fn is_shell(process: &Process) -> bool {
    let program = process.executable.as_ref().map(Foreign::base_name);
    let names = [Some(process.name.unclean()), program];
    names
        .into_iter()
        .flatten()
        .any(|name| SHELLS.contains(&name))
}

/// Whether it is a shell without a script, a command or an input to run.
pub fn is_prompt(process: &Process) -> bool {
    let words = process.command.as_deref().unwrap_or_default();
    is_shell(process) && !words.is_empty() && takes_no_script(&words[1..])
}

fn takes_no_script(words: &[Foreign]) -> bool {
    let mut words = words.iter().map(Foreign::unclean);
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix(['-', '+']) else {
            return false;
        };
        let long = option.strip_prefix('-');
        let name = long.unwrap_or(option).to_lowercase();
        let (name, is_joined) = match name.split_once('=') {
            Some((name, _)) => (name, true),
            None => (name.as_str(), false),
        };
        if RUNS.contains(&name) {
            return false;
        }
        let takes_value = if long.is_some() || LONG.contains(&name) {
            WITH_VALUE.contains(&name) && !is_joined
        } else if option.contains(['c', 's']) {
            return false;
        } else {
            // `-o vi` of POSIX, `-O extglob` of bash.
            option.ends_with(['o', 'O'])
        };
        if takes_value {
            words.next();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcessKey;

    #[test]
    fn a_script_that_goes_by_its_own_name_is_a_shell() {
        let words = ["/bin/bash", "./deploy"].map(Foreign::new);
        let key = ProcessKey { pid: 1, start: 1 };
        let script = Process {
            command: Some(words.to_vec()),
            executable: Some(Foreign::new("/usr/bin/bash")),
            ..Process::named(key, Foreign::new("deploy"))
        };
        assert!(is_shell(&script) && !is_prompt(&script));
    }

    #[test]
    fn a_prompt_is_told_from_a_script() {
        let is_one = |line: &str| {
            let words: Vec<Foreign> = line.split(' ').map(Foreign::new).collect();
            let name = words[0].base_name().trim_start_matches('-').to_owned();
            let key = ProcessKey { pid: 1, start: 1 };
            is_prompt(&Process {
                command: Some(words),
                ..Process::named(key, Foreign::new(name))
            })
        };
        for line in [
            "bash",
            "-bash",
            "/bin/bash",
            "bash --norc",
            "bash -norc -i",
            "bash --login",
            "bash --init-file /etc/x",
            "bash --rcfile /tmp/rc -i",
            "bash --rcfile=/tmp/rc",
            "bash -o vi",
            "bash +O extglob",
            "zsh -l",
            "zsh --no-rcs -i",
            "fish --init-command status",
            "-zsh",
        ] {
            assert!(is_one(line), "{line}");
        }
        for line in [
            "bash -c server",
            "bash -lc server",
            "bash --norc -c server",
            "bash --init-file /etc/x run.sh",
            "bash run.sh",
            "sh -e run.sh",
            "bash -eo pipefail run.sh",
            "bash -s",
            "fish --command server",
            "pwsh -Command server",
            "pwsh -File run.ps1",
            "nginx",
        ] {
            assert!(!is_one(line), "{line}");
        }
    }
}
