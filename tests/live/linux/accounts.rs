//! Users that `/etc/passwd` lacks and the system's user database has.

use std::path::Path;
use std::process::Command;

use super::held::{Held, is_root, open_folder, row_of};
use crate::answer::{Answer, try_run};
use crate::scene::{self, port};

/// Stands for LDAP and its like: it answers from files of the test's own.
const WRAPPER: &str = "libnss_wrapper.so";
const ANNA: u32 = 9137;

#[test]
fn a_user_of_the_database_is_known_by_name() {
    if !is_root() {
        skip!("only root can be two users");
    }
    let listener = scene::listener();
    let (at, inode) = (port(&listener), super::held::inode(&listener));
    let spec = format!("tcp:{at}");
    // As if that user had opened it: a user is expected of the socket too.
    std::os::unix::fs::fchown(&listener, Some(ANNA), Some(ANNA)).unwrap();
    let held = match Held::sleep_as(ANNA, listener) {
        Ok(held) => held,
        Err(why) => skip!("{why}"),
    };
    let folder = open_folder();
    let (passwd, group) = (folder.path().join("passwd"), folder.path().join("group"));
    let entries = format!("root:x:0:0::/root:/bin/sh\nanna:x:{ANNA}:{ANNA}::/:/bin/sh\n");
    std::fs::write(&passwd, entries).unwrap();
    std::fs::write(&group, format!("anna:x:{ANNA}:\n")).unwrap();
    let ask = |arguments: &[&str]| -> Answer {
        let mut command = Command::new(crate::answer::PORTWHO);
        command.args(arguments).env("LD_PRELOAD", WRAPPER);
        let group = Path::new(&group);
        command.env("NSS_WRAPPER_PASSWD", &passwd);
        try_run(command.env("NSS_WRAPPER_GROUP", group)).unwrap()
    };
    let listed = ask(&["--json", &spec, "user=anna"]);
    if listed.stderr.contains("LD_PRELOAD") {
        skip!("libnss-wrapper is not installed");
    }
    if listed.code == Some(3) && listed.stderr.contains("could not be looked up") {
        skip!("this build does not ask the C library's database");
    }
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let rows = listed.rows();
    let owners = &row_of(&rows, inode)["owners"];
    assert_eq!(owners[0]["pid"], held.pid(), "{listed:?}");
    assert_eq!(owners[0]["user"], "anna", "{listed:?}");

    // A number needs no database.
    for (user, code) in [("user=9137", 0), ("user=root", 1)] {
        let answer = ask(&["check", &spec, "--expect", user]);
        assert_eq!(answer.code, Some(code), "{user} {answer:?}");
    }
    for arguments in [
        &["check", &spec, "--expect", "user=anna"][..],
        &["wait", &spec, "--owner", "user=anna", "--fail-fast"],
    ] {
        let answer = ask(arguments);
        assert_eq!(answer.code, Some(0), "{arguments:?} {answer:?}");
    }
}
