//! What is said of the end of a holder, and what to do about it.

use std::rc::Rc;

use super::*;
use crate::judge::commands::{ask_as_root, next};
use crate::judge::supervision::consequence;
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

fn commands(process: &Process, row: &Row) -> Vec<String> {
    next(Some(process), &[], row, &root())
}

fn unit(name: &str, manager: Manager) -> Option<Unit> {
    Some(Unit {
        name: Foreign::new(name),
        slice: None,
        manager,
    })
}

fn container(id: &str, runtime: Runtime, user: Option<u32>) -> Rc<Container> {
    Rc::new(Container {
        identity: ContainerId {
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
    let stop = ["systemctl --user --machine=anna@ stop app.service"];
    assert_eq!(commands(&server, &listener()), stop);
    let own = Limits {
        uid: Some(1000),
        ..Limits::default()
    };
    let commands = next(Some(&server), &[], &listener(), &own);
    assert_eq!(commands, ["systemctl --user stop app.service"]);
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
    let told = consequence(Some(&server), &[], None, &listener());
    assert!(told.why.contains("of user 1000"), "{told:?}");
}

#[test]
fn only_roots_proxy_holds_a_port_for_a_container() {
    let own = process("docker-proxy", 1000);
    assert_eq!(commands(&own, &listener()), ["kill 7"]);
    let of_runtime = process("docker-proxy", 0);
    let unknown = ["docker ps --filter publish=80"];
    assert_eq!(commands(&of_runtime, &listener()), unknown);
    let mut row = listener();
    row.role = Some(Box::new(Role {
        socket_unit: None,
        forwards_to: Some(Forward {
            by: Forwarder::DockerProxy,
            to: Foreign::new("172.17.0.2:80"),
            container: Some(container(&"b".repeat(64), Runtime::Docker, None)),
        }),
    }));
    assert_eq!(commands(&of_runtime, &row), ["docker stop bbbbbbbbbbbb"]);
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
        let told = consequence(Some(&server), &[], Some(&chain), &listener());
        assert_eq!(told.restarted, restarted, "{told:?}");
    }
}

#[test]
fn whoever_else_holds_the_port_is_counted_and_ended_too() {
    let main = Rc::new(process("server", 1000));
    let other = Rc::new(Process {
        key: ProcessKey { pid: 8, start: 2 },
        ..process("sleep", 1000)
    });
    let both = [Rc::clone(&main), Rc::clone(&other)];
    let told = consequence(Some(&main), &both, None, &listener());
    assert_eq!(told.restarted, None);
    assert!(told.why.starts_with("1 more process"), "{told:?}");
    let commands = next(Some(&main), &[other], &listener(), &root());
    assert_eq!(commands, ["kill 7 8"]);
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
