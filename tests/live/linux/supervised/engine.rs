//! A Docker engine on a machine of its own.

use std::path::Path;

use serde_json::Value;

use super::Machine;
use crate::answer::Answer;
use crate::linux::held::Held;
use crate::scene::until;

/// The image with busybox alone.
pub const IMAGE: &str = "scene/web:1";

const TOOLS: [&str; 5] = ["dockerd", "docker", "iptables", "busybox", "tar"];

pub struct Engine {
    pub machine: Machine,
    daemon: Option<Held>,
}

impl Engine {
    /// An engine that answers, with these options and its image; why not, where there is none.
    pub fn start(options: &[&str], tools: &[&str]) -> Result<Self, String> {
        Self::start_on(Machine::new(&[&TOOLS, tools].concat())?, options)
    }

    /// An engine with a socket of its own choice, which `DOCKER_HOST` tells.
    pub fn start_elsewhere(options: &[&str]) -> Result<Self, String> {
        let mut machine = Machine::new(&TOOLS)?;
        let host = format!("unix://{}", machine.path("engine.sock").display());
        machine.set("DOCKER_HOST", &host);
        Self::start_on(machine, &[options, &["--host", &host]].concat())
    }

    fn start_on(machine: Machine, options: &[&str]) -> Result<Self, String> {
        let mut command = machine.command("dockerd");
        let daemon = machine.daemon(command.args(options), &["docker", "version"])?;
        let root = machine.busybox_root()?;
        let engine = Self {
            machine,
            daemon: Some(daemon),
        };
        engine.import(&root, IMAGE);
        Ok(engine)
    }

    /// Makes an image of a folder.
    pub fn import(&self, root: &Path, image: &str) {
        let script = "tar -C \"$0\" -c . | docker import - \"$1\"";
        let root = root.to_str().unwrap();
        self.machine.told(&["sh", "-c", script, root, image]);
    }

    /// What a command of the client prints.
    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.machine.told(&[&["docker"], arguments].concat())
    }

    /// Starts a container, and gives its id.
    #[track_caller]
    pub fn container(&self, name: &str, options: &[&str], command: &[&str]) -> String {
        let begin = ["run", "--detach", "--name", name];
        self.docker(&[&begin, options, command].concat())
    }

    /// A web server of busybox in a container.
    #[track_caller]
    pub fn web(&self, name: &str, options: &[&str], port: u16) -> String {
        let port = port.to_string();
        let server = [IMAGE, "/bin/busybox", "httpd", "-f", "-p", &port];
        self.container(name, options, &server)
    }

    /// One field of what the engine knows of a container, by a template of its own.
    #[track_caller]
    pub fn told(&self, container: &str, template: &str) -> String {
        self.docker(&["inspect", "--format", template, container])
    }

    /// The address of a container on the engine's bridge.
    #[track_caller]
    pub fn address(&self, container: &str) -> String {
        self.told(container, "{{.NetworkSettings.IPAddress}}")
    }

    /// The pid of a container's first process.
    #[track_caller]
    pub fn pid(&self, container: &str) -> u32 {
        self.told(container, "{{.State.Pid}}").parse().unwrap()
    }

    /// The rules by which the engine sends connections on.
    #[track_caller]
    pub fn rules(&self) -> String {
        self.machine.told(&["iptables", "-t", "nat", "-S"])
    }

    pub fn portwho(&self, arguments: &[&str]) -> Answer {
        self.machine.portwho(arguments)
    }

    /// The one row of a selector, once somebody listens there.
    #[track_caller]
    pub fn row(&self, selector: &str) -> Value {
        until("a listener of the scene", || {
            (self.portwho(&["-l", selector]).code == Some(0)).then_some(())
        });
        self.portwho(&["-l", selector, "--json"]).only_row()
    }

    /// Ends the daemon at once: containers that it started are on their own.
    pub fn kill(&mut self) {
        let script = "kill -KILL $(cat /run/docker.pid)";
        self.machine.told(&["sh", "-c", script]);
        self.daemon.take();
    }
}
