//! Processes that share what they are, and others that only look as if they did: the iterator takes
//! facts of some for those of others, the walk reads each, and what they tell is the same.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::held::{
    Held, NOBODY, has_tool, helper_named, helper_program, inode, is_root, open_folder, row_of,
};
use super::supervised::groups::{Contained, hierarchies};
use crate::answer::{Answer, PORTWHO, portwho, run, try_run, turn};
use crate::scene::{self, port, until};

/// Of each kind so many: the first two are asked, and those after them are told the same.
const EACH: usize = 4;

/// Processes that each hold a listener of their own.
struct Scene {
    // They end before their folders go.
    held: Vec<Held>,
    ports: Vec<String>,
    folder: TempDir,
    skipped: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        Self {
            held: Vec::new(),
            ports: Vec::new(),
            folder: open_folder(),
            skipped: Vec::new(),
        }
    }

    /// A folder with a manifest that names a project.
    fn project(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let manifest = format!("{{\"name\":\"{name}\"}}");
        fs::write(folder.join("package.json"), manifest).unwrap();
        folder
    }

    /// A listener for one process.
    fn listener(&mut self) -> OwnedFd {
        let listener = scene::listener();
        self.ports.push(port(&listener).to_string());
        listener.into()
    }

    /// Starts processes of one kind.
    fn start(&mut self, what: &str, mut command: impl FnMut(usize) -> Command) {
        for at in 0..EACH {
            match Held::holding(&mut command(at), self.listener()) {
                Ok(held) => self.held.push(held),
                Err(why) => return self.skip(what, why),
            }
        }
    }

    fn skip(&mut self, what: &str, why: impl ToString) {
        self.skipped.push(format!("{what}: {}", why.to_string()));
    }

    fn sleepers(&mut self, what: &str, directory: &Path) {
        self.start(what, |_| {
            let mut command = sleep();
            command.current_dir(directory);
            command
        });
    }

    /// The answers of both ways.
    fn both(&self, arguments: &[&str]) -> Result<(Answer, Answer), String> {
        let selector = format!("tcp:{}", self.ports.join(","));
        let arguments = [&["-l", &selector, "--no-runtime", "--verbose"], arguments].concat();
        let by = |way| portwho(&[&arguments[..], &["--owners", way]].concat());
        let (iterated, walked) = (by("bpf"), by("proc"));
        if iterated.stderr.contains("not to be had") {
            return Err(iterated.stderr);
        }
        assert!(iterated.stderr.contains("BPF"), "{iterated:?}");
        Ok((iterated, walked))
    }
}

fn sleep() -> Command {
    let mut command = Command::new("sleep");
    command.arg("600");
    command
}

/// Projects, with processes that are in no project among them.
fn directories(scene: &mut Scene) {
    for name in ["shop", "mail"] {
        let project = scene.project(name);
        scene.sleepers("two projects", &project);
    }
    scene.sleepers("no project", Path::new("/"));
}

/// A directory that was deleted, and one that has its name now.
fn deleted_directories(scene: &mut Scene) {
    let before = scene.project("gone");
    scene.sleepers("a directory that is deleted", &before);
    fs::remove_dir_all(&before).unwrap();
    let again = scene.project("gone");
    scene.sleepers("a directory in its place", &again);
    let odd = scene.project("left (deleted)");
    scene.sleepers("a directory with such a name", &odd);
}

/// A program that was deleted, and one that has its name now; names that are no text.
fn programs(scene: &mut Scene) -> std::io::Result<()> {
    let before = helper_named(&scene.folder, "server")?;
    scene.start("a program that is deleted", |_| Command::new(&before));
    fs::remove_file(&before)?;
    let again = helper_named(&scene.folder, "server")?;
    scene.start("a program in its place", |_| Command::new(&again));
    let odd = helper_named(&scene.folder, OsStr::from_bytes(b"a) S 1\n\xff"))?;
    scene.start("an odd name", |_| Command::new(&odd));
    // Its name is not that of its program: the arguments tell.
    let link = scene.folder.path().join("front-of-the-house");
    symlink(helper_program()?, &link)?;
    scene.start("another name", |at| {
        let mut command = Command::new(&link);
        command.arg(format!("--number={at}"));
        command
    });
    // What it runs is told by the arguments, which nobody shares.
    let interpreter = helper_named(&scene.folder, "python3")?;
    let project = scene.project("scripts");
    scene.start("an interpreter", |at| {
        let mut command = Command::new(&interpreter);
        command.arg(format!("app{at}.py")).current_dir(&project);
        command
    });
    Ok(())
}

/// The same path in another root and among other mounts.
fn roots(scene: &mut Scene) -> std::io::Result<()> {
    let helper = helper_program()?;
    let (shop, other) = (scene.folder.path().join("shop"), scene.project("other"));
    fs::create_dir(other.join("srv"))?;
    for directory in ["/", "/srv"] {
        for _ in 0..EACH {
            let mut command = Command::new(&helper);
            command.arg("chroot").arg(&other).arg(directory);
            command.stdin(Stdio::from(scene.listener()));
            match Held::telling(&mut command) {
                Ok((held, _)) => scene.held.push(held),
                Err(why) => scene.skip("another root", why),
            }
        }
    }
    let script = "mount --bind \"$1\" \"$0\" && cd \"$0\" && exec sleep 600";
    scene.start("other mounts", |_| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script])
            .arg(&shop)
            .arg(&other);
        command
    });
    Ok(())
}

/// Processes of another user, and with pids of their own.
fn users_and_pids(scene: &mut Scene) {
    let shop = scene.folder.path().join("shop");
    scene.start("another user", |_| {
        let mut command = sleep();
        command.uid(NOBODY).gid(NOBODY).current_dir(&shop);
        command
    });
    scene.start("a pid namespace", |_| {
        let mut command = Command::new("unshare");
        let rest = ["--pid", "--fork", "--kill-child", "sleep", "600"];
        command.args(rest).current_dir(&shop);
        command
    });
}

/// A process in the control group of a container, and several in that of another. Those that joined a
/// group come first: they end before it is removed.
fn groups(scene: &mut Scene) -> Result<(Vec<Held>, [Contained; 2]), String> {
    let mut held = || Held::sleep(scene.listener());
    let (alone, first) = (Contained::new(held())?, Contained::new(held())?);
    let others: Vec<Held> = (0..EACH).map(|_| held()).collect();
    for hierarchy in hierarchies() {
        let group = hierarchy.join("docker").join(&first.id);
        for other in &others {
            // A hierarchy without this group is one that does not tell.
            let _ = fs::write(group.join("cgroup.procs"), other.pid().to_string());
        }
    }
    Ok((others, [alone, first]))
}

/// What is told of the sockets and their owners. Whether more may be hidden is another matter.
fn rows(answer: &Answer) -> Vec<Value> {
    let mut rows = answer.rows();
    for row in &mut rows {
        row["owner_status"] = Value::Null;
    }
    rows
}

/// How many owners there are of which this is so.
fn count(rows: &[Value], is_so: impl Fn(&Value) -> bool) -> usize {
    let owners = rows
        .iter()
        .flat_map(|row| row["owners"].as_array().unwrap());
    owners.filter(|owner| is_so(owner)).count()
}

#[test]
fn both_ways_tell_the_same_of_processes_that_share_and_of_those_that_do_not() {
    if !is_root() {
        skip!("only root may have an iterator, other users and other roots");
    }
    let mut scene = Scene::new();
    directories(&mut scene);
    deleted_directories(&mut scene);
    if let Err(why) = programs(&mut scene).and_then(|()| roots(&mut scene)) {
        scene.skip("programs of the test", why);
    }
    users_and_pids(&mut scene);
    let contained = groups(&mut scene);
    if let Err(why) = &contained {
        scene.skip("control groups", why.as_str());
    }
    for why in &scene.skipped {
        eprintln!("skipped in part: {why}");
    }
    let (iterated, walked) = match scene.both(&["--json"]) {
        Ok((iterated, walked)) => (rows(&iterated), rows(&walked)),
        Err(why) => skip!("no BPF iterator: {why}"),
    };
    for (one, other) in iterated.iter().zip(&walked) {
        assert_eq!(one, other);
    }
    assert_eq!(iterated.len(), walked.len());
    // The scene is what it is meant to be.
    assert!(count(&iterated, |_| true) >= scene.held.len());
    for name in ["shop", "mail", "gone", "left (deleted)"] {
        let is_in = |owner: &Value| owner["project"]["name"] == name;
        assert!(count(&iterated, is_in) >= EACH, "{name}: {iterated:#?}");
    }
    assert_eq!(count(&iterated, |owner| owner["uid"] == NOBODY), EACH);
    if contained.is_ok() {
        let is_contained = |owner: &Value| !owner["container"].is_null();
        assert_eq!(count(&iterated, is_contained), EACH + 2);
    }
    // A table tells less, and of fewer the arguments; since when hangs on when it is asked.
    for columns in [
        "port,process,pids,user,what",
        "port,process,pids",
        "port,command",
    ] {
        let arguments = ["--format", "table", "--columns", columns];
        let (iterated, walked) = scene.both(&arguments).unwrap();
        assert_eq!(iterated.stdout, walked.stdout, "{columns}");
    }
}

#[test]
fn a_parent_outside_is_nobody_in_both_ways() {
    // The shell is pid 1 there, and its parent is not there.
    let script = "sleep 600 <&3 & sleep 600 <&3 & sleep 600 <&3 & \
        \"$0\" tcp --owners bpf --json <&3; echo; \"$0\" tcp --owners proc --json <&3";
    let listener = scene::listener();
    let mut command = Command::new("unshare");
    command.args([
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "sh",
        "-c",
    ]);
    command.arg(format!("exec 3<&0; {script}")).arg(PORTWHO);
    let held: OwnedFd = listener.try_clone().unwrap().into();
    let answer = run(command.stdin(Stdio::from(held)));
    if answer.code != Some(0) {
        skip!("no pid namespace of its own: {}", answer.stderr);
    }
    if answer.stdout.contains("not to be had") {
        skip!("no BPF iterator");
    }
    let documents = serde_json::Deserializer::from_str(&answer.stdout).into_iter::<Value>();
    let inode = inode(&listener);
    let owners = documents.map(|document| {
        let document = document.unwrap();
        let row = row_of(document["sockets"].as_array().unwrap(), inode).clone();
        let mut owners = row["owners"].as_array().unwrap().clone();
        // portwho holds the socket itself.
        owners.retain(|owner| owner["name"] != "portwho");
        owners
    });
    let owners: Vec<Vec<Value>> = owners.collect();
    assert_eq!(owners[0], owners[1]);
    let parents: Vec<&Value> = owners[0].iter().map(|owner| &owner["parent_pid"]).collect();
    assert_eq!(
        parents,
        [
            &Value::Null,
            &Value::from(1),
            &Value::from(1),
            &Value::from(1)
        ]
    );
}

/// The two that are asked for all go elsewhere after the iterator saw them and before they are asked.
#[test]
fn who_goes_elsewhere_meanwhile_speaks_for_nobody_else() {
    if !is_root() || !has_tool("strace") {
        skip!("only root may have an iterator, and strace stops portwho at the right moment");
    }
    let mut scene = Scene::new();
    let (here, elsewhere) = (scene.project("here"), scene.project("elsewhere"));
    let gate = |at: usize| scene.folder.path().join(format!("gate{at}"));
    let gates: Vec<PathBuf> = (0..EACH + 1).map(gate).collect();
    let made = try_run(Command::new("mkfifo").args(&gates));
    if !made.is_ok_and(|made| made.code == Some(0)) {
        skip!("no mkfifo");
    }
    scene.start("shells", |at| {
        let mut command = Command::new("sh");
        let script = "read line < \"$0\"; cd \"$1\"; read line < \"$2\"";
        command.args(["-c", script]).arg(&gates[at]);
        command.arg(&elsewhere).arg(&gates[EACH]).current_dir(&here);
        command
    });
    let [pid_file, trace] = ["pid", "trace"].map(|name| scene.folder.path().join(name));
    let mut traced = Command::new("strace");
    traced
        .arg("-fo")
        .arg(&trace)
        .args(["-e", "trace=readlinkat"]);
    traced.args(["-e", "inject=readlinkat:signal=SIGSTOP:when=1", "sh", "-c"]);
    traced
        .arg("echo $$ > \"$0\"; exec \"$@\"")
        .arg(&pid_file)
        .arg(PORTWHO);
    traced.args(scene.ports.iter().map(|port| format!("tcp:{port}")));
    traced.args(["-l", "--json", "--no-runtime", "--owners", "bpf"]);
    // A group of its own: where nobody would wake it, the kernel hangs up on a group that has stopped.
    traced
        .process_group(0)
        .env_remove("LD_LIBRARY_PATH")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let child = {
        let _turn = turn();
        traced.spawn().unwrap()
    };
    // Its state would not do: each call that is traced stops it for a moment.
    until("portwho to be stopped", || {
        let trace = fs::read_to_string(&trace).ok()?;
        trace.contains("--- stopped by SIGSTOP ---").then_some(())
    });
    for (gate, shell) in gates.iter().zip(&scene.held).take(2) {
        fs::write(gate, "go\n").unwrap();
        let cwd = format!("/proc/{}/cwd", shell.pid());
        until("a shell to go elsewhere", || {
            fs::read_link(&cwd).ok().filter(|cwd| *cwd == elsewhere)
        });
    }
    let pid: i32 = fs::read_to_string(&pid_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let portwho = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(portwho, rustix::process::Signal::CONT).unwrap();
    let output = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    if document["notes"].to_string().contains("not to be had") {
        skip!("no BPF iterator");
    }
    for row in document["sockets"].as_array().unwrap() {
        let owner = &row["owners"][0];
        let cwd = fs::read_link(format!("/proc/{}/cwd", owner["pid"])).unwrap();
        assert_eq!(owner["working_directory"], cwd.to_str().unwrap());
        let project = cwd.file_name().unwrap().to_str().unwrap();
        assert_eq!(owner["project"]["name"], project, "{owner:#}");
    }
}
