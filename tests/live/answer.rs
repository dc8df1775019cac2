//! Runs portwho, and reads what it answers. Every JSON is checked against the schema.

use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub const PORTWHO: &str = env!("CARGO_BIN_EXE_portwho");

/// What a run gave.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Between fork and exec a child of this process has all of its sockets, and the files that it
/// writes: whoever starts a process, or asks who holds what, does it alone.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs portwho with these arguments.
pub fn portwho(arguments: &[&str]) -> Answer {
    run(Command::new(PORTWHO).args(arguments))
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Answer {
    try_run(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command, unless it cannot be started.
pub fn try_run(command: &mut Command) -> std::io::Result<Answer> {
    // What the person who runs the tests has set must not decide.
    for name in ["NO_COLOR", "TERM", "COLUMNS"] {
        command.env_remove(name);
    }
    // Other tests hold descriptors by the thousand: the way to owners must not hang on them.
    if !command.get_envs().any(|(name, _)| name == "PORTWHO_OWNERS") {
        command.env("PORTWHO_OWNERS", "proc");
    }
    let _turn = turn();
    command.output().map(Answer::from)
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        // Lossless: portwho prints UTF-8, whatever names it met.
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

impl Answer {
    /// The document of `--json`, valid by the schema.
    pub fn json(&self) -> Value {
        static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
            let schema = serde_json::from_str(&portwho(&["schema"]).stdout).unwrap();
            jsonschema::validator_for(&schema).unwrap()
        });
        let document: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {self:?}"));
        let faults: Vec<_> = SCHEMA
            .iter_errors(&document)
            .map(|e| e.to_string())
            .collect();
        assert!(faults.is_empty(), "{faults:?} in {document}");
        document
    }

    /// The rows of `--json`.
    pub fn rows(&self) -> Vec<Value> {
        self.json()["sockets"].as_array().unwrap().clone()
    }

    /// The row that is said to be the only one.
    #[track_caller]
    pub fn only_row(&self) -> Value {
        let rows = self.rows();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows[0].clone()
    }

    /// The lines of stderr that are not about what could not be seen on this machine.
    pub fn complaints(&self) -> Vec<&str> {
        let is_note = |line: &&str| line.starts_with("portwho: note: ");
        self.stderr.lines().filter(|line| !is_note(line)).collect()
    }
}

/// The sources to try that every system has: the best, and the libraries where they can read. On Linux
/// those take sock_diag(7), which user emulation and some containers refuse.
pub fn common_sources() -> &'static [&'static str] {
    #[cfg(target_os = "linux")]
    if !crate::linux::answers_sock_diag() {
        crate::scene::tell_skipped("the portable source: the kernel does not answer sock_diag");
        return &["auto"];
    }
    &["auto", "portable"]
}

/// Whether sockets that are bound without listening would have been seen (Linux 6.8 shows them).
pub fn sees_bound(answer: &Answer) -> bool {
    !answer.stderr.contains("bound without listening")
}

/// The rows of a local port.
pub fn at<'a>(rows: &'a [Value], protocol: &str, port: u16) -> Vec<&'a Value> {
    rows.iter()
        .filter(|row| row["protocol"] == protocol && row["local_port"] == port)
        .collect()
}

/// The owners' pids, in the order of the answer.
pub fn pids(row: &Value) -> Vec<u32> {
    let owners = row["owners"].as_array().unwrap();
    let pid = |owner: &Value| owner["pid"].as_u64().unwrap().try_into().unwrap();
    owners.iter().map(pid).collect()
}

/// Whether owners are listed and none is invented: on a machine where some process may not be
/// looked into, more owners are possible, and that must be said.
#[track_caller]
pub fn assert_owned(row: &Value, owners: &[u32]) {
    assert_eq!(pids(row), owners, "{row:#}");
    let status = &row["owner_status"];
    assert!(status == "known" || status == "partial", "{row:#}");
}
