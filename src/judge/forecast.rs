//! Two counts of a budget, some time apart: how fast it fills, and when it is full.

/// What a forecast is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    pub used: u32,
    /// Those of the used ports that wait in TIME_WAIT.
    pub time_wait: u32,
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
    /// Nothing is gained, or it is not known how much there is to gain.
    Steady,
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

    /// Compares two counts. `free` ports are left; a port stays in TIME_WAIT for `time_wait` seconds.
    ///
    /// What is gained in TIME_WAIT leaves it again after that time, so it adds no more than it gains
    /// within it; what else is gained stays.
    pub fn new(
        before: Level,
        now: Level,
        seconds: f64,
        free: Option<u32>,
        time_wait: Option<u32>,
    ) -> Self {
        let gained = i64::from(now.used) - i64::from(before.used);
        let waiting = i64::from(now.time_wait) - i64::from(before.time_wait);
        let outlook = match free {
            Some(0) => Outlook::FullIn(0.0),
            Some(free) if gained > 0 && seconds > 0.0 => {
                outlook(gained, waiting, seconds, free, now.used, time_wait)
            }
            _ => Outlook::Steady,
        };
        Self {
            gained,
            seconds,
            outlook,
        }
    }
}

fn outlook(
    gained: i64,
    waiting: i64,
    seconds: f64,
    free: u32,
    used: u32,
    time_wait: Option<u32>,
) -> Outlook {
    let rate = gained as f64 / seconds;
    let at_once = f64::from(free) / rate;
    let (Some(lasts), true) = (time_wait.map(f64::from), waiting > 0) else {
        return Outlook::FullIn(at_once);
    };
    if at_once <= lasts {
        return Outlook::FullIn(at_once);
    }
    let waiting_rate = (waiting as f64 / seconds).min(rate);
    let staying_rate = rate - waiting_rate;
    let by_waiting = waiting_rate * lasts;
    if staying_rate > 0.0 {
        return Outlook::FullIn((f64::from(free) - by_waiting) / staying_rate);
    }
    Outlook::LevelsOff(used.saturating_add(by_waiting.round() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(used: u32, time_wait: u32) -> Level {
        Level { used, time_wait }
    }

    #[test]
    fn a_steady_fill_is_full_when_the_rest_is_gained() {
        let trend = Trend::new(level(40, 0), level(80, 0), 5.0, Some(120), Some(60));
        assert_eq!((trend.gained, trend.per_second()), (40, 8.0));
        assert_eq!(trend.outlook, Outlook::FullIn(15.0));
    }

    #[test]
    fn what_does_not_fill_has_no_end() {
        for (before, now) in [(80, 80), (80, 40)] {
            let trend = Trend::new(level(before, 0), level(now, 0), 5.0, Some(10), None);
            assert_eq!(trend.outlook, Outlook::Steady);
        }
        let unknown = Trend::new(level(0, 0), level(9, 0), 5.0, None, None);
        assert_eq!(unknown.outlook, Outlook::Steady);
        let at_once = Trend::new(level(0, 0), level(9, 0), 0.0, Some(9), None);
        assert_eq!(
            (at_once.per_second(), at_once.outlook),
            (0.0, Outlook::Steady)
        );
    }

    #[test]
    fn what_is_full_is_full_now() {
        let trend = Trend::new(level(200, 0), level(200, 0), 5.0, Some(0), Some(60));
        assert_eq!(trend.outlook, Outlook::FullIn(0.0));
    }

    /// 100 a second, each for 60 s, are 6000 ports and never 28,000.
    #[test]
    fn time_wait_fills_no_more_than_it_lasts() {
        let slow = Trend::new(level(0, 0), level(500, 500), 5.0, Some(27_732), Some(60));
        assert_eq!(slow.outlook, Outlook::LevelsOff(6500));
        let fast = Trend::new(level(0, 0), level(5000, 5000), 5.0, Some(23_232), Some(60));
        assert_eq!(fast.outlook, Outlook::FullIn(23.232));
        let elsewhere = Trend::new(level(0, 0), level(500, 500), 5.0, Some(27_732), None);
        assert_eq!(elsewhere.outlook, Outlook::FullIn(277.32));
    }

    #[test]
    fn what_stays_fills_on_after_time_wait_has_levelled_off() {
        // 10 a second wait, 10 stay: after 60 s 600 wait at most, and the other 2400 take 240 s.
        let trend = Trend::new(level(0, 0), level(100, 50), 5.0, Some(3000), Some(60));
        assert_eq!(trend.outlook, Outlook::FullIn(240.0));
    }
}
