//! What portwho asks of the system: no more than the answer needs, and nothing that changes anything.

use std::process::Command;

use super::held::{NO_SOCK_DIAG, answers_sock_diag, has_tool};
use crate::answer::{Answer, PORTWHO, portwho, run};
use crate::scene::{self, port};

/// The system calls of a run, one a line, by strace(1); why not, where it cannot trace.
pub fn calls(arguments: &[&str]) -> Result<(Answer, Vec<String>), String> {
    calls_where(&[], arguments)
}

/// The same with more options of strace, which may refuse a call.
pub fn calls_where(options: &[&str], arguments: &[&str]) -> Result<(Answer, Vec<String>), String> {
    if !has_tool("strace") {
        return Err("strace is not there".into());
    }
    if !answers_sock_diag() {
        return Err(NO_SOCK_DIAG.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-o"]).arg(&trace);
    command.args(options).arg(PORTWHO);
    // Cargo's, in whose folders the linker would look for every library.
    command.env_remove("LD_LIBRARY_PATH");
    let answer = run(command.args(arguments));
    let text = std::fs::read(&trace).map_err(|why| why.to_string())?;
    let text = String::from_utf8_lossy(&text);
    // Each line begins with the number of the process.
    let calls = text.lines().filter_map(|line| line.split_once(' '));
    let calls: Vec<String> = calls
        .map(|(_, call)| call.trim_start().to_owned())
        .collect();
    if calls
        .iter()
        .any(|call| call.starts_with("execve(") && call.ends_with(" = 0"))
    {
        Ok((answer, calls))
    } else {
        Err(format!("strace may not trace: {}", answer.stderr))
    }
}

/// Whether a call opens the descriptors of a process or of a thread.
fn looks_for_owners(call: &str) -> bool {
    call.starts_with("open") && call.contains("/fd\"")
}

/// Whether a call is one of these.
fn is_one_of(call: &str, names: &[&str]) -> bool {
    let name = call.split('(').next().unwrap_or_default();
    names.contains(&name)
}

#[test]
fn a_query_that_matches_nothing_looks_into_no_process() {
    let found = scene::until("a port that stays free", || {
        let port = scene::free_port();
        let found = scene::is_free(port).then(|| calls(&[&format!(":{port}")]))?;
        scene::is_free(port).then_some(found)
    });
    let (answer, calls) = match found {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.stdout, "", "{answer:?}");
    let looks: Vec<_> = calls.iter().filter(|call| looks_for_owners(call)).collect();
    assert!(looks.is_empty(), "{looks:#?}");
}

#[test]
fn owners_are_looked_for_unless_that_is_not_wanted() {
    let listener = scene::listener();
    let port = format!("tcp:{}", port(&listener));
    let (_, with) = match calls(&[&port]) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    assert!(
        with.iter().any(|call| looks_for_owners(call)),
        "this is how it looks"
    );
    let (answer, without) = calls(&[&port, "--no-owners"]).unwrap();
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(!without.iter().any(|call| looks_for_owners(call)));
}

#[test]
fn what_owners_are_part_of_is_not_asked_where_it_is_not_shown() {
    let listener = scene::listener();
    let port = format!("tcp:{}", port(&listener));
    let (_, with) = match calls(&["-l", &port, "--json"]) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    let asks = |call: &&String| call.starts_with("open") && call.contains("/cgroup\"");
    assert!(with.iter().any(|call| asks(&call)), "this is how it asks");
    let columns = ["-l", &port, "--format", "plain", "--columns"];
    for last in ["protocol,address,port", "port,process,pid"] {
        let (answer, without) = calls(&[&columns[..], &[last]].concat()).unwrap();
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let asked: Vec<_> = without.iter().filter(asks).collect();
        assert!(asked.is_empty(), "{last}: {asked:#?}");
    }
}

#[test]
fn a_socket_that_nobody_can_hold_is_no_reason_to_look() {
    let listener = scene::listener();
    let (client, accepted) = scene::connection(&listener);
    let port = port(&listener);
    scene::close(accepted);
    scene::close(client);
    drop(listener);
    let selector = format!("tcp:127.0.0.1:{port}");
    scene::until("TIME-WAIT", || {
        let rows = portwho(&[&selector, "--json"]).rows();
        (rows.len() == 1 && rows[0]["state"] == "time_wait").then_some(())
    });
    let (answer, calls) = match calls(&[&selector]) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(!calls.iter().any(|call| looks_for_owners(call)));
}

#[test]
fn a_listing_changes_nothing_and_talks_to_the_kernel_alone() {
    let listener = scene::listener();
    let (_client, _accepted) = scene::connection(&listener);
    for arguments in [
        ["-a", "--json"].as_slice(),
        &[&format!(":{}", port(&listener))],
        &["--source", "proc"],
        &["--source", "portable"],
    ] {
        // A runtime of containers would be a stranger.
        let arguments = &[arguments, &["--no-runtime"]].concat();
        let (answer, calls) = match calls(arguments) {
            Ok(found) => found,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(0), "{answer:?}");
        // The C library asks its cache for a user that /etc/passwd lacks; another test may have one.
        let is_cache = |call: &str| call.contains("sun_path=\"/var/run/nscd/socket\"");
        let acts = |call: &&String| acts(call) && !is_cache(call);
        let bad: Vec<_> = calls.iter().filter(acts).collect();
        assert!(bad.is_empty(), "{arguments:?} {bad:#?}");
        let programs = calls.iter().filter(|call| call.starts_with("execve"));
        assert_eq!(programs.count(), 1, "{arguments:?}");
    }
}

/// Whether a call changes something, or speaks to somebody who is not the kernel.
fn acts(call: &str) -> bool {
    const WRITES: [&str; 4] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];
    const CHANGES: [&str; 13] = [
        "listen", "accept", "accept4", "kill", "tkill", "tgkill", "ptrace", "unlink", "unlinkat",
        "rename", "mkdir", "mount", "setns",
    ];
    let opens_to_write = call.starts_with("open") && WRITES.iter().any(|flag| call.contains(flag));
    let speaks = is_one_of(call, &["connect", "sendto", "sendmsg", "sendmmsg"]);
    // A name service's daemon would be a stranger too (AF_UNIX).
    let stranger = speaks
        && !["NETLINK", "nlmsg_len"]
            .iter()
            .any(|netlink| call.contains(netlink));
    let binds = call.starts_with("bind(") && !call.contains("AF_NETLINK");
    let socket = call.starts_with("socket(")
        && !["AF_NETLINK", "AF_UNIX"]
            .iter()
            .any(|family| call.contains(family));
    opens_to_write || stranger || binds || socket || is_one_of(call, &CHANGES)
}

/// The walk may make 1.05 calls for a descriptor and 10 for a process, beside 150 for the rest. A
/// budget of calls does not hang on how busy the machine is; what was there is counted by what was read.
#[test]
fn the_walk_keeps_to_its_budget_of_calls() {
    let listener = scene::listener();
    let files: Vec<_> = (0..300)
        .map(|_| std::fs::File::open("/dev/null").unwrap())
        .collect();
    let _sleeper = super::held::Held::sleep(listener.try_clone().unwrap());
    let port = format!("tcp:{}", port(&listener));
    let (answer, calls) = match calls(&["-l", &port, "--owners", "proc"]) {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.code, Some(0), "{answer:?}");
    // A call up to its second argument's end tells which directory and which name.
    let distinct = |of: &str| -> usize {
        let told = calls.iter().filter(|call| call.starts_with(of));
        let names = told.map(|call| call.split('"').take(2).collect::<Vec<_>>());
        names.collect::<std::collections::HashSet<_>>().len()
    };
    let (descriptors, processes) = (distinct("readlinkat("), distinct("openat("));
    assert!(descriptors > files.len(), "{descriptors}");
    let budget = descriptors * 105 / 100 + processes * 10 + 150;
    // A call that another thread's interrupts stands there twice.
    let made = calls.iter().filter(|call| !call.contains(" resumed>"));
    let made = made.count();
    assert!(
        made <= budget,
        "{made} calls for {descriptors} in {processes}"
    );
}

/// With the iterator a table may make 5 calls for each process that it reads, whether it says what that
/// is part of or not, and JSON 9, beside 220 for all. Another test that starts a process may lend it the
/// listener for a moment.
#[test]
fn the_iterator_keeps_to_its_budget_of_calls() {
    const PROCESSES: usize = 60;
    let listener = scene::listener();
    let sleep = || super::held::Held::sleep(listener.try_clone().unwrap());
    let _sleepers: Vec<_> = (0..PROCESSES).map(|_| sleep()).collect();
    let port = format!("tcp:{}", port(&listener));
    for (arguments, each) in [
        (["--format", "table", "--columns", "-what"], 4),
        (["--format", "table", "--columns", "+what"], 5),
        (["--format", "json", "--no-runtime", "-l"], 9),
    ] {
        let arguments = [&["-l", &port, "--owners", "bpf"][..], &arguments].concat();
        let (answer, calls) = match calls(&arguments) {
            Ok(found) => found,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(0), "{answer:?}");
        if calls.iter().any(|call| looks_for_owners(call)) {
            skip!("no BPF iterator");
        }
        // A debug build looks at each descriptor before it closes it; what the iterator tells is of
        // all sockets of the machine; the kernel's types are read by pages where they cannot be mapped.
        let others = ["F_GETFD", "bpf_iter", "/sys/kernel/btf/vmlinux"];
        let counts = |call: &&String| !others.iter().any(|other| call.contains(other));
        let made = calls.iter().filter(counts);
        let made = made.count();
        let read = calls.iter().filter(|call| call.contains("/exe\""));
        let read = read.count();
        assert!(read > PROCESSES, "{read}");
        assert!(
            made <= read * each + 220,
            "{made} calls for {read}: {arguments:?}"
        );
    }
}

/// What a process is part of is read only for the listing that says it.
#[test]
fn what_is_not_shown_is_not_read() {
    let listener = scene::listener();
    let port = format!("tcp:{}", port(&listener));
    let reads = |calls: &[String], name: &str| {
        let of_process = format!("{}/{name}\"", std::process::id());
        calls.iter().any(|call| call.contains(&of_process))
    };
    let all = ["cgroup", "cmdline", "cwd"];
    let of = |columns: &str| calls(&["-l", &port, "--format", "table", "--columns", columns]);
    let (_, bare) = match of("port,process,pid,user,since") {
        Ok(found) => found,
        Err(why) => skip!("{why}"),
    };
    for name in all {
        assert!(!reads(&bare, name), "{name}: {bare:#?}");
    }
    let asks = |calls: &[String]| calls.iter().any(|call| call.contains("docker.sock"));
    assert!(!asks(&bare));
    let (_, unit) = of("port,unit").unwrap();
    assert!(reads(&unit, "cgroup") && !reads(&unit, "cmdline"));
    let (_, command) = of("port,command").unwrap();
    assert!(all.iter().all(|name| reads(&command, name)));
}
