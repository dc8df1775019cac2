//! Which budgets lack the ports that others use.
//!
//! As the kernel has it: a UDP socket on the wildcard takes its port of every address, and the wildcard
//! has only those that no address uses (`inet_rcv_saddr_equal` in net/ipv4/inet_connection_sock.c).
//! UDP sockets on different interfaces do not meet, and a TCP connection that is bound to an interface
//! meets those that are bound to none (`inet_match` in include/net/inet_hashtables.h), not the other
//! way round.

use std::collections::HashMap;
use std::net::IpAddr;

use super::budget::{BudgetKey, Use};
use super::pool::Pool;
use super::port_bits::PortBits;

/// How many ports of each budget the sockets of others take, by the budget.
pub fn taken_elsewhere(all: &HashMap<BudgetKey, Use>, pool: &Pool) -> HashMap<BudgetKey, u32> {
    let mut taken = HashMap::new();
    for (key, one) in all.iter().filter(|(key, _)| key.peer.is_some()) {
        let unbound = BudgetKey {
            interface: 0,
            ..*key
        };
        if key.interface != 0
            && let Some(other) = all.get(&unbound)
        {
            let is_lost = |port: &u16| !one.ports.contains(*port) && !pool.is_taken_whole(*port);
            let count = other.ports.iter().filter(is_lost).count();
            taken.insert(*key, count as u32);
        }
    }
    let udp: Vec<(&BudgetKey, &Use)> = all.iter().filter(|(key, _)| key.peer.is_none()).collect();
    let mut by_address: HashMap<IpAddr, Vec<(&BudgetKey, &Use)>> = HashMap::new();
    for (key, one) in &udp {
        by_address.entry(key.local).or_default().push((key, one));
    }
    let wildcards = udp.iter().filter(|(key, _)| key.local.is_unspecified());
    let wildcards: Vec<_> = wildcards.copied().collect();
    for (key, one) in &udp {
        let others: Vec<(&BudgetKey, &Use)> = if key.local.is_unspecified() {
            udp.clone()
        } else {
            let same = by_address.get(&key.local).into_iter().flatten();
            same.chain(&wildcards).copied().collect()
        };
        let mut ports = PortBits::default();
        for (other, theirs) in others.into_iter().filter(|(other, _)| other != key) {
            for port in theirs_of(key, other, theirs) {
                if !one.ports.contains(port) {
                    ports.insert(port);
                }
            }
        }
        taken.insert(**key, ports.len());
    }
    taken
}

/// The ports of one UDP budget that another lacks.
fn theirs_of<'a>(
    key: &BudgetKey,
    other: &BudgetKey,
    theirs: &'a Use,
) -> Box<dyn Iterator<Item = u16> + 'a> {
    let meets = key.interface == 0 || other.interface == 0 || key.interface == other.interface;
    let wildcard_takes = |wide: &BudgetKey, one: &BudgetKey| {
        wide.local.is_unspecified() && (wide.local.is_ipv6() || one.local.is_ipv4())
    };
    let is_alike = key.local.is_ipv4() == other.local.is_ipv4();
    match () {
        () if !meets => Box::new(std::iter::empty()),
        () if key.local == other.local => Box::new(theirs.ports.iter()),
        // Only what takes IPv4 too takes its port of IPv4.
        () if wildcard_takes(other, key) && !is_alike => Box::new(theirs.dual.iter()),
        () if wildcard_takes(other, key) || wildcard_takes(key, other) => {
            Box::new(theirs.ports.iter())
        }
        () => Box::new(std::iter::empty()),
    }
}
