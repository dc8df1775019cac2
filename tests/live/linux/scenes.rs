//! Scenes of several processes, and states that take a while to come about.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::held::{Held, helper_named, helper_program, open_folder};
use crate::scene::port;

/// A listener at the end of a line of processes, each the parent of the next.
pub struct Tree {
    _first: Held,
    _programs: TempDir,
    pub port: u16,
    /// The pids, with the names of their programs, the parent first.
    pub processes: Vec<(u32, &'static str)>,
}

/// Names of which no program knows anything.
pub const LINE: [&str; 4] = ["overseer", "launcher", "keeper", "webapp"];

/// A process tree four deep of programs with these names, by its last process.
pub fn tree(names: [&'static str; 4]) -> io::Result<Tree> {
    let folder = open_folder();
    let programs: io::Result<Vec<_>> = names.iter().map(|n| helper_named(&folder, n)).collect();
    let programs = programs?;
    let mut command = Command::new(&programs[0]);
    let (first, told) = Held::telling(command.arg("line").args(&programs[1..]))?;
    let mut processes: Vec<(u32, &str)> = Vec::new();
    let mut pid = told[1];
    for name in names.iter().rev() {
        processes.insert(0, (pid, name));
        pid = parent(pid);
    }
    assert_eq!(processes[0].0, first.pid());
    Ok(Tree {
        port: u16::try_from(told[0]).unwrap(),
        _first: first,
        _programs: folder,
        processes,
    })
}

/// The parent of a process, by the fourth field of `/proc/PID/stat`, proc(5).
pub fn parent(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A process with a listener, and with connections to others.
pub struct Relay {
    held: Held,
    pub port: u16,
}

impl Relay {
    fn start(to: &[&Relay]) -> io::Result<Self> {
        let mut command = Command::new(helper_program()?);
        let ports = to.iter().map(|relay| relay.port.to_string());
        let (held, told) = Held::telling(command.args(["relay", "1"]).args(ports))?;
        let port = u16::try_from(told[0]).unwrap();
        Ok(Self { held, port })
    }

    pub fn pid(&self) -> u32 {
        self.held.pid()
    }
}

/// A front that is connected to two servers, of which one is connected to the other.
pub struct RelayChain {
    pub front: Relay,
    pub app: Relay,
    pub store: Relay,
}

/// A proxy chain of three processes, with every connection made.
pub fn relay_chain() -> io::Result<RelayChain> {
    let store = Relay::start(&[])?;
    let app = Relay::start(&[&store])?;
    let front = Relay::start(&[&app, &store])?;
    Ok(RelayChain { front, app, store })
}

/// A listener with as many connections as it lets wait, none of them accepted.
pub struct FullQueue {
    pub listener: TcpListener,
    pub waiting: Vec<Socket>,
}

/// How many may wait; the kernel lets one more wait (`sk_acceptq_is_full`, include/net/sock.h).
pub const BACKLOG: i32 = 1;

/// An accept queue that is full.
pub fn full_queue() -> FullQueue {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    socket.listen(BACKLOG).unwrap();
    let listener = TcpListener::from(socket);
    let connect = || {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let at = listener.local_addr().unwrap();
        client.connect(&at.into()).unwrap();
        client
    };
    let waiting = (0..=BACKLOG).map(|_| connect()).collect();
    FullQueue { listener, waiting }
}

/// A listener with three workers that were forked and have it too: its port, and every pid.
pub fn pool() -> io::Result<(Held, u16, Vec<u32>)> {
    let (held, told) = Held::helper("workers")?;
    let mut pids: Vec<u32> = told[1..].to_vec();
    pids.push(held.pid());
    pids.sort_unstable();
    let port = u16::try_from(told[0]).unwrap();
    Ok((held, port, pids))
}

/// A process on the network that this thread is on, with a listener that nobody else has.
pub fn listening_process() -> (Held, u16) {
    let listener = crate::scene::listener();
    let port = port(&listener);
    (Held::sleep(listener), port)
}

/// Two listeners on one port that let each other in.
pub fn reuseport() -> [TcpListener; 2] {
    let socket = |at: SocketAddr| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&at.into()).unwrap();
        socket.listen(16).unwrap();
        TcpListener::from(socket)
    };
    let first = socket(([127, 0, 0, 1], 0).into());
    let second = socket(first.local_addr().unwrap());
    [first, second]
}
