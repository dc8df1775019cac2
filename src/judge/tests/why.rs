//! What is said of the end of a holder, and what to do about it.

use std::rc::Rc;

use super::*;
use crate::judge::commands::{self, ask_as_root};
use crate::judge::supervision::{Case, consequence};
use crate::model::{
    Container, ContainerId, Forward, Forwarder, Manager, Namespaces, Role, Runtime, Unit,
};

fn process(name: &str, uid: u32) -> Process {
    Process {
        uid: Some(uid),
        user: Some("anna".into()),
        executable: Some(Foreign::new(format!("/usr/bin/{name}"))),
        ..Process::named(ProcessKey { pid: 7, start: 1 }, Foreign::new(name))
    }
}

fn listener() -> Row {
    let socket = socket(Protocol::Tcp, State::Listen, "0.0.0.0", None);
    row(socket, Some(("server", 7)))
}

fn root() -> Limits {
    Limits {
        uid: Some(0),
        ..Limits::default()
    }
}

/// What a user is told who asks.
fn next(case: &Case<'_>, limits: &Limits) -> Vec<String> {
    commands::next(&Case {
        asker: limits.uid,
        ..*case
    })
}

fn commands(process: &Process, row: &Row) -> Vec<String> {
    next(&case(process, row), &root())
}

/// A process of which nothing is known but that systemd started it.
fn case<'a>(process: &'a Process, row: &'a Row) -> Case<'a> {
    Case {
        main: Some(process),
        others: &[],
        opener: None,
        is_split: false,
        parents: None,
        row,
        is_connection: false,
        own: &[],
        asker: Some(0),
    }
}

fn unit(name: &str, manager: Manager) -> Option<Unit> {
    Some(Unit {
        name: Foreign::new(name),
        slice: None,
        manager,
        user: (manager == Manager::User).then_some(1000),
        claimed: false,
    })
}

fn container(id: &str, runtime: Runtime, user: Option<u32>) -> Rc<Container> {
    Rc::new(Container {
        identity: ContainerId {
            claimed: false,
            runtime: Some(runtime),
            id: Foreign::new(id),
            pod_uid: None,
            user,
        },
        name: None,
        image: None,
        compose_project: None,
        compose_service: None,
        addresses: Vec::new(),
    })
}

#[test]
fn a_unit_of_a_user_is_stopped_by_that_users_manager() {
    let mut server = process("server", 1000);
    server.meaning.unit = unit("app.service", Manager::User);
    let mut manager = process("systemd", 1000);
    manager.meaning.unit = unit("init.scope", Manager::User);
    let row = listener();
    let case = Case {
        parents: Some(&[manager]),
        ..case(&server, &row)
    };
    // To root the name is what that user says.
    assert_eq!(next(&case, &root()), ["kill 7"]);
    let own = Limits {
        uid: Some(1000),
        ..Limits::default()
    };
    assert_eq!(next(&case, &own), ["systemctl --user stop app.service"]);
}

#[test]
fn a_unit_in_a_container_is_not_stopped_on_the_machine() {
    let mut inner = process("systemd", 0);
    inner.meaning.unit = unit("ssh.service", Manager::System);
    inner.meaning.container = Some(container("web-frontend-1", Runtime::Lxc, None));
    let mut row = listener();
    row.role = Some(Box::new(Role {
        socket_unit: Some(Foreign::new("ssh.socket")),
        forwards_to: None,
    }));
    assert_eq!(commands(&inner, &row), ["lxc-stop --name web-frontend-1"]);
}

#[test]
fn a_container_of_a_users_own_runtime_is_not_stopped_by_roots() {
    let mut server = process("server", 1000);
    let id = "a".repeat(64);
    server.meaning.container = Some(container(&id, Runtime::Docker, Some(1000)));
    assert_eq!(commands(&server, &listener()), [""; 0]);
    let told = consequence(&case(&server, &listener()));
    assert!(told.why.contains("of user 1000"), "{told:?}");
}

/// A listener that leads into a container, where that is known.
fn forwarding(by: Forwarder, container: Option<Rc<Container>>) -> Row {
    let mut row = listener();
    row.role = Some(Box::new(Role {
        socket_unit: None,
        forwards_to: Some(Forward {
            by,
            to: Foreign::new("172.17.0.2:80"),
            container,
        }),
    }));
    row
}

#[test]
fn only_roots_proxy_holds_a_port_for_a_container() {
    let own = process("docker-proxy", 1000);
    assert_eq!(commands(&own, &listener()), ["kill 7"]);
    let of_runtime = process("docker-proxy", 0);
    let unknown = ["docker ps --filter publish=80"];
    assert_eq!(commands(&of_runtime, &listener()), unknown);
    let id = "b".repeat(64);
    let row = forwarding(
        Forwarder::DockerProxy,
        Some(container(&id, Runtime::Docker, None)),
    );
    assert_eq!(commands(&of_runtime, &row), ["docker stop bbbbbbbbbbbb"]);
    let told = consequence(&case(&of_runtime, &row));
    assert_eq!((told.restarted, told.by), (Some(false), None));
    assert_eq!(
        told.why,
        "the port is no longer forwarded by it until container bbbbbbbbbbbb is restarted; the \
         container itself goes on"
    );
}

#[test]
fn a_docker_daemon_holds_a_port_for_a_container_where_its_answer_says_so() {
    let mut daemon = process("dockerd", 0);
    daemon.parent_pid = Some(1);
    daemon.meaning.unit = unit("docker.service", Manager::System);
    daemon.meaning.restart = Some(Foreign::new("always"));
    let own_api = listener();
    assert_eq!(
        commands(&daemon, &own_api),
        ["systemctl stop docker.service"]
    );
    let told = consequence(&case(&daemon, &own_api));
    assert_eq!(told.restarted, Some(true), "{told:?}");
    let web = container(&"b".repeat(64), Runtime::Docker, None);
    let published = forwarding(Forwarder::Docker, Some(web));
    assert_eq!(commands(&daemon, &published), ["docker stop bbbbbbbbbbbb"]);
    let told = consequence(&case(&daemon, &published));
    assert!(
        told.why.starts_with("docker holds the port for"),
        "{told:?}"
    );
}

#[test]
fn podman_is_asked_for_the_container_of_its_monitor() {
    let monitor = process("conmon", 0);
    assert_eq!(commands(&monitor, &listener()), ["podman port --all"]);
    let told = consequence(&case(&monitor, &listener()));
    assert_eq!(told.by.as_deref(), Some("podman"), "{told:?}");
    let web = container(&"c".repeat(64), Runtime::Podman, None);
    let named = Rc::new(Container {
        name: Some(Foreign::new("web")),
        ..(*web).clone()
    });
    let row = forwarding(Forwarder::Podman, Some(named));
    assert_eq!(commands(&monitor, &row), ["podman stop web"]);
}

#[test]
fn a_service_that_a_socket_unit_started_is_stopped_with_it() {
    let mut server = process("server", 1000);
    server.meaning.unit = unit("app.service", Manager::User);
    let mut opener = process("systemd", 1000);
    opener.meaning.unit = unit("init.scope", Manager::User);
    let mut row = listener();
    let own = Limits {
        uid: Some(1000),
        ..Limits::default()
    };
    let unread = Case {
        opener: Some(&opener),
        ..case(&server, &row)
    };
    assert_eq!(next(&unread, &own), ["systemctl --user list-sockets"]);
    assert_eq!(consequence(&unread).restarted, None);
    row.role = Some(Box::new(Role {
        socket_unit: Some(Foreign::new("app.socket")),
        forwards_to: None,
    }));
    let both = Case {
        opener: Some(&opener),
        ..case(&server, &row)
    };
    let stop = ["systemctl --user stop app.socket app.service"];
    assert_eq!(next(&both, &own), stop);
    let told = consequence(&both);
    assert_eq!(told.restarted, Some(true));
    assert!(
        told.why.contains("would start app.service again"),
        "{told:?}"
    );
    // Before the first connection there is no service.
    let alone = case(&opener, &row);
    assert_eq!(next(&alone, &own), ["systemctl --user stop app.socket"]);
    assert_eq!(consequence(&alone).restarted, Some(true));
}

#[test]
fn a_port_in_time_wait_is_checked_and_not_promised() {
    let socket = Socket {
        inode: None,
        ..socket(Protocol::Tcp, State::TimeWait, "127.0.0.1", None)
    };
    let row = Row {
        owner_status: OwnerStatus::None,
        ..row(socket, None)
    };
    let none = process("none", 0);
    let case = Case {
        main: None,
        ..case(&none, &row)
    };
    assert_eq!(next(&case, &root()), ["portwho check :80"]);
    let told = consequence(&case);
    assert!(told.why.contains("only where the one before"), "{told:?}");
}

#[test]
fn no_more_is_claimed_of_a_restart_than_is_known() {
    let server = process("server", 1000);
    let parent = |name: &str, words: &[&str]| Process {
        command: Some(words.iter().map(|word| Foreign::new(*word)).collect()),
        ..process(name, 1000)
    };
    for (chain, restarted) in [
        (vec![parent("bash", &["-bash"])], Some(false)),
        (vec![parent("bash", &["bash", "loop.sh"])], None),
        (vec![parent("sh", &["sh", "-c", "server"])], None),
        (vec![parent("entr", &["entr", "-r", "server"])], None),
        (
            vec![
                parent("bash", &["bash"]),
                parent("sh", &["sh"]),
                parent("sh", &["sh"]),
                parent("supervisord", &["supervisord"]),
            ],
            None,
        ),
        (Vec::new(), None),
    ] {
        let row = listener();
        let told = consequence(&Case {
            parents: Some(&chain),
            ..case(&server, &row)
        });
        assert_eq!(told.restarted, restarted, "{told:?}");
    }
}

/// A line that a terminal takes names a part of many, so there are several; what is left out is said.
#[test]
fn every_holder_of_a_port_is_in_a_command_or_said_to_be_left_out() {
    let main = Rc::new(process("server", 1000));
    for (count, lines) in [(63, 1), (64, 2), (100, 2), (1023, 16), (2000, 16)] {
        let others: Vec<Rc<Process>> = (0..count)
            .map(|at| {
                Rc::new(Process {
                    key: ProcessKey {
                        pid: 1000 + at,
                        start: 2,
                    },
                    ..process("sleep", 1000)
                })
            })
            .collect();
        let row = listener();
        let case = Case {
            others: &others,
            ..case(&main, &row)
        };
        let commands = next(&case, &root());
        assert_eq!(commands.len(), lines, "{count}");
        assert!(commands.iter().all(|command| command.len() < 4095));
        let named = commands.iter().map(|line| line.split(' ').count() - 1);
        let named: usize = named.sum();
        let why = consequence(&case).why;
        let is_whole = named == count as usize + 1;
        assert_eq!(is_whole, !why.contains("name 1024 of them"), "{why}");
        assert_eq!(is_whole, count < 1024, "{count}");
    }
}

#[test]
fn whoever_else_holds_the_port_is_counted_and_ended_too() {
    let main = Rc::new(process("server", 1000));
    let other = Rc::new(Process {
        key: ProcessKey { pid: 8, start: 2 },
        ..process("sleep", 1000)
    });
    let row = listener();
    let case = Case {
        others: &[other],
        ..case(&main, &row)
    };
    let told = consequence(&case);
    assert_eq!(told.restarted, None);
    assert!(told.why.starts_with("1 more process"), "{told:?}");
    assert_eq!(next(&case, &root()), ["kill 7 8"]);
}

#[test]
fn root_is_to_ask_the_same_question() {
    let mut hidden = row(socket(Protocol::Tcp, State::Listen, "0.0.0.0", None), None);
    let ask = |row: &Row, namespaces| ask_as_root(row, namespaces, &limits());
    let everywhere = "sudo portwho why --all-netns :80";
    assert_eq!(ask(&hidden, Namespaces::All).as_deref(), Some(everywhere));
    let here = ask(&hidden, Namespaces::Own);
    assert_eq!(here.as_deref(), Some("sudo portwho why :80"));
    assert_eq!(ask_as_root(&hidden, Namespaces::All, &root()), None);
    hidden.socket.protocol = Protocol::Raw;
    hidden.socket.local.port = None;
    let here = ask(&hidden, Namespaces::Own);
    assert_eq!(here.as_deref(), Some("sudo portwho why raw"));
    assert_eq!(ask(&listener(), Namespaces::All), None);
}
