//! What `why` says of the end of a holder comes true: its commands are run, and the port is free then.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value, json};

use super::held::{Held, has_tool, helper_named, helper_program, is_root, open_folder};
use crate::answer::{Answer, PORTWHO, portwho, run};
use crate::scene::{self, free_port, port, until};

/// The only holders of a port by `why`, once something listens there.
#[track_caller]
fn holder(port: u16) -> Value {
    let selector = format!("tcp:{port}");
    let answer = until("a listener", || {
        let listed = portwho(&["-l", &selector]);
        (listed.code == Some(0)).then(|| portwho(&["why", &selector, "--json"]))
    });
    only(&answer)
}

#[track_caller]
fn only(answer: &Answer) -> Value {
    let document = answer.json();
    let holders = document["holders"].as_array().unwrap();
    assert_eq!(holders.len(), 1, "{document:#}");
    holders[0].clone()
}

fn message(holder: &Value) -> &str {
    holder["if_killed"]["message"].as_str().unwrap()
}

/// Runs what `why` says, and waits until the port is free.
#[track_caller]
fn ends(holder: &Value, port: u16) {
    for command in holder["next"].as_array().unwrap() {
        let done = run(Command::new("sh").args(["-c", command.as_str().unwrap()]));
        assert_eq!(done.code, Some(0), "{command} {done:?}");
    }
    until("the port to be free", || {
        TcpListener::bind(("127.0.0.1", port)).ok().map(drop)
    });
}

/// Whether the port is still free after as long as a restart takes: as often as a new server needs to
/// listen, which was seen before.
fn stays_free(port: u16) -> bool {
    (0..40).all(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        TcpListener::bind(("127.0.0.1", port)).is_ok()
    })
}

#[test]
fn a_loop_in_a_script_is_ended_with_its_server() {
    let program = match helper_program() {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let folder = open_folder();
    let script = folder.path().join("loop.sh");
    let text = "while true; do \"$1\" --port \"$2\"; done\n";
    std::fs::write(&script, text).unwrap();
    let number = free_port();
    let mut bash = Command::new("bash");
    bash.args([&script, &program]).arg(number.to_string());
    let held = Held::start(&mut bash).unwrap();
    let first = holder(number);
    let (pid, started_by) = (first["pid"].clone(), held.pid());
    let said = format!("started by bash loop.sh (pid {started_by}), which may start it again");
    assert!(message(&first).starts_with(&said), "{first:#}");
    assert_eq!(first["if_killed"]["restarted"], Value::Null);
    assert_eq!(first["next"], json!([format!("kill {started_by} {pid}")]));
    // The server alone comes back.
    run(Command::new("kill").arg(pid.to_string()));
    let second = until("another server", || {
        let second = portwho(&["why", &format!("tcp:{number}"), "--json"]);
        let is_new = second.code == Some(0) && only(&second)["pid"] != pid;
        is_new.then(|| only(&second))
    });
    ends(&second, number);
    assert!(stays_free(number));
}

#[test]
fn a_node_that_watches_its_files_is_what_is_ended() {
    if !has_tool("node") {
        skip!("node is not there");
    }
    let folder = open_folder();
    let number = free_port();
    let text = format!("require('http').createServer().listen({number}, '127.0.0.1')");
    std::fs::write(folder.path().join("app.js"), text).unwrap();
    let mut node = Command::new("node");
    let held = Held::start(node.args(["--watch", "app.js"]).current_dir(&folder)).unwrap();
    let holder = holder(number);
    if holder["pid"] == held.pid() {
        skip!("this Node watches in its own process");
    }
    assert_eq!(
        holder["next"],
        json!([format!("kill {}", held.pid())]),
        "{holder:#}"
    );
    ends(&holder, number);
}

#[test]
fn nginx_is_ended_by_its_master() {
    if !has_tool("nginx") || !is_root() {
        skip!("nginx, or root, is not there");
    }
    let folder = open_folder();
    let number = free_port();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!(
        "daemon off; master_process on; worker_processes 2; pid {}; error_log {};\n\
         events {{}}\nhttp {{ access_log off; server {{ listen 127.0.0.1:{number}; }} }}\n",
        path("pid"),
        path("error.log"),
    );
    std::fs::write(folder.path().join("nginx.conf"), text).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.args(["-e", &path("error.log"), "-c", &path("nginx.conf")]);
    let held = Held::start(&mut nginx).unwrap();
    let holder = until("both workers", || {
        let holder = holder(number);
        let owners = holder["sockets"][0]["owners"].as_array()?.len();
        (owners == 3).then_some(holder)
    });
    assert_eq!(holder["pid"], held.pid(), "{holder:#}");
    assert_eq!(holder["next"], json!([format!("kill {}", held.pid())]));
    assert!(
        message(&holder).starts_with("2 workers hold the port too"),
        "{holder:#}"
    );
    ends(&holder, number);
}

#[test]
fn gunicorn_is_ended_by_its_master_and_named_by_its_program() {
    if !has_tool("gunicorn") {
        skip!("gunicorn is not there");
    }
    let folder = open_folder();
    std::fs::write(
        folder.path().join("app.py"),
        "def app(environ, start):\n    start('200 OK', [])\n    return [b'']\n",
    )
    .unwrap();
    let number = free_port();
    let mut gunicorn = Command::new("gunicorn");
    gunicorn.args(["-w", "2", "--log-level", "error", "-b"]);
    gunicorn.args([&format!("127.0.0.1:{number}"), "app:app"]);
    let held = Held::start(gunicorn.current_dir(&folder)).unwrap();
    let holder = until("both workers", || {
        let holder = holder(number);
        let owners = holder["sockets"][0]["owners"].as_array()?.len();
        (owners == 3).then_some(holder)
    });
    let owners = holder["sockets"][0]["owners"].as_array().unwrap();
    assert!(
        owners.iter().all(|one| one["name"] == "gunicorn"),
        "{holder:#}"
    );
    assert_eq!(
        holder["next"],
        json!([format!("kill {}", held.pid())]),
        "{holder:#}"
    );
    ends(&holder, number);
}

/// The worker has the port, its master has not, and may start another.
#[test]
fn the_worker_of_haproxy_is_ended_and_its_master_named() {
    if !has_tool("haproxy") {
        skip!("haproxy is not there");
    }
    let folder = open_folder();
    let number = free_port();
    let config = folder.path().join("haproxy.cfg");
    let text = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
         listen one\n bind 127.0.0.1:{number}\n server none 127.0.0.1:1\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut haproxy = Command::new("haproxy");
    let held = Held::start(haproxy.args(["-W", "-q", "-f"]).arg(&config)).unwrap();
    let holder = holder(number);
    assert_ne!(holder["pid"], held.pid(), "{holder:#}");
    let said = format!(
        "started by haproxy (pid {}), which may start it again",
        held.pid()
    );
    assert_eq!(message(&holder), said);
    assert_eq!(holder["if_killed"]["restarted"], Value::Null);
    ends(&holder, number);
}

/// A shell with the listener that runs portwho: an editor or an agent does so too.
#[test]
fn what_portwho_runs_below_gets_no_command_that_ends_it() {
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let mut shell = Command::new("sh");
    shell.stdin(std::process::Stdio::from(std::os::fd::OwnedFd::from(
        listener,
    )));
    shell.args([
        "-c",
        "\"$0\" why \"$1\" --json </dev/null; exit $?",
        PORTWHO,
        &selector,
    ]);
    let answer = run(&mut shell);
    drop(shell);
    let document = answer.json();
    let holder = &document["holders"][0];
    assert_eq!(holder["next"], json!([]), "{document:#}");
    assert!(
        message(holder).starts_with("portwho runs below "),
        "{document:#}"
    );
}

#[test]
fn a_client_gets_no_command_that_ends_it() {
    let listener = scene::listener();
    let (client, _accepted) = scene::connection(&listener);
    // Connections to other listeners may use the same local port at the same time.
    let local = format!("local={}", client.local_addr().unwrap());
    let peer = format!("peer={}", client.peer_addr().unwrap());
    let held = Held::sleep(client);
    let holder = only(&portwho(&["why", &local, &peer, "--json"]));
    assert_eq!(holder["next"], json!([]), "{holder:#}");
    let said = format!(
        "the port belongs to a connection of sleep (pid {})",
        held.pid()
    );
    assert!(message(&holder).starts_with(&said), "{holder:#}");
    // What a server has accepted is no client's.
    let (client, accepted) = scene::connection(&listener);
    let server = port(&listener);
    let _both = Held::sleep(listener);
    let held = Held::sleep(accepted);
    let answer = portwho(&["why", &format!("tcp:{server}"), "--json"]);
    drop(client);
    let document = answer.json();
    let holders = document["holders"].as_array().unwrap();
    let of_listener = holders.iter().find(|one| one["pid"] != held.pid()).unwrap();
    assert_ne!(of_listener["next"], json!([]), "{document:#}");
}

/// sshd sets this title in the process of a session, which holds the ports that its client asked for.
#[test]
fn a_session_of_ssh_is_said_to_be_one() {
    let folder = open_folder();
    let program = match helper_named(&folder, "sshd") {
        Ok(program) => program,
        Err(why) => skip!("{why}"),
    };
    let listener = scene::listener();
    let selector = format!("tcp:{}", port(&listener));
    let mut command = Command::new(program);
    let held = Held::holding(command.arg0("sshd: anna@notty"), listener).unwrap();
    let holder = only(&portwho(&["why", &selector, "--json"]));
    let forward = &holder["sockets"][0]["forwards_to"];
    assert_eq!(forward["by"], "sshd", "{holder:#}");
    assert_eq!(forward["to"], "the ssh client of anna");
    assert_eq!(holder["next"], json!([format!("kill {}", held.pid())]));
    assert!(
        message(&holder).contains("and its session would end"),
        "{holder:#}"
    );
    let table = portwho(&[&selector, "--format", "table"]).stdout;
    assert!(table.contains("→ the ssh client of anna"), "{table}");
}
