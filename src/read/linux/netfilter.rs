//! What the kernel sends past the sockets of this network namespace, for the ports of one question: by
//! rules of nf_tables, read over netlink chain by chain, by those of iptables-legacy, by services of the
//! load balancer, and by BPF programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::net::netlink;

use super::dump::DumpError;
use super::errno::Errno;
use super::exchange::{Bounds, dump};
use super::nat::{
    Answer, Base, Chain, IPV4, IPV6, Kind, Ruleset, Set, Stop, Table, asked_for, assemble,
    decode_bases, decode_elements, decode_rules, decode_set, follow, local_addresses,
    request_chains, request_elements, request_rules, request_set, settle,
};
use super::rtnetlink::Step;
use super::wire::ByteOrder;
use super::{bpf, interfaces, iptables, ipvs};
use crate::model::{Destinations, Protocol};
use crate::read::raw::RawForwards;

/// There is no NAT without connection tracking, and asking for rules where nobody has any would load
/// what they take: these say that it is there.
const SIGNS: [&str; 2] = [
    "/proc/sys/net/netfilter/nf_conntrack_max",
    "/sys/module/nf_tables",
];

/// Time for all rules together: tens of thousands take a tenth of it.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes of one answer, of some hundred thousand rules in one chain.
const LARGEST: usize = 64 << 20;
/// Walks through rules that change meanwhile.
const ATTEMPTS: u32 = 5;

/// Why rules could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub why: String,
    /// Whether the kernel tells nobody without a privilege whether there are any.
    pub lacks_privilege: bool,
}

/// Reads where these destinations are sent: takes CAP_NET_ADMIN. Where that was refused, or time or room
/// ran out, the answer says so.
pub fn read(asked: &Destinations) -> RawForwards {
    let kinds = kinds();
    let mut found = RawForwards::default();
    let has_rules = SIGNS.iter().any(|sign| Path::new(sign).exists());
    let of_tables = if has_rules {
        of_nf_tables(asked, &kinds, &mut found)
    } else {
        Ok(())
    };
    let of_legacy = iptables::read(asked, &kinds, &mut found);
    found.services_refused = of_services(asked, &mut found).err();
    let of_programs = bpf::steering::programs(&mut found);
    settle(&mut found.forwards);
    settle(&mut found.doubts);
    let mut refusals: Vec<Refusal> = [of_tables, of_legacy]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    // What is known to be there outweighs what may not be looked at.
    refusals.sort_by_key(|refusal| refusal.lacks_privilege);
    let of_rules = refusals.into_iter().next();
    let of_programs = of_programs.err();
    let mut all = of_rules.iter().chain(&of_programs);
    found.sends_on = match all.next() {
        None => false,
        Some(first) => !first.lacks_privilege || all.any(|one| !one.lacks_privilege) || sends_on(),
    };
    found.refused = of_rules.map(|refusal| refusal.why);
    found.programs_refused = of_programs.map(|refusal| refusal.why);
    found
}

/// The kinds of packets, with the addresses of this machine.
fn kinds() -> Vec<Kind> {
    let addresses = interfaces::addresses();
    let addresses: Option<Vec<_>> =
        addresses.map(|all| all.into_iter().map(|one| one.address).collect());
    let kinds = [IPV4, IPV6].into_iter().flat_map(|family| {
        let local = addresses.as_deref();
        let local = local.map(|all| local_addresses(all, family));
        [Protocol::Tcp, Protocol::Udp].map(|protocol| Kind {
            family,
            protocol,
            local: local.clone(),
        })
    });
    kinds.collect()
}

/// Adds what the rules of nf_tables send elsewhere.
fn of_nf_tables(
    asked: &Destinations,
    kinds: &[Kind],
    found: &mut RawForwards,
) -> Result<(), Refusal> {
    let deadline = Instant::now() + LONGEST;
    for _ in 0..ATTEMPTS {
        let mut kernel = Kernel::new(deadline);
        let mut told = RawForwards::default();
        let walked = kernel.bases().and_then(|bases| {
            for kind in kinds {
                if let Some(packets) = asked_for(asked, kind) {
                    let order = ByteOrder::NATIVE;
                    follow(&mut kernel, &bases, kind, &packets, order, &mut told)?;
                }
            }
            Ok(())
        });
        if walked == Err(Stop::Changed) {
            continue;
        }
        // What was found is so, whatever else there is.
        found.forwards.append(&mut told.forwards);
        found.doubts.append(&mut told.doubts);
        return match walked {
            Err(Stop::Because(why)) => Err(Refusal {
                why,
                lacks_privilege: kernel.lacks_privilege,
            }),
            _ => Ok(()),
        };
    }
    Err(Refusal {
        why: DumpError::Interrupted.to_string(),
        lacks_privilege: false,
    })
}

/// The ruleset of the running kernel.
struct Kernel {
    deadline: Instant,
    /// Of the ruleset, as the first answer told it.
    generation: Option<u16>,
    lacks_privilege: bool,
    rules: BTreeMap<Chain, Rc<Vec<Vec<u8>>>>,
    sets: BTreeMap<(Table, Vec<u8>), Rc<Set>>,
}

impl Kernel {
    fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            generation: None,
            lacks_privilege: false,
            rules: BTreeMap::new(),
            sets: BTreeMap::new(),
        }
    }

    /// The chains that a hook calls; none where the kernel has no nf_tables.
    fn bases(&mut self) -> Result<Vec<Base>, Stop> {
        self.ask(request_chains, decode_bases)
    }

    fn ask<T>(
        &mut self,
        request: impl Fn(u32) -> Vec<u8>,
        decode: impl Fn(&[u8], u32, ByteOrder, &mut Answer<T>) -> Step,
    ) -> Result<Vec<T>, Stop> {
        let bounds = Bounds {
            longest: self.deadline.saturating_duration_since(Instant::now()),
            largest: LARGEST,
        };
        let read = |datagram: &[u8], sequence, answer: &mut Answer<T>| {
            decode(datagram, sequence, ByteOrder::NATIVE, answer)
        };
        let answer = match dump(Some(netlink::NETFILTER), bounds, request, read) {
            Ok((answer, true)) => answer,
            Ok((_, false)) => return Err(Stop::Because("there are too many rules".into())),
            // A kernel without nf_tables knows no such request, one without nfnetlink no such socket.
            Err(DumpError::Refused(Errno::INVAL | Errno::PROTONOSUPPORT)) => Answer::default(),
            // A chain or a set was there when a rule named it.
            Err(DumpError::Refused(Errno::NOENT)) => return Err(Stop::Changed),
            Err(DumpError::Refused(Errno::PERM)) => {
                self.lacks_privilege = true;
                let why = format!("{}, that takes CAP_NET_ADMIN", Errno::PERM);
                return Err(Stop::Because(why));
            }
            Err(refused) => return Err(Stop::Because(refused.to_string())),
        };
        let is_other = answer.generation.is_some() && answer.generation != self.generation;
        if answer.has_changed || (self.generation.is_some() && is_other) {
            return Err(Stop::Changed);
        }
        self.generation = self.generation.or(answer.generation);
        Ok(answer.found)
    }
}

impl Ruleset for Kernel {
    fn rules(&mut self, chain: &Chain) -> Result<Rc<Vec<Vec<u8>>>, Stop> {
        // Rules that lead to each other again and again take time without a question.
        if Instant::now() >= self.deadline {
            return Err(Stop::Because("there are too many rules".into()));
        }
        if let Some(known) = self.rules.get(chain) {
            return Ok(Rc::clone(known));
        }
        let all = self.ask(|sequence| request_rules(chain, sequence), decode_rules)?;
        // Older kernels give the rules of other chains too.
        let of_chain = all.into_iter().filter(|(of, _)| of == chain);
        let rules = Rc::new(of_chain.map(|(_, rule)| rule).collect());
        self.rules.insert(chain.clone(), Rc::clone(&rules));
        Ok(rules)
    }

    fn set(&mut self, table: &Table, name: &[u8]) -> Result<Rc<Set>, Stop> {
        let key = (table.clone(), name.to_vec());
        if let Some(known) = self.sets.get(&key) {
            return Ok(Rc::clone(known));
        }
        let shapes = self.ask(|sequence| request_set(table, name, sequence), decode_set)?;
        let Some(shape) = shapes.into_iter().next() else {
            return Err(Stop::Because("a set of the rules cannot be read".into()));
        };
        let elements = self.ask(
            |sequence| request_elements(table, name, sequence),
            decode_elements,
        )?;
        let set = Rc::new(assemble(shape, elements));
        self.sets.insert(key, Rc::clone(&set));
        Ok(set)
    }
}

/// Adds what the services of the load balancer send elsewhere.
fn of_services(asked: &Destinations, found: &mut RawForwards) -> Result<(), String> {
    read_services(Path::new("/proc/thread-self/net/ip_vs"), asked, found)
}

/// The same of a file that lists them; none where there is no such file.
///
/// # Errors
/// Why not all could be read.
pub fn read_services(
    file: &Path,
    asked: &Destinations,
    found: &mut RawForwards,
) -> Result<(), String> {
    let refused = |why: &str| Err(format!("{}: {why}", file.display()));
    let mut text = String::new();
    let read = File::open(file).and_then(|file| {
        let largest = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        file.take(largest).read_to_string(&mut text)
    });
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => refused(&error.to_string()),
        Ok(LARGEST) => refused("it is too long"),
        Ok(_) => match ipvs::decode(&text, asked, found) {
            Some(()) => Ok(()),
            None => refused("a line is not understood"),
        },
    }
}

/// Whether this network namespace is a router, or routes addresses of the loopback, ip-sysctl: everybody
/// may read that.
fn sends_on() -> bool {
    const SWITCHES: [&str; 3] = [
        "ipv4/ip_forward",
        "ipv4/conf/all/route_localnet",
        "ipv6/conf/all/forwarding",
    ];
    SWITCHES.iter().any(|name| {
        let text = std::fs::read_to_string(Path::new("/proc/sys/net").join(name));
        text.is_ok_and(|text| text.trim() != "0")
    })
}
