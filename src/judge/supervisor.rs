//! Programs that start again what ends, and whether a process is one of them or only goes by its name. Pure.

use crate::model::{FileOwner, Foreign, Process, is_believed};

/// A program that starts again what ends, by its settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Supervisor {
    pub name: &'static str,
    /// What it is told by.
    pub tool: &'static str,
    pub way: Way,
    /// What runs it, where it is a script.
    pub interpreter: Option<&'static str>,
}

/// How a supervisor is told to end something.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// By a name that it alone knows: a command that lists those.
    List(&'static str),
    /// By the folder that it serves, which is its working directory.
    Folder(&'static str),
}

pub const SUPERVISORS: [Supervisor; 8] = [
    listing("supervisord", "supervisorctl", "supervisorctl status").run_by("python"),
    serving("runsv", "sv", "sv stop"),
    serving("s6-supervise", "s6-svc", "s6-svc -d"),
    listing("circusd", "circusctl", "circusctl status").run_by("python"),
    listing("monit", "monit", "monit summary"),
    listing("pm2", "pm2", "pm2 list").run_by("node"),
    listing(
        "process-compose",
        "process-compose",
        "process-compose process list",
    ),
    listing("launchd", "launchctl", "launchctl list"),
];

const fn listing(name: &'static str, tool: &'static str, list: &'static str) -> Supervisor {
    told_by(name, tool, Way::List(list))
}

const fn serving(name: &'static str, tool: &'static str, stop: &'static str) -> Supervisor {
    told_by(name, tool, Way::Folder(stop))
}

const fn told_by(name: &'static str, tool: &'static str, way: Way) -> Supervisor {
    Supervisor {
        name,
        tool,
        way,
        interpreter: None,
    }
}

impl Supervisor {
    const fn run_by(self, interpreter: &'static str) -> Self {
        let interpreter = Some(interpreter);
        Self {
            interpreter,
            ..self
        }
    }

    /// What is said of one that may start something again.
    pub fn may_start_again(&self, process: &Process, asker: Option<u32>) -> String {
        let (name, tool, pid) = (self.name, self.tool, process.key.pid);
        if self.is_proven(process, asker) {
            format!("{name} (pid {pid}) may start it again, as its settings say: stop it by {tool}")
        } else {
            format!(
                "a process that calls itself {name} (pid {pid}) may start it again; whether it is \
                 {name} could not be verified"
            )
        }
    }

    /// What is said of one that holds a port itself.
    pub fn as_holder(&self, process: &Process, asker: Option<u32>) -> String {
        let name = self.name;
        if self.is_proven(process, asker) {
            format!("{name} runs other programs: they would end with it")
        } else {
            format!("it calls itself {name}, which could not be verified")
        }
    }

    /// Whether the process is this program, and no other that goes by its name: it runs as root or as
    /// the asker, from a file that nobody else could have put there. Anybody may start a program of
    /// root's that takes its owner's user, under any name and in any folder: such a file proves nothing.
    pub fn is_proven(&self, process: &Process, asker: Option<u32>) -> bool {
        let is_known_user = process.uid.is_some_and(|uid| is_believed(uid, asker));
        let (Some(program), true) = (&process.executable, is_known_user) else {
            return false;
        };
        // The first process of a machine is root's own.
        if process.key.pid == 1 && process.uid == Some(0) && program.base_name() == self.name {
            return true;
        }
        let Some(provenance) = process.provenance.as_deref() else {
            return false;
        };
        let is_kept = |file: FileOwner| file.is_believed(asker) && !file.is_set_id();
        let has_kept_program = provenance.executable.is_some_and(is_kept);
        let has_kept_script = || provenance.script.is_some_and(is_kept);
        let program = program.program_name();
        let interprets = |name: &str| program.trim_end_matches(VERSION) == name;
        has_kept_program
            && (program == self.name
                // One program by many names: its arguments are as root or the asker gave them.
                || program == "busybox"
                || self.interpreter.is_some_and(interprets)
                    && match process.meaning.script.as_ref().map(Foreign::unclean) {
                        Some(script) if script.starts_with('/') => {
                            first_argument(process) == Some(script) && has_kept_script()
                        }
                        // pm2 writes a title over its arguments.
                        _ => is_title_of(self, process),
                    })
    }
}

/// What may follow the name of an interpreter: `python3.11`.
const VERSION: [char; 11] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.'];

/// The first argument that is no option: the one whose file's owner is known.
fn first_argument(process: &Process) -> Option<&str> {
    let words = process.command.as_deref().unwrap_or_default();
    let mut words = words.iter().skip(1).map(Foreign::unclean);
    words.find(|word| !word.starts_with('-'))
}

/// Whether a program wrote a title of several words over its arguments, of which the first is this name.
fn is_title_of(supervisor: &Supervisor, process: &Process) -> bool {
    let words = process.command.as_deref().unwrap_or_default();
    let title = words.first().map_or("", Foreign::unclean).to_lowercase();
    let is_alone = words.iter().skip(1).all(|word| word.unclean().is_empty());
    let rest = title.strip_prefix(supervisor.name);
    is_alone && rest.is_some_and(|rest| rest.starts_with(" v"))
}
