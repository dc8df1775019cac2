//! The running kernel, as the reading of tables needs it.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;

use super::errno::Errno;
use super::proc_net::count_of;
use super::sock_diag::SockDiag;
use super::tables::{self, Kernel, Method};
use super::{interfaces, namespaces, user_namespace};
use crate::model::{Namespaces, Protocol, Scope};
use crate::read::Visitor;
use crate::read::raw::{RawSocket, RawSockets, RawTable, Via};

/// First kernel that shows sockets that are bound without listening.
const BOUND_SINCE: (u32, u32) = (6, 8);

/// The kernel from within one network namespace.
struct Running {
    view: View,
    /// Sockets of DCCP, by `/proc/net/protocols` where the tables needed that: it counts those that listen or
    /// are connected (net/ipv4/inet_hashtables.c).
    dccp_sockets: u32,
}

/// From where a network namespace is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// From within, by this thread.
    Inside,
    /// From without, by what `/proc/PID/net` shows of a process that lives in it.
    ThroughProcess(u32),
}

impl Running {
    fn new(view: View) -> Self {
        Self {
            view,
            dccp_sockets: 0,
        }
    }

    /// Files of `/proc/net`, which is a link to those of the first thread, as this view has them.
    fn place(&self, path: &str) -> String {
        match (self.view, path.strip_prefix("/proc/net/")) {
            (_, None) => path.to_owned(),
            (View::Inside, Some(file)) => format!("/proc/thread-self/net/{file}"),
            (View::ThroughProcess(pid), Some(file)) => format!("/proc/{pid}/net/{file}"),
        }
    }
}

impl Kernel for Running {
    type Link = SockDiag;

    fn open_link(&mut self) -> Result<SockDiag, Errno> {
        match self.view {
            View::Inside => SockDiag::open(),
            View::ThroughProcess(_) => Err(Errno::PERM),
        }
    }

    fn read_file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        // Files of /proc tell no size, from which the standard library would begin small.
        let mut text = Vec::with_capacity(64 * 1024);
        // Nor need they be asked for it.
        let file = std::fs::File::open(self.place(path))?;
        file.take(u64::MAX).read_to_end(&mut text)?;
        if path == "/proc/net/protocols" {
            let counted = count_of(&text, "DCCP").unwrap_or(0);
            self.dccp_sockets = u32::try_from(counted).unwrap_or(u32::MAX);
        }
        Ok(text)
    }

    fn exists(&mut self, path: &str) -> bool {
        Path::new(&self.place(path)).exists()
    }

    fn release(&mut self) -> (u32, u32) {
        kernel_release()
    }
}

/// Reads the tables of the scope, and what belongs to them.
pub fn read(method: Method, scope: &Scope) -> RawSockets {
    let own = own_namespace();
    let mut sockets = read_one(method, scope, View::Inside);
    sockets.netns = own;
    if let (Namespaces::All, Some(own)) = (scope.namespaces, own) {
        namespaces::read_others(own, method, scope, &mut sockets);
    }
    sockets
}

/// Inode number of the network namespace of this thread.
fn own_namespace() -> Option<u64> {
    let stat = rustix::fs::stat("/proc/thread-self/ns/net");
    stat.ok().map(|stat| stat.st_ino)
}

/// Reads one network namespace; which one, the caller knows.
pub fn read_one(method: Method, scope: &Scope, view: View) -> RawSockets {
    let mut kernel = Running::new(view);
    let mut tables = tables::read(&mut kernel, method, scope);
    for socket in tables.iter_mut().flat_map(|table| &mut table.sockets) {
        socket.uid = socket.uid.and_then(user_namespace::known);
    }
    let rows = tables.iter().flat_map(|table| &table.sockets);
    let indices = match view {
        View::Inside => rows.map(|socket| socket.interface).collect(),
        View::ThroughProcess(_) => BTreeSet::new(),
    };
    RawSockets {
        dccp_sockets: kernel.dccp_sockets,
        ..with_surroundings(tables, &indices)
    }
}

/// Shows the tables of the scope to a visitor: those of the own network namespace.
pub fn visit(method: Method, scope: &Scope, visitor: &mut dyn Visitor) -> RawSockets {
    let mut noting = Noting {
        visitor,
        indices: BTreeSet::new(),
    };
    let mut kernel = Running::new(View::Inside);
    let tables = tables::visit(&mut kernel, method, scope, &mut noting);
    RawSockets {
        dccp_sockets: kernel.dccp_sockets,
        netns: own_namespace(),
        ..with_surroundings(tables, &noting.indices)
    }
}

/// Notes which interfaces the sockets carry, on their way to another visitor, and takes away the numbers
/// of users that mean nothing.
struct Noting<'a> {
    visitor: &'a mut dyn Visitor,
    indices: BTreeSet<u32>,
}

impl Visitor for Noting<'_> {
    fn see(&mut self, mut socket: RawSocket) {
        socket.uid = socket.uid.and_then(user_namespace::known);
        if socket.interface != 0 {
            self.indices.insert(socket.interface);
        }
        self.visitor.see(socket);
    }

    fn forget(&mut self) {
        self.visitor.forget();
    }

    fn keep(&mut self) {
        self.visitor.keep();
    }
}

fn with_surroundings(tables: Vec<RawTable>, indices: &BTreeSet<u32>) -> RawSockets {
    let mut tcp = tables
        .iter()
        .filter(|table| table.protocol == Protocol::Tcp);
    let by_sock_diag = tcp.all(|table| table.via == Via::SockDiag);
    RawSockets {
        interfaces: interfaces::names(indices),
        sees_bound: by_sock_diag && kernel_release() >= BOUND_SINCE,
        misses_time_wait: false,
        lacks_users: user_namespace::overflow_uid().is_some(),
        tables,
        ..RawSockets::default()
    }
}

/// The first two numbers of the kernel's release, uname(2).
fn kernel_release() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
