//! The calls that are played: rendered once as whole HTTP requests, into which only the call id is then written.

use crate::answer::{Expect, Expected};
use crate::rules;
use crate::words::{Message, Spoken, Words};

/// So many different people call and are called; each of them again and again.
const PARTIES: usize = 1_000;
/// Our own number.
const OURS: &str = "4930609811111";
/// Of five calls, so many come in.
const INBOUND_OF_FIVE: usize = 4;
/// What stands in a rendered request where the call id goes: as long as a UUID.
pub const BLANK_ID: &str = "00000000-0000-0000-0000-000000000000";
const PEOPLE: [&str; 4] = ["Alice+M%C3%BCller", "Bob+Smith", "Ticket+System", "Chlo%C3%A9+Durand"];

/// Somebody outside.
pub struct Party {
    /// E.164 without the plus, as PBXes send it.
    pub number: String,
    /// Is on the block list of `load rules`.
    pub blocked: bool,
}

/// All of them: mobiles and fixed lines of Germany, and mobiles of Switzerland and Austria.
pub fn parties() -> Vec<Party> {
    (0..PARTIES)
        .map(|n| Party {
            number: match n % 6 {
                0 => format!("4930{}", 23_000_000 + n * 641),
                1 => format!("49151{}", 12_000_000 + n * 641),
                2 => format!("49170{}", 2_000_000 + n * 641),
                3 => format!("4989{}", 24_000_000 + n * 641),
                4 => format!("4179{}", 3_000_000 + n * 641),
                _ => format!("43664{}", 3_000_000 + n * 641),
            },
            blocked: n % 50 == 7,
        })
        .collect()
}

/// One request, whole but for the call id.
pub struct Request {
    bytes: Vec<u8>,
    ids_at: Vec<usize>,
    /// What must come back.
    pub expected: Expected,
}

impl Request {
    /// Writes the request into `out` with this call id.
    pub fn write(&self, id: &CallId, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        for &at in &self.ids_at {
            out[at..at + id.0.len()].copy_from_slice(&id.0);
        }
    }
}

/// The requests of one call, in order.
pub type Call = Vec<Request>;

/// Renders all calls against `host` and `path` in the words of a dialect.
pub fn render(host: &str, path: &str, expect: Expect, words: Words) -> Vec<Call> {
    let parties = parties();
    let rendered = parties.iter().enumerate().map(|(n, party)| {
        let inbound = n % 5 < INBOUND_OF_FIVE;
        let (from, to) = if inbound { (&*party.number, OURS) } else { (OURS, &*party.number) };
        let taken_at = format!("4930609811{}", 120 + n % 80);
        let spoken = Spoken { from, to, inbound, user: PEOPLE[n % PEOPLE.len()], taken_at: &taken_at };

        let later = match (words, expect) {
            (Words::Zammad, Expect::Yardstick) => Expected::Yardstick,
            (Words::Zammad, _) => Expected::Nothing,
            _ => Expected::Taken,
        };
        let first = match expect {
            Expect::Rules if inbound && party.blocked => Expected::Reject,
            Expect::Rules if !inbound && party.number.starts_with(rules::DIALLED_PREFIX) => Expected::Dial,
            _ => later,
        };
        let mut story = words.story(&spoken);
        if first == Expected::Reject {
            story.remove(1); // nobody takes it
        }
        let expected = std::iter::once(first).chain(std::iter::repeat(later));
        story.iter().zip(expected).map(|(message, expected)| request(host, path, message, expected)).collect()
    });
    rendered.collect()
}

fn request(host: &str, path: &str, message: &Message, expected: Expected) -> Request {
    let method = if message.form.is_some() { "POST" } else { "GET" };
    let form = message.form.as_deref().unwrap_or_default();
    let about_form = match form {
        "" => String::new(),
        form => {
            format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len())
        }
    };
    let text = format!(
        "{method} {path}{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: load\r\nAccept: application/json\r\n\
         {about_form}\r\n{form}",
        message.behind
    );
    let ids_at = text.match_indices(BLANK_ID).map(|(at, _)| at).collect();
    Request { bytes: text.into_bytes(), ids_at, expected }
}

/// A call id that no other call has: 128 random bits, written like a UUID. Random ids are the worst case for the
/// database's B-trees.
pub struct CallId([u8; BLANK_ID.len()]);

impl CallId {
    /// The next one.
    pub fn new(random: &mut Random) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut bits = u128::from(random.next()) << 64 | u128::from(random.next());
        let mut text = [b'-'; BLANK_ID.len()];
        for (at, place) in text.iter_mut().enumerate() {
            if !matches!(at, 8 | 13 | 18 | 23) {
                *place = HEX[(bits & 15) as usize];
                bits >>= 4;
            }
        }
        Self(text)
    }
}

impl CallId {
    /// As it stands in a request.
    pub fn bytes(&self) -> &[u8; BLANK_ID.len()] {
        &self.0
    }
}

/// SplitMix64: good enough to scatter ids, and costs nothing.
pub struct Random(u64);

impl Random {
    /// Begins anywhere; another seed, other numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::collections::HashSet;

    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};

    use super::*;

    #[test]
    fn parties_are_different_and_could_exist() {
        let parties = parties();
        assert_eq!(parties.iter().map(|party| &party.number).collect::<HashSet<_>>().len(), PARTIES);
        for party in &parties {
            let number: PhoneNumber = format!("+{}", party.number).parse().unwrap();
            assert!(PHONE_NUMBER_UTIL.is_valid_number(&number), "{}", party.number);
        }
    }

    #[test]
    fn rules_meet_some_calls() {
        let calls = render("127.0.0.1:1", "/x", Expect::Rules, Words::Zammad);
        let met = |expected| calls.iter().flatten().filter(|request| request.expected == expected).count();
        assert!(met(Expected::Reject) > 5 && met(Expected::Dial) > 5);
    }

    #[test]
    fn a_call_id_is_written_into_the_body() {
        let calls = render("127.0.0.1:1", "/x", Expect::Plain, Words::Zammad);
        let (mut out, id) = (Vec::new(), CallId::new(&mut Random::new(7)));
        calls[0][1].write(&id, &mut out);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(body.contains(&format!("&callId={}&", String::from_utf8_lossy(&id.0))), "{body}");
        assert!((140..=200).contains(&body.len()), "{body}");
    }
}
