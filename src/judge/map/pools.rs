//! Which processes people see as one: pools of workers, the processes of one program in one place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::talks::Talk;
use crate::judge::kin::{are_at_one_place, are_one_server};
use crate::model::{ContainerId, Foreign, Manager, Owner, Process, ProcessKey, Row, Unit};

/// What makes processes without a listener of their own the same program to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Program<'a> {
    name: &'a Foreign,
    place: Place<'a>,
    netns: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Container(&'a ContainerId),
    Unit(&'a Unit),
    /// Started by somebody: by whom, where, what.
    Own {
        uid: Option<u32>,
        project: Option<&'a Foreign>,
        script: Option<&'a Foreign>,
    },
}

impl<'a> Program<'a> {
    fn of(process: &'a Process, netns: Option<u64>) -> Self {
        let meaning = &process.meaning;
        let unit = meaning.unit.as_ref().filter(|unit| unit.is_telling());
        let place = match (meaning.container.as_deref(), unit) {
            (Some(container), _) => Place::Container(&container.identity),
            (None, Some(unit)) => Place::Unit(unit),
            (None, None) => Place::Own {
                uid: process.uid,
                project: meaning.project.as_ref().map(|project| &project.directory),
                script: meaning.script.as_ref(),
            },
        };
        Self {
            name: &process.name,
            place,
            netns,
        }
    }

    fn is_supervised(&self) -> bool {
        !matches!(self.place, Place::Own { .. })
    }
}

/// Processes in disjoint sets (union-find), each set a service.
pub struct Pools<'a> {
    processes: Vec<&'a Rc<Process>>,
    /// For each process the network namespace of its sockets; the first of several.
    netns: Vec<Option<u64>>,
    at: HashMap<ProcessKey, usize>,
    up: Vec<usize>,
    /// Of a set's root: whether a process of it listens.
    listens: Vec<bool>,
    /// For each process that connected to listeners of this machine, a holder of each of those.
    servers: HashMap<usize, BTreeSet<usize>>,
}

impl<'a> Pools<'a> {
    /// Puts processes together, the surest signs first.
    pub fn new(rows: &'a [Row], talks: &[Talk]) -> Self {
        let mut all = BTreeMap::new();
        for row in rows {
            let netns = row.socket.netns();
            for Owner { process, .. } in &row.owners {
                let first = all.entry(process.key).or_insert((process, netns));
                first.1 = first.1.min(netns);
            }
        }
        let count = all.len();
        let at = all.keys().copied().zip(0..).collect();
        let (processes, netns) = all.into_values().unzip();
        let mut pools = Self {
            at,
            processes,
            netns,
            up: (0..count).collect(),
            listens: vec![false; count],
            servers: HashMap::new(),
        };
        pools.join_listeners(rows);
        for talk in talks {
            if let (Some(client), Some(listener)) = (talk.client, talk.listener) {
                let server = pools.holders(&rows[listener]).first().copied();
                for client in pools.holders(&rows[client]) {
                    pools.servers.entry(client).or_default().extend(server);
                }
            }
        }
        for row in rows.iter().filter(|row| !row.socket.state.is_listening()) {
            pools.join_sharers(row);
        }
        for talk in talks {
            if let (Some(server), Some(listener)) = (talk.server, talk.listener) {
                pools.join_handlers(&rows[server], &rows[listener]);
            }
        }
        pools.join_children();
        pools.join_supervised();
        pools.join_clients();
        pools
    }

    /// The set of the first holder of a row; `None` where nobody is seen to hold it.
    pub fn of_row(&self, row: &Row) -> Option<usize> {
        self.holders(row).first().map(|holder| self.root(*holder))
    }

    /// Whether a process of the set holds the row.
    pub fn holds(&self, set: usize, row: &Row) -> bool {
        self.holders(row)
            .into_iter()
            .any(|holder| self.root(holder) == set)
    }

    /// The processes with their sets, in ascending order.
    pub fn processes(&self) -> impl Iterator<Item = (usize, &'a Rc<Process>)> {
        let all = self.processes.iter().enumerate();
        all.map(|(at, process)| (self.root(at), *process))
    }

    /// Who holds a row. Of a listener that systemd opened for a service, systemd is left out once the
    /// service has it.
    fn holders(&self, row: &Row) -> Vec<usize> {
        let is_opened = row
            .role
            .as_ref()
            .is_some_and(|role| role.socket_unit.is_some());
        let all = row.owners.iter().map(|owner| &owner.process);
        let index = |process: &Rc<Process>| self.at.get(&process.key).copied();
        let served: Vec<usize> = all
            .clone()
            .filter(|process| !(is_opened && is_systemd(process)))
            .filter_map(index)
            .collect();
        if served.is_empty() {
            all.filter_map(index).collect()
        } else {
            served
        }
    }

    fn root(&self, mut at: usize) -> usize {
        while self.up[at] != at {
            at = self.up[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        self.up[high] = low;
        self.listens[low] |= self.listens[high];
    }

    fn program(&self, at: usize) -> Program<'a> {
        Program::of(self.processes[at], self.netns[at])
    }

    fn has_listener(&self, at: usize) -> bool {
        self.listens[self.root(at)]
    }

    /// Whether a process is a client of the other's set: the two are not one to anybody.
    fn is_client(&self, at: usize, of: usize) -> bool {
        let servers = self.servers.get(&at).into_iter().flatten();
        servers
            .into_iter()
            .any(|server| self.root(*server) == self.root(of))
    }

    fn is_same_name(&self, one: usize, other: usize) -> bool {
        self.processes[one].name == self.processes[other].name
    }

    fn is_child(&self, child: usize, of: usize) -> bool {
        self.processes[child].parent_pid == Some(self.processes[of].key.pid)
    }

    /// Whoever shares a listener, and the processes of one server with a listener each (SO_REUSEPORT).
    fn join_listeners(&mut self, rows: &'a [Row]) {
        // At each place one of every server that was found there.
        let mut at_places: HashMap<_, Vec<(usize, &Row)>> = HashMap::new();
        for row in rows.iter().filter(|row| row.socket.state.is_listening()) {
            let holders = self.holders(row);
            let socket = &row.socket;
            let place = (socket.protocol.port_space(), socket.local);
            for holder in &holders {
                let root = self.root(*holder);
                self.listens[root] = true;
                self.join(holders[0], *holder);
                let servers = at_places.entry(place).or_default();
                let is_kin = |(other, there): &&(usize, &Row)| {
                    are_at_one_place(socket, &there.socket)
                        && are_one_server(self.processes[*holder], self.processes[*other])
                };
                match servers.iter().find(is_kin).map(|(other, _)| *other) {
                    Some(other) => self.join(other, *holder),
                    None => servers.push((*holder, row)),
                }
            }
        }
    }

    /// Whoever shares a connection, unless each has a listener of its own.
    fn join_sharers(&mut self, row: &Row) {
        let holders = self.holders(row);
        for pair in holders.windows(2) {
            if !(self.has_listener(pair[0]) && self.has_listener(pair[1])) {
                self.join(pair[0], pair[1]);
            }
        }
    }

    /// Whoever handles what a listener accepted, and is its owner's child or bears its name.
    fn join_handlers(&mut self, server: &Row, listener: &Row) {
        let owners = self.holders(listener);
        for holder in self.holders(server) {
            let is_kin = |owner: &&usize| {
                self.is_same_name(holder, **owner)
                    || (self.is_child(holder, **owner) && !is_systemd(self.processes[**owner]))
            };
            if !self.has_listener(holder)
                && let Some(owner) = owners.iter().find(is_kin)
            {
                self.join(*owner, holder);
            }
        }
    }

    /// Workers without a listener, with their parent that has one.
    fn join_children(&mut self) {
        let by_pid: HashMap<u32, usize> = (0..self.processes.len())
            .map(|at| (self.processes[at].key.pid, at))
            .collect();
        for at in 0..self.processes.len() {
            let parent = self.processes[at].parent_pid;
            if let Some(parent) = parent.and_then(|pid| by_pid.get(&pid)).copied()
                && self.is_same_name(at, parent)
                && self.has_listener(parent)
                && !self.has_listener(at)
                && !self.is_client(at, parent)
            {
                self.join(parent, at);
            }
        }
    }

    /// Processes of a unit or container, with the only listener that their program has there.
    fn join_supervised(&mut self) {
        let mut listening: BTreeMap<Program, Vec<usize>> = BTreeMap::new();
        for at in 0..self.processes.len() {
            let roots = listening.entry(self.program(at)).or_default();
            if self.has_listener(at) && !roots.contains(&self.root(at)) {
                roots.push(self.root(at));
            }
        }
        for at in 0..self.processes.len() {
            let program = self.program(at);
            if let Some([only]) = listening.get(&program).map(Vec::as_slice)
                && program.is_supervised()
                && !self.has_listener(at)
                && !self.is_client(at, *only)
            {
                self.join(*only, at);
            }
        }
    }

    /// Clients of one program.
    fn join_clients(&mut self) {
        let mut clients: BTreeMap<Program, usize> = BTreeMap::new();
        for at in 0..self.processes.len() {
            if !self.has_listener(at) {
                let program = self.program(at);
                let first = *clients.entry(program).or_insert(at);
                self.join(first, at);
            }
        }
    }
}

/// Whether it is a systemd, which holds sockets for the services that it starts by them,
/// systemd.socket(5). Anybody can take its name: the machine's is process 1 of root, that of a user or
/// of a container runs in `init.scope`, systemd.special(7).
fn is_systemd(process: &Process) -> bool {
    let meaning = &process.meaning;
    let is_of_machine = process.key.pid == 1 && process.uid == Some(0);
    let is_manager = meaning.unit.as_ref().is_some_and(|unit| {
        unit.name.unclean() == "init.scope"
            && (unit.manager == Manager::User || meaning.proven_container().is_some())
    });
    process.name.unclean() == "systemd" && (is_of_machine || is_manager)
}
