//! The calls that are played: what happens, and when.

use super::cast::{Cast, NUISANCE};
use super::chance::Chance;

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
    pub fn new(cast: &Cast, chance: &mut Chance, call_id: &str) -> Self {
        let plot = chance.weighed(&PLOTS);
        let colleague = cast.colleague(chance);
        let (caller, own) = (cast.caller(chance), colleague.number());
        let outbound = matches!(plot, Plot::Outbound | Plot::OutboundUnanswered);
        let direction = if outbound { "out" } else { "in" };
        let from = match plot {
            Plot::Withheld => "anonymous".into(),
            Plot::Nuisance => NUISANCE.into(),
            _ if outbound => own.clone(),
            _ => caller.clone(),
        };
        let to = if outbound { caller } else { own };
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
        let (name, other) = (&*colleague.name, &*cast.colleague(chance).name);
        let begin = match plot {
            Plot::FromQueue => {
                event("newCall", &[("queue", cast.queue(chance)), ("user[]", name), ("user[]", other)])
            }
            _ => event("newCall", &[("user[]", name)]),
        };
        let answer = event("answer", &[("user", name), ("answeringNumber", &colleague.extension)]);
        let hangup = |cause| event("hangup", &[("cause", cause)]);
        let spoken = vec![(ring_s, answer), (talk_s, hangup("normalClearing"))];
        let rest = match plot {
            Plot::Answered | Plot::FromQueue | Plot::Outbound => spoken,
            Plot::Withheld if chance.of(0.6) => spoken,
            Plot::Missed | Plot::Withheld => {
                vec![(ring_s * 2.0, hangup(chance.one_of(&["cancel", "noAnswer"])))]
            }
            // half the time the PBX's own list turns them away
            Plot::Nuisance => vec![(2.0, hangup(chance.one_of(&["cancel", "blocked"])))],
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(seed: u64, count: usize) -> Vec<Script> {
        let (cast, mut chance) = (Cast::new(6, 40), Chance::new(seed));
        (0..count).map(|i| Script::new(&cast, &mut chance, &format!("c{i}"))).collect()
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
}
