//! Expressions of nf_tables: they load a part of the packet into a register, compare it, look it up in a
//! set, decide, and translate. Those of one rule are run on the packets that come to it.

use super::content::Content;
use super::follow::{Ruleset, Stop, Table};
use super::packets::{INET, Kind, Matched};
use super::registers::Registers;
use super::sets::{Data, Verdict, decode_data};
use super::target::{Target, send};
use super::xt::{self, Extension};
use super::{address, attribute, attributes, number};
use crate::model::Diverter;
use crate::read::linux::wire::{ByteOrder, u16_at};
use crate::read::raw::RawForwards;

const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;

/// The register that a verdict is loaded into, `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;

/// An expression: its name (net/netfilter/nft_*.c) and its attributes.
type Expression<'a> = (&'a [u8], &'a [u8]);

/// Runs rules on what is known of packets.
pub struct Machine<'a> {
    pub ruleset: &'a mut dyn Ruleset,
    pub table: &'a Table,
    pub kind: &'a Kind,
    pub order: ByteOrder,
    pub found: &'a mut RawForwards,
    /// What the rule decides, and of which packets.
    pub outcomes: Vec<(Matched, Verdict)>,
}

/// Some of the packets on their way through a rule.
#[derive(Clone)]
struct Passing {
    matched: Matched,
    registers: Registers,
}

impl Machine<'_> {
    /// Runs the expressions of a rule, the value of `NFTA_RULE_EXPRESSIONS`.
    pub fn run_rule(&mut self, rule: &[u8], matched: Matched) -> Result<(), Stop> {
        let order = self.order;
        let expressions: Vec<Expression<'_>> = attributes(rule, order)
            .map(|(_, expression)| {
                let name = attribute(expression, NFTA_EXPR_NAME, order).unwrap_or_default();
                let data = attribute(expression, NFTA_EXPR_DATA, order).unwrap_or_default();
                (name.strip_suffix(b"\0").unwrap_or(name), data)
            })
            .collect();
        let registers = Registers::default();
        self.run(&expressions, Passing { matched, registers })
    }

    fn run(&mut self, expressions: &[Expression<'_>], mut passing: Passing) -> Result<(), Stop> {
        for (at, (name, data)) in expressions.iter().enumerate() {
            if passing.matched.is_none() {
                return Ok(());
            }
            match *name {
                b"lookup" => {
                    let rest = expressions.get(at + 1..).unwrap_or_default();
                    return self.run_lookup(data, rest, passing);
                }
                b"immediate" => match self.constant(data, 2) {
                    Some(Data::Verdict(Verdict::Continue)) => {}
                    Some(Data::Verdict(Verdict::Break)) => return Ok(()),
                    Some(Data::Verdict(verdict)) => {
                        self.outcomes.push((passing.matched, verdict));
                        return Ok(());
                    }
                    Some(Data::Value(value)) => {
                        if let Some(at) = Registers::number(data, 1, self.order) {
                            passing.registers.load_bytes(at, &value);
                        }
                    }
                    Some(Data::Nothing) | None => {}
                },
                b"nat" if self.translates(data) => {
                    let target = self.translation(data, &passing.registers);
                    self.divert(passing.matched, target);
                    return Ok(());
                }
                b"redir" => {
                    let target = self.redirection(data, &passing.registers);
                    self.divert(passing.matched, target);
                    return Ok(());
                }
                b"target" => {
                    let told = Extension::of_expression(data, self.order);
                    if let Some(target) = xt::target(&told, self.kind, self.order) {
                        self.divert(passing.matched, target);
                        return Ok(());
                    }
                }
                b"tproxy" => self.steer(data, &passing),
                b"reject" => {
                    self.outcomes.push((passing.matched, Verdict::End));
                    return Ok(());
                }
                name => self.step(name, data, &mut passing),
            }
        }
        Ok(())
    }

    /// Looks the packets up in a set, and runs the rest of the rule for those that have an element.
    fn run_lookup(
        &mut self,
        data: &[u8],
        rest: &[Expression<'_>],
        passing: Passing,
    ) -> Result<(), Stop> {
        for (passing, data) in self.look_up(data, passing)? {
            match data {
                Data::Verdict(Verdict::Continue) | Data::Nothing | Data::Value(_) => {
                    self.run(rest, passing)?;
                }
                Data::Verdict(Verdict::Break) => {}
                Data::Verdict(verdict) => self.outcomes.push((passing.matched, verdict)),
            }
        }
        Ok(())
    }

    /// Runs an expression that decides nothing by itself.
    fn step(&mut self, name: &[u8], data: &[u8], passing: &mut Passing) {
        let (order, kind) = (self.order, self.kind);
        let Passing { matched, registers } = passing;
        match name {
            b"payload" => match Content::of_payload(data, kind, order) {
                Some((content, length)) => registers.load(data, 1, content, length, order),
                None if Content::writes_destination(data, kind, order) => {
                    send(&matched.packets, kind, Target::Obscure, self.found);
                }
                None => {}
            },
            b"meta" => {
                let (content, length) = Content::of_meta(data, kind, order);
                registers.load(data, 1, content, length, order);
            }
            b"ct" => {
                let (content, length) = Content::of_tracking(data, kind, order);
                registers.load(data, 1, content, length, order);
            }
            b"fib" => {
                let (content, length) = Content::of_route(data, order);
                registers.load(data, 1, content, length, order);
            }
            b"rt" | b"osf" | b"exthdr" | b"xfrm" | b"inner" => {
                registers.load(data, 1, Content::Other, 16, order);
            }
            b"numgen" => registers.load(data, 1, Content::Other, 4, order),
            b"socket" | b"tunnel" => registers.load(data, 2, Content::Other, 8, order),
            // Whatever is hashed, the outcome may be any.
            b"hash" => registers.load(data, 2, Content::Other, 4, order),
            b"bitwise" | b"byteorder" => registers.calculate(name, data, kind, order),
            b"cmp" => {
                let value = self.value(data, 3).unwrap_or_default();
                registers.compare(data, &value, kind, order, matched);
            }
            b"range" => {
                let ends = self.value(data, 3).zip(self.value(data, 4));
                let (first, last) = ends.unwrap_or_default();
                registers.compare_range(data, (&first, &last), kind, order, matched);
            }
            b"match" => {
                let asked = Extension::of_expression(data, order);
                xt::run_match(&asked, kind, order, matched);
            }
            b"limit" | b"quota" | b"connlimit" | b"dynset" => matched.narrow(),
            b"counter" | b"log" | b"last" | b"objref" | b"notrack" | b"nat" | b"masq"
            | b"flow_offload" | b"queue" | b"dup" | b"fwd" | b"synproxy" => {}
            // It may ask anything of the packet, and alter what has been loaded.
            _ => {
                registers.muddle();
                matched.obscure();
            }
        }
    }

    fn divert(&mut self, matched: Matched, target: Target) {
        send(&matched.packets, self.kind, target, self.found);
        self.outcomes.push((matched, Verdict::End));
    }

    /// A constant of an expression.
    fn constant(&self, data: &[u8], kind: u16) -> Option<Data> {
        decode_data(attribute(data, kind, self.order)?, self.order)
    }

    fn value(&self, data: &[u8], kind: u16) -> Option<Vec<u8>> {
        match self.constant(data, kind)? {
            Data::Value(value) => Some(value),
            _ => None,
        }
    }

    /// `NFTA_LOOKUP_*`: set, register of the key, register for the data, id, flags. Gives the packets that
    /// have elements, each with what the element leads to.
    fn look_up(&mut self, data: &[u8], passing: Passing) -> Result<Vec<(Passing, Data)>, Stop> {
        const INVERTED: u32 = 1;
        let order = self.order;
        let Some(key) = Registers::number(data, 2, order) else {
            return Ok(Vec::new());
        };
        let into = Registers::number(data, 3, order);
        let is_inverted = number(data, 5, order).unwrap_or(0) & INVERTED != 0;
        let Passing {
            mut matched,
            registers,
        } = passing;
        // Of a sender or an interface some are in a set, whatever it holds.
        if into.is_none() && !registers.matter_from(key) {
            matched.narrow();
            return Ok(vec![(Passing { matched, registers }, Data::Nothing)]);
        }
        let name = attribute(data, 1, order).unwrap_or_default();
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        let set = self.ruleset.set(self.table, name)?;
        let among = registers.among(key, &set, &matched, self.kind);
        if let Some(into) = into {
            let with = |(matched, data): (Matched, Data)| {
                let mut registers = registers.clone();
                if let (Data::Value(value), true) = (&data, into != VERDICT) {
                    registers.load_bytes(into, value);
                }
                (Passing { matched, registers }, data)
            };
            return Ok(among.into_iter().map(with).collect());
        }
        let matched = match is_inverted {
            true => vec![Registers::all_but(matched, &among)],
            false => Registers::joined(among.into_iter().map(|(matched, _)| matched)),
        };
        let with = |matched| {
            let registers = registers.clone();
            (Passing { matched, registers }, Data::Nothing)
        };
        Ok(matched.into_iter().map(with).collect())
    }

    /// Whether a translation is one of destinations, for packets of this family.
    fn translates(&self, data: &[u8]) -> bool {
        const NFT_NAT_DNAT: u32 = 1;
        let family = number(data, 2, self.order);
        number(data, 1, self.order) == Some(NFT_NAT_DNAT)
            && family.is_none_or(|family| {
                family == u32::from(INET) || family == u32::from(self.kind.family)
            })
    }

    /// `NFTA_NAT_*`: type, family, registers of addresses, registers of ports.
    fn translation(&self, data: &[u8], registers: &Registers) -> Target {
        let to = || {
            let held = |kind| {
                let at = Registers::number(data, kind, self.order)?;
                address(&registers.bytes(at, self.kind.address_length())?)
            };
            let addresses = match self.has(data, 3) {
                true => {
                    let first = held(3)?;
                    let last = if self.has(data, 4) { held(4)? } else { first };
                    Some((first, last))
                }
                false => None,
            };
            Some(Target::To {
                addresses,
                ports: self.to_ports(data, 5, registers)?,
                by: Diverter::Dnat,
            })
        };
        to().unwrap_or(Target::Obscure)
    }

    /// `NFTA_REDIR_*`: registers of ports.
    fn redirection(&self, data: &[u8], registers: &Registers) -> Target {
        let ports = self.to_ports(data, 1, registers);
        ports.map_or(Target::Obscure, |ports| Target::To {
            addresses: None,
            ports,
            by: Diverter::Dnat,
        })
    }

    /// `NFTA_TPROXY_*`: family, register of the address, register of the port. It decides nothing.
    fn steer(&mut self, data: &[u8], passing: &Passing) {
        let family = number(data, 1, self.order).unwrap_or(0);
        if family != 0 && family != u32::from(self.kind.family) {
            return;
        }
        let to = || {
            let held = |kind, length| {
                let at = Registers::number(data, kind, self.order)?;
                passing.registers.bytes(at, length)
            };
            let address = match self.has(data, 2) {
                true => Some(address(&held(2, self.kind.address_length())?)?),
                false => None,
            };
            let port = match self.has(data, 3) {
                true => Some(u16_at(&held(3, 2)?, 0, ByteOrder::Big)?),
                false => None,
            };
            Some(Target::To {
                addresses: address.map(|address| (address, address)),
                ports: port.map(|port| (port, port)),
                by: Diverter::Tproxy,
            })
        };
        let target = to().unwrap_or(Target::Obscure);
        send(&passing.matched.packets, self.kind, target, self.found);
    }

    fn has(&self, data: &[u8], kind: u16) -> bool {
        attribute(data, kind, self.order).is_some()
    }

    /// The ports in two registers, the second of which may be missing; `Some(None)` for no ports.
    #[allow(clippy::option_option, reason = "not understood is not none")]
    fn to_ports(
        &self,
        data: &[u8],
        kind: u16,
        registers: &Registers,
    ) -> Option<Option<(u16, u16)>> {
        if !self.has(data, kind) {
            return Some(None);
        }
        let held = |kind| {
            let at = Registers::number(data, kind, self.order)?;
            u16_at(&registers.bytes(at, 2)?, 0, ByteOrder::Big)
        };
        let first = held(kind)?;
        let last = if self.has(data, kind + 1) {
            held(kind + 1)?
        } else {
            first
        };
        Some(Some((first, last)))
    }
}
