//! Whether the writer waits a moment before it commits, for those who were just answered and will speak again.
//!
//! Where a commit is slow, half of the callers would otherwise always miss it and wait for the next one; where it is
//! fast, waiting only costs. No formula knows which of it holds, so both ways are tried in turn, and the one that
//! writes more events per second is kept. Callers who do not wait for each other (PBXes at quiet times) make both
//! alike: then nothing is waited for.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The longest wait.
const LONGEST: Duration = Duration::from_millis(5);
/// A trial's batches. The first ones still bear the mark of the other way: they are not counted.
const TRIAL: u32 = 12;
const NOT_COUNTED: u32 = 3;
/// Batches between two trials: at first, and at most where they keep failing.
const SOON: u32 = 12;
const LATE: u32 = 768;
/// So much better must a trial be.
const BETTER: f64 = 1.05;

/// How long the queue must be for the writer to go on; 0 while it does not wait. Whoever makes it so long wakes it.
#[derive(Default)]
pub(super) struct Awaited(AtomicUsize);

impl Awaited {
    fn wait(&self, wanted: usize, longest: Duration, queued: impl Fn() -> usize) {
        self.0.store(wanted, Ordering::Relaxed);
        fence(Ordering::SeqCst); // either we see the last one in the queue, or it sees what is wanted
        if queued() < wanted {
            thread::park_timeout(longest);
        }
        self.0.store(0, Ordering::Relaxed);
    }

    /// Somebody came into the queue, which `queued` counts.
    pub fn came(&self, writer: &Thread, queued: impl Fn() -> usize) {
        fence(Ordering::SeqCst);
        let wanted = self.0.load(Ordering::Relaxed);
        if wanted > 0 && queued() >= wanted {
            writer.unpark();
        }
    }
}

/// What is done now, and how well that goes.
pub(super) struct Linger {
    waits: bool,
    /// The way that stays unless the other proves better; else `waits` is only tried.
    settled: bool,
    /// Events per second in the settled way.
    known: f64,
    /// Batches until the next trial.
    pause: u32,
    /// Of this stretch: its batches, and of those that count the events and since when.
    batches: u32,
    events: usize,
    since: Instant,
    /// How many callers there lately were at once.
    callers: usize,
    commit: Duration,
}

impl Linger {
    pub fn new(now: Instant) -> Self {
        Self {
            waits: false,
            settled: false,
            known: 0.0,
            pause: SOON,
            batches: 0,
            events: 0,
            since: now,
            callers: 0,
            commit: Duration::ZERO,
        }
    }

    /// Waits until all are `queued` again who lately were.
    pub fn wait(&self, awaited: &Awaited, queued: impl Fn() -> usize) {
        let begun = Instant::now();
        while self.is_worth(queued(), begun.elapsed()) {
            let left = self.longest().saturating_sub(begun.elapsed());
            awaited.wait(self.callers, left, &queued);
        }
    }

    fn is_worth(&self, there: usize, waited: Duration) -> bool {
        self.waits && there < self.callers && waited < self.longest()
    }

    fn longest(&self) -> Duration {
        LONGEST.min(self.commit)
    }

    /// Nobody had anything to say for a while: what was measured before says nothing any more.
    pub fn idle(&mut self, now: Instant, gap: Duration) {
        if gap > LONGEST.max(2 * self.commit) {
            *self = Self { commit: self.commit, ..Self::new(now) };
        }
    }

    /// A batch was written; `queued` wait for the next one.
    pub fn committed(&mut self, now: Instant, events: usize, took: Duration, queued: usize) {
        self.callers = events + queued;
        self.commit = took;
        self.batches += 1;
        if self.batches <= NOT_COUNTED {
            (self.since, self.events) = (now, 0);
            return;
        }
        self.events += events;
        let trial = self.waits != self.settled;
        if self.batches < if trial { TRIAL } else { self.pause } {
            return;
        }
        let rate = self.events as f64 / (now - self.since).as_secs_f64().max(1e-9);
        if !trial {
            self.known = rate;
            self.waits = !self.settled;
        } else if rate > self.known * BETTER {
            (self.settled, self.pause) = (self.waits, SOON);
            log::debug!("waits between commits: {} ({rate:.0} events/s, not {:.0})", self.waits, self.known);
        } else {
            (self.waits, self.pause) = (self.settled, (self.pause * 2).min(LATE));
        }
        self.batches = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Callers who each wait for their answer and are back after `away`, against commits that take `fixed` and so
    /// much per event: all in µs. Answers how many of the last 1000 batches were waited for.
    fn waited_for(callers: usize, away: u64, fixed: u64, per_event: u64) -> usize {
        let start = Instant::now();
        let mut linger = Linger::new(start);
        let mut back: Vec<u64> = (0..callers as u64).map(|caller| away * caller / callers as u64).collect();
        let (mut now, mut waited) = (0, 0);
        for batch in 0..3000 {
            let there = |now| back.iter().filter(|at| **at <= now).count();
            while there(now) == 0 {
                now += 10;
            }
            let begun = now;
            while linger.is_worth(there(now), Duration::from_micros(now - begun)) {
                now += 50;
            }
            waited += usize::from(batch >= 2000 && linger.waits);
            let events = there(now);
            let took = fixed + per_event * events as u64;
            let begun = now;
            now += took;
            // they come back one after the other
            for (nth, at) in back.iter_mut().filter(|at| **at <= begun).enumerate() {
                *at = now + away * (nth as u64 + 1) / callers as u64;
            }
            let queued = back.iter().filter(|at| **at <= now).count();
            let at = start + Duration::from_micros(now);
            linger.committed(at, events, Duration::from_micros(took), queued);
        }
        waited
    }

    #[test]
    fn slow_commits_are_waited_for() {
        assert!(waited_for(64, 800, 5_000, 15) > 900);
        assert!(waited_for(16, 200, 1_000, 15) > 900);
    }

    #[test]
    fn fast_commits_and_single_callers_are_not() {
        assert!(waited_for(64, 800, 100, 15) < 100);
        assert!(waited_for(1, 50, 50_000, 15) < 100);
    }

    #[test]
    fn the_last_one_wakes_who_waits_for_all() {
        let (awaited, queue) = (Awaited::default(), AtomicUsize::new(0));
        let queued = || queue.load(Ordering::SeqCst);
        let mut linger = Linger { waits: true, callers: 3, ..Linger::new(Instant::now()) };
        linger.commit = LONGEST;
        let writer = thread::current();
        for _ in 0..200 {
            queue.store(0, Ordering::SeqCst);
            let begun = Instant::now();
            thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..2 {
                        queue.fetch_add(1, Ordering::SeqCst);
                        awaited.came(&writer, queued);
                    }
                });
                while queued() < 2 {
                    awaited.wait(2, Duration::from_secs(60), queued);
                }
            });
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
        let begun = Instant::now();
        linger.wait(&awaited, queued);
        assert!(begun.elapsed() >= LONGEST, "one is missing, and comes no more");
        queue.fetch_add(1, Ordering::SeqCst);
        linger.wait(&awaited, queued);
    }

    #[test]
    fn after_a_silence_nothing_is_waited_for() {
        let now = Instant::now();
        let mut linger = Linger { waits: true, settled: true, callers: 9, ..Linger::new(now) };
        linger.commit = Duration::from_millis(50);
        assert!(linger.is_worth(3, Duration::ZERO));
        linger.idle(now, Duration::from_millis(99));
        assert!(linger.is_worth(3, Duration::ZERO));
        linger.idle(now, Duration::from_millis(101));
        assert!(!linger.is_worth(3, Duration::ZERO));
    }
}
