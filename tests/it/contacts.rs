//! Contacts over HTTP.

use reqwest::Method;
use serde_json::json;

use crate::harness::spawn;

#[actix_web::test]
async fn an_import_makes_no_contact_that_cannot_be_edited() {
    let app = spawn();
    let numbers = |from: u32, to: u32| (from..to).map(|n| format!("+4930{n}")).collect::<Vec<_>>();
    let many = json!({ "name": "Alice", "numbers": numbers(2_312_001, 2_312_050) });
    let alice = app.manager.post_json("/api/v1/contacts", &many).await.is(201).json();
    let file = format!(
        "Name,Number\nAlice,{known};{new}\nAlice,{known};{more}\nBob,{more}\n",
        known = "+49302312001",
        new = "+49302312050",
        more = "+49302312051",
    );
    let import = async |file: &str| {
        let request = app.manager.request(Method::POST, "/api/v1/contacts/import");
        let request = request.header("Content-Type", "text/csv").body(file.to_owned());
        app.manager.send(request).await.is(200).json()
    };
    let why = "with its numbers the contact of that name would have more than 50; it was left out";
    // the file's two rows are one contact, which has two numbers more: one too many
    let done = import(&file).await;
    assert_eq!(done["skipped"], json!([{ "line": 2, "why": why }]));
    assert_eq!((&done["created"], &done["updated"]), (&json!(1), &json!(0)));
    let done = import("Name,Number\nAlice,+49302312001;+49302312050\n").await;
    assert_eq!((&done["updated"], &done["skipped_count"]), (&json!(1), &json!(0)));
    let path = format!("/api/v1/contacts/{}", alice["id"]);
    let edited = app.manager.json(Method::PATCH, &path, &json!({ "company": "Becker" })).await.is(200);
    assert_eq!(edited.json()["numbers"].as_array().unwrap().len(), 50);
}
