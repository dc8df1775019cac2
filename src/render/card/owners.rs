//! The lines of a card that tell of owners.

use std::io;

use super::Writer;
use crate::model::{Owner, Row};
use crate::render::cell::Tone;
use crate::render::clean::LONGEST;
use crate::render::{Clean, words};

impl Writer<'_> {
    pub fn owners(&mut self, row: &Row, queue: Option<&str>) -> io::Result<()> {
        let mut rest: Vec<&Owner> = row.owners.iter().collect();
        while let Some(first) = rest.first().copied() {
            let (alike, others): (Vec<&Owner>, Vec<&Owner>) = rest
                .into_iter()
                .partition(|owner| self.look_alike(first, owner));
            self.owner(&alike)?;
            rest = others;
        }
        if row.owners.is_empty() && self.page.owners {
            let words = words::no_owner(row);
            let user = words::user_in_text(row)
                .map(|user| format!("   user {}", Clean::new(&user)))
                .unwrap_or_default();
            if !words.is_empty() {
                let words = self.paint(words, Tone::Alert);
                writeln!(self.out, "  {words}{user}")?;
            }
        }
        if let Some(role) = row.role.as_deref() {
            for (label, text) in words::role(role) {
                let label = self.paint(&format!("{label:<9}"), Tone::Faint);
                writeln!(self.out, "  {label}  {}", Clean::new(&text).short())?;
            }
        }
        if let Some(queue) = queue {
            let label = self.paint("queue", Tone::Faint);
            writeln!(self.out, "  {label}      {queue}")?;
        }
        Ok(())
    }

    /// Whether two owners would be told in the same words but for their pids, as workers of a pool.
    fn look_alike(&self, first: &Owner, second: &Owner) -> bool {
        let words = |owner: &Owner| {
            let process = &owner.process;
            (
                self.since(owner).map(|(moment, _)| moment),
                (process.uid, process.user.clone()),
                process.name.clone(),
                process.services.clone(),
                process.halt,
            )
        };
        let (a, b) = (&first.process, &second.process);
        words(first) == words(second)
            && (&a.command, &a.working_directory) == (&b.command, &b.working_directory)
    }

    /// When the owner began, and how long ago that is.
    fn since(&self, owner: &Owner) -> Option<(String, String)> {
        let start = owner.process.started_at?;
        let now = self.snapshot.machine.taken_at;
        Some((
            words::moment(start, now, &self.page.zone)?,
            words::age(start, now),
        ))
    }

    /// Owners that look alike: all that is known of the first, and everybody's pid.
    fn owner(&mut self, alike: &[&Owner]) -> io::Result<()> {
        let Some(first) = alike.first() else {
            return Ok(());
        };
        let process = &*first.process;
        let name = self.paint(Clean::new(&words::name(process)).as_str(), Tone::Strong);
        let pids: Vec<_> = alike
            .iter()
            .map(|owner| owner.process.key.pid.to_string())
            .collect();
        let noun = if alike.len() == 1 { "pid" } else { "pids" };
        let user = words::user_of(process);
        let user = user
            .map(|user| format!("   user {}", Clean::new(&user)))
            .unwrap_or_default();
        let since = self
            .since(first)
            .map(|(moment, age)| format!("   since {moment} ({age})"));
        let count = if alike.len() == 1 {
            String::new()
        } else {
            format!("  ({} processes)", alike.len())
        };
        writeln!(
            self.out,
            "  {name}{count}   {noun} {}{user}{}",
            pids.join(", "),
            since.unwrap_or_default()
        )?;
        if let Some(halt) = words::halt_sentence(process) {
            let halt = self.paint(halt, Tone::Alert);
            let label = self.paint("state    ", Tone::Faint);
            writeln!(self.out, "    {label}  {halt}")?;
        }
        if let Some(command) = &process.command {
            self.detail("command", &Clean::new(&words::command_line(command)))?;
        }
        if !process.services.is_empty() {
            self.detail("hosts", &Clean::new(&words::services(process)))?;
        }
        if let Some(directory) = &process.working_directory {
            self.detail("in", &Clean::from(directory))?;
        }
        for (label, text) in words::meaning(&process.meaning) {
            self.detail(label, &Clean::new(&text))?;
        }
        Ok(())
    }

    /// A labelled line, shortened to the terminal, or to what people read elsewhere.
    fn detail(&mut self, label: &str, text: &Clean) -> io::Result<()> {
        const INDENT: usize = 15;
        let room = self.page.look.width.map_or(LONGEST, |width| {
            usize::from(width).saturating_sub(INDENT).max(20)
        });
        let painted = self.paint(&format!("{label:<9}"), Tone::Faint);
        writeln!(self.out, "    {painted}  {}", text.cut(room))
    }
}
