//! The calls that are played: who calls whom, what happens, and when.

/// What a PBX posts.
pub type Fields = Vec<(&'static str, String)>;

/// One event of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Seconds of real life since the event before.
    pub after_s: f64,
    /// As sent.
    pub fields: Fields,
}

/// A call, from its newCall to its hangup.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// In order.
    pub steps: Vec<Step>,
}

/// Who sits at the phones: name and extension.
const COLLEAGUES: [(&str, &str); 6] = [
    ("Alice Becker", "11"),
    ("Bob Schneider", "12"),
    ("Carla Yıldız", "13"),
    ("David Kowalski", "14"),
    ("Emma Fischer", "15"),
    ("Farid Haddad", "16"),
];
/// The company's own number, without its last digits.
const TRUNK: &str = "493023125";
/// Numbers for films (Bundesnetzagentur, notice 148/2021): Berlin, Frankfurt, Hamburg, Cologne, Munich; three
/// digits are to be added. The last are Ofcom's for drama: Britain's mobiles.
const AREAS: [&str; 6] = ["493023125", "496990009", "494066969", "492214710", "498999998", "447700900"];
/// Somebody who calls often and is not wanted.
const NUISANCE: &str = "447700900666";

/// What becomes of a call, and how often in a hundred.
#[derive(Debug, Clone, Copy)]
enum Plot {
    Answered,
    FromQueue,
    Missed,
    Busy,
    Withheld,
    Voicemail,
    Forwarded,
    Nuisance,
    Outbound,
    OutboundUnanswered,
}

const PLOTS: [(u32, Plot); 10] = [
    (34, Plot::Answered),
    (14, Plot::FromQueue),
    (12, Plot::Missed),
    (4, Plot::Busy),
    (6, Plot::Withheld),
    (3, Plot::Voicemail),
    (2, Plot::Forwarded),
    (5, Plot::Nuisance),
    (14, Plot::Outbound),
    (6, Plot::OutboundUnanswered),
];

impl Script {
    /// One call by chance, under this id.
    pub fn new(chance: &mut Chance, call_id: &str) -> Self {
        let plot = chance.weighed(&PLOTS);
        let (colleague, extension) = chance.one_of(&COLLEAGUES);
        let customer = customer(chance);
        let own = format!("{TRUNK}0{extension}");
        let outbound = matches!(plot, Plot::Outbound | Plot::OutboundUnanswered);
        let direction = if outbound { "out" } else { "in" };
        let from = match plot {
            Plot::Withheld => "anonymous".into(),
            Plot::Nuisance => NUISANCE.into(),
            _ if outbound => own.clone(),
            _ => customer.clone(),
        };
        let to = if outbound { customer } else { own };
        let event = |kind: &str, more: &[(&'static str, &str)]| -> Fields {
            let given = [
                ("event", kind),
                ("direction", direction),
                ("callId", call_id),
                ("from", &from),
                ("to", &to),
            ];
            given.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
        };

        let ring_s = chance.between(3.0, 18.0);
        let talk_s = chance.between(15.0, 240.0);
        let other = chance.one_of(&COLLEAGUES).0;
        let begin = match plot {
            Plot::FromQueue => {
                event("newCall", &[("queue", "support"), ("user[]", colleague), ("user[]", other)])
            }
            _ => event("newCall", &[("user[]", colleague)]),
        };
        let answer = event("answer", &[("user", colleague), ("answeringNumber", extension)]);
        let hangup = |cause| event("hangup", &[("cause", cause)]);
        let spoken = vec![(ring_s, answer), (talk_s, hangup("normalClearing"))];
        let rest = match plot {
            Plot::Answered | Plot::FromQueue | Plot::Outbound => spoken,
            Plot::Withheld if chance.of(0.6) => spoken,
            Plot::Missed | Plot::Withheld => {
                vec![(ring_s * 2.0, hangup(chance.one_of(&["cancel", "noAnswer"])))]
            }
            Plot::Nuisance => vec![(2.0, hangup("cancel"))],
            Plot::Busy => vec![(0.5, hangup("busy"))],
            Plot::Voicemail => {
                vec![(25.0, event("answer", &[("user", "voicemail")])), (ring_s, hangup("normalClearing"))]
            }
            Plot::Forwarded => vec![(ring_s, hangup("forwarded"))],
            Plot::OutboundUnanswered => {
                vec![(ring_s * 1.5, hangup(chance.one_of(&["noAnswer", "busy", "cancel", "notFound"])))]
            }
        };
        let first = Step { after_s: 0.0, fields: begin };
        let steps = rest.into_iter().map(|(after_s, fields)| Step { after_s, fields });
        Self { steps: std::iter::once(first).chain(steps).collect() }
    }
}

/// One of some forty, so that people call again; in the spellings that PBXes send.
fn customer(chance: &mut Chance) -> String {
    let area = chance.one_of(&AREAS);
    let digits = format!("{area}{:03}", 400 + chance.below(7) * 13);
    match chance.below(4) {
        0 => format!("+{digits}"),
        1 => format!("00{digits}"),
        _ => digits,
    }
}

/// Chance that can be had again from its seed (SplitMix64).
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
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn of(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.fraction() * (high - low)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn weighed(&mut self, all: &[(u32, Plot)]) -> Plot {
        let sum = all.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.below(sum);
        for (weight, plot) in all {
            match drawn.checked_sub(u64::from(*weight)) {
                None => return *plot,
                Some(rest) => drawn = rest,
            }
        }
        Plot::Answered // not reached: `drawn` is less than the sum
    }

    /// Seconds to the next call where `rate` come per second, by themselves (a Poisson process).
    pub fn pause(&mut self, rate: f64) -> f64 {
        -(1.0 - self.fraction()).ln() / rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(seed: u64, count: usize) -> Vec<Script> {
        let mut chance = Chance::new(seed);
        (0..count).map(|i| Script::new(&mut chance, &format!("c{i}"))).collect()
    }

    #[test]
    fn a_seed_plays_the_same_calls_again() {
        assert_eq!(scripts(7, 50), scripts(7, 50));
        assert_ne!(scripts(7, 50), scripts(8, 50));
    }

    #[test]
    fn every_call_begins_ends_and_keeps_its_id() {
        for script in scripts(1, 500) {
            let said = |step: &Step, name| {
                step.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
            };
            let kinds: Vec<_> = script.steps.iter().filter_map(|step| said(step, "event")).collect();
            assert_eq!(kinds.first().map(String::as_str), Some("newCall"));
            assert_eq!(kinds.last().map(String::as_str), Some("hangup"));
            assert!(script.steps.iter().all(|step| said(step, "callId") == said(&script.steps[0], "callId")));
        }
    }

    #[test]
    fn numbers_are_set_aside_for_fiction() {
        for script in scripts(2, 500) {
            for (name, value) in &script.steps[0].fields {
                if ["from", "to"].contains(name) && value != "anonymous" {
                    let digits = value.trim_start_matches('+').trim_start_matches("00");
                    assert!(
                        AREAS.iter().any(|area| digits.len() == 12 && digits.starts_with(area)),
                        "{value}"
                    );
                }
            }
        }
    }

    #[test]
    fn calls_come_at_the_asked_rate() {
        let mut chance = Chance::new(3);
        let seconds: f64 = (0..20_000).map(|_| chance.pause(5.0)).sum();
        assert!((3_900.0..4_100.0).contains(&seconds), "{seconds}");
    }
}
