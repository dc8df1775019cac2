//! Two counts of a budget, some time apart: how fast it fills, and when it is full.

/// Spans of time of which it is known how many ports leave TIME_WAIT in them.
const SPANS: usize = 20;
/// Seconds of one; together they are the 60 that a port waits on Linux.
const SPAN: f64 = 3.0;

/// Ports in TIME_WAIT, and when they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    pub count: u32,
    /// Those whose time is over, and whom the kernel's timers have not come to yet.
    over: u32,
    /// The others by the span in which their wait is over, those of later ones in the last.
    spans: [u32; SPANS],
}

impl Waiting {
    /// Adds a port with the milliseconds that it waits yet, where they are told.
    pub fn add(&mut self, left: Option<u32>) {
        self.count += 1;
        match left {
            Some(0) => self.over += 1,
            Some(left) => {
                let span = (f64::from(left) / 1000.0 / SPAN) as usize;
                self.spans[span.min(SPANS - 1)] += 1;
            }
            None => {}
        }
    }

    pub fn absorb(&mut self, more: &Self) {
        self.count += more.count;
        self.over += more.over;
        for (all, more) in self.spans.iter_mut().zip(more.spans) {
            *all += more;
        }
    }

    /// Whether it is known of each when it comes back.
    fn is_told(&self) -> bool {
        self.over + self.spans.iter().sum::<u32>() == self.count
    }

    /// How many come back within so many seconds: of a span in part, as many as of its time.
    fn back_within(&self, seconds: f64) -> f64 {
        let part = |at: usize| (seconds / SPAN - at as f64).clamp(0.0, 1.0);
        let spans = self.spans.iter().enumerate();
        let back: f64 = spans.map(|(at, count)| part(at) * f64::from(*count)).sum();
        f64::from(self.over) + back
    }
}

/// What a forecast is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    pub used: u32,
    /// Those of the used ports that wait in TIME_WAIT.
    pub waiting: Waiting,
}

impl Level {
    /// Used ports that come back when their sockets are closed, and no sooner.
    fn staying(&self) -> f64 {
        f64::from(self.used.saturating_sub(self.waiting.count))
    }
}

/// How long ports are in TIME_WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Wait {
    /// Seconds; `None` where the system does not tell.
    pub lasts: Option<u32>,
    /// Seconds after which a port serves again for the same peer, where it does before its time.
    pub serves_after: Option<f64>,
}

/// How a budget changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Ports more than before; fewer, where it is negative.
    pub gained: i64,
    /// Seconds between the two counts.
    pub seconds: f64,
    pub outlook: Outlook,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outlook {
    /// Nothing new is seen, or it is not known how much there is to gain.
    Steady,
    /// Ports are in TIME_WAIT, and the system does not tell when they come back.
    Unknown,
    /// At this rate no port is left after so many seconds.
    FullIn(f64),
    /// What fills it leaves TIME_WAIT again before it is full: at most so many ports are used.
    LevelsOff(u32),
}

impl Trend {
    /// Ports gained in a second.
    pub fn per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.gained as f64 / self.seconds
        } else {
            0.0
        }
    }

    /// Compares two counts, where so many ports are free.
    ///
    /// The forecast has new connections at the rate of the time between, and the ports in TIME_WAIT
    /// come back when their time is over, those of now as those of the new connections.
    pub fn new(before: &Level, now: &Level, seconds: f64, free: Option<u32>, wait: Wait) -> Self {
        let outlook = match free {
            Some(0) if wait.serves_after.is_none() || now.waiting.count == 0 => {
                Outlook::FullIn(0.0)
            }
            Some(free) if seconds > 0.0 => outlook(before, now, seconds, free, wait),
            _ => Outlook::Steady,
        };
        Self {
            gained: i64::from(now.used) - i64::from(before.used),
            seconds,
            outlook,
        }
    }
}

/// New connections in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    /// Those that keep their port.
    staying: f64,
    /// Those whose port waits in TIME_WAIT, and comes back.
    passing: f64,
}

impl Rates {
    /// `lasts` seconds are spent in TIME_WAIT. None where too little is known.
    fn new(
        before: &Level,
        now: &Level,
        seconds: f64,
        lasts: f64,
        serves_again: bool,
    ) -> Option<Self> {
        let (then, waiting) = (
            f64::from(before.waiting.count),
            f64::from(now.waiting.count),
        );
        let passed = if seconds >= lasts {
            // Whatever waits now is of the last of the time between.
            waiting * seconds / lasts
        } else if before.waiting.is_told() && (now.waiting.is_told() || then == 0.0) {
            // At least and at most so many are new, by those that have come back. Which of them, those
            // tell that began to wait in the time between.
            let late = f64::from(now.waiting.over);
            let anew = |back: f64| waiting - then + (back - late).max(0.0);
            let least = anew(before.waiting.back_within((seconds / SPAN).floor() * SPAN));
            let most = anew(before.waiting.back_within((seconds / SPAN).ceil() * SPAN));
            let young = waiting - now.waiting.back_within(lasts - seconds);
            // Those that have served again are gone from the others.
            match serves_again {
                true => young.max(least),
                false => young.clamp(least, most.max(least)),
            }
        } else {
            return None;
        };
        let (passed, stayed) = (passed.max(0.0), now.staying() - before.staying());
        // What was open before and is closed now waits, and is nothing new.
        let passed_anew = (passed + stayed.min(0.0)).max(0.0);
        // Of short connections sometimes more are open and sometimes fewer, by chance: one and
        // a half times the deviation of such numbers, which no more than those connections make.
        let chance = 1.5 * (before.staying() + now.staying()).min(passed).sqrt();
        let stayed = if stayed > chance { stayed } else { 0.0 };
        // Less than one connection is what parts of spans leave over.
        let is_any = passed_anew + stayed >= 0.5;
        Some(Self {
            staying: if is_any { stayed / seconds } else { 0.0 },
            passing: if is_any { passed_anew / seconds } else { 0.0 },
        })
    }
}

fn outlook(before: &Level, now: &Level, seconds: f64, free: u32, wait: Wait) -> Outlook {
    let is_waiting = before.waiting.count > 0 || now.waiting.count > 0;
    // Where nothing waits, it does not matter how long.
    let lasts = match wait.lasts.map(f64::from) {
        Some(lasts) => lasts,
        None if is_waiting => return Outlook::Unknown,
        None => 0.0,
    };
    let rates = match Rates::new(
        before,
        now,
        seconds,
        lasts.max(f64::MIN_POSITIVE),
        wait.serves_after.is_some(),
    ) {
        Some(rates) if rates.staying > 0.0 || rates.passing > 0.0 => rates,
        Some(_) => return Outlook::Steady,
        None => return Outlook::Unknown,
    };
    if let Some(after) = wait.serves_after {
        // Ports in TIME_WAIT are as good as free, but for the last of them.
        let room = f64::from(free + now.waiting.count) - rates.passing * after;
        return match rates.staying > 0.0 || room <= 0.0 {
            true => Outlook::FullIn((room / rates.staying).max(0.0)),
            false => Outlook::LevelsOff(most_in_use(now, &rates, free, lasts)),
        };
    }
    let back = |at: f64| match now.waiting.is_told() {
        true => now.waiting.back_within(at),
        // None waited before: all have come since, one after the other.
        false => {
            let since = (at - (lasts - seconds).max(0.0)) / seconds.min(lasts);
            f64::from(now.waiting.count) * since.clamp(0.0, 1.0)
        }
    };
    let free = f64::from(free);
    let more = |at: f64| rates.staying * at + rates.passing * at.min(lasts) - back(at);
    let (mut at, mut gained, mut most) = (0.0, 0.0, 0.0_f64);
    let ends = (1..=SPANS).map(|span| span as f64 * SPAN);
    for next in ends.chain([lasts.max(SPANS as f64 * SPAN)]) {
        let then = more(next);
        if then >= free {
            return Outlook::FullIn(at + (next - at) * (free - gained) / (then - gained));
        }
        (at, gained, most) = (next, then, most.max(then));
    }
    if rates.staying > 0.0 {
        return Outlook::FullIn(at + (free - gained) / rates.staying);
    }
    Outlook::LevelsOff(now.used.saturating_add(most.round() as u32))
}

/// How many ports are in use or in TIME_WAIT at most, where those in TIME_WAIT serve again.
fn most_in_use(now: &Level, rates: &Rates, free: u32, lasts: f64) -> u32 {
    let all = now.used.saturating_add(free);
    let level = now.staying() + rates.passing * lasts;
    (level.round() as u32).max(now.used).min(all)
}

#[cfg(test)]
mod tests;
