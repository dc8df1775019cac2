//! The running kernel, as the reading of tables needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::errno::Errno;
use super::sock_diag::SockDiag;
use super::tables::{self, Kernel, Method};
use crate::model::{Protocol, Scope};
use crate::read::Visitor;
use crate::read::raw::{RawSocket, RawSockets, RawTable, Via};

/// First kernel that shows sockets that are bound without listening.
const BOUND_SINCE: (u32, u32) = (6, 8);

struct Running;

impl Kernel for Running {
    type Link = SockDiag;

    fn open_link(&mut self) -> Result<SockDiag, Errno> {
        SockDiag::open()
    }

    fn read_file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        // Files of /proc tell no size, from which the standard library would begin small.
        let mut text = Vec::with_capacity(64 * 1024);
        std::fs::File::open(path)?.read_to_end(&mut text)?;
        Ok(text)
    }

    fn exists(&mut self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn release(&mut self) -> (u32, u32) {
        kernel_release()
    }
}

/// Reads the tables of the scope, and what belongs to them.
pub fn read(method: Method, scope: &Scope) -> RawSockets {
    let tables = tables::read(&mut Running, method, scope);
    let rows = tables.iter().flat_map(|table| &table.sockets);
    let indices = rows.map(|socket| socket.interface).collect();
    with_surroundings(tables, &indices)
}

/// Shows the tables of the scope to a visitor.
pub fn visit(method: Method, scope: &Scope, visitor: &mut dyn Visitor) -> RawSockets {
    let mut noting = Noting {
        visitor,
        indices: BTreeSet::new(),
    };
    let tables = tables::visit(&mut Running, method, scope, &mut noting);
    with_surroundings(tables, &noting.indices)
}

/// Notes which interfaces the sockets carry, on their way to another visitor.
struct Noting<'a> {
    visitor: &'a mut dyn Visitor,
    indices: BTreeSet<u32>,
}

impl Visitor for Noting<'_> {
    fn see(&mut self, socket: RawSocket) {
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
        interfaces: interfaces(indices),
        netns: rustix::fs::stat("/proc/self/ns/net")
            .ok()
            .map(|stat| stat.st_ino),
        sees_bound: by_sock_diag && kernel_release() >= BOUND_SINCE,
        misses_time_wait: false,
        tables,
    }
}

/// Names of the interfaces that rows carry, netdevice(7).
fn interfaces(indices: &BTreeSet<u32>) -> BTreeMap<u32, String> {
    let known = indices.iter().filter(|index| **index != 0);
    let mut names: BTreeMap<u32, String> = known.map(|index| (*index, String::new())).collect();
    if !names.is_empty()
        && let Ok(any) = socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
    {
        for (index, name) in &mut names {
            *name = netdevice::index_to_name(&any, *index).unwrap_or_default();
        }
    }
    names.retain(|_, name| !name.is_empty());
    names
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
