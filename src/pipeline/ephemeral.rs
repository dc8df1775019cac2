//! The stages for the ports of outgoing connections: sockets are counted as they come, and owners
//! asked for only of the budgets that are shown.

mod listeners;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use listeners::{listening_around, look_for_listeners};

use super::owners::keys;
use super::{left_out, read_by, unreadable, users};
use crate::judge::{Address, Budget, Pool, Seen, Tally, Usage, infer_owners};
use crate::model::{
    Depth, Endpoint, Handles, Limits, Namespaces, NetworkDepth, Note, NoteCode, OwnerStatus,
    PortSet, Protocol, ProtocolSet, Row, Scope, Snapshot, State, StateSet,
};
use crate::normalize::{
    Group, Names, Unseen, counted_owner_notes, holdings, join, name_users, sockets, table_notes,
    wanted_containers,
};
use crate::read::raw::{RawHolders, RawSocket, RawSockets};
use crate::read::{Source, Visitor};
use crate::select::{Order, Query};

/// Which budgets to show, and how much of them to tell.
#[derive(Debug, Clone)]
pub struct Ephemeral {
    pub query: Query,
    /// At most so many, the fullest.
    pub most: usize,
    pub depth: Depth,
    /// Whether the machine's name and system are told.
    pub names_machine: bool,
}

/// Counts what draws on the ports for outgoing connections.
pub fn ephemeral(source: &mut dyn Source, asked: &Ephemeral) -> Usage {
    let mut asked = asked.clone();
    let unknown_users = users::look_up(source, &mut asked.query.users);
    let asked = &asked;
    let mut limits = source.limits(false);
    let excluded = source.excluded(Protocol::Tcp);
    limits.reserved.extend(excluded.iter().flatten());
    let mut pool = Pool::new(&limits);
    let protocols = protocols(&asked.query);
    let ranges = |range| PortSet::from_ranges([range].into_iter().chain(limits.ephemeral_udp));
    let ports = limits.ephemeral.map(ranges);
    let scope = |protocols, states| Scope {
        protocols,
        family: None,
        states,
        ports: ports.clone(),
        other_ends: false,
        namespaces: Namespaces::Own,
        addresses: false,
        network: NetworkDepth::Nothing,
    };
    let tcp: ProtocolSet = [Protocol::Tcp].into_iter().collect();
    let still = [State::Listen, State::Bound].into_iter().collect();
    let still = scope(tcp, still);
    let raw = source.sockets(&still);
    let mut notes = table_notes(&raw, &still);
    notes.extend(unknown_users);
    let (mut unseen, mut ways, sees_bound) = (unreadable(&raw), read_by(&raw), raw.sees_bound);
    let mut taken = sockets(raw);
    taken.retain(|row| {
        let is_still = matches!(row.socket.state, State::Listen | State::Bound);
        is_still
            && row
                .socket
                .local
                .port
                .is_some_and(|port| pool.offers(Protocol::Tcp, port))
    });
    Order::default().sort(&mut taken);
    pool.occupy(&taken);
    let mut counter = Counter::new(&pool);
    let moving = scope(protocols, moving_states());
    let raw = source.visit(&moving, &mut counter);
    let tally = counter.kept;
    for note in table_notes(&raw, &moving) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes.extend(limit_notes(&limits, raw.misses_time_wait));
    if excluded.is_none() {
        notes.push(Note {
            code: NoteCode::RangeUnknown,
            message:
                "which ports of the range the system keeps for others could not be read: less \
                      may be free than it seems"
                    .into(),
            count: None,
        });
    }
    unseen = unseen.union(unreadable(&raw));
    if !ways.contains(&read_by(&raw)) {
        ways = format!("{ways}, {}", read_by(&raw));
    }
    let mut budgets = tally.budgets(&pool, &limits);
    let levels = budgets.iter().map(|one| (one.key, one.level())).collect();
    let addresses = addresses(&budgets);
    name_interfaces(&mut budgets, &raw);
    budgets.retain(|budget| budget.is_wanted(&asked.query));
    let in_doubt = owners(source, asked, &mut budgets, &mut taken, &mut notes);
    let total = budgets.len();
    budgets.truncate(asked.most);
    let mut usage = Usage {
        snapshot: Snapshot {
            forwards: Vec::new(),
            doubts: Vec::new(),
            may_be_sent_on: None,
            may_be_diverted: false,
            namespaces: Namespaces::Own,
            elsewhere: std::collections::BTreeMap::new(),
            machine: source.machine(asked.names_machine),
            read_by: ways,
            netns: raw.netns,
            rows: taken,
            other_ends: Vec::new(),
            notes,
            unreadable: unseen.intersection(protocols),
            sees_bound,
        },
        limits,
        pool,
        budgets,
        total,
        levels,
        addresses,
        listening: Vec::new(),
        in_doubt,
        seconds: None,
        protocols,
        overrun: BTreeMap::new(),
        own_peers: BTreeSet::new(),
    };
    usage.listening = listening_around(source, &usage);
    look_for_listeners(source, asked, &mut usage);
    left_out::note(source, &mut usage.snapshot.notes);
    usage
}

/// What can match: UDP sockets have no peer that counts.
fn protocols(query: &Query) -> ProtocolSet {
    let all: ProtocolSet = [Protocol::Tcp, Protocol::Udp].into_iter().collect();
    let tcp: ProtocolSet = [Protocol::Tcp].into_iter().collect();
    match (query.peers.is_empty(), query.protocols.is_empty()) {
        (false, _) => tcp,
        (true, true) => all,
        (true, false) => all.intersection(query.protocols),
    }
}

/// The states of what has a peer, or is UDP. A socket in SYN_RECV came from outside.
fn moving_states() -> StateSet {
    let is_still = |state: &State| {
        matches!(
            state,
            State::Listen | State::Bound | State::SynRecv | State::Closed
        )
    };
    State::ALL
        .into_iter()
        .filter(|state| !is_still(state))
        .collect()
}

/// Counts what it sees, and holds nothing of it.
struct Counter<'a> {
    pool: &'a Pool,
    states: StateSet,
    /// Of the table that is being read.
    fresh: Tally,
    kept: Tally,
}

impl<'a> Counter<'a> {
    fn new(pool: &'a Pool) -> Self {
        Self {
            pool,
            states: moving_states(),
            fresh: Tally::default(),
            kept: Tally::default(),
        }
    }
}

impl Visitor for Counter<'_> {
    fn see(&mut self, socket: RawSocket) {
        let is_counted = matches!(socket.protocol, Protocol::Tcp | Protocol::Udp);
        // A reader may give more than it was asked for.
        if is_counted && self.states.contains(socket.state) {
            let seen = Seen {
                protocol: socket.protocol,
                state: socket.state,
                local: socket.local,
                peer: socket.peer,
                interface: socket.interface,
                handle: socket.handle,
                time_wait_left: socket.time_wait_left,
                v6only: socket.v6only,
            };
            self.fresh.count(self.pool, &seen);
        }
    }

    fn forget(&mut self) {
        self.fresh = Tally::default();
    }

    fn keep(&mut self) {
        self.kept.absorb(std::mem::take(&mut self.fresh));
    }
}

fn addresses(budgets: &[Budget]) -> BTreeMap<std::net::IpAddr, Address> {
    let mut addresses: BTreeMap<_, Address> = BTreeMap::new();
    for budget in budgets.iter().filter(|budget| budget.key.peer.is_some()) {
        let all = addresses.entry(budget.key.local).or_default();
        all.sockets += budget.used - budget.elsewhere;
        all.peers += 1;
        all.fullest = all.fullest.max(budget.share().unwrap_or(0.0));
    }
    addresses
}

fn name_interfaces(budgets: &mut [Budget], raw: &RawSockets) {
    let names = raw.interfaces.iter();
    let names: BTreeMap<u32, Rc<str>> = names
        .map(|(index, name)| (*index, name.as_str().into()))
        .collect();
    for budget in budgets {
        budget.interface = names.get(&budget.key.interface).cloned();
    }
}

/// What cannot be known of the limits on this system.
fn limit_notes(limits: &Limits, misses_time_wait: bool) -> Vec<Note> {
    let note = |code, message: &str| Note {
        code,
        message: message.into(),
        count: None,
    };
    let mut notes = Vec::new();
    if limits.ephemeral.is_none() {
        notes.push(note(
            NoteCode::RangeUnknown,
            "the system does not tell here which ports it gives to outgoing connections: every \
             port is counted, and how full that is cannot be told",
        ));
    }
    if misses_time_wait {
        notes.push(note(
            NoteCode::TimeWaitUnseen,
            "connections in TIME_WAIT cannot be seen on this system: less may be free than it seems",
        ));
    }
    // Linux alone has them, IP_LOCAL_PORT_RANGE of ip(7).
    if limits.tcp_tw_reuse.is_some() {
        notes.push(note(
            NoteCode::SocketRangesUnseen,
            "a socket may have a range of its own (IP_LOCAL_PORT_RANGE), which the kernel does not \
             show; nor does it show which connections were bound before they connected",
        ));
    }
    notes
}

/// Finds the owners of what is shown: of the fullest budgets, of those with the same peers, whose
/// owners may have left something in TIME_WAIT, and of the ports that are taken whole. Where owners
/// decide which budgets are shown, of all. Says whether a hidden one could have made more match.
fn owners(
    source: &mut dyn Source,
    asked: &Ephemeral,
    budgets: &mut Vec<Budget>,
    taken: &mut [Row],
    notes: &mut Vec<Note>,
) -> bool {
    let most = if asked.query.asks_for_owners() {
        budgets.len()
    } else {
        asked.most.min(budgets.len())
    };
    let peers: HashSet<Endpoint> = budgets[..most]
        .iter()
        .filter(|budget| budget.count(State::TimeWait) > 0)
        .filter_map(|budget| budget.key.peer)
        .collect();
    let talks = |budget: &Budget| budget.key.peer.is_some_and(|peer| peers.contains(&peer));
    let chosen: Vec<usize> = (0..budgets.len())
        .filter(|at| *at < most || talks(&budgets[*at]))
        .collect();
    let of_budgets = chosen.iter().map(|at| &budgets[*at]);
    let handles: Handles = of_budgets
        .flat_map(|budget| budget.held.iter().chain(&budget.close_wait).copied())
        .chain(taken.iter().filter_map(|row| row.socket.handle()))
        .collect();
    let mut raw = if handles.is_empty() {
        RawHolders::default()
    } else {
        source.holders(&handles)
    };
    let mut names = Names::default();
    let all = keys(raw.holders.iter().map(|holder| holder.process));
    let processes = if all.is_empty() {
        Vec::new()
    } else {
        let deciding = asked.query.deciding_depth();
        source.processes(&all, asked.depth.max(deciding.unwrap_or(asked.depth)))
    };
    if !asked.query.containers.is_empty() {
        let (wanted, others) = wanted_containers(&processes);
        names.containers = source.containers(&wanted, others);
    }
    names.users = users::of_processes(source, &processes);
    let uids = taken.iter().filter_map(|row| row.socket.uid());
    names.users.extend(users::names(source, uids));
    name_users(taken.iter_mut(), &names.users);
    join(taken, &mut raw, processes.clone(), &names);
    let groups: Vec<Group<'_>> = chosen
        .iter()
        .map(|at| Group {
            held: &budgets[*at].held,
            close_wait: &budgets[*at].close_wait,
        })
        .collect();
    let found = holdings(&groups, &raw, processes, &names);
    let mut unseen = Unseen::default();
    for row in &*taken {
        unseen.count(row.owner_status);
    }
    for (at, held) in chosen.iter().zip(found) {
        let budget = &mut budgets[*at];
        (budget.owners, budget.owner_status) = (held.owners, held.status);
        budget.unseen = held.hidden + held.unfound;
        if *at < most {
            unseen.hidden += held.hidden as usize;
            unseen.unfound += held.unfound as usize;
            unseen.partial += usize::from(held.status == OwnerStatus::Partial);
        }
    }
    notes.extend(counted_owner_notes(unseen, &raw));
    infer_owners(budgets);
    for budget in budgets.iter_mut() {
        // Nobody asks for holders again.
        (budget.held, budget.close_wait) = (Vec::new(), Vec::new());
    }
    let mut in_doubt = false;
    if asked.query.asks_for_owners() {
        budgets.retain(|budget| {
            let mut owners = budget.owners.iter().chain(&budget.likely);
            let matches = owners.clone().any(|one| asked.query.asks_for(&one.process));
            let may_be_a_users = owners.any(|one| asked.query.may_be_of_users(&one.process));
            // Root sees who holds what, but for single processes.
            let may_be_another = budget.owner_status.may_hide_owners() && !raw.as_root;
            in_doubt |= !matches && (may_be_another || may_be_a_users || budget.unseen > 0);
            matches
        });
    }
    in_doubt
}
