//! What people dial before a number in countries that differ from most: for patterns, which are no whole numbers, so that
//! the numbering plans' library cannot read them. From ITU-T's list of dialling procedures.

/// What comes before a country code when one dials abroad from there.
pub fn international_prefix(country_code: &str) -> &'static str {
    match country_code {
        "1" => "011",
        "61" => "0011",
        "7" => "810",
        "81" => "010",
        _ => "00",
    }
}

/// What comes behind the country code of a number that begins so, where that is plain; none for a trunk zero.
pub fn national<'a>(country_code: &str, begin: &'a str) -> Option<&'a str> {
    match country_code {
        // North America has no trunk prefix but the country code itself; few digits are an extension's begin
        "1" => {
            let digits = begin.bytes().take_while(u8::is_ascii_digit).count();
            let area =
                digits >= 3 && begin.contains('*') && begin.starts_with(|c: char| ('2'..='9').contains(&c));
            area.then_some(begin)
        }
        "7" => begin.strip_prefix('8'),
        "36" => begin.strip_prefix("06"),
        // a leading 0 is part of Italian numbers
        "39" | "378" => begin.starts_with('0').then_some(begin),
        _ => None,
    }
}
