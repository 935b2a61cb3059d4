//! Pictures of figures as SVG: where bars and squares stand. What they look like is said in static/steer.css, and
//! beside each picture there is its table.

use crate::call::Outcome;

/// The size of a picture, in its own units.
pub const WIDTH: f64 = 600.0;
/// See `WIDTH`.
pub const HEIGHT: f64 = 190.0;

const LEFT: f64 = 40.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;

/// So many labels fit below a picture.
const LABELS: usize = 8;

/// Calls by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Somebody took them.
    pub answered: i64,
    /// Nobody did.
    pub missed: i64,
    /// They were turned away by a rule.
    pub blocked: i64,
    /// All else: busy, cancelled, voicemail … and those under way.
    pub other: i64,
}

impl Tally {
    /// So many more.
    pub fn add(&mut self, outcome: Option<Outcome>, calls: i64) {
        match outcome {
            Some(Outcome::Answered) => self.answered += calls,
            Some(Outcome::Missed) => self.missed += calls,
            Some(Outcome::Blocked) => self.blocked += calls,
            _ => self.other += calls,
        }
    }

    /// All of them.
    pub fn all(&self) -> i64 {
        self.answered + self.missed + self.blocked + self.other
    }

    /// With the names of their colours, in the order in which they are stacked.
    pub fn parts(&self) -> [(&'static str, i64); 4] {
        [
            ("answered", self.answered),
            ("missed", self.missed),
            ("blocked", self.blocked),
            ("other", self.other),
        ]
    }
}

/// One part of a bar.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The name of its colour.
    pub class: &'static str,
    /// Its upper left corner.
    pub x: f64,
    /// See `x`.
    pub y: f64,
    /// Its size.
    pub width: f64,
    /// See `width`.
    pub height: f64,
}

/// A bar, and what it says to whoever points at it.
pub struct Bar {
    /// From the bottom up.
    pub parts: Vec<Part>,
    /// In words.
    pub says: String,
}

/// Stacked bars beside each other.
pub struct Bars {
    /// From left to right.
    pub bars: Vec<Bar>,
    /// Lines across: where, and how many calls that is.
    pub lines: Vec<(f64, i64)>,
    /// What stands below: where, and what.
    pub labels: Vec<(f64, String)>,
}

impl Bars {
    /// Of these, each with its label.
    pub fn of(columns: &[(String, Tally)]) -> Self {
        let most = columns.iter().map(|(_, tally)| tally.all()).max().unwrap_or(0);
        let step = step(most);
        let top = step * (most + step - 1).div_euclid(step).max(1);
        let scale = (HEIGHT - TOP - BOTTOM) / top as f64;
        let pitch = (WIDTH - LEFT) / columns.len().max(1) as f64;
        let gap = if pitch > 4.0 { pitch * 0.2 } else { 0.0 };
        let bar = |(index, (label, tally)): (usize, &(String, Tally))| {
            let (mut y, mut parts) = (HEIGHT - BOTTOM, Vec::new());
            for (class, calls) in tally.parts().into_iter().filter(|(_, calls)| *calls > 0) {
                let height = calls as f64 * scale;
                y -= height;
                parts.push(Part {
                    class,
                    x: LEFT + pitch * index as f64 + gap / 2.0,
                    y,
                    width: pitch - gap,
                    height,
                });
            }
            let said = tally.parts().into_iter().filter(|(_, calls)| *calls > 0);
            let said: Vec<String> = said.map(|(class, calls)| format!("{calls} {class}")).collect();
            Bar {
                parts,
                says: format!("{label}: {}", if said.is_empty() { "none".into() } else { said.join(", ") }),
            }
        };
        let every = columns.len().div_ceil(LABELS).max(1);
        let middle = |index: usize| LEFT + pitch * (index as f64 + 0.5);
        Self {
            bars: columns.iter().enumerate().map(bar).collect(),
            lines: (0..=top / step)
                .map(|n| (HEIGHT - BOTTOM - (n * step) as f64 * scale, n * step))
                .collect(),
            labels: columns
                .iter()
                .enumerate()
                .step_by(every)
                .map(|(index, (label, _))| (middle(index), label.clone()))
                .collect(),
        }
    }
}

/// A round number, so that four to ten lines reach `most`; at least 1.
fn step(most: i64) -> i64 {
    let mut step = 1;
    for factor in [2, 5, 10].into_iter().cycle() {
        if step * 5 >= most {
            break;
        }
        // 1, 2, 5, 10, 20, 50 …
        step = if factor == 5 { step / 2 * 5 } else { step * 2 };
    }
    step
}

/// How strong the colour of a square is, 0 to 6, where the strongest of all has `most` calls.
pub fn heat(calls: i64, most: i64) -> i64 {
    if calls == 0 { 0 } else { (calls * 6 + most - 1) / most.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(answered: i64, missed: i64) -> Tally {
        Tally { answered, missed, ..Tally::default() }
    }

    #[test]
    fn bars_stand_on_the_ground_on_each_other_and_reach_no_higher_than_the_picture() {
        let bars = Bars::of(&[("Mon".into(), tally(30, 10)), ("Tue".into(), tally(0, 0))]);
        let [answered, missed] = &bars.bars[0].parts[..] else { panic!("two parts") };
        assert!((answered.y + answered.height - (HEIGHT - BOTTOM)).abs() < 1e-9);
        assert!((missed.y + missed.height - answered.y).abs() < 1e-9);
        assert!(missed.y >= TOP - 1e-9 && (answered.height / missed.height - 3.0).abs() < 1e-9);
        assert_eq!(bars.bars[0].says, "Mon: 30 answered, 10 missed");
        assert_eq!(bars.bars[1].says, "Tue: none");
        assert_eq!(bars.lines.iter().map(|(_, calls)| *calls).collect::<Vec<_>>(), [0, 10, 20, 30, 40]);
        assert_eq!(Bars::of(&[]).lines.len(), 2, "nothing to show is no error");
    }

    #[test]
    fn lines_are_at_round_numbers() {
        for (most, wanted) in
            [(0, 1), (5, 1), (6, 2), (10, 2), (11, 5), (26, 10), (51, 20), (120, 50), (9_000, 2_000)]
        {
            assert_eq!(step(most), wanted, "{most}");
        }
    }

    #[test]
    fn one_call_is_never_as_pale_as_none() {
        assert_eq!([heat(0, 900), heat(1, 900), heat(900, 900), heat(0, 0)], [0, 1, 6, 0]);
    }
}
