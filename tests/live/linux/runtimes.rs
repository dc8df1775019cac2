//! A process in the control group of a container, and a runtime of the test's own that never answers.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::apart::alone;
use super::held::{Held, has_tool};
use super::supervised::groups::{Contained, is_of_a_container};
use crate::answer::{Answer, PORTWHO, assert_owned, run};
use crate::scene::{self, port};

/// A process that is of a container by its control group alone, and the port of its listener.
fn contained() -> Result<(Contained, u16), String> {
    let listener = scene::listener();
    let port = port(&listener);
    let contained = Contained::new(Held::sleep(listener));
    contained
        .map(|contained| (contained, port))
        .map_err(|why| format!("no control group of its own: {why}"))
}

/// A runtime's socket: whoever connects waits for an answer that does not come.
struct Silent {
    _listener: UnixListener,
    folder: TempDir,
}

impl Silent {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        Self {
            _listener: listener,
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// A command that would ask this runtime.
    fn asked_by(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env("DOCKER_HOST", format!("unix://{}", self.path().display()));
        command
    }

    /// Runs portwho, and counts how often it connects to the runtime; why not, where that cannot be.
    fn connections(&self, arguments: &[&str]) -> Result<(Answer, usize), String> {
        if !has_tool("strace") {
            return Err("strace is not there".into());
        }
        let trace = self.folder.path().join("trace");
        let mut command = self.asked_by("strace");
        command.args(["-f", "-e", "trace=execve,connect", "-o"]);
        let answer = run(command.arg(&trace).arg(PORTWHO).args(arguments));
        let text = std::fs::read_to_string(&trace).map_err(|why| why.to_string())?;
        if !text.contains("execve(") {
            return Err(format!("strace may not trace: {}", answer.stderr));
        }
        let path = self.path().display().to_string();
        let calls = text.lines().filter(|call| call.contains("connect("));
        let count = calls.filter(|call| call.contains(&path)).count();
        Ok((answer, count))
    }
}

#[test]
fn a_process_of_a_container_is_an_owner_though_its_runtime_never_answers() {
    // Whoever lists the sockets of this machine meanwhile shall not meet it.
    alone!(never_answered);
}

fn never_answered() {
    let (contained, port) = match contained() {
        Ok(contained) => contained,
        Err(why) => skip!("{why}"),
    };
    let silent = Silent::new();
    let selector = format!("tcp:{port}");
    let answer = run(silent.asked_by(PORTWHO).args([&selector, "--json"]));
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_owned(&answer.only_row(), &[contained.held.pid()]);
    let groups = format!("/proc/{}/cgroup", contained.held.pid());
    let groups = std::fs::read_to_string(groups).unwrap();
    assert!(groups.contains(&contained.id), "{groups}");
    let row = answer.only_row();
    let container = &row["owners"][0]["container"];
    assert_eq!(container["runtime"], "docker", "{row:#}");
    assert_eq!(container["id"], contained.id.as_str(), "{row:#}");
    assert_eq!(container["name"], serde_json::Value::Null, "{row:#}");
    for (option, expected) in [("--json", 1), ("--no-runtime", 0)] {
        let (answer, connections) = match silent.connections(&[&selector, option]) {
            Ok(counted) => counted,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert_eq!(connections, expected, "{option}");
    }
}

#[test]
fn no_runtime_is_asked_where_nothing_is_of_a_container() {
    if std::fs::read_to_string("/proc/self/cgroup").is_ok_and(|groups| is_of_a_container(&groups)) {
        skip!("this test is of a container itself");
    }
    let silent = Silent::new();
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let (answer, connections) = match silent.connections(&[&selector, "--json"]) {
        Ok(counted) => counted,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(connections, 0);
}
