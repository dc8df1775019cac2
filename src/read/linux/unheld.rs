//! Sockets of which the search found no holder are looked at again: some have ended, some have been
//! handed over meanwhile, some are the kernel's own.

use super::proc_text::parse_portlist;
use super::running;
use super::second_look::{SecondLook, are_whole};
use super::suspects;
use super::tables::Method;
use super::walk;
use crate::model::{Handles, Namespaces, Scope};
use crate::read::Visitor;
use crate::read::raw::{Blind, RawHolders, RawKernelPort, RawSocket};

/// Settles what became of the sockets that are left without a holder.
pub fn settle(found: &mut RawHolders, wanted: &Handles, method: Method, scope: &Scope) {
    let left = walk::without_holder(wanted, &found.holders);
    // An ordinary user is refused by most processes: it is known already why the holders are hidden.
    let may_see = found.as_root || found.refused == 0;
    if left.is_empty() || !may_see || found.blind.contains(&Blind::NoProc) {
        return;
    }
    let Again {
        still,
        leftovers,
        ended,
    } = Again::look(&left, method, scope, &mut found.kernel);
    if !ended.is_empty() {
        (found.ended, found.leftovers) = (ended, leftovers);
    }
    let handles: Handles = still.iter().map(|socket| socket.handle).collect();
    if handles.is_empty() {
        return;
    }
    let second = walk::holders(&handles);
    found.holders.extend(second.holders);
    found.holders.sort_unstable();
    found.refused = found.refused.max(second.refused);
    found.failure = found.failure.take().or(second.failure);
    let handles = walk::without_holder(&handles, &found.holders);
    let unheld = || still.iter().filter(|one| handles.contains(one.handle));
    if !handles.is_empty() {
        found.suspects = suspects::find(unheld());
    }
}

/// What a second look at the tables showed.
struct Again {
    /// Sockets that are there still and are not the kernel's.
    still: Vec<RawSocket>,
    leftovers: Vec<RawSocket>,
    ended: Vec<u64>,
}

impl Again {
    fn look(
        left: &Handles,
        method: Method,
        scope: &Scope,
        kernel: &mut Vec<RawKernelPort>,
    ) -> Self {
        let mut look = SecondLook::new(left);
        let (raw, own) = match scope.namespaces {
            Namespaces::Own => {
                let raw = running::visit(method, scope, &mut look);
                let own = look.count();
                (raw, own)
            }
            Namespaces::All => {
                let mut raw = running::read(method, scope);
                let mut see = |tables: &mut Vec<_>| {
                    for socket in tables.iter_mut().flat_map(sockets_of) {
                        look.see(socket);
                    }
                    look.keep();
                    look.count()
                };
                let own = see(&mut raw.tables);
                for namespace in &mut raw.elsewhere {
                    see(&mut namespace.sockets.tables);
                }
                (raw, own)
            }
        };
        let is_whole = are_whole(raw.all_tables()) && raw.namespaces_refused == 0;
        let (seen, ended) = look.end(is_whole);
        let mut still = seen.still;
        if let (false, Some(netns)) = (still.is_empty(), raw.netns) {
            *kernel = kernel_ports(netns);
            let is_kernels = |socket: &RawSocket| {
                kernel.iter().any(|proof| {
                    proof.protocol == socket.protocol.port_space()
                        && Some(proof.port) == socket.local.port
                })
            };
            // Those of this namespace come first.
            let others = still.split_off(own);
            still.retain(|socket| !is_kernels(socket));
            still.extend(others);
        }
        Self {
            still,
            leftovers: seen.leftovers,
            ended,
        }
    }
}

fn sockets_of(table: &mut crate::read::raw::RawTable) -> Vec<RawSocket> {
    std::mem::take(&mut table.sockets)
}

/// The ports that the kernel itself serves in the namespace that the reader lives in, by what it says of
/// its own servers: those of NFS, nfsd(7).
fn kernel_ports(netns: u64) -> Vec<RawKernelPort> {
    let text = std::fs::read("/proc/fs/nfsd/portlist").unwrap_or_default();
    let ports = parse_portlist(&text).into_iter();
    let proof = |(protocol, port)| RawKernelPort {
        protocol,
        port,
        netns,
    };
    ports.map(proof).collect()
}
