//! The contract of `portwho ephemeral`: the range, and each budget of it.

use serde::Serialize;

use super::{About, RowOut};
use crate::judge::{Advice, Budget, DYNAMIC, Outlook, PORT_CLASSES, Trend, Usage};
use crate::model::{Foreign, Holding, State};
use crate::render::words;

/// Ports for outgoing connections, as `portwho ephemeral --json` prints them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ephemeral<'a> {
    #[serde(flatten)]
    about: About<'a>,
    /// Null where the system does not tell.
    range: Option<RangeOut>,
    /// The range for UDP sockets, where it is another; null where it is the same.
    udp_range: Option<PortsOut>,
    /// Ports that the system does not give out itself, in or outside the range.
    reserved: Vec<PortsOut>,
    /// The dynamic ports of IANA, RFC 6335.
    iana: PortsOut,
    classes: Vec<ClassOut>,
    settings: SettingsOut,
    /// TCP sockets that take a port of the range for every peer: listeners, and what is bound without
    /// listening.
    taken: Vec<RowOut<'a>>,
    /// The fullest first.
    budgets: Vec<BudgetOut<'a>>,
    /// How many budgets match, whether they are listed or not.
    budgets_total: usize,
    /// Seconds between the two counts that rates are of; null where there was one.
    seconds: Option<f64>,
    advice: Vec<AdviceOut>,
}

/// The ports that the system gives to outgoing connections.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "EphemeralRange"))]
struct RangeOut {
    first: u16,
    last: u16,
    size: u32,
    /// How many of them are reserved.
    reserved: u32,
    /// How many of the others are taken for every peer.
    taken: u32,
    /// What is left at most for TCP connections to each peer.
    available: u32,
    /// Whether it is another range than IANA's dynamic ports.
    differs_from_iana: bool,
}

/// Ports from one to another, both included.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Ports"))]
struct PortsOut {
    first: u16,
    last: u16,
}

/// A class of ports, RFC 6335.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "PortClass"))]
struct ClassOut {
    #[cfg_attr(test, schemars(extend("enum" = ["well-known", "registered", "dynamic"])))]
    name: &'static str,
    first: u16,
    last: u16,
    /// How many of them are in the range; null where that is not known.
    in_range: Option<u32>,
}

/// What decides how soon a port is free again; null where the system has no such setting.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "EphemeralSettings"))]
struct SettingsOut {
    tcp_tw_reuse: Option<u8>,
    /// Milliseconds after which a port in TIME_WAIT may serve again.
    tcp_tw_reuse_delay: Option<u32>,
    tcp_fin_timeout: Option<u32>,
    tcp_timestamps: Option<u8>,
    time_wait_seconds: Option<u32>,
}

/// The ports from a local address to a peer, or those of UDP sockets on an address.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Budget"))]
pub struct BudgetOut<'a> {
    #[cfg_attr(test, schemars(extend("enum" = ["tcp", "udp"])))]
    protocol: &'static str,
    local_address: String,
    interface: Option<&'a str>,
    /// Null for UDP, whose sockets take a port whoever the peer is.
    peer_address: Option<String>,
    peer_port: Option<u16>,
    /// Ports that are not free.
    used: u32,
    /// How many of them sockets of other budgets take: UDP sockets on the wildcard address take theirs
    /// of every address, connections that are bound to no interface theirs of every interface.
    used_elsewhere: u32,
    /// Ports that there are; null where the range is not known.
    capacity: Option<u32>,
    free: Option<u32>,
    /// Percent of the capacity that is used.
    share: Option<f64>,
    states: StatesOut,
    /// Whether the kernel gives its ports in TIME_WAIT to new connections.
    time_wait_reusable: Option<bool>,
    #[cfg_attr(test, schemars(extend("enum" = ["known", "none", "hidden", "partial", "skipped"])))]
    owner_status: &'static str,
    /// Who holds its sockets; those in TIME_WAIT have no owner any more.
    owners: Vec<HoldingOut<'a>>,
    /// An inference: who made the connections in TIME_WAIT, since it still talks to the same peer.
    time_wait_inferred_owners: Vec<HoldingOut<'a>>,
    /// Null without a second count.
    trend: Option<TrendOut>,
}

/// Sockets by state.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "BudgetStates"))]
struct StatesOut {
    established: u32,
    time_wait: u32,
    close_wait: u32,
    syn_sent: u32,
    /// In all other states.
    other: u32,
}

/// A process with its sockets of a budget.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Holding"))]
struct HoldingOut<'a> {
    pid: u32,
    name: &'a str,
    executable: Option<&'a str>,
    user: Option<&'a str>,
    uid: Option<u32>,
    /// How many sockets it holds; of an inferred owner, those that it still has to the peer.
    sockets: u32,
    /// How many of them its peers have closed and it has not.
    close_wait: u32,
}

/// How a budget changes.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Trend"))]
struct TrendOut {
    /// Ports more than at the count before.
    gained: i64,
    per_second: f64,
    /// Null where it is not filling, does not become full, or is not known to.
    full_in_seconds: Option<f64>,
    /// How many ports are used at most, where what fills it leaves TIME_WAIT before it is full.
    levels_off_at: Option<u32>,
}

/// Something to do, or why nothing need be done.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Advice"))]
struct AdviceOut {
    #[cfg_attr(test, schemars(extend("enum" = ["short-connections", "time-wait-reusable", "socket-leak", "close-wait",
        "unanswered", "no-ports", "narrow-range", "shared-address"])))]
    code: &'static str,
    message: String,
    /// Index of the budget that it is about.
    budget: Option<usize>,
    /// The process that it is about, where it is one.
    pid: Option<u32>,
}

impl<'a> Ephemeral<'a> {
    pub fn new(usage: &'a Usage, advice: &[Advice]) -> Self {
        let mut about = About::new("ephemeral", &usage.snapshot);
        about.complete &= !usage
            .budgets
            .iter()
            .any(|budget| budget.owner_status.may_hide_owners());
        let limits = &usage.limits;
        let advice = advice.iter().map(|one| AdviceOut {
            code: one.code(),
            message: words::advice(one, usage),
            budget: one.budget(),
            pid: one.holding(usage).map(|one| one.process.key.pid),
        });
        Self {
            about,
            range: range(usage),
            udp_range: limits
                .ephemeral_udp
                .filter(|udp| limits.ephemeral != Some(*udp))
                .map(ports),
            reserved: limits.reserved.iter().copied().map(ports).collect(),
            iana: ports(DYNAMIC),
            classes: PORT_CLASSES
                .into_iter()
                .map(|(name, first, last)| ClassOut {
                    name,
                    first,
                    last,
                    in_range: usage.pool.within(first, last),
                })
                .collect(),
            settings: SettingsOut {
                tcp_tw_reuse: limits.tcp_tw_reuse,
                tcp_tw_reuse_delay: limits.tcp_tw_reuse_delay,
                tcp_fin_timeout: limits.tcp_fin_timeout,
                tcp_timestamps: limits.tcp_timestamps,
                time_wait_seconds: limits.time_wait_seconds,
            },
            taken: usage.snapshot.rows.iter().map(RowOut::new).collect(),
            budgets: usage.budgets.iter().map(BudgetOut::new).collect(),
            budgets_total: usage.total,
            seconds: usage.seconds.map(rounded),
            advice: advice.collect(),
        }
    }
}

fn ports((first, last): (u16, u16)) -> PortsOut {
    PortsOut { first, last }
}

fn range(usage: &Usage) -> Option<RangeOut> {
    let pool = &usage.pool;
    let (first, last) = pool.range()?;
    Some(RangeOut {
        first,
        last,
        size: pool.size()?,
        reserved: pool.reserved()?,
        taken: pool.taken(),
        available: pool.capacity(crate::model::Protocol::Tcp)?,
        differs_from_iana: (first, last) != DYNAMIC,
    })
}

impl<'a> BudgetOut<'a> {
    pub fn new(budget: &'a Budget) -> Self {
        let key = &budget.key;
        Self {
            protocol: key.protocol.as_str(),
            local_address: key.local.to_string(),
            interface: budget.interface.as_deref(),
            peer_address: key.peer.map(|peer| peer.address.to_string()),
            peer_port: key.peer.and_then(|peer| peer.port),
            used: budget.used,
            used_elsewhere: budget.elsewhere,
            capacity: budget.capacity,
            free: budget.free(),
            share: budget.share().map(|share| rounded(100.0 * share)),
            states: StatesOut {
                established: budget.count(State::Established),
                time_wait: budget.count(State::TimeWait),
                close_wait: budget.count(State::CloseWait),
                syn_sent: budget.count(State::SynSent),
                other: budget.count_other(&words::TOLD_STATES),
            },
            time_wait_reusable: budget.reusable,
            owner_status: budget.owner_status.as_str(),
            owners: budget.owners.iter().map(HoldingOut::new).collect(),
            time_wait_inferred_owners: budget.likely.iter().map(HoldingOut::new).collect(),
            trend: budget.trend.as_ref().map(TrendOut::new),
        }
    }
}

impl<'a> HoldingOut<'a> {
    fn new(holding: &'a Holding) -> Self {
        let process = &*holding.process;
        Self {
            pid: process.key.pid,
            name: process.name.unclean(),
            executable: process.executable.as_ref().map(Foreign::unclean),
            user: process.user.as_deref(),
            uid: process.uid,
            sockets: holding.sockets,
            close_wait: holding.close_wait,
        }
    }
}

impl TrendOut {
    fn new(trend: &Trend) -> Self {
        let (full_in_seconds, levels_off_at) = match trend.outlook {
            Outlook::Steady | Outlook::Unknown => (None, None),
            Outlook::FullIn(seconds) => (Some(rounded(seconds)), None),
            Outlook::LevelsOff(ports) => (None, Some(ports)),
        };
        Self {
            gained: trend.gained,
            per_second: rounded(trend.per_second()),
            full_in_seconds,
            levels_off_at,
        }
    }
}

/// To a thousandth, so that no number has seventeen digits.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
