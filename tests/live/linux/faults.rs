//! The kernel says no, or half, in a real run: strace(1) puts the error in place of the call.

use std::process::Command;

use serde_json::Value;

use super::held::{NO_SOCK_DIAG, answers_sock_diag, has_tool, row_of};
use crate::answer::{Answer, PORTWHO, portwho, run};
use crate::scene::{self, port};

/// Runs portwho with a fault in one of its calls; why not, where strace cannot.
fn with_fault(fault: &str, arguments: &[&str]) -> Result<Answer, String> {
    if !answers_sock_diag() {
        return Err(NO_SOCK_DIAG.into());
    }
    if !has_tool("strace") {
        return Err("strace is not there".into());
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "-e",
            "trace=network,read",
            "-e",
            &format!("inject={fault}"),
            "-o",
        ])
        .arg(&trace);
    let answer = run(command.arg(PORTWHO).args(arguments));
    let text = std::fs::read_to_string(&trace).unwrap_or_default();
    if text.contains("(INJECTED)") || text.contains("exited") {
        Ok(answer)
    } else {
        Err(format!("strace may not trace: {}", answer.stderr))
    }
}

/// The notes of an answer by their codes.
fn codes(document: &Value) -> Vec<&str> {
    let notes = document["notes"].as_array().unwrap();
    notes
        .iter()
        .map(|note| note["code"].as_str().unwrap())
        .collect()
}

/// sock_diag that cannot be had at all: the tables of /proc/net answer.
#[test]
fn a_refused_netlink_socket_leads_to_proc_net_and_loses_no_socket() {
    let listener = scene::listener();
    let inode = super::held::inode(&listener);
    let selector = format!("tcp:{}", port(&listener));
    for fault in [
        "socket:error=EPERM:when=1",
        "socket:error=EACCES:when=1",
        // Some C libraries try once more without flags.
        "socket:error=EPROTONOSUPPORT:when=1..2",
        "socket:error=EAFNOSUPPORT:when=1",
        "sendto:error=ECONNREFUSED",
        "recvmsg:error=ENOMEM",
    ] {
        let answer = match with_fault(fault, &["-l", &selector, "--json"]) {
            Ok(answer) => answer,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(0), "{fault}: {answer:?}");
        let document = answer.json();
        row_of(document["sockets"].as_array().unwrap(), inode);
        assert!(
            codes(&document).contains(&"table-fallback"),
            "{fault}: {document:#}"
        );
        assert!(
            document["source"].as_str().unwrap().contains("/proc/net"),
            "{fault}"
        );
    }
}

/// An interruption here and there is nobody's business: the answer is whole.
#[test]
fn interrupted_and_overrun_receives_are_made_good() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let arguments = ["-l", &selector, "--json"];
    let quiet = portwho(&arguments).json();
    for fault in [
        "recvmsg:error=EINTR:when=1+2",
        "sendto:error=EINTR:when=1+2",
        "recvmsg:error=ENOBUFS:when=1",
        "recvmsg:error=ENOBUFS:when=2",
    ] {
        let answer = match with_fault(fault, &arguments) {
            Ok(answer) => answer,
            Err(why) => skip!("{why}"),
        };
        let document = answer.json();
        assert_eq!(document["sockets"], quiet["sockets"], "{fault}");
        assert_eq!(document["notes"], quiet["notes"], "{fault}");
        assert_eq!(document["source"], "sock_diag", "{fault}");
    }
}

/// A kernel that loses messages again and again: what came is shown, and marked as not whole.
#[test]
fn what_stays_broken_is_never_an_empty_success() {
    let free = format!("tcp:{}", scene::free_port());
    let answer = match with_fault("recvmsg:error=ENOBUFS", &["-l", &free, "--json"]) {
        Ok(answer) => answer,
        Err(why) => skip!("{why}"),
    };
    assert_eq!(answer.code, Some(3), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["complete"], false);
    assert!(codes(&document).contains(&"table-partial"), "{document:#}");
}

/// Without another way to go, a refusal is "cannot tell".
#[test]
fn a_refusal_without_a_second_way_exits_3() {
    for fault in [
        "socket:error=EPERM:when=1",
        "sendto:error=ECONNREFUSED",
        "recvmsg:error=ENOMEM",
    ] {
        let free = format!(":{}", scene::free_port());
        let answer = match with_fault(fault, &[&free, "--source", "native"]) {
            Ok(answer) => answer,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(
            (answer.code, answer.stdout.as_str()),
            (Some(3), ""),
            "{fault}: {answer:?}"
        );
        assert!(answer.stderr.contains("cannot tell"), "{answer:?}");
    }
}

/// A script that reads JSON gets a document whenever it is not told of bad usage.
#[test]
fn every_verb_prints_its_document_when_it_cannot_tell() {
    for (kind, arguments) in [
        ("sockets", &[":1"][..]),
        ("check", &["check", "1"]),
        ("free", &["free"]),
        ("wait", &["wait", ":1"]),
        ("conflicts", &["conflicts"]),
    ] {
        let arguments = [arguments, &["--json", "--source", "native"]].concat();
        let answer = match with_fault("socket:error=EPERM", &arguments) {
            Ok(answer) => answer,
            Err(why) => skip!("{why}"),
        };
        assert_eq!(answer.code, Some(3), "{kind}: {answer:?}");
        let document = answer.json();
        assert_eq!(document["kind"], kind);
        assert_eq!(document["complete"], false, "{kind}");
        assert!(
            codes(&document).contains(&"table-unknown"),
            "{kind}: {document:#}"
        );
    }
}
