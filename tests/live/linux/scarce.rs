//! Few resources and much to tell: the answer is whole, or says what it lacks.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::held::{Held, has_tool, helper_named, inode, open_folder, rows_of};
use crate::answer::{PORTWHO, assert_owned, portwho, run, turn};
use crate::scene::{self, port};

#[test]
fn twelve_descriptors_are_enough() {
    if !has_tool("prlimit") {
        skip!("prlimit is not there");
    }
    let listener = scene::listener();
    let held = Held::sleep(listener.try_clone().unwrap());
    let mut command = Command::new("prlimit");
    command.args([
        "--nofile=12",
        PORTWHO,
        &format!("tcp:{}", port(&listener)),
        "--json",
    ]);
    let row = run(&mut command).only_row();
    let mut owners = [std::process::id(), held.pid()];
    owners.sort_unstable();
    assert_owned(&row, &owners);
}

#[test]
fn too_few_descriptors_are_no_reason_to_say_that_nobody_is_there() {
    if !has_tool("prlimit") {
        skip!("prlimit is not there");
    }
    let listener = scene::listener();
    let mut command = Command::new("prlimit");
    command.args([
        "--nofile=4",
        PORTWHO,
        &format!("tcp:{}", port(&listener)),
        "--json",
    ]);
    let answer = run(&mut command);
    if answer.code == Some(127) {
        skip!("the loader needs more: {}", answer.stderr);
    }
    assert_eq!(answer.only_row()["owner_status"], "hidden");
}

#[test]
fn an_empty_environment_and_a_directory_that_is_gone_change_nothing() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let usual = portwho(&[&selector, "--json"]).rows();
    let gone = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "rmdir \"$PWD\" && exec \"$@\"",
        "sh",
        PORTWHO,
        &selector,
        "--json",
    ]);
    command
        .current_dir(gone.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap());
    assert_eq!(run(&mut command).rows(), usual);
    let mut command = Command::new(PORTWHO);
    command
        .args([&selector, "--json"])
        .env_clear()
        .env("LC_ALL", "xx_YY.nonsense");
    assert_eq!(run(&mut command).rows(), usual);
}

#[test]
fn closed_streams_are_no_reason_to_fall() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    // An answer that cannot be written is no success.
    for (closed, code) in [("<&-", 0), (">&-", 3), ("2>&-", 0), ("<&- >&- 2>&-", 3)] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("\"$@\" {closed}"), "sh", PORTWHO, &selector]);
        let answer = run(&mut command);
        assert_eq!(answer.code, Some(code), "{closed}: {answer:?}");
        assert_eq!(
            answer.stdout.is_empty(),
            closed.contains(">&-") && closed != "2>&-",
            "{closed}"
        );
    }
}

#[test]
fn a_command_line_of_a_megabyte_and_a_half_is_cut_with_a_note_and_shown_in_lines() {
    let folder = open_folder();
    let program = match helper_named(&folder, "talker") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    // One argument may have 128 KiB (execve(2), MAX_ARG_STRLEN).
    let arguments: Vec<String> = (0..12)
        .map(|n| format!("{n}{}", "x".repeat(125_000)))
        .collect();
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let _held = Held::holding(Command::new(program).args(&arguments), listener).unwrap();
    let answer = portwho(&[&selector, "--json"]);
    let command = &answer.only_row()["owners"][0]["command"];
    let told = &command.as_array().unwrap()[1..];
    assert!((2..arguments.len()).contains(&told.len()), "{}", told.len());
    for (told, argument) in told.iter().zip(&arguments) {
        assert!(argument.starts_with(told.as_str().unwrap()));
    }
    assert_eq!(told[0], arguments[0]);
    assert!(
        answer.stdout.contains("\"arguments-cut\""),
        "{}",
        answer.stderr
    );
    let card = portwho(&[&selector]);
    assert_eq!(card.code, Some(0));
    assert!(card.stdout.lines().count() < 10);
}

#[test]
fn many_descriptors_and_many_listeners_are_all_read() {
    // As many as this process may open, up to 8,000 descriptors with 3,000 listeners among them.
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let room = usize::try_from(allowed.unwrap_or(u64::MAX))
        .unwrap_or(usize::MAX)
        .saturating_sub(600);
    let count = room.min(3000);
    let listeners: Vec<TcpListener> = (0..count)
        .map_while(|_| TcpListener::bind(("127.0.0.1", 0)).ok())
        .collect();
    let files: Vec<File> = (count..room.min(8000))
        .map_while(|_| File::open("/dev/null").ok())
        .collect();
    let rows = portwho(&["-lt", "--json"]).rows();
    for listener in &listeners {
        let row = rows_of(&rows, inode(listener));
        assert_eq!(row.len(), 1);
        assert_owned(row[0], &[std::process::id()]);
    }
    drop(files);
}

/// Among so many processes the walk would have a second thread; a user who may have no more of them
/// gets the same answer from one.
#[test]
fn a_refused_thread_is_made_up_for() {
    if !has_tool("prlimit") || !has_tool("setpriv") || !super::held::is_root() {
        skip!("it takes root, prlimit and setpriv");
    }
    if super::held::is_emulated() {
        skip!("the emulator takes a thread of its own");
    }
    let folder = open_folder();
    let program = super::held::portwho_for_all(&folder);
    let listener = scene::listener();
    let script = "i=0; while [ $i -lt 220 ]; do sleep 600 & i=$((i+1)); done; \
                  exec prlimit --nproc=1 setpriv --reuid 65534 --clear-groups \"$0\" \"$1\" --json";
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", script]);
    let answer = run(command.arg(program).arg(format!("tcp:{}", port(&listener))));
    if answer.stderr.contains("unshare") {
        skip!("no pid namespace of its own: {}", answer.stderr.trim());
    }
    // The limit counts the user's processes everywhere: with one already there, none can begin.
    if answer.stderr.contains("setpriv: failed to execute") {
        skip!("that user runs something: {}", answer.stderr.trim());
    }
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.only_row()["owner_status"], "hidden", "{answer:?}");
}

/// A terminal of this size: the side of who looks, and that of a program.
pub fn terminal_of(columns: u16, lines: u16) -> Result<(File, File), String> {
    let failed = |why: rustix::io::Errno| why.to_string();
    let main =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(failed)?;
    grantpt(&main)
        .and_then(|()| unlockpt(&main))
        .map_err(failed)?;
    let size = Winsize {
        ws_col: columns,
        ws_row: lines,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&main, size).map_err(failed)?;
    let name = ptsname(&main, Vec::new()).map_err(failed)?;
    let terminal = File::options()
        .write(true)
        .open(name.to_str().unwrap())
        .map_err(|e| e.to_string())?;
    Ok((File::from(main), terminal))
}

/// Runs portwho on a terminal of this size; gives what the terminal got.
fn on_terminal(
    columns: u16,
    lines: u16,
    arguments: &[&str],
) -> Result<(Option<i32>, String), String> {
    let (mut main, terminal) = terminal_of(columns, lines)?;
    let mut command = Command::new(PORTWHO);
    command
        .args(arguments)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdout(terminal);
    let mut child = {
        let _turn = turn();
        command
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?
    };
    // The last holder of the terminal's other side must be the child, or reading would not end.
    drop(command);
    let mut shown = Vec::new();
    // EIO is how a terminal ends.
    let _ = main.read_to_end(&mut shown);
    let code = child.wait().map_err(|e| e.to_string())?.code();
    Ok((code, String::from_utf8_lossy(&shown).into_owned()))
}

#[test]
fn a_terminal_of_any_size_gets_an_answer() {
    let listener = scene::listener();
    let port = port(&listener);
    for (columns, lines) in [(1, 1), (0, 0), (20, 5), (80, 24), (65535, 1)] {
        for arguments in [&["-lt"][..], &[&format!("tcp:{port}")], &["-a"]] {
            let (code, shown) = match on_terminal(columns, lines, arguments) {
                Ok(answer) => answer,
                Err(why) => skip!("no terminal: {why}"),
            };
            assert_eq!(code, Some(0), "{columns}x{lines} {arguments:?}");
            assert!(
                shown.contains(&port.to_string()),
                "{columns}x{lines} {arguments:?}: {shown}"
            );
        }
    }
}

#[test]
fn a_table_does_not_run_over_the_terminal() {
    let _listener = scene::listener();
    for columns in [40_u16, 80, 120, 200] {
        let (_, shown) = match on_terminal(columns, 24, &["-a", "--color", "never"]) {
            Ok(answer) => answer,
            Err(why) => skip!("no terminal: {why}"),
        };
        for line in shown.lines() {
            assert!(
                line.chars().count() <= usize::from(columns),
                "{columns}: {line:?}"
            );
        }
    }
}
