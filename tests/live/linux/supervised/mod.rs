//! Real supervisors, each on a machine of the test's own: what it starts and mounts, its bridges and
//! rules, what it writes below `/etc`, `/run` and `/var/lib` are seen by nobody else, and end with it.

mod compose;
mod docker;
mod engine;
pub mod groups;
mod podman;
mod systemd;

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::held::{Held, has_tool, is_root, written};
use crate::answer::{Answer, PORTWHO, run};

/// What the first process does: the rest is for the supervisors, which find their usual places empty.
const INIT: &str = "ip link set lo up && mount --bind \"$1\" /var/lib && \
    mount -t tmpfs none /run && mkdir /run/lock /run/etc /run/work && \
    mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work none /etc && \
    echo ready && while sleep 1; do :; done";

/// Processes, mounts and a network apart from those of everybody else.
pub struct Machine {
    /// The process outside that all others inside end with.
    outside: Option<Held>,
    /// The first process inside, by its pid outside.
    first: u32,
    /// What every program there has in its environment.
    environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Machine {
    /// A machine where these tools are; why not, where that cannot be.
    pub fn new(tools: &[&str]) -> Result<Self, String> {
        let needed = ["unshare", "nsenter", "setpriv", "ip", "mount"];
        if let Some(tool) = needed.iter().chain(tools).find(|tool| !has_tool(tool)) {
            return Err(format!("{tool} is not there"));
        }
        if !is_root() {
            return Err("only root can have a machine of its own".into());
        }
        let why = |error: std::io::Error| error.to_string();
        let folder = super::held::open_folder();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).map_err(why)?;
        let mut command = Command::new("sh");
        command.args(["-c", "exec 2>&1; exec \"$@\"", "sh"]);
        // Ends with the thread of the test, even where the test is ended from outside.
        command.args(["setpriv", "--pdeathsig", "KILL", "unshare", "--fork"]);
        command.args(["--kill-child", "--pid", "--net", "--mount", "--mount-proc"]);
        command.args(["sh", "-c", INIT, "init"]).arg(&state);
        let (outside, line) = Held::saying(command.stdin(Stdio::null())).map_err(why)?;
        let pid = outside.pid();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let first = children.ok().and_then(|text| text.trim().parse().ok());
        match (line.trim(), first) {
            ("ready", Some(first)) => Ok(Self {
                outside: Some(outside),
                first,
                environment: Vec::new(),
                folder,
            }),
            (why, _) => Err(format!("no machine of its own: {why}")),
        }
    }

    /// A file for what runs there, which sees it under the same path.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program to be run there.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        let first = self.first.to_string();
        command.args(["--pid", "--net", "--mount", "--target", &first, "--"]);
        command.arg(program);
        // What the person who runs the tests has set up would lead elsewhere.
        for name in [
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "CONTAINER_HOST",
            "XDG_RUNTIME_DIR",
        ] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Lets every program there have this in its environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Runs a command there; it may take long.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = self.command("timeout");
        Held::finish(command.arg("120").args(arguments)).unwrap()
    }

    /// What a command there prints; one that fails ends the test.
    #[track_caller]
    pub fn told(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!(answer.code, Some(0), "{arguments:?} {answer:?}");
        answer.stdout.trim().to_owned()
    }

    /// Runs portwho there.
    pub fn portwho(&self, arguments: &[&str]) -> Answer {
        run(self.command(PORTWHO).args(arguments))
    }

    /// Starts a daemon there, and waits until it answers this command; its last words, where it does not.
    pub fn daemon(&self, command: &mut Command, asked: &[&str]) -> Result<Held, String> {
        let log = tempfile::tempfile_in(&self.folder).map_err(|why| why.to_string())?;
        let output = || log.try_clone().map(Stdio::from);
        let outputs = output().and_then(|first| Ok((first, output()?)));
        let (out, err) = outputs.map_err(|why| why.to_string())?;
        let command = command.stdin(Stdio::null()).stdout(out).stderr(err);
        let mut held = Held::start(command).map_err(|why| why.to_string())?;
        for _ in 0..120 {
            if self.run(asked).code == Some(0) {
                return Ok(held);
            }
            if held.has_ended() {
                break;
            }
            sleep(Duration::from_millis(250));
        }
        let log = written(log).map_err(|why| why.to_string())?;
        Err(format!(
            "{command:?} does not answer: {}",
            last_lines(&log, 5)
        ))
    }

    /// A folder to make an image of, with busybox for its only program.
    pub fn busybox_root(&self) -> Result<PathBuf, String> {
        let root = self.path("root");
        let copied = std::fs::create_dir_all(root.join("bin"))
            .and_then(|()| std::fs::copy("/bin/busybox", root.join("bin/busybox")));
        copied.map_err(|why| format!("busybox: {why}"))?;
        let path = root.to_str().ok_or("a path that is no text")?;
        match self.run(&["chroot", path, "/bin/busybox", "true"]).code {
            Some(0) => Ok(root),
            _ => Err("busybox is not the static one".into()),
        }
    }

    /// The control groups of a process there, by its pid there.
    pub fn control_groups(&self, pid: &str) -> String {
        self.told(&["cat", &format!("/proc/{pid}/cgroup")])
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let used = groups::used(&self.run(&["sh", "-c", "cat /proc/[0-9]*/cgroup"]).stdout);
        self.outside.take();
        let first = format!("/proc/{}", self.first);
        for _ in 0..400 {
            if !Path::new(&first).exists() {
                break;
            }
            sleep(Duration::from_millis(25));
        }
        groups::remove(&used);
    }
}

/// The last lines of a text, on one line.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}

/// Why a command failed: what it told last.
fn complaint(answer: &Answer) -> String {
    last_lines(&format!("{}{}", answer.stdout, answer.stderr), 2)
}

/// The one group of holders in an answer of `portwho why --json`.
#[track_caller]
fn only_holders(answer: &Answer) -> Value {
    let document = answer.json();
    let holders = document["holders"].as_array().unwrap();
    assert_eq!(holders.len(), 1, "{document:#}");
    holders[0].clone()
}

/// What a page of `portwho why` says behind a label, as far as the next label.
fn said(page: &str, label: &str) -> String {
    let mut lines = page
        .lines()
        .skip_while(|line| line.get(2..12).map(str::trim) != Some(label));
    let first = lines.next().and_then(|line| line.get(14..));
    let rest =
        lines.take_while(|line| line.get(2..12).is_some_and(|label| label.trim().is_empty()));
    let rest = rest.filter_map(|line| line.get(14..));
    first.into_iter().chain(rest).collect::<Vec<_>>().join(" ")
}

/// What shall hold of a scene, each under its name: a scene that took long to set up serves many.
pub type Facts<'a, T> = &'a [(&'a str, fn(&T))];

/// The functions with their names.
macro_rules! facts {
    ($($fact:ident),+ $(,)?) => { &[$((stringify!($fact), $fact)),+] };
}
use facts;

/// Looks at every fact, and names those that do not hold.
#[track_caller]
pub fn hold<T>(scene: &T, facts: Facts<T>) {
    let broken: Vec<&str> = facts
        .iter()
        .filter(|(_, fact)| catch_unwind(AssertUnwindSafe(|| fact(scene))).is_err())
        .map(|(name, _)| *name)
        .collect();
    assert!(broken.is_empty(), "does not hold: {broken:?}");
}
