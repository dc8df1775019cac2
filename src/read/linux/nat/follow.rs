//! Follows packets through the chains of nf_tables as the kernel does (net/netfilter/nf_tables_core.c):
//! from the base chains of a hook, along jumps, as far as they get.

use std::rc::Rc;

use super::expressions::Machine;
use super::packets::{INET, Kind, Matched, Packets, Walk};
use super::sets::{Set, Verdict};
use crate::read::linux::wire::ByteOrder;
use crate::read::raw::RawForwards;

/// Rules that are run for one question; a chain may be entered from many others.
const MOST_STEPS: u32 = 2_000_000;
/// `NFT_JUMP_STACK_SIZE`, and more.
const DEEPEST: u32 = 64;

/// `NF_INET_PRE_ROUTING` and `NF_INET_LOCAL_OUT`.
pub const PRE_ROUTING: u32 = 0;
pub const LOCAL_OUT: u32 = 3;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Table {
    pub family: u8,
    pub name: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    pub table: Table,
    pub name: Vec<u8>,
}

/// A chain that a hook calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub chain: Chain,
    pub hook: u32,
    /// Whether it may translate.
    pub is_nat: bool,
}

/// Why packets cannot be followed to their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The rules changed between two questions for them.
    Changed,
    Because(String),
}

/// What the kernel is asked for as it is needed: most rules of a large ruleset are of no concern.
pub trait Ruleset {
    /// The expressions of each rule of a chain, in their order.
    ///
    /// # Errors
    /// Why they could not be read.
    fn rules(&mut self, chain: &Chain) -> Result<Rc<Vec<Vec<u8>>>, Stop>;

    /// A set of a table.
    ///
    /// # Errors
    /// Why it could not be read.
    fn set(&mut self, table: &Table, name: &[u8]) -> Result<Rc<Set>, Stop>;
}

/// Follows packets of a kind from these base chains, and adds where they are sent.
///
/// # Errors
/// Why not all could be followed.
pub fn follow(
    ruleset: &mut dyn Ruleset,
    bases: &[Base],
    kind: &Kind,
    packets: &Packets,
    order: ByteOrder,
    found: &mut RawForwards,
) -> Result<(), Stop> {
    let mut follower = Follower {
        ruleset,
        kind,
        order,
        found,
        steps: 0,
    };
    for base in bases {
        let family = base.chain.table.family;
        let is_of_kind = family == INET || family == kind.family;
        // What is not translated before routing may be handed to another socket there.
        let may_divert = base.hook == PRE_ROUTING || (base.hook == LOCAL_OUT && base.is_nat);
        if is_of_kind && may_divert {
            follower.walk(&base.chain, packets.clone(), 0)?;
        }
    }
    Ok(())
}

struct Follower<'a> {
    ruleset: &'a mut dyn Ruleset,
    kind: &'a Kind,
    order: ByteOrder,
    found: &'a mut RawForwards,
    steps: u32,
}

impl Follower<'_> {
    /// Runs a chain; gives the packets that come back to the one that called it.
    fn walk(
        &mut self,
        chain: &Chain,
        packets: Packets,
        depth: u32,
    ) -> Result<Option<Packets>, Stop> {
        if depth > DEEPEST {
            let why = "its chains call each other without end";
            return Err(Stop::Because(why.into()));
        }
        let rules = self.ruleset.rules(chain)?;
        let mut walk = Walk::begin(packets);
        for rule in rules.iter() {
            if walk.is_over() {
                break;
            }
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err(Stop::Because("there are too many rules".into()));
            }
            let mut machine = Machine {
                ruleset: self.ruleset,
                table: &chain.table,
                kind: self.kind,
                order: self.order,
                found: self.found,
                outcomes: Vec::new(),
            };
            machine.run_rule(rule, Matched::all(&walk.going))?;
            for (matched, verdict) in machine.outcomes {
                match verdict {
                    Verdict::End => walk.end(&matched),
                    Verdict::Return => walk.leave(&matched),
                    Verdict::Jump(name) => {
                        let back = self.enter(chain, name, &matched, depth)?;
                        walk.call(&matched, back);
                    }
                    Verdict::Goto(name) => {
                        let back = self.enter(chain, name, &matched, depth)?;
                        walk.leave_by(&matched, back);
                    }
                    Verdict::Continue | Verdict::Break => {}
                }
            }
        }
        Ok(walk.back())
    }

    fn enter(
        &mut self,
        from: &Chain,
        name: Vec<u8>,
        matched: &Matched,
        depth: u32,
    ) -> Result<Option<Packets>, Stop> {
        let chain = Chain {
            table: from.table.clone(),
            name,
        };
        self.walk(&chain, matched.packets.clone(), depth + 1)
    }
}
