//! CSV with a row of column names: our own, and those of Outlook, Google and Thunderbird, English and German.

use super::number::is_parameter;
use super::{Card, TRIED};
use crate::text::FORMULA;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    First,
    Middle,
    Last,
    Company,
    Note,
    Number,
    Other,
}

impl Column {
    fn of(header: &str) -> Self {
        let header = header.trim().to_lowercase();
        match header.as_str() {
            "name"
            | "full name"
            | "fullname"
            | "display name"
            | "displayname"
            | "anzeigename"
            | "vollständiger name"
            | "contact"
            | "contact name"
            | "kontakt"
            | "ansprechpartner"
            | "file as" => Self::Name,
            "first name" | "firstname" | "given name" | "vorname" => Self::First,
            "middle name" | "additional name" | "weitere vornamen" | "zweiter vorname" => Self::Middle,
            "last name" | "lastname" | "surname" | "family name" | "nachname" | "familienname" => Self::Last,
            "company"
            | "firma"
            | "organization"
            | "organisation"
            | "organization name"
            | "organisation name"
            | "organization 1 - name"
            | "unternehmen" => Self::Company,
            "note" | "notes" | "notiz" | "notizen" | "comment" | "comments" | "kommentar" | "bemerkung"
            | "bemerkungen" | "anmerkung" | "anmerkungen" => Self::Note,
            _ if holds_number(&header) => Self::Number,
            _ => Self::Other,
        }
    }
}

/// "Phone 1 - Value", "Telefon geschäftlich 2", "Mobil-Tel.-Nr.", "Number"; but no "Phone 1 - Type".
fn holds_number(header: &str) -> bool {
    let mut words = header.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    if words.clone().any(|word| {
        ["type", "label", "email", "yomi"].contains(&word)
            || ["assist", "phonet"].iter().any(|part| word.starts_with(part))
            || word.contains("notiz")
            || word.ends_with("typ")
    }) {
        return false;
    }
    let parts = ["phone", "telefon", "mobil", "handy", "rufnummer", "fax", "pager"];
    let is_one = |word: &str| parts.iter().any(|part| word.contains(part)) || ["tel", "cell"].contains(&word);
    let only = ["number", "numbers", "nummer", "nummern"];
    words.clone().any(is_one) || (words.clone().count() == 1 && words.any(|word| only.contains(&word)))
}

/// Reads row by row.
pub fn read(text: &str, mut take: impl FnMut(Card)) -> Result<(), String> {
    let (text, skipped, delimiter) = begin(text);
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
        .into_records();
    let wrong = |e: csv::Error| format!("the CSV cannot be read: {e}");
    let header = rows.next().transpose().map_err(wrong)?.unwrap_or_default();
    let columns: Vec<Column> = header.iter().map(Column::of).collect();
    let has = |wanted: &[Column]| columns.iter().any(|column| wanted.contains(column));
    if !has(&[Column::Name, Column::First, Column::Last, Column::Company]) || !has(&[Column::Number]) {
        return Err(
            "the first row must name the columns: `name` (or `first name`, `last name`, `company`) and \
                    `number`; `note` where you like"
                .into(),
        );
    }
    let mut lines = Lines { text: text.as_bytes(), seen: 0, line: 1 + skipped };
    // the reader takes whatever stands up to the next quote, be it the rest of the file
    let unpaired = text.matches('"').count() % 2 == 1;
    for row in rows {
        let row = row.map_err(wrong)?;
        let line = lines.line_at(row.position().map_or(0, csv::Position::byte));
        if unpaired && row.iter().any(|cell| cell.contains('\n')) {
            return Err(format!(
                "line {line}: a quotation mark is not closed (one that is meant is written twice)"
            ));
        }
        take(card(line, columns.iter().copied().zip(row.iter())));
    }
    Ok(())
}

/// The text from the row of column names on, how many lines stand before it, and the delimiter.
fn begin(text: &str) -> (&str, u64, u8) {
    let (mut rest, mut skipped, mut said) = (text, 0, None);
    while let Some((line, behind)) = rest.split_once('\n') {
        match (excels_own(line), line.contains(char::is_alphanumeric)) {
            (Some(delimiter), _) => said = Some(delimiter),
            (None, true) => break,
            (None, false) => {} // blank, or nothing but delimiters
        }
        (rest, skipped) = (behind, skipped + 1);
    }
    (rest, skipped, said.unwrap_or_else(|| delimiter(rest.lines().next().unwrap_or_default())))
}

/// Excel's own line `sep=;`, which says how the others are to be read.
fn excels_own(line: &str) -> Option<u8> {
    let line = line.trim_matches(['"', ' ', '\r', '\u{feff}']);
    let (word, rest) = line.split_at_checked(4)?;
    rest.bytes().next().filter(|_| word.eq_ignore_ascii_case("sep="))
}

/// Counts lines: the reader's own count is one short where lines end in CR LF.
struct Lines<'a> {
    text: &'a [u8],
    seen: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at `byte`, or behind the line ends that stand there.
    fn line_at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(self.text.len()).clamp(self.seen, self.text.len());
        let ends = self.text[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let passed = &self.text[self.seen..byte + ends];
        self.line += passed.iter().filter(|b| **b == b'\n').count() as u64;
        self.seen = byte + ends;
        self.line
    }
}

/// What stands most often in the row of column names.
fn delimiter(header: &str) -> u8 {
    let count = |delimiter: u8| header.bytes().filter(|b| *b == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn card<'a>(line: u64, cells: impl Iterator<Item = (Column, &'a str)>) -> Card {
    let mut card = Card { line, ..Card::default() };
    let mut parts = [""; 3];
    for (column, cell) in cells {
        let cell = unmarked(cell.trim());
        match column {
            _ if cell.is_empty() => {}
            Column::Name => first(&mut card.name, cell),
            Column::First => parts[0] = cell,
            Column::Middle => parts[1] = cell,
            Column::Last => parts[2] = cell,
            Column::Company => first(&mut card.company, cell),
            Column::Note => first(&mut card.note, cell),
            Column::Number => add_numbers(&mut card.numbers, cell),
            Column::Other => {}
        }
    }
    if card.name.is_empty() {
        let given: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        card.name = given.join(" ");
    }
    card
}

/// Without the apostrophe that our own CSV puts before what a spreadsheet would take for a formula.
fn unmarked(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

fn first(known: &mut String, cell: &str) {
    if known.is_empty() {
        *known = cell.into();
    }
}

/// Several in one cell stand between semicolons, line ends or (Google) three colons. What is more than can be tried is
/// left out, but for one.
fn add_numbers(numbers: &mut Vec<String>, cell: &str) {
    let known = numbers.len();
    for part in cell.split(":::").flat_map(|part| part.split([';', '\n'])).map(str::trim) {
        if is_parameter(part)
            && let Some(number) = numbers[known..].last_mut()
        {
            number.extend([";", part]);
        } else if numbers.len() > TRIED {
            break;
        } else if !part.is_empty() {
            numbers.push(part.into());
        }
    }
}
