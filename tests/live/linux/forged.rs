//! What an ordinary user may forge beside root: names, folders, control groups, manifests, sockets.

use std::fs::{Permissions, create_dir, read_to_string, set_permissions, write};
use std::os::unix::fs::{PermissionsExt, chown, fchown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value, json};

use super::held::{Held, NOBODY, helper_named, is_root, open_folder};
use super::supervised::groups::{Contained, hierarchies, remove};
use crate::answer::{PORTWHO, portwho, run};
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
    if !is_root() {
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
    set_permissions(&service, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(holder(port)["next"], json!([]));
}

/// A program of root's that runs as root whoever starts it, started by an ordinary user through a link of
/// this name; why not, where that cannot be.
fn set_id(name: &str, folder: &tempfile::TempDir) -> std::io::Result<Command> {
    let program = helper_named(folder, "tool")?;
    set_permissions(&program, Permissions::from_mode(0o4755))?;
    let link = folder.path().join(name);
    symlink(&program, &link)?;
    let mut command = Command::new(link);
    command.arg("rest").uid(NOBODY).gid(NOBODY).current_dir("/");
    Ok(command)
}

/// Whether it runs as root.
fn became_root(held: &Held) -> bool {
    let status = read_to_string(format!("/proc/{}/status", held.pid())).unwrap_or_default();
    status.lines().any(|line| line == "Uid:\t65534\t0\t0\t0")
}

#[test]
fn a_program_that_takes_roots_user_is_not_the_expected_server_of_root() {
    if !is_root() {
        skip!("root alone makes a program that runs as root");
    }
    let folder = open_folder();
    let listener = scene::listener();
    let port = port(&listener);
    // As an ordinary user would have opened it.
    fchown(&listener, Some(NOBODY), None).unwrap();
    let forged =
        match set_id("postgres", &folder).and_then(|mut it| Held::holding(&mut it, listener)) {
            Ok(forged) => forged,
            Err(why) => skip!("{why}"),
        };
    if !became_root(&forged) {
        skip!("programs do not take their owner's user here");
    }
    let spec = format!("127.0.0.1:{port}");
    let expected = |user: &str| {
        let user = format!("--expect=user={user}");
        portwho(&["check", &spec, "--expect=name=postgres", &user])
    };
    let answer = expected("root");
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(
        answer.stdout.contains("its socket was opened by"),
        "{answer:?}"
    );
    assert_eq!(expected(&NOBODY.to_string()).code, Some(1));
    // Nor is it a supervisor of root's.
    let told = holder(port);
    assert_eq!(told["next"], json!([format!("kill {}", forged.pid())]));
}

#[test]
fn a_manifest_that_another_user_left_names_no_project_of_root() {
    let folder = open_folder();
    let manifest = folder.path().join("package.json");
    write(&manifest, r#"{"name":"accounts"}"#).unwrap();
    if chown(&manifest, Some(NOBODY), None).is_err() {
        skip!("root alone makes files of other users");
    }
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let mut command = Command::new("sleep");
    command.arg("600").current_dir(folder.path());
    let _held = Held::holding(&mut command, listener).unwrap();
    let project = || {
        let row = portwho(&[&selector, "--json"]).only_row();
        row["owners"][0]["project"]["name"].clone()
    };
    assert_eq!(project(), Value::Null);
    chown(&manifest, Some(0), None).unwrap();
    assert_eq!(project(), "accounts");
    // Whoever may write there may put another file in its place.
    set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(project(), Value::Null);
}

#[test]
fn a_process_that_calls_itself_dockerd_names_no_data_directory() {
    if !is_root() {
        skip!("root alone makes a program that runs as root");
    }
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let contained = match Contained::new(Held::sleep(listener)) {
        Ok(contained) => contained,
        Err(why) => skip!("no control group of its own: {why}"),
    };
    let (folder, data) = (open_folder(), open_folder());
    let state = data.path().join("containers").join(&contained.id);
    std::fs::create_dir_all(&state).unwrap();
    let text = format!(
        r#"{{"ID": "{}", "Name": "/forged", "Config": {{"Image": "forged"}}}}"#,
        contained.id
    );
    write(state.join("config.v2.json"), text).unwrap();
    let name = || {
        let mut command = Command::new(PORTWHO);
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let row = run(command.args([&selector, "--json"])).only_row();
        row["owners"][0]["container"]["name"].clone()
    };
    let start = |command: std::io::Result<Command>| {
        Held::start(command?.arg("--data-root").arg(data.path()))
    };
    let forged = match start(set_id("dockerd", &folder)) {
        Ok(forged) => forged,
        Err(why) => skip!("{why}"),
    };
    if !became_root(&forged) {
        skip!("programs do not take their owner's user here");
    }
    assert_eq!(name(), Value::Null);
    let own = folder.path().join("bin");
    create_dir(&own).unwrap();
    std::fs::copy(folder.path().join("tool"), own.join("dockerd")).unwrap();
    set_permissions(own.join("dockerd"), Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(own.join("dockerd"));
    command.arg("rest");
    let _daemon = start(Ok(command)).unwrap();
    assert_eq!(name(), "forged");
}

/// A group that an ordinary user made in a folder of its own, which root gave it, and moved itself into.
#[test]
fn a_group_in_a_folder_of_another_user_makes_no_command() {
    if !is_root() {
        skip!("root alone gives folders of control groups away");
    }
    let telling = hierarchies().into_iter().find(|hierarchy| {
        let name = hierarchy.file_name().unwrap_or_default();
        hierarchy.ends_with("sys/fs/cgroup") || name == "systemd" || name == "unified"
    });
    let Some(hierarchy) = telling else {
        skip!("there are no control groups");
    };
    let id = "ab".repeat(32);
    for leaf in ["forged.service".to_owned(), format!("docker-{id}.scope")] {
        let listener = scene::listener();
        let port = port(&listener);
        let held = Held::sleep_as(NOBODY, listener).unwrap();
        let slice = format!("portwho{}.slice", held.pid());
        let used = std::collections::BTreeSet::from([format!("/{slice}/{leaf}")]);
        let folder = hierarchy.join(&slice);
        let entered = create_dir(&folder)
            .and_then(|()| chown(&folder, Some(NOBODY), Some(NOBODY)))
            .and_then(|()| create_dir(folder.join(&leaf)))
            .and_then(|()| {
                write(
                    folder.join(&leaf).join("cgroup.procs"),
                    held.pid().to_string(),
                )
            });
        let told = holder(port);
        let row = portwho(&[&format!("tcp:{port}"), "--json"]).only_row();
        let pid = held.pid();
        drop(held);
        remove(&used);
        if let Err(why) = entered {
            skip!("no control group of its own: {why}");
        }
        assert_eq!(told["next"], json!([format!("kill {pid}")]), "{told:#}");
        let owner = &row["owners"][0];
        let part = if leaf.ends_with(".service") {
            "unit"
        } else {
            "container"
        };
        assert_eq!(owner[part]["claimed"], true, "{row:#}");
    }
}
