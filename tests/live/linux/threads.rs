//! Threads that have what their process has not: a table of descriptors of their own, or a process
//! whose first thread has ended.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio, id};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::budget::calls_where;
use super::held::{Held, helper_program};
use crate::answer::{Answer, assert_owned, portwho};
use crate::scene::{self, port};

#[test]
fn a_thread_with_descriptors_of_its_own_is_found() {
    let (held, told) = match Held::helper("thread") {
        Ok(told) => told,
        Err(why) => skip!("{why}"),
    };
    let row = portwho(&[&format!("tcp:{}", told[0]), "--json"]).only_row();
    assert_owned(&row, &[held.pid()]);
}

/// That another process has the socket too is no reason not to look.
#[test]
fn a_thread_is_found_beside_an_ordinary_holder() {
    let listener = scene::listener();
    let program = match helper_program() {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let lent: OwnedFd = listener.try_clone().unwrap().into();
    let mut command = Command::new(program);
    let (held, _) = Held::telling(command.arg("lent").stdin(Stdio::from(lent))).unwrap();
    drop(command);
    let row = portwho(&[&format!("tcp:{}", port(&listener)), "-l", "--json"]).only_row();
    let mut owners = [id(), held.pid()];
    owners.sort_unstable();
    assert_owned(&row, &owners);
}

#[test]
fn a_process_whose_first_thread_has_ended_is_found() {
    let (held, told) = match Held::helper("leaderless") {
        Ok(told) => told,
        Err(why) => skip!("{why}"),
    };
    let row = portwho(&[&format!("tcp:{}", told[0]), "--json"]).only_row();
    // Not even its own user may look into what has ended: its other threads tell all there is.
    assert_owned(&row, &[held.pid()]);
    let owner = &row["owners"][0];
    assert_eq!(owner["name"], "holder");
    assert!(
        owner["executable"].as_str().unwrap().ends_with("/holder"),
        "{owner:#}"
    );
    assert!(
        owner["command"]
            .as_array()
            .unwrap()
            .contains(&"leaderless".into()),
        "{owner:#}"
    );
    assert!(owner["working_directory"].is_string(), "{owner:#}");
}

/// Runs portwho where kcmp(2) is refused, as the seccomp profile of containers mostly does; the calls
/// that it made.
fn without_kcmp(arguments: &[&str]) -> Result<(Answer, Vec<String>), String> {
    let arguments = [arguments, &["--owners", "proc"]].concat();
    let (answer, calls) = calls_where(&["-e", "inject=kcmp:error=EPERM"], &arguments)?;
    let refused = calls
        .iter()
        .any(|call| call.starts_with("kcmp(") && call.contains("EPERM"));
    if refused {
        Ok((answer, calls))
    } else {
        Err("strace may not inject".into())
    }
}

/// By their number of descriptors, or by a look into all where a socket would have no owner.
#[test]
fn where_kcmp_is_refused_such_threads_are_found_all_the_same() {
    for kind in ["thread", "threads", "leaderless"] {
        let (held, told) = match Held::helper(kind) {
            Ok(told) => told,
            Err(why) => skip!("{why}"),
        };
        for port in told {
            let answer = match without_kcmp(&[&format!("tcp:{port}"), "--json"]) {
                Ok((answer, _)) => answer,
                Err(why) => skip!("{why}"),
            };
            let row = answer.only_row();
            assert_owned(&row, &[held.pid()]);
            assert_eq!(row["owners"][0]["fds"].as_array().map(Vec::len), Some(1));
        }
    }
}

/// To read the descriptors of each thread would be fifty times the work. This process, whose threads
/// do other tests, opens and closes some meanwhile.
#[test]
fn where_kcmp_is_refused_the_descriptors_of_a_process_are_not_read_for_each_thread() {
    const THREADS: usize = 50;
    const FILES: usize = 300;
    let (done, waits) = channel::<()>();
    let waits = Mutex::new(waits);
    std::thread::scope(|scope| {
        let _done = done;
        let listener = scene::listener();
        let _files = [(); FILES].map(|()| std::fs::File::open("/dev/null").unwrap());
        for _ in 0..THREADS {
            scope.spawn(|| waits.lock().map(|waits| waits.recv().is_ok()).is_ok());
        }
        let (answer, calls) = match without_kcmp(&["-l", &format!("tcp:{}", port(&listener))]) {
            Ok(told) => told,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let own = [
            format!("/proc/{}/fd", id()),
            format!("/proc/{}/task/", id()),
        ];
        let reads = calls.iter().filter(|call| {
            call.starts_with("readlinkat(") && own.iter().any(|path| call.contains(path))
        });
        let reads = reads.count();
        assert!(
            (FILES..FILES * THREADS / 4).contains(&reads),
            "{reads} descriptors read"
        );
    });
}
