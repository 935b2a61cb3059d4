//! Who calls whom: a firm's people and queues, and those who call it. All numbers are set aside for fiction.

use super::chance::Chance;

/// The firm and its callers.
#[derive(Debug)]
pub struct Cast {
    colleagues: Vec<Colleague>,
    callers: u64,
}

/// Who sits at a phone.
#[derive(Debug)]
pub struct Colleague {
    /// As the PBX names them.
    pub name: String,
    /// Two digits.
    pub extension: String,
}

const FIRST: [&str; 8] = ["Alice", "Bob", "Carla", "David", "Emma", "Farid", "Greta", "Hugo"];
const LAST: [&str; 9] =
    ["Becker", "Schneider", "Yıldız", "Kowalski", "Fischer", "Haddad", "Nguyen", "Rossi", "Øster"];

/// The queues, the busiest first.
const QUEUES: [(u32, &str); 4] = [(6, "support"), (3, "sales"), (2, "orders"), (1, "billing")];

/// The firm's own number, without its last three digits, of which the first is 0.
const TRUNK: &str = "493023125";

/// Ranges of a thousand numbers for films: Berlin, Frankfurt, Hamburg, Cologne, Munich (Bundesnetzagentur, notice
/// 148/2021), then Britain's (Ofcom).
const THOUSANDS: [&str; 21] = [
    "493023125",
    "496990009",
    "494066969",
    "492214710",
    "498999998",
    "447700900",
    "441134960",
    "441144960",
    "441154960",
    "441164960",
    "441174960",
    "441184960",
    "441214960",
    "441314960",
    "441414960",
    "441514960",
    "441614960",
    "441914980",
    "442079460",
    "442896496",
    "442920180",
];
/// Of each of these ranges so many, from 100 on: the others are the firm's own.
const OF_A_THOUSAND: u64 = 900;
/// Ranges of ten thousand: Australia's (ACMA).
const TEN_THOUSANDS: [&str; 8] =
    ["6125550", "6135550", "6175550", "6185550", "6127010", "6137010", "6177010", "6187010"];

/// Somebody who calls often and is not wanted.
pub const NUISANCE: &str = "447700900666";

impl Cast {
    /// The most callers that there are numbers for.
    pub const MOST_CALLERS: u64 =
        OF_A_THOUSAND * THOUSANDS.len() as u64 + 10_000 * TEN_THOUSANDS.len() as u64;

    /// A firm of so many people (72 at most), and how many others call it or are called.
    pub fn new(colleagues: usize, callers: u64) -> Self {
        let colleague = |n: usize| Colleague {
            name: format!("{} {}", FIRST[n % FIRST.len()], LAST[n % LAST.len()]),
            extension: (11 + n).to_string(),
        };
        let colleagues = (0..colleagues.clamp(1, FIRST.len() * LAST.len())).map(colleague).collect();
        Self { colleagues, callers: callers.clamp(1, Self::MOST_CALLERS) }
    }

    /// Somebody of the firm.
    pub fn colleague(&self, chance: &mut Chance) -> &Colleague {
        &self.colleagues[chance.below(self.colleagues.len() as u64) as usize]
    }

    /// One of its queues.
    pub fn queue(&self, chance: &mut Chance) -> &'static str {
        chance.weighed(&QUEUES)
    }

    /// Somebody's number, in the spellings that PBXes send. Some call often.
    pub fn caller(&self, chance: &mut Chance) -> String {
        let digits = number(chance.rank(self.callers));
        match chance.below(4) {
            0 => format!("+{digits}"),
            1 => format!("00{digits}"),
            _ => digits,
        }
    }
}

impl Colleague {
    /// The number at which they are called.
    pub fn number(&self) -> String {
        format!("{TRUNK}0{}", self.extension)
    }
}

/// The number of a caller, by rank: the frequent ones are near.
fn number(rank: u64) -> String {
    let near = OF_A_THOUSAND * THOUSANDS.len() as u64;
    let spread = |ranges: &[&'static str], rank: u64| {
        let count = ranges.len() as u64;
        (ranges[(rank % count) as usize], rank / count)
    };
    if rank < near {
        let (range, digits) = spread(&THOUSANDS, rank);
        return format!("{range}{}", 100 + digits);
    }
    let (range, digits) = spread(&TEN_THOUSANDS, rank - near);
    format!("{range}{digits:04}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::number::Numbering;

    #[test]
    fn every_caller_has_a_number_of_their_own_and_none_is_the_firms() {
        let cast = Cast::new(60, 1);
        let own: HashSet<String> = cast.colleagues.iter().map(Colleague::number).collect();
        let numbers: HashSet<String> = (0..Cast::MOST_CALLERS).map(number).collect();
        assert_eq!(numbers.len() as u64, Cast::MOST_CALLERS);
        assert_eq!(own.len(), 60);
        assert!(numbers.is_disjoint(&own));
        let names: HashSet<&String> = cast.colleagues.iter().map(|one| &one.name).collect();
        assert_eq!(names.len(), 60);
    }

    #[test]
    fn numbers_are_numbers() {
        let numbering = Numbering::new("DE", None).unwrap();
        for rank in [0, 20, 18_899, 18_900, 60_000, Cast::MOST_CALLERS - 1] {
            let digits = number(rank);
            assert_eq!(numbering.read(&format!("00{digits}")).unwrap().key(), format!("+{digits}"), "{rank}");
        }
    }
}
