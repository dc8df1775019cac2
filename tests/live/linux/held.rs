//! Processes that hold sockets. Each one is ended, and waited for, when it is dropped.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::answer::{Answer, PORTWHO, pids, turn};
use crate::scene::until;

/// A user that owns nothing, "nobody" by custom.
pub const NOBODY: u32 = 65534;

/// A process that lives as long as this value.
pub struct Held(Child);

impl Held {
    /// Starts a process.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let _turn = turn();
        let mut held = Self(command.spawn()?);
        // A process has its new name and has closed what it does not keep once it has arguments of
        // its own (exec(2) sets those last); spawn returns earlier.
        let own = std::fs::read("/proc/self/cmdline")?;
        let path = format!("/proc/{}/cmdline", held.pid());
        until("a process to run its program", || {
            let now = std::fs::read(&path).ok();
            let runs = now.is_some_and(|now| !now.is_empty() && now != own);
            (runs || held.has_ended()).then_some(())
        });
        Ok(held)
    }

    /// Runs a command to its end, however long that takes: others may start theirs meanwhile.
    pub fn finish(command: &mut Command) -> io::Result<Answer> {
        let files = [tempfile::tempfile()?, tempfile::tempfile()?];
        command.stdin(Stdio::null()).stdout(files[0].try_clone()?);
        let mut held = Self::start(command.stderr(files[1].try_clone()?))?;
        let code = held.0.wait()?.code();
        let [stdout, stderr] = files.map(written);
        Ok(Answer {
            code,
            stdout: stdout?,
            stderr: stderr?,
        })
    }

    /// Starts a process, and waits for the line that it says when all is set up.
    pub fn saying(command: &mut Command) -> io::Result<(Self, String)> {
        let _turn = turn();
        let mut held = Self(command.stdout(Stdio::piped()).spawn()?);
        let told = held.0.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line)?;
        Ok((held, line))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Starts a process that does nothing but hold the socket, as descriptor 0.
    pub fn holding(command: &mut Command, socket: impl Into<OwnedFd>) -> io::Result<Self> {
        let held = Self::start(command.stdin(Stdio::from(socket.into())));
        // The command would keep the socket for another start, in this process.
        command.stdin(Stdio::null());
        held
    }

    /// `sleep` with the socket.
    pub fn sleep(socket: impl Into<OwnedFd>) -> Self {
        Self::holding(Command::new("sleep").arg("600"), socket).unwrap()
    }

    /// `sleep` of another user with the socket; why not, where that cannot be.
    pub fn sleep_as(user: u32, socket: impl Into<OwnedFd>) -> io::Result<Self> {
        let mut command = Command::new("sleep");
        command.arg("600").uid(user).gid(user).current_dir("/");
        Self::holding(&mut command, socket)
    }

    /// The helper program with one of its cases, and what it tells: numbers, the first its port.
    pub fn helper(case: &str) -> io::Result<(Self, Vec<u32>)> {
        Self::telling(Command::new(helper_program()?).arg(case))
    }

    /// The helper program as a command has it, and what it tells.
    pub fn telling(command: &mut Command) -> io::Result<(Self, Vec<u32>)> {
        let (held, line) = Self::saying(command)?;
        let numbers: Option<Vec<u32>> = line.split_whitespace().map(|n| n.parse().ok()).collect();
        let numbers = numbers.filter(|numbers| !numbers.is_empty());
        numbers
            .map(|numbers| (held, numbers))
            .ok_or_else(|| io::Error::other("the helper could not set its scene"))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, once it has.
    pub fn wait(mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

/// What was written into a file.
pub fn written(mut file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The helper program (`holder.rs`), which Cargo builds with all tests, and not with one alone.
pub fn helper_program() -> io::Result<PathBuf> {
    if is_emulated() {
        let why = "an emulator runs programs here: names and threads are its own";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let path = Path::new(PORTWHO).with_file_name("examples").join("holder");
    let why = "the example 'holder' is not built: run cargo build --examples";
    path.exists()
        .then_some(path)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, why))
}

/// A folder of a test that every user can enter.
pub fn open_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A copy of a program that everybody may run, in its folder.
fn copy_program(program: impl AsRef<Path>, to: &Path) {
    let _turn = turn();
    std::fs::copy(program, to).unwrap();
}

/// The helper program under a name of its own.
pub fn helper_named(folder: &TempDir, name: impl AsRef<OsStr>) -> io::Result<PathBuf> {
    let path = folder.path().join(name.as_ref());
    copy_program(helper_program()?, &path);
    Ok(path)
}

/// Whether the kernel (from 6.1 on, where it tells) is one of another kind of processor.
pub fn is_emulated() -> bool {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/arch").unwrap_or_default();
    match kernel.trim() {
        "x86_64" => !cfg!(any(target_arch = "x86", target_arch = "x86_64")),
        "aarch64" => !cfg!(any(target_arch = "arm", target_arch = "aarch64")),
        _ => false,
    }
}

/// portwho where every user can run it.
pub fn portwho_for_all(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("portwho");
    copy_program(PORTWHO, &path);
    path
}

/// The number by which the kernel knows a socket: it tells the row of this very one.
pub fn inode(socket: impl AsFd) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}

/// The rows of a socket; one that is listed has one.
pub fn rows_of(rows: &[Value], inode: u64) -> Vec<&Value> {
    rows.iter().filter(|row| row["inode"] == inode).collect()
}

/// The row of a socket.
#[track_caller]
pub fn row_of(rows: &[Value], inode: u64) -> &Value {
    match rows_of(rows, inode).as_slice() {
        [row] => row,
        others => panic!("{} rows of socket {inode} in {rows:#?}", others.len()),
    }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a tool is there.
pub fn has_tool(name: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(name).exists())
}

/// Why what takes sock_diag(7) cannot be tried here: user emulation and some containers refuse it.
pub const NO_SOCK_DIAG: &str = "the kernel does not answer sock_diag";

/// Whether the kernel answers sock_diag(7).
pub fn answers_sock_diag() -> bool {
    use rustix::net::{AddressFamily, SocketType, netlink, socket};
    socket(
        AddressFamily::NETLINK,
        SocketType::RAW,
        Some(netlink::SOCK_DIAG),
    )
    .is_ok()
}

/// Whether the kernel is of this release or a later one.
pub fn kernel_is(release: (u32, u32)) -> bool {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut number = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (number(), number()) >= release
}

/// Whether nobody is listed, because the owner cannot be seen.
#[track_caller]
pub fn assert_hidden(row: &Value) {
    assert_eq!(row["owner_status"], "hidden", "{row:#}");
    assert!(pids(row).is_empty(), "{row:#}");
}

/// The count of a note, by its code.
pub fn note_count(answer: &Answer, code: &str) -> Option<u64> {
    let document = answer.json();
    let notes = document["notes"].as_array().unwrap();
    let note = notes.iter().find(|note| note["code"] == code)?;
    note["count"].as_u64()
}
