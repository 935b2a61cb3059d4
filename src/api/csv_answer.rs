//! CSV as an answer: streamed portion by portion, and harmless in a spreadsheet.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::{Stream, StreamExt, stream};

use crate::error::{Error, Result};
use crate::text::FORMULA;

/// Some rows, and behind which place the next ones stand.
pub type Portion<P> = (Bytes, Option<P>);

/// An answer that browsers keep as a file of that name.
pub fn named(file: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")));
    answer
}

/// All rows. The `first` portion is read before the answer begins, so that its status can still say that there is no
/// database; `more` reads what stands behind a place.
pub fn rows<P, F>(first: Portion<P>, more: impl Fn(P) -> F) -> impl Stream<Item = Result<Bytes>>
where
    F: Future<Output = Result<Portion<P>>>,
{
    let (text, next) = first;
    let others = stream::try_unfold((next, more), |(place, more)| async move {
        let Some(place) = place else { return Ok(None) };
        let (text, next) = more(place).await?;
        Ok(Some((text, (next, more))))
    });
    stream::iter([Ok(text)]).chain(others)
}

/// Rows as CSV.
///
/// # Errors
/// What the writer says.
pub fn written<const N: usize>(
    header: Option<[&str; N]>,
    rows: impl Iterator<Item = [String; N]>,
) -> Result<Bytes> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let wrong = |e: csv::Error| Error::Internal(Box::new(e));
    if let Some(header) = header {
        writer.write_record(header).map_err(wrong)?;
    }
    for row in rows {
        writer.write_record(row.map(defused)).map_err(wrong)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|e| Error::Internal(Box::new(e.into_error())))
}

/// What callers and PBXes write must not run in a spreadsheet, whatever it takes for the separator of cells (in many
/// countries a semicolon). A number with its plus is data, and harmless.
fn defused(cell: String) -> String {
    let number = cell.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    if number || !cell.contains(FORMULA) {
        return cell;
    }
    let mut written = String::with_capacity(cell.len() + 1);
    let mut begins = true;
    for letter in cell.chars() {
        if begins && FORMULA.contains(&letter) {
            written.push('\'');
        }
        written.push(letter);
        begins = SEPARATORS.contains(&letter);
    }
    written
}

/// Behind these a cell may begin.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_numbers_stay_numbers() {
        for (cell, written) in [
            ("+493012345", "+493012345"),
            ("+49 30 12345", "'+49 30 12345"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("=1+1", "'=1+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
            ("＝1", "'＝1"),
            ("Alice;=1", "Alice;'=1"),
            ("Alice-Bob; +49", "Alice-Bob; +49"),
            ("Alice", "Alice"),
            ("", ""),
        ] {
            assert_eq!(defused(cell.into()), written);
        }
    }
}
