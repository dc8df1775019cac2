//! A redacted recording tells nothing about people, and the same about ports.

use portwho::read::capture::Capture;
use serde_json::{Value, json};

use crate::{portwho_fed, replay};

fn redacted() -> String {
    redacted_text(&std::fs::read(crate::capture("web1")).unwrap())
}

fn redacted_text(recording: &[u8]) -> String {
    let mut capture = Capture::read(&mut &*recording).unwrap();
    capture.redact();
    let mut text = Vec::new();
    capture.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn names_of_people_hosts_arguments_and_directories_are_gone() {
    let text = redacted();
    let whole = std::fs::read_to_string(crate::capture("web1")).unwrap();
    for secret in [
        "web1",
        "anna",
        "server.js",
        "/srv/shop",
        "/srv/app",
        "10.0.0.5",
        "2001:db8::5",
    ] {
        assert!(whole.contains(secret), "{secret}");
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(
        text.contains("127.0.0.1") && text.contains("nginx"),
        "what tells about ports stays"
    );
}

#[test]
fn the_same_ports_states_and_programs_are_told() {
    let columns = [
        "-a",
        "--format",
        "plain",
        "--columns",
        "port,state,process,pid,owners",
    ];
    let whole = replay("web1", &columns).stdout;
    let arguments: Vec<&str> = ["--from", "-"].iter().chain(&columns).copied().collect();
    let hidden = portwho_fed(&arguments, redacted().as_bytes()).stdout;
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&hidden), sorted(&whole));
}

const DIGITS: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn table(sockets: Value) -> Value {
    json!([{
        "protocol": "tcp", "family": null, "via": "sock_diag", "outcome": "read",
        "sockets": sockets,
    }])
}

fn listener(address: &str, port: u16, interface: u32, handle: u64) -> Value {
    json!({
        "protocol": "tcp", "state": "listen", "interface": interface, "uid": 1000,
        "local": {"address": address, "port": port}, "peer": {"address": "::", "port": 0},
        "inode": handle, "handle": handle, "v6only": null, "recv_queue": 0, "send_queue": 0,
    })
}

fn holder(handle: u64, pid: u32, comm: Option<&str>) -> Value {
    json!({"handle": handle, "process": {"pid": pid, "start": 1}, "fd": 3, "comm": comm})
}

fn process(pid: u32, comm: &str, more: Value) -> Value {
    let mut process = json!({
        "key": {"pid": pid, "start": 1}, "comm": comm, "executable": format!("/mark/bin/{comm}"),
        "command": [comm, "--mark"], "uid": 1000, "parent_pid": 1, "started_at": 0,
        "working_directory": "/home/mark",
    });
    let Value::Object(more) = more else {
        panic!("facts of a process")
    };
    process.as_object_mut().unwrap().extend(more);
    process
}

/// A recording in which all that is of somebody's own says "mark" or 10.7.7.x.
fn marked() -> Value {
    let pod = json!({"runtime": "containerd", "id": DIGITS, "pod_uid": "mark-pod"});
    json!({
        "version": 1, "about": "a recording",
        "machine": {"host": "mark", "os": "Linux", "taken_at": 0},
        "zone": {"name": null, "offset": 0},
        "users": {"1000": "mark"},
        "sockets": {
            "tables": table(json!([
                listener("10.7.7.7", 7001, 3, 1),
                listener("::ffff:10.7.7.7", 7002, 2, 2),
                listener("10.7.7.6", 7003, 4, 3),
                listener("0.0.0.0", 7004, 0, 4),
                listener("0.0.0.0", 7005, 0, 5),
                listener("0.0.0.0", 7006, 0, 6),
                listener("0.0.0.0", 7007, 0, 7),
            ])),
            "interfaces": {"2": "eth0", "3": "wg-mark", "4": "mark0"},
            "netns": 1, "sees_bound": true,
            "elsewhere": [{
                "name": "mark-netns",
                "container": {"runtime": "systemd-nspawn", "id": "mark-far", "pod_uid": null},
                "addresses": [{"address": "10.7.7.9", "interface": "mark-veth"}],
                "sockets": {
                    "tables": table(json!([listener("10.7.7.9", 7009, 3, 9)])),
                    "interfaces": {"3": "wg-mark", "5": "mark-veth"},
                    "netns": 2, "sees_bound": true,
                },
            }],
        },
        "holders": {
            "holders": [
                holder(1, 11, None), holder(2, 12, None), holder(3, 13, None),
                holder(4, 14, None), holder(5, 15, Some("mark-hidden")),
                holder(6, 16, Some("python3")), holder(7, 17, Some("nginx")),
            ],
            "as_root": true, "refused": 0, "blind": [],
        },
        "processes": [
            process(11, "systemd", json!({})),
            process(12, "python3", json!({
                "unit": {"name": "mark-shop.service", "slice": "app-mark.slice", "manager": "user"},
                "project": {"name": "MarkShop", "directory": "/mark", "manifest": "MarkShop.csproj"},
                "restart": "mark",
            })),
            process(13, "java", json!({
                "unit": {
                    "name": "postgresql@14-mark.service", "slice": "system-mark.slice",
                    "manager": "system",
                },
                "project": {"name": "mark", "directory": "/mark", "manifest": "package.json"},
                "account": "DESK\\mark", "services": ["MarkSvc", "Dnscache"],
                "container": {"runtime": "lxc", "id": "mark-box", "pod_uid": null},
                "restart": "on-failure",
            })),
            process(14, "nginx", json!({
                "unit": {"name": "nginx.service", "slice": "system.slice", "manager": "system"},
                "services": ["MarkSvc"], "account": "DESK\\mark", "container": pod,
            })),
        ],
        "containers": [{
            "runtime": "lxc", "id": "mark-box", "name": "mark-box", "image": "mark/image",
            "compose_project": "mark", "compose_service": "mark-db", "addresses": ["10.7.7.8"],
            "ports": [
                {"protocol": "tcp", "address": "10.7.7.7", "port": 7001, "container_port": 80},
            ],
        }],
        "socket_units": [{
            "name": "mark-shop.socket", "manager": {"pid": 11, "start": 1},
            "listens": [{"protocol": "tcp", "address": "10.7.7.7", "port": 7001}],
        }],
        "forwards": {
            "forwards": [{
                "protocol": "tcp", "family": null, "address": "10.7.7.7", "ports": [80, 80],
                "to": "10.7.7.8", "to_ports": null,
            }],
            "not_understood": 0, "refused": null,
        },
        "limits": {
            "ephemeral": null, "unprivileged_from": 1024, "may_bind_privileged": false,
            "uid": 1000, "addresses": ["10.7.7.7"],
            "interfaces": [
                {"address": "10.7.7.7", "interface": "wg-mark"},
                {"address": "10.7.7.6", "interface": "mark0"},
                {"address": "127.0.0.1", "interface": "lo"},
            ],
        },
    })
}

fn redacted_marks() -> Value {
    serde_json::from_str(&redacted_text(marked().to_string().as_bytes())).unwrap()
}

#[test]
fn nothing_that_is_of_somebody_s_own_is_left() {
    let text = redacted_text(marked().to_string().as_bytes());
    for line in text.lines() {
        let line = line.to_lowercase();
        assert!(
            !line.contains("mark") && !line.contains("10.7.7."),
            "{line}"
        );
    }
    for usual in [
        "eth0",
        "lo",
        "nginx.service",
        "system.slice",
        "package.json",
        "Dnscache",
        "on-failure",
        "python3",
        DIGITS,
    ] {
        assert!(text.contains(&format!("\"{usual}\"")), "{usual}");
    }
}

#[test]
fn the_same_value_has_the_same_replacement() {
    let hidden = redacted_marks();
    let at = |pointer: &str| {
        let value = hidden.pointer(pointer);
        value.unwrap_or_else(|| panic!("{pointer}")).clone()
    };
    for (one, other) in [
        ("/sockets/interfaces/3", "/limits/interfaces/0/interface"),
        (
            "/sockets/interfaces/3",
            "/sockets/elsewhere/0/sockets/interfaces/3",
        ),
        ("/sockets/interfaces/4", "/limits/interfaces/1/interface"),
        (
            "/sockets/elsewhere/0/sockets/interfaces/5",
            "/sockets/elsewhere/0/addresses/0/interface",
        ),
        (
            "/sockets/elsewhere/0/sockets/tables/0/sockets/0/local/address",
            "/sockets/elsewhere/0/addresses/0/address",
        ),
        ("/processes/2/container/id", "/containers/0/id"),
        ("/containers/0/name", "/containers/0/id"),
        ("/processes/2/account", "/processes/3/account"),
        ("/processes/2/services/0", "/processes/3/services/0"),
        ("/processes/2/project/name", "/containers/0/compose_project"),
        (
            "/sockets/tables/0/sockets/0/local/address",
            "/socket_units/0/listens/0/address",
        ),
        (
            "/sockets/tables/0/sockets/0/local/address",
            "/containers/0/ports/0/address",
        ),
        ("/containers/0/addresses/0", "/forwards/forwards/0/to"),
    ] {
        assert_eq!(at(one), at(other), "{one} and {other}");
    }
    for (one, other) in [
        ("/sockets/interfaces/3", "/sockets/interfaces/4"),
        ("/processes/1/project/name", "/processes/2/project/name"),
        (
            "/processes/2/container/id",
            "/sockets/elsewhere/0/container/id",
        ),
    ] {
        assert_ne!(at(one), at(other), "{one} and {other}");
    }
    let stem = |pointer: &str| {
        at(pointer)
            .as_str()
            .unwrap()
            .split('.')
            .next()
            .map(str::to_owned)
    };
    assert_eq!(stem("/processes/1/unit/name"), stem("/socket_units/0/name"));
    assert_eq!(at("/processes/1/project/manifest"), "project2.csproj");
    assert_eq!(at("/processes/1/project/name"), "project2");
    assert_eq!(at("/processes/2/unit/name"), "postgresql@instance1.service");
    assert_eq!(at("/sockets/elsewhere/0/name"), "netns1");
}

/// What is told of it, and what is unknown; every text is as good as another.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Array(all) => all.iter().map(shape).collect(),
        Value::Object(all) => {
            let shapes = all.iter().map(|(key, value)| (key.clone(), shape(value)));
            Value::Object(shapes.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn answers_keep_their_shape() {
    let (whole, hidden) = (marked().to_string(), redacted_marks().to_string());
    for arguments in [&["-l"][..], &["-a"], &["why", "tcp"], &["map"]] {
        let arguments = [arguments, &["--json", "--from", "-"]].concat();
        let told = |recording: &str| -> Value {
            let answer = portwho_fed(&arguments, recording.as_bytes());
            assert_eq!(answer.code, 0, "{arguments:?}: {answer:?}");
            serde_json::from_str(&answer.stdout).unwrap()
        };
        let (whole, hidden) = (told(&whole), told(&hidden));
        assert_eq!(shape(&hidden), shape(&whole), "{arguments:?}: {hidden:#}");
    }
    let rows = portwho_fed(&["tcp:7001", "--json", "--from", "-"], hidden.as_bytes()).stdout;
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let row = &rows["sockets"][0];
    assert_eq!(row["socket_unit"], "unit1.socket", "{row:#}");
    assert_eq!(row["interface"], "interface1", "{row:#}");
}
