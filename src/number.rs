//! Phone numbers: as a PBX sent them, the normal form by which they are found, and how people read them.
//!
//! The normal form (the key) of a valid number is its E.164 form with the plus. Everything else (extensions, SIP
//! ids, numbers that no plan knows) has a key without a plus. A key reads as itself.

mod cache;
mod plan;
mod spelling;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};
use serde::{Deserialize, Serialize};

use cache::Cache;
use spelling::Spelling;
pub(crate) use spelling::{as_sent, restore_plus, unwrap_uri};

/// A phone number as a PBX sent it, with the normal form by which it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct Number {
    raw: Arc<str>,
    key: Arc<str>,
}

impl Number {
    /// The key of every caller who withholds the number.
    pub const WITHHELD: &'static str = "anonymous";

    /// As sent; only blanks around it are gone, and a plus is back that had decoded to a blank.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The normal form: `+` and E.164 digits where the number is valid, else digits or lower-case text.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Did the caller keep the number back?
    pub fn is_withheld(&self) -> bool {
        self.key() == Self::WITHHELD
    }

    /// Was it sent with a plus or 00 before it, and is longer than extensions are?
    pub fn is_written_abroad(&self) -> bool {
        let spelling = Spelling::of(&spelling::unwrap_uri(&self.raw), false);
        spelling.is_some_and(|it| it.digits.len() > EXTENSION && (it.plus || it.digits.starts_with("00")))
    }

    /// The key of a caller ID that a rule chose: E.164, written with or without the plus (Zammad: without).
    pub fn key_of_caller_id(text: &str) -> String {
        std::iter::once('+').chain(text.chars().filter(char::is_ascii_digit)).collect()
    }
}

/// As sent, and its key.
impl From<(String, String)> for Number {
    fn from((raw, key): (String, String)) -> Self {
        Self { raw: raw.into(), key: key.into() }
    }
}

impl From<Number> for (String, String) {
    fn from(number: Number) -> Self {
        (number.raw().into(), number.key().into())
    }
}

/// How a PBX's numbers are read: its country and, for local numbers, its area. Clones share one small cache.
#[derive(Debug, Clone)]
pub struct Numbering {
    region: Region,
    country_code: String,
    /// Without the trunk zero; where there is none (Italy) as dialled.
    area_code: Option<String>,
    /// National numbers are written with a leading 0 that is no part of them.
    trunk_zero: bool,
    cache: Cache,
}

/// This many digits are an extension, whatever a numbering plan says ("100" would be a possible German number).
const EXTENSION: usize = 5;

/// No country's local numbers are longer.
const LOCAL: usize = 8;

impl Numbering {
    /// `region`: ISO 3166 alpha-2, any letter case. `area_code`: digits; read local numbers as of that area.
    pub fn new(region: &str, area_code: Option<&str>) -> Result<Self, String> {
        let wrong = || format!("the region must be a two-letter country code such as DE, not {region:?}");
        let known = Region::from_code(region.trim()).map_err(|_| wrong())?;
        let country_code =
            PHONE_NUMBER_UTIL.get_country_code_for_region(known).ok_or_else(wrong)?.to_string();
        // Asking for an example also builds the region's patterns (13 ms), which the first call need not wait for.
        let trunk_zero =
            PHONE_NUMBER_UTIL.get_example_number(known).is_ok_and(|example| writes_trunk_zero(&example));
        let area_code = match area_code.map(str::trim).filter(|code| !code.is_empty()) {
            Some(code) if code.len() > 6 || !code.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(format!("the area code must be digits such as 30, not {code:?}"));
            }
            Some(code) if trunk_zero => Some(code.strip_prefix('0').unwrap_or(code).to_owned()),
            code => code.map(str::to_owned),
        };
        Ok(Self { region: known, country_code, area_code, trunk_zero, cache: Cache::default() })
    }

    /// Its country, ISO 3166 alpha-2.
    pub fn region(&self) -> String {
        format!("{:?}", self.region)
    }

    /// Reads what a PBX, a rule or a contact calls a number. `None` for blank text, and for a lone `+` or `-`.
    pub fn read(&self, text: &str) -> Option<Number> {
        if let Some(number) = self.cache.get(text) {
            return Some(number);
        }
        let raw = spelling::restore_plus(text)?;
        let key = self.key_of(&raw);
        let number = Number { raw: raw.into(), key: key.into() };
        self.cache.put(text, &number);
        Some(number)
    }

    /// A pattern's digits and stars, and whether it names the country. `None` where it holds more than a number.
    /// `+49*`, `0049*` and (in Germany) `0*` are one, as are `+1212*`, `011 1 212*` and (in the USA) `212*`; else bare
    /// digits stay.
    pub(crate) fn read_pattern(&self, text: &str) -> Option<(bool, String)> {
        let Spelling { plus, digits, shorn } = Spelling::of(&spelling::unwrap_uri(text), true)?;
        let digits = shorn.unwrap_or(digits);
        let abroad = [plan::international_prefix(&self.country_code), "00"];
        let abroad =
            if plus { Some(&*digits) } else { abroad.iter().find_map(|idd| digits.strip_prefix(idd)) };
        if let Some(rest) = abroad {
            let own = rest.strip_prefix(&self.country_code).filter(|_| self.trunk_zero);
            let shorn = own.and_then(|rest| rest.strip_prefix('0')); // +49 030 is how some write 030
            return Some((true, shorn.map_or_else(|| rest.to_owned(), |rest| self.with_country(rest))));
        }
        let national = match digits.strip_prefix('0') {
            Some(rest) if self.trunk_zero => Some(rest),
            _ => plan::national(&self.country_code, &digits),
        };
        Some(national.map_or((false, digits.clone()), |national| (true, self.with_country(national))))
    }

    fn with_country(&self, national: &str) -> String {
        format!("{}{national}", self.country_code)
    }

    fn key_of(&self, raw: &str) -> String {
        let text = spelling::unwrap_uri(raw);
        let spelled = Spelling::of(&text, false)
            .or_else(|| spelling::main_number(&text).and_then(|number| Spelling::of(number, false)));
        if let Some(Spelling { plus, digits, shorn }) = spelled {
            if plus && spelling::SPELLED_OUT.contains(&digits.as_str()) {
                return Number::WITHHELD.to_owned();
            }
            let with_plus = if plus { valid(&format!("+{digits}"), None) } else { None };
            let as_it_is = || shorn.as_ref().and_then(|_| self.bare_valid(&digits));
            return with_plus
                .or_else(as_it_is)
                .unwrap_or_else(|| self.bare(shorn.as_deref().unwrap_or(&digits)));
        }
        if let Some(rest) = text.strip_prefix('+') {
            return self.key_of(rest.trim_start()); // the plus in front of a key says that it is valid
        }
        if spelling::is_star_code(&text) {
            return text.split_whitespace().collect();
        }
        let text = text.to_lowercase();
        if spelling::is_withheld(&text) { Number::WITHHELD.to_owned() } else { text }
    }

    /// The key of bare digits. Also of a number that was written with its country code and is not valid, so that
    /// all spellings of one have one key.
    fn bare(&self, digits: &str) -> String {
        if digits.len() <= EXTENSION {
            return digits.to_owned();
        }
        if let Some(key) = self.bare_valid(digits) {
            return key;
        }
        match digits.strip_prefix('0').map(|rest| (rest, rest.strip_prefix('0'))) {
            Some((_, Some(rest))) => self.bare(rest),
            Some((rest, None)) if self.trunk_zero => self.bare(&format!("{}{rest}", self.country_code)),
            _ => digits.to_owned(),
        }
    }

    fn bare_valid(&self, digits: &str) -> Option<String> {
        let abroad = || valid(&format!("+{digits}"), None);
        let national = || valid(digits, Some(self.region));
        if digits.starts_with('0') {
            return national().or_else(|| valid(&format!("+{}", digits.strip_prefix("00")?), None));
        }
        let own = digits.starts_with(&self.country_code);
        match (self.trunk_zero, own) {
            (true, true) => abroad().or_else(|| self.local(digits)),
            // where national numbers have a trunk zero, digits without one are no national number
            (true, false) => self.local(digits).or_else(abroad),
            (false, _) => national().or_else(|| self.local(digits)).or_else(abroad),
        }
    }

    /// With an area code, a few bare digits are a number of that area.
    fn local(&self, digits: &str) -> Option<String> {
        let area = self.area_code.as_ref().filter(|_| digits.len() <= LOCAL)?;
        valid(&format!("+{}{area}{digits}", self.country_code), None)
    }
}

fn writes_trunk_zero(example: &PhoneNumber) -> bool {
    let written = example.format_as(PhoneNumberFormat::National);
    let digits = written.chars().filter(char::is_ascii_digit);
    example.is_valid() && digits.eq(format!("0{}", example.get_national_significant_number()).chars())
}

/// The E.164 form of a valid number, with the plus. A number that does not read as itself again is none.
fn valid(text: &str, region: Option<Region>) -> Option<String> {
    // Mexico's mobile numbers had a 1 behind the country code until 2019, and some still write it
    if let Some(rest) = text.strip_prefix("+521").filter(|rest| rest.len() == 10) {
        return valid(&format!("+52{rest}"), None);
    }
    let e164 = |text: &str, region| {
        let number = PhoneNumber::parse(text, region).ok().filter(PhoneNumber::is_valid)?;
        Some(number.format_as(PhoneNumberFormat::E164).into_owned())
    };
    let key = e164(text, region)?;
    (key == text || e164(&key, None).as_ref() == Some(&key)).then_some(key)
}

/// The E.164 form, with the plus, of a key that has one.
pub fn e164(key: &str) -> Option<&str> {
    key.starts_with('+').then_some(key)
}

/// Is this the key of an extension: few digits, a star code or a SIP id, and no number that is withheld or was taken away?
pub fn is_extension(key: &str) -> bool {
    let digits = key.bytes().all(|b| b.is_ascii_digit());
    !key.is_empty() && key != Number::WITHHELD && e164(key).is_none() && !(digits && key.len() > EXTENSION)
}

/// As people read it: a valid number internationally (`+49 30 1234567`), anything else as sent.
pub fn display(raw: &str, key: &str) -> String {
    match e164(key).and_then(|key| PhoneNumber::parse(key, None).ok()) {
        Some(number) => number.format_as(PhoneNumberFormat::International).into_owned(),
        None => raw.to_owned(),
    }
}
