//! Stage 1 on Linux: sockets by sock_diag(7) or `/proc/net`, holders and process facts by `/proc`.
//! What decodes (wire, inet_diag, proc_net, proc_text) and decides (dump, tables) is pure, and built
//! on every system.

pub mod addresses;
pub mod bpf;
pub mod cgroup;
pub mod devices;
pub mod dump;
pub mod errno;
pub mod glimpse;
pub mod inet_diag;
pub mod ipvs;
pub mod nat;
pub mod proc_net;
pub mod proc_text;
pub mod routes;
pub mod rtnetlink;
pub mod sctp;
pub mod second_look;
pub mod tables;
pub mod unit_file;
pub mod wire;

#[cfg(target_os = "linux")]
mod ancestors;
#[cfg(target_os = "linux")]
mod bounds;
#[cfg(target_os = "linux")]
mod capability;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
pub mod daemons;
#[cfg(target_os = "linux")]
pub mod deadline;
#[cfg(target_os = "linux")]
mod exchange;
#[cfg(target_os = "linux")]
mod group_owner;
#[cfg(target_os = "linux")]
pub mod interfaces;
#[cfg(target_os = "linux")]
mod iptables;
#[cfg(target_os = "linux")]
mod kcmp;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
pub mod netfilter;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
mod owners;
#[cfg(target_os = "linux")]
mod proc_files;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod provenance;
#[cfg(target_os = "linux")]
mod running;
#[cfg(target_os = "linux")]
mod sock_diag;
#[cfg(target_os = "linux")]
mod suspects;
#[cfg(target_os = "linux")]
mod unheld;
#[cfg(target_os = "linux")]
mod units;
#[cfg(target_os = "linux")]
pub mod user_namespace;
#[cfg(target_os = "linux")]
mod walk;

#[cfg(target_os = "linux")]
pub use live::Linux;

#[cfg(target_os = "linux")]
mod live {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::glimpse::Glimpses;
    use super::processes::Processes;
    use super::tables::Method;
    use super::{
        ancestors, interfaces, limits, namespaces, netfilter, network, owners, running, unheld,
    };
    use crate::model::{
        Account, ContainerId, Depth, Destinations, Handles, Limits, Machine, Network, NetworkDepth,
        ProcessKey, Scope,
    };
    use crate::read::machine::{self, Zone};
    use crate::read::raw::{
        LeftOut, RawContainer, RawForwards, RawHolders, RawProcess, RawSocketUnit, RawSockets,
    };
    use crate::read::users::Users;
    use crate::read::{Owners, RUNTIME_LIMIT, Source, Visitor, runtime};

    /// The running kernel.
    pub struct Linux {
        method: Method,
        owners: Owners,
        /// What was told of the holders when they were found.
        glimpses: Arc<Glimpses>,
        /// Of the sockets that were read last.
        scope: Option<Scope>,
        processes: Processes,
        users: Users,
    }

    impl Linux {
        pub fn new(method: Method, owners: Owners) -> Self {
            Self {
                method,
                owners,
                glimpses: Arc::default(),
                scope: None,
                processes: Processes::default(),
                users: Users::default(),
            }
        }
    }

    impl Source for Linux {
        fn machine(&mut self, with_names: bool) -> Machine {
            machine::machine(with_names)
        }

        fn zone(&mut self) -> Zone {
            machine::zone()
        }

        fn sockets(&mut self, scope: &Scope) -> RawSockets {
            self.scope = Some(scope.clone());
            running::read(self.method, scope)
        }

        fn visit(&mut self, scope: &Scope, visitor: &mut dyn Visitor) -> RawSockets {
            self.scope = Some(scope.clone());
            running::visit(self.method, scope, visitor)
        }

        fn holders(&mut self, handles: &Handles) -> RawHolders {
            self.processes.begin();
            let (mut holders, glimpses) = owners::holders(self.owners, handles);
            self.glimpses = Arc::new(glimpses);
            if let Some(scope) = &self.scope {
                unheld::settle(&mut holders, handles, self.method, scope);
            }
            holders
        }

        fn processes(&mut self, keys: &[ProcessKey], depth: Depth) -> Vec<RawProcess> {
            self.processes.read(keys, depth, &self.glimpses)
        }

        fn ancestors(&mut self, key: ProcessKey) -> Option<Vec<RawProcess>> {
            self.processes.parents(key)
        }

        fn left_out(&mut self) -> LeftOut {
            self.processes.left_out()
        }

        fn own_line(&mut self) -> Vec<u32> {
            ancestors::own_line()
        }

        fn limits(&mut self, with_addresses: bool) -> Limits {
            let limits = limits::read();
            if with_addresses {
                machine::with_addresses(limits, interfaces::addresses().unwrap_or_default())
            } else {
                limits
            }
        }

        fn network(&mut self, depth: NetworkDepth) -> Option<Network> {
            network::read(depth)
        }

        fn users(&mut self, uids: &BTreeSet<u32>) -> BTreeMap<u32, String> {
            self.users.names(uids)
        }

        fn account(&mut self, name: &str) -> Account {
            self.users.account(name)
        }

        fn containers(&mut self, ids: &[ContainerId], others: bool) -> Vec<RawContainer> {
            runtime::containers(ids, others, RUNTIME_LIMIT)
        }

        fn forwards(&mut self, asked: &Destinations) -> RawForwards {
            netfilter::read(asked)
        }

        fn forwards_elsewhere(
            &mut self,
            asked: &Destinations,
            wanted: &[u64],
        ) -> BTreeMap<u64, Option<RawForwards>> {
            namespaces::in_each(wanted, || netfilter::read(asked))
        }

        fn socket_units(&mut self, processes: &[RawProcess]) -> Vec<RawSocketUnit> {
            self.processes.socket_units(processes)
        }
    }
}
