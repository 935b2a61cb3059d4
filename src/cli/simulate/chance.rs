//! Chance that can be had again from its seed (SplitMix64).

use std::fmt::Write;

/// Chance that can be had again from its seed.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same seed, the same chances.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Did it happen?
    pub fn of(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// From 0 up to, not including, `bound`, which is more than 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From `low` up to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.fraction() * (high - low)
    }

    /// One of them; there is at least one.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// One of them, by its weight; the sum of the weights is more than 0.
    pub fn weighed<T: Copy>(&mut self, all: &[(u32, T)]) -> T {
        let sum = all.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.below(sum);
        for (weight, it) in all {
            match drawn.checked_sub(u64::from(*weight)) {
                None => return *it,
                Some(rest) => drawn = rest,
            }
        }
        all[0].1 // not reached: `drawn` is less than the sum
    }

    /// A rank from 0 up to, not including, `bound`: the first ones often, the last ones seldom (Zipf's law with
    /// exponent 1, flattened by Mandelbrot's constant so that no single one stands for a tenth of all).
    pub fn rank(&mut self, bound: u64) -> u64 {
        const FLAT: f64 = 20.0;
        let all = bound as f64;
        let drawn = FLAT * ((1.0 + all / FLAT).powf(self.fraction()) - 1.0);
        (drawn as u64).min(bound - 1)
    }

    /// Seconds to the next call where `rate` come per second, by themselves (a Poisson process).
    pub fn pause(&mut self, rate: f64) -> f64 {
        -(1.0 - self.fraction()).ln() / rate
    }

    /// 32 hexadecimal digits: a call id as many switches make them, and the worst case for an index.
    pub fn id(&mut self) -> String {
        let mut id = String::with_capacity(32);
        let _cannot_fail = write!(id, "{:016x}{:016x}", self.next(), self.next());
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_at_the_asked_rate() {
        let mut chance = Chance::new(3);
        let seconds: f64 = (0..20_000).map(|_| chance.pause(5.0)).sum();
        assert!((3_900.0..4_100.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn some_come_often_and_many_seldom() {
        let mut chance = Chance::new(4);
        let mut counts = vec![0; 10_000];
        (0..200_000).for_each(|_| counts[chance.rank(10_000) as usize] += 1);
        assert!((1_000..2_500).contains(&counts[0]), "{}", counts[0]);
        let (first, rest): (u32, u32) = (counts[..1_000].iter().sum(), counts[1_000..].iter().sum());
        assert!(first > rest, "a tenth of the callers makes most of the calls: {first}, {rest}");
        assert!(counts[9_000..].iter().any(|count| *count > 0));
    }
}
