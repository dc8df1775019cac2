//! A process in the control group of a container, and a runtime of the test's own that never answers.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::apart::alone;
use super::held::{Held, has_tool, is_root};
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

/// A program of root that is named like Docker's daemon, with its data directory among its arguments.
fn daemon_of(root: &Path) -> std::io::Result<(Held, TempDir)> {
    let shell = std::fs::canonicalize("/bin/sh")?;
    if shell.ends_with("busybox") {
        return Err(std::io::Error::other("the shell goes by its name"));
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("dockerd");
    std::fs::copy(shell, &path)?;
    let mut command = Command::new(&path);
    // It waits for a line that nobody writes.
    command
        .args(["-c", "read line; exit", "--data-root"])
        .arg(root);
    command.stdin(std::process::Stdio::piped());
    Ok((Held::start(&mut command)?, folder))
}

#[test]
fn where_no_engine_answers_its_state_files_are_read_where_it_keeps_them() {
    if !is_root() {
        skip!("the data directory of root's daemon alone is looked into");
    }
    let (contained, port) = match contained() {
        Ok(contained) => contained,
        Err(why) => skip!("{why}"),
    };
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("containers").join(&contained.id);
    std::fs::create_dir_all(&place).unwrap();
    let state = serde_json::json!({"ID": contained.id, "Name": "/kept-elsewhere"});
    std::fs::write(place.join("config.v2.json"), state.to_string()).unwrap();
    let name = |arguments: &[&str]| {
        let mut command = Command::new(PORTWHO);
        let nobody = root.path().join("docker.sock");
        command.env("DOCKER_HOST", format!("unix://{}", nobody.display()));
        let selector = format!("tcp:{port}");
        let answer = run(command.args([&[selector.as_str(), "--json"], arguments].concat()));
        answer.only_row()["owners"][0]["container"]["name"].clone()
    };
    assert_eq!(name(&[]), serde_json::Value::Null);
    let _daemon = match daemon_of(root.path()) {
        Ok(daemon) => daemon,
        Err(why) => skip!("no daemon: {why}"),
    };
    assert_eq!(name(&[]), "kept-elsewhere");
    assert_eq!(name(&["--no-runtime"]), serde_json::Value::Null);
}
