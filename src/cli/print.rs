//! What commands print: tables for people, JSON for programs.

use std::io::{ErrorKind, Write};

use comfy_table::{ContentArrangement, Table, TableComponent, presets};
use serde::Serialize;

use crate::call::Moment;
use crate::error::StartError;
use crate::text::shown;

/// One text and a line's end. A reader who has seen enough (`| head`) is no error.
pub fn line(text: &str) -> Result<(), StartError> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(StartError(format!("cannot print: {e}"))),
        _ => Ok(()),
    }
}

/// Rows under their headings; where there are none, `nothing`, which says what to do about it.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>, nothing: &str) -> Result<(), StartError> {
    if rows.is_empty() {
        return line(nothing);
    }
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─')
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings)
        .add_rows(rows.iter().map(|row| row.iter().map(|cell| shown(cell))));
    line(&table.to_string())
}

/// The list as the API answers it, all on one page.
pub fn json<T: Serialize>(rows: &[T]) -> Result<(), StartError> {
    let page = serde_json::json!({ "data": rows, "next": null });
    line(&serde_json::to_string_pretty(&page).map_err(|e| StartError(format!("cannot print: {e}")))?)
}

/// A moment for a table, in UTC; a dash for none.
pub fn moment(at: Option<Moment>) -> String {
    at.map_or_else(|| "-".into(), |at| at.format("%Y-%m-%d %H:%M").to_string())
}

/// A word for a table.
pub fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}
