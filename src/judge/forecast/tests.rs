//! Forecasts of counts, held against what the counts then are.

use super::*;

/// So many used ports, of which some are in TIME_WAIT and it is not told until when.
fn level(used: u32, time_wait: u32) -> Level {
    let mut waiting = Waiting::default();
    (0..time_wait).for_each(|_| waiting.add(None));
    Level { used, waiting }
}

fn lasting(lasts: Option<u32>) -> Wait {
    Wait {
        lasts,
        serves_after: None,
    }
}

#[test]
fn a_steady_fill_is_full_when_the_rest_is_gained() {
    let trend = Trend::new(
        &level(40, 0),
        &level(80, 0),
        5.0,
        Some(120),
        lasting(Some(60)),
    );
    assert_eq!((trend.gained, trend.per_second()), (40, 8.0));
    assert_eq!(trend.outlook, Outlook::FullIn(15.0));
    let elsewhere = Trend::new(
        &level(40, 0),
        &level(80, 0),
        5.0,
        Some(120),
        Wait::default(),
    );
    assert_eq!(elsewhere.outlook, Outlook::FullIn(15.0));
}

#[test]
fn what_does_not_fill_has_no_end() {
    for (before, now) in [(80, 80), (80, 40)] {
        let trend = Trend::new(
            &level(before, 0),
            &level(now, 0),
            5.0,
            Some(10),
            Wait::default(),
        );
        assert_eq!(trend.outlook, Outlook::Steady);
    }
    let unknown = Trend::new(&level(0, 0), &level(9, 0), 5.0, None, Wait::default());
    assert_eq!(unknown.outlook, Outlook::Steady);
    let at_once = Trend::new(&level(0, 0), &level(9, 0), 0.0, Some(9), Wait::default());
    let told = (at_once.per_second(), at_once.outlook);
    assert_eq!(told, (0.0, Outlook::Steady));
}

#[test]
fn what_is_full_is_full_now() {
    let trend = Trend::new(
        &level(200, 0),
        &level(200, 0),
        5.0,
        Some(0),
        lasting(Some(60)),
    );
    assert_eq!(trend.outlook, Outlook::FullIn(0.0));
}

/// 100 a second, each for 60 s, are 6000 ports and never 28,000.
#[test]
fn counts_alone_tell_of_what_began_between_them() {
    let of =
        |now, free, lasts| Trend::new(&level(0, 0), &now, 5.0, Some(free), lasting(lasts)).outlook;
    let slow = of(level(500, 500), 27_732, Some(60));
    assert_eq!(slow, Outlook::LevelsOff(6000));
    let fast = of(level(5000, 5000), 23_232, Some(60));
    assert_eq!(fast, Outlook::FullIn(23.232));
    // After 60 s 600 wait and 650 have come to stay; 10 a second take the rest.
    let both = of(level(100, 50), 3000, Some(60));
    assert_eq!(both, Outlook::FullIn(245.0));
}

#[test]
fn where_it_is_not_told_when_ports_come_back_nothing_is_foretold() {
    let before = level(500, 500);
    for lasts in [Some(60), None] {
        let trend = Trend::new(&before, &level(600, 600), 5.0, Some(20_000), lasting(lasts));
        assert_eq!((trend.gained, trend.outlook), (100, Outlook::Unknown));
    }
}

/// A budget that short connections use, each for 60 s, and others for good.
struct Fill {
    /// Ports that were in TIME_WAIT when it began, with the seconds that they waited yet.
    old: Vec<f64>,
    passing: f64,
    staying: f64,
    /// Timers run out together, every so many seconds.
    late: f64,
}

impl Fill {
    fn at(&self, time: f64) -> Level {
        let mut waiting = Waiting::default();
        let made = (0..(self.passing * time) as u32).map(|one| f64::from(one) / self.passing);
        let ends = self.old.iter().copied().chain(made.map(|made| made + 60.0));
        let gone = |end: &f64| (*end / self.late).ceil() * self.late;
        for end in ends.filter(|end| gone(end) > time) {
            waiting.add(Some(((end - time) * 1000.0).max(0.0) as u32));
        }
        let used = waiting.count + (self.staying * time) as u32;
        Level { used, waiting }
    }

    fn outlook(&self, time: f64, seconds: f64, capacity: u32) -> Outlook {
        let now = self.at(time);
        let free = Some(capacity - now.used);
        Trend::new(
            &self.at(time - seconds),
            &now,
            seconds,
            free,
            lasting(Some(60)),
        )
        .outlook
    }

    /// The most that are used from a time on, for as long as all that waits.
    fn most(&self, from: f64) -> u32 {
        let times = (0..200).map(|step| from + f64::from(step) / 2.0);
        times.map(|time| self.at(time).used).max().unwrap()
    }

    /// When so many are used.
    fn full(&self, capacity: u32) -> f64 {
        let mut times = (0..20_000).map(|step| f64::from(step) / 10.0);
        times.find(|time| self.at(*time).used >= capacity).unwrap()
    }
}

fn is_near(told: f64, is: f64) -> bool {
    (told - is).abs() <= 0.2 * is
}

/// What was there before: 400 ports that come back one after the other, and 100 at once.
fn old() -> Vec<f64> {
    let one_by_one = (0..400).map(|at| f64::from(at) * 0.15);
    one_by_one.chain((0..100).map(|_| 41.0)).collect()
}

#[test]
fn a_fill_that_stays_below_the_limit_is_never_said_to_become_full() {
    for (old, late) in [(Vec::new(), 0.01), (old(), 0.01), (Vec::new(), 2.048)] {
        let fill = Fill {
            old,
            passing: 25.0,
            staying: 0.0,
            late,
        };
        for (time, seconds) in [
            3.0_f64, 7.0, 15.0, 30.0, 44.0, 56.0, 60.0, 61.0, 70.0, 200.0,
        ]
        .into_iter()
        .flat_map(|time| [(time, 0.3), (time, 1.0), (time, 2.9), (time.max(5.0), 4.0)])
        {
            let outlook = fill.outlook(time, seconds, 2000);
            let Outlook::LevelsOff(most) = outlook else {
                panic!("after {time} s, {seconds} s: {outlook:?}")
            };
            let is = f64::from(fill.most(time));
            assert!(
                is_near(f64::from(most), is),
                "{time} {seconds}: {most} {is}"
            );
        }
        let long = fill.outlook(300.0, 120.0, 2000);
        assert!(matches!(long, Outlook::LevelsOff(1400..1600)), "{long:?}");
    }
}

#[test]
fn a_fill_above_the_limit_is_full_when_it_is_said_to_be() {
    for (passing, staying) in [(60.0, 0.0), (30.0, 6.0), (0.0, 25.0)] {
        for old in [Vec::new(), old()] {
            let fill = Fill {
                old,
                passing,
                staying,
                late: 2.048,
            };
            let full = fill.full(2000);
            for time in [0.2 * full, 0.5 * full, 0.8 * full] {
                let outlook = fill.outlook(time, 3.0, 2000);
                let Outlook::FullIn(told) = outlook else {
                    panic!("{time} of {full}: {outlook:?}")
                };
                // On counts: those that are made until then.
                let made = (passing + staying) * told;
                let is = (passing + staying) * (full - time);
                assert!(is_near(made, is), "{time} of {full}: {told} {outlook:?}");
            }
        }
    }
}

/// Short connections are open now and then: that is no growth of what stays.
#[test]
fn chance_is_no_growth() {
    let fill = Fill {
        old: Vec::new(),
        passing: 25.0,
        staying: 0.0,
        late: 0.01,
    };
    let (mut before, mut now) = (fill.at(100.0), fill.at(104.0));
    before.used += 1;
    now.used += 4;
    let trend = Trend::new(&before, &now, 4.0, Some(400), lasting(Some(60)));
    assert!(matches!(trend.outlook, Outlook::LevelsOff(_)), "{trend:?}");
    now.used += 60;
    let trend = Trend::new(&before, &now, 4.0, Some(400), lasting(Some(60)));
    assert!(matches!(trend.outlook, Outlook::FullIn(_)), "{trend:?}");
}

#[test]
fn what_is_closed_and_waits_is_not_new() {
    let before = level(100, 0);
    let now = level(100, 100);
    let trend = Trend::new(&before, &now, 5.0, Some(10), lasting(Some(60)));
    assert_eq!(trend.outlook, Outlook::Steady);
}

/// The kernel gives them out again, so that no connection fails for want of them.
#[test]
fn ports_in_time_wait_that_serve_again_fill_nothing() {
    let fill = Fill {
        old: Vec::new(),
        passing: 60.0,
        staying: 0.0,
        late: 0.01,
    };
    let wait = Wait {
        lasts: Some(60),
        serves_after: Some(1.0),
    };
    let of = |capacity: u32| {
        let now = fill.at(20.0);
        let free = Some(capacity.saturating_sub(now.used));
        Trend::new(&fill.at(17.0), &now, 3.0, free, wait).outlook
    };
    assert_eq!(of(2000), Outlook::LevelsOff(2000));
    assert_eq!(of(1200), Outlook::LevelsOff(1200), "all are in TIME_WAIT");
    assert_eq!(of(4000), Outlook::LevelsOff(3600));
    let (mut before, mut now) = (fill.at(17.0), fill.at(20.0));
    before.used += 10;
    now.used += 100;
    let free = Some(2000 - now.used);
    let outlook = Trend::new(&before, &now, 3.0, free, wait).outlook;
    let Outlook::FullIn(seconds) = outlook else {
        panic!("{outlook:?}")
    };
    // 30 a second stay, and there is room for 1840 more of them.
    assert!(is_near(seconds, 61.0), "{seconds}");
}
