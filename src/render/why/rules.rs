//! What a page tells of rules of the packet filter.

use std::io;

use super::Page;
use crate::judge::{Course, Diversion, Forwarded, Holders, diversion};
use crate::model::Dnat;
use crate::render::cell::Tone;
use crate::render::{Clean, words};

/// Rules that are shown of those that concern no socket of the answer.
const MOST: usize = 10;

impl<'a> Page<'a> {
    /// The rules that take packets past the sockets of a group, and for each what shows where it leads.
    fn diverting(&self, group: &Holders<'_>) -> Vec<(Diversion<'a>, Option<&'a str>)> {
        let rules = self.rules.iter();
        let met = rules.filter_map(|one| {
            let met = diversion(one.rule, &group.rows, self.netns)?;
            let next = one.next.as_deref();
            Some((met, next.filter(|_| met.course != Course::Alike)))
        });
        met.collect()
    }

    /// Tells the rules that concern a group.
    pub fn diversions(&mut self, group: &Holders<'_>) -> io::Result<()> {
        for (diversion, _) in self.diverting(group) {
            let tone = match diversion.course {
                Course::Elsewhere => Tone::Alert,
                Course::Alike | Course::Beside => Tone::Plain,
            };
            self.toned("rule", &words::diversion(&diversion), tone)?;
            self.listener(diversion.rule)?;
        }
        Ok(())
    }

    /// Commands to go on with: those of the group, and those of its rules.
    pub fn next(&mut self, group: &Holders<'_>) -> io::Result<()> {
        let rules = self.diverting(group);
        let of_rules = rules.iter().filter_map(|(_, next)| *next);
        let all: Vec<&str> = group
            .next
            .iter()
            .map(String::as_str)
            .chain(of_rules)
            .collect();
        // Each is whole on its line: half a command may be another one.
        let mut label = "next";
        for command in all {
            self.whole(label, command)?;
            label = "";
        }
        Ok(())
    }

    /// Tells the rules that concern no socket of the answer.
    pub fn other_rules(&mut self, groups: &[Holders<'_>]) -> io::Result<()> {
        let own = self.netns;
        let is_told = |rule: &Dnat| {
            groups
                .iter()
                .any(|group| diversion(rule, &group.rows, own).is_some())
        };
        let rules = self.rules.iter();
        let others: Vec<_> = rules.filter(|one| !is_told(one.rule)).collect();
        for (at, one) in others.iter().take(MOST).enumerate() {
            if at > 0 || !groups.is_empty() {
                self.out.write_all(b"\n")?;
            }
            self.rule(one)?;
        }
        match others.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => writeln!(self.out, "\nand {more} more: --json has all of them"),
        }
    }

    fn rule(&mut self, one: &Forwarded<'_>) -> io::Result<()> {
        writeln!(self.out, "{}", Clean::new(&words::dnat(one.rule)))?;
        if let Some(container) = one.rule.container.as_deref() {
            self.line("container", &words::container(container))?;
        }
        if let Some(row) = one.rule.listener.as_deref() {
            self.line("held by", &words::listens_there(row))?;
        }
        one.next
            .as_deref()
            .map_or(Ok(()), |next| self.whole("next", next))
    }

    fn listener(&mut self, rule: &Dnat) -> io::Result<()> {
        let listener = rule.listener.as_deref().map(words::listens_there);
        listener.map_or(Ok(()), |text| self.line("", &text))
    }
}
