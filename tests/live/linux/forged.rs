//! What an ordinary user may forge beside root: names, folders, control groups, manifests, sockets.

use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value, json};

use super::held::{Held, NOBODY, helper_named, open_folder};
use crate::answer::portwho;
use crate::scene::{self, port};

/// The one group of processes that holds a port.
fn holder(port: u16) -> Value {
    let answer = portwho(&["why", &format!("tcp:{port}"), "--json"]);
    answer.json()["holders"][0].take()
}

#[test]
fn a_process_that_calls_itself_a_supervisor_makes_no_command_with_its_folder() {
    for name in ["runsv", "s6-supervise", "pm2"] {
        let listener = scene::listener();
        let port = port(&listener);
        let mut command = Command::new("sleep");
        command.arg0(name).arg("600").current_dir("/etc");
        let forged = match Held::holding(command.uid(NOBODY).gid(NOBODY), listener) {
            Ok(forged) => forged,
            Err(why) => skip!("{why}"),
        };
        let told = holder(port);
        let kill = format!("kill {}", forged.pid());
        assert_eq!(told["next"], json!([kill]), "{told:#}");
    }
}

#[test]
fn a_supervisor_of_root_is_stopped_by_its_folder() {
    if !rustix::process::geteuid().is_root() {
        skip!("root alone has supervisors that others believe");
    }
    let folder = open_folder();
    let mut command = match helper_named(&folder, "runsv") {
        Ok(program) => Command::new(program),
        Err(why) => skip!("{why}"),
    };
    let listener = scene::listener();
    let port = port(&listener);
    let service = folder.path().canonicalize().unwrap();
    let _held = Held::holding(command.arg("rest").current_dir(&service), listener).unwrap();
    let stop = format!("sv stop {}", service.display());
    assert_eq!(holder(port)["next"], json!([stop]));
    // Whoever may write there may put a link in the place of what the tool writes to.
    let anybodys = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&service, anybodys).unwrap();
    assert_eq!(holder(port)["next"], json!([]));
}
