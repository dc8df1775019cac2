//! systemd as the first process of a container: a service, and a socket that starts its service.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::engine::Engine;
use super::groups::hierarchies;
use super::{complaint, facts, hold, only_holders, said};
use crate::answer::{Answer, PORTWHO, pids};
use crate::linux::held::{Held, has_tool};
use crate::scene::until;

const IMAGE: &str = "scene/systemd:1";
/// The port that a service holds, and the one that a socket unit waits on.
const SERVED: u16 = 7_778;
const AWAITED: u16 = 7_777;
/// Those of a service that is a script, and of one that is a program that runs another.
const SCRIPTED: u16 = 7_779;
const WRAPPED: u16 = 7_780;

struct Booted {
    engine: Engine,
}

impl Booted {
    fn start() -> Result<Self, String> {
        if !has_tool("debootstrap") {
            return Err("debootstrap is not there".into());
        }
        let engine = Engine::start(&[], &[])?;
        let root = engine.machine.path("systemd");
        install(&root)?;
        write_units(&root).map_err(|why| why.to_string())?;
        engine.import(&root, IMAGE);
        let groups = groups(&engine)?;
        let program = format!("{PORTWHO}:/usr/bin/portwho:ro");
        let mut options = vec!["--network", "host", "--cgroupns", "host"];
        options.extend(["--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE"]);
        options.extend(["--security-opt", "seccomp=unconfined"]);
        options.extend(["--security-opt", "apparmor=unconfined"]);
        options.extend(["-e", "container=docker", "--tmpfs", "/run"]);
        options.extend(["--tmpfs", "/run/lock", "--tmpfs", "/tmp"]);
        options.extend(["-v", &groups, "-v", &program]);
        engine.container("box", &options, &[IMAGE, "/lib/systemd/systemd"]);
        let booted = Self { engine };
        for _ in 0..120 {
            let state = booted.run(&["systemctl", "is-system-running"]).stdout;
            if ["running", "degraded"].contains(&state.trim()) {
                return Ok(booted);
            }
            std::thread::sleep(std::time::Duration::from_millis(250));
        }
        let last = booted.engine.machine.run(&["docker", "logs", "box"]);
        Err(format!("systemd does not come up: {}", complaint(&last)))
    }

    /// Runs a command inside.
    fn run(&self, arguments: &[&str]) -> Answer {
        let inside = ["docker", "exec", "box"];
        self.engine.machine.run(&[&inside, arguments].concat())
    }

    /// What a command inside prints.
    #[track_caller]
    fn told(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!(answer.code, Some(0), "{arguments:?} {answer:?}");
        answer.stdout.trim().to_owned()
    }

    /// The row of a port by portwho inside, once somebody listens there.
    #[track_caller]
    fn row(&self, port: u16) -> Value {
        let selector = format!("tcp:{port}");
        let looked = ["portwho", "-l", &selector, "--owners", "proc", "--json"];
        let answer = until("a listener inside", || {
            let answer = self.run(&looked);
            (answer.code == Some(0)).then_some(answer)
        });
        answer.only_row()
    }

    /// The holders of a port by `portwho why` inside, and their page.
    #[track_caller]
    fn why(&self, port: u16) -> (Value, String) {
        self.row(port);
        let selector = format!("tcp:{port}");
        let looked = ["portwho", "why", &selector, "--owners", "proc"];
        let page = self.told(&looked);
        let answer = self.run(&[&looked[..], &["--json"]].concat());
        (only_holders(&answer), page)
    }

    /// The main process of a unit, by its pid inside.
    #[track_caller]
    fn main_pid(&self, unit: &str) -> u32 {
        let show = ["systemctl", "show", "--value", "-p", "MainPID", unit];
        self.told(&show).parse().unwrap()
    }
}

/// A small Debian with systemd, of the release that runs here: its libc runs the programs of here.
fn install(root: &Path) -> Result<(), String> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let Some(name) = name else {
        return Err("a system of which debootstrap knows no release".into());
    };
    let mut command = Command::new("timeout");
    command.args(["500", "debootstrap", "--variant=minbase"]);
    command.args(["--include=systemd,systemd-sysv,dbus", name]);
    let answer = Held::finish(command.arg(root)).map_err(|why| why.to_string())?;
    match answer.code {
        Some(0) => Ok(()),
        _ => Err(format!("debootstrap: {}", complaint(&answer))),
    }
}

fn write_units(root: &Path) -> std::io::Result<()> {
    let folder = root.join("etc/systemd/system");
    let socket = format!("[Socket]\nListenStream=127.0.0.1:{AWAITED}\n");
    std::fs::write(folder.join("web.socket"), socket)?;
    let service = "[Service]\nExecStart=/usr/bin/sleep infinity\n";
    std::fs::write(folder.join("web.service"), service)?;
    let write = |name: &str, command: &str, port: u16| {
        let server = format!("/bin/busybox httpd -f -p 127.0.0.1:{port}");
        let command = command.replace("SERVER", &server);
        let text = format!("[Service]\nRestart=always\nExecStart={command}\n");
        std::fs::write(folder.join(name), text)
    };
    write("plain.service", "SERVER", SERVED)?;
    write("scripted.service", "/bin/sh -c 'SERVER; true'", SCRIPTED)?;
    write("wrapped.service", "/usr/bin/timeout 36000 SERVER", WRAPPED)?;
    std::fs::copy("/bin/busybox", root.join("bin/busybox")).map(|_| ())
}

/// The volume of the control groups. Where there are several hierarchies, systemd would change the
/// folder of them for the whole machine: it gets one of its own.
fn groups(engine: &Engine) -> Result<String, String> {
    const ROOT: &str = "/sys/fs/cgroup";
    if hierarchies() == [Path::new(ROOT)] {
        return Ok(format!("{ROOT}:{ROOT}"));
    }
    let script = "mkdir /run/groups && mount -t tmpfs none /run/groups && cd /run/groups && \
        for name in systemd unified; do if [ -d /sys/fs/cgroup/$name ]; then \
        mkdir $name && mount --bind /sys/fs/cgroup/$name $name || exit 1; fi; done";
    let answer = engine.machine.run(&["sh", "-c", script]);
    match answer.code {
        Some(0) => Ok(format!("/run/groups:{ROOT}:ro")),
        _ => Err(format!("no control groups: {}", complaint(&answer))),
    }
}

#[test]
fn systemd_has_the_sockets_of_its_units_and_services_theirs() {
    let booted = match Booted::start() {
        Ok(booted) => booted,
        Err(why) => skip!("{why}"),
    };
    booted.told(&["systemctl", "start", "web.socket", "plain.service"]);
    booted.told(&["systemctl", "start", "scripted", "wrapped"]);
    hold(
        &booted,
        facts![
            a_service_holds_its_port,
            systemd_alone_holds_a_socket_that_waits,
            a_service_is_told_with_its_slice,
            a_socket_that_waits_is_told_with_its_unit,
            services_are_selected_by_unit,
            a_service_is_ended_by_systemd_which_would_start_it_again,
            systemd_watches_only_the_first_process_of_a_service,
            a_socket_that_waits_is_stopped_alone,
        ],
    );
    let connection = format!("busybox nc 127.0.0.1 {AWAITED} < /dev/null");
    booted.told(&["timeout", "20", "sh", "-c", &format!("{connection} &")]);
    until("the service to be started", || {
        let state = booted.run(&["systemctl", "is-active", "web.service"]);
        (state.stdout.trim() == "active").then_some(())
    });
    hold(
        &booted,
        facts![
            both_hold_a_socket_whose_service_runs,
            they_are_seen_from_the_host,
            a_socket_is_told_with_its_unit_and_with_that_of_its_service,
            from_the_host_a_service_is_of_its_container_too,
            whoever_serves_is_told_first_and_stopped_with_its_socket,
            from_the_host_its_container_is_stopped,
        ],
    );
}

fn a_service_holds_its_port(booted: &Booted) {
    let row = booted.row(SERVED);
    let pid = booted.main_pid("plain.service");
    assert_eq!(pids(&row), [pid], "{row:#}");
    let groups = booted.told(&["cat", &format!("/proc/{pid}/cgroup")]);
    assert!(groups.contains("/system.slice/plain.service"), "{groups}");
}

fn systemd_alone_holds_a_socket_that_waits(booted: &Booted) {
    let row = booted.row(AWAITED);
    assert_eq!(pids(&row), [1], "{row:#}");
    assert_eq!(row["owners"][0]["name"], "systemd");
}

fn both_hold_a_socket_whose_service_runs(booted: &Booted) {
    let row = booted.row(AWAITED);
    let pid = booted.main_pid("web.service");
    assert_eq!(pids(&row), [1, pid], "{row:#}");
    assert_eq!(row["owners"][1]["fds"], json!([3]), "{row:#}");
}

fn they_are_seen_from_the_host(booted: &Booted) {
    let row = booted.engine.row(&format!("tcp:{AWAITED}"));
    let owners = row["owners"].as_array().unwrap();
    assert_eq!(owners.len(), 2, "{row:#}");
    assert_eq!(pids(&row)[0], booted.engine.pid("box"), "{row:#}");
    assert_eq!(owners[1]["name"], "sleep", "{row:#}");
}

fn a_service_is_told_with_its_slice(booted: &Booted) {
    let row = booted.row(SERVED);
    let expected = json!({
        "name": "plain.service", "slice": "system.slice", "manager": "system", "claimed": false,
    });
    assert_eq!(row["owners"][0]["unit"], expected, "{row:#}");
    // Nothing but the service has made it.
    assert_eq!(row["socket_unit"], Value::Null, "{row:#}");
}

fn a_socket_that_waits_is_told_with_its_unit(booted: &Booted) {
    let row = booted.row(AWAITED);
    assert_eq!(row["socket_unit"], "web.socket", "{row:#}");
}

fn services_are_selected_by_unit(booted: &Booted) {
    for selector in ["unit=plain", "unit=plain.service", "unit=PLAI"] {
        let looked = ["portwho", "-l", "tcp", selector, "--owners", "proc"];
        let row = booted.run(&[&looked[..], &["--json"]].concat()).only_row();
        assert_eq!(row["local_port"], SERVED, "{selector}");
    }
}

fn a_socket_is_told_with_its_unit_and_with_that_of_its_service(booted: &Booted) {
    let row = booted.row(AWAITED);
    assert_eq!(row["socket_unit"], "web.socket", "{row:#}");
    assert_eq!(row["owners"][1]["unit"]["name"], "web.service", "{row:#}");
}

fn from_the_host_a_service_is_of_its_container_too(booted: &Booted) {
    let row = booted.engine.row(&format!("tcp:{SERVED}"));
    let owner = &row["owners"][0];
    assert_eq!(owner["container"]["name"], "box", "{row:#}");
    assert_eq!(owner["unit"]["name"], "plain.service", "{row:#}");
}

fn a_service_is_ended_by_systemd_which_would_start_it_again(booted: &Booted) {
    let (holders, page) = booted.why(SERVED);
    assert_eq!(holders["pid"], booted.main_pid("plain.service"), "{page}");
    assert_eq!(holders["if_killed"]["restarted"], true, "{page}");
    assert_eq!(holders["if_killed"]["by"], "systemd", "{page}");
    assert_eq!(holders["next"], json!(["systemctl stop plain.service"]));
    let killed = "systemd would start plain.service again (Restart=always): stop it by systemctl";
    assert_eq!(said(&page, "if killed"), killed);
    assert_eq!(said(&page, "unit"), "plain.service in system.slice");
}

fn systemd_watches_only_the_first_process_of_a_service(booted: &Booted) {
    for (name, port) in [("scripted.service", SCRIPTED), ("wrapped.service", WRAPPED)] {
        let (holders, page) = booted.why(port);
        let (pid, main) = (holders["pid"].as_u64().unwrap(), booted.main_pid(name));
        assert_ne!(pid, u64::from(main), "{page}");
        assert_eq!(holders["if_killed"]["restarted"], Value::Null, "{page}");
        let killed = said(&page, "if killed");
        assert!(
            killed.contains(&format!("(pid {main}) is the main process")),
            "{page}"
        );
        assert!(killed.contains("only when its main process ends"), "{page}");
        assert_eq!(holders["next"], json!([format!("systemctl stop {name}")]));
    }
}

fn a_socket_that_waits_is_stopped_alone(booted: &Booted) {
    let (holders, page) = booted.why(AWAITED);
    assert_eq!(holders["pid"], 1, "{page}");
    assert_eq!(holders["if_killed"]["restarted"], true, "{page}");
    assert_eq!(holders["next"], json!(["systemctl stop web.socket"]));
    assert!(
        said(&page, "held by").starts_with("systemd (pid 1)"),
        "{page}"
    );
    assert_eq!(said(&page, "opened by"), "web.socket");
}

fn whoever_serves_is_told_first_and_stopped_with_its_socket(booted: &Booted) {
    let (holders, page) = booted.why(AWAITED);
    let pid = booted.main_pid("web.service");
    assert_eq!(holders["pid"], pid, "{page}");
    assert_eq!(holders["if_killed"]["restarted"], true, "{page}");
    let stop = "systemctl stop web.socket web.service";
    assert_eq!(holders["next"], json!([stop]));
    assert!(
        said(&page, "held by").starts_with(&format!("sleep (pid {pid})")),
        "{page}"
    );
    assert_eq!(said(&page, "opened by"), "web.socket, by systemd (pid 1)");
    assert_eq!(said(&page, "command"), "/usr/bin/sleep infinity");
    // That is enough: nobody holds the port then.
    booted.told(&stop.split(' ').collect::<Vec<_>>());
    let selector = format!("tcp:{AWAITED}");
    let after = booted.run(&["portwho", "-l", &selector, "--owners", "proc"]);
    // Rules of the packet filter cannot be read there, so the exit code may say that nobody can tell.
    assert_ne!(after.code, Some(0), "{after:?}");
    assert_eq!(after.stdout, "");
    assert!(
        after.stderr.contains("nothing listens that matches"),
        "{after:?}"
    );
}

fn from_the_host_its_container_is_stopped(booted: &Booted) {
    let answer = booted
        .engine
        .portwho(&["why", &format!("tcp:{SERVED}"), "--json"]);
    let holders = only_holders(&answer);
    assert_eq!(holders["next"], json!(["docker stop box"]), "{holders:#}");
}
