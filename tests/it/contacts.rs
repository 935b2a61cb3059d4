//! Contacts over HTTP.

use diesel::prelude::*;
use futures_util::future::join_all;
use hookswitch::store::schema::contact_numbers;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, spawn};

async fn import(app: &TestApp, file: &str) -> Value {
    let request = app.manager.request(Method::POST, "/api/v1/contacts/import");
    let request = request.header("Content-Type", "text/csv").body(file.to_owned());
    app.manager.send(request).await.is(200).json()
}

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
    let import = async |file: &str| import(&app, file).await;
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

/// Each of two changes at once keeps what the other one did.
#[actix_web::test]
async fn changes_at_once_lose_nothing() {
    let app = spawn();
    for round in 0..20 {
        let new = json!({ "name": format!("Alice {round}"), "numbers": ["+493023125101"] });
        let alice = app.manager.post_json("/api/v1/contacts", &new).await.is(201).json();
        let path = format!("/api/v1/contacts/{}", alice["id"]);
        let changes = [json!({ "company": "Becker" }), json!({ "note": "calls at night" })];
        let patched = join_all(changes.iter().map(|to| app.manager.json(Method::PATCH, &path, to))).await;
        patched.into_iter().for_each(|answer| drop(answer.is(200)));
        let alice = app.manager.get_json(&path).await;
        assert_eq!(
            (&alice["company"], &alice["note"]),
            (&json!("Becker"), &json!("calls at night")),
            "{round}"
        );
        assert_eq!(alice["numbers"].as_array().unwrap().len(), 1);
    }
}

#[actix_web::test]
async fn a_file_that_is_sent_twice_at_once_makes_each_contact_once() {
    let app = spawn();
    let rows: String = (0..500).map(|n| format!("Person {n},+4930231{n:05}\n")).collect();
    let file = format!("Name,Number\n{rows}");
    let done = join_all((0..4).map(|_| import(&app, &file))).await;
    let counted = |what: &str| done.iter().filter_map(|done| done[what].as_u64()).sum::<u64>();
    assert_eq!((counted("created"), counted("unchanged")), (500, 1_500), "{done:?}");
}

#[actix_web::test]
async fn what_is_no_contact_is_refused_by_name() {
    let app = spawn();
    let new = json!({ "name": "Alice", "numbers": ["030 23125101"] });
    let alice = app.manager.post_json("/api/v1/contacts", &new).await.is(201).json();
    let path = format!("/api/v1/contacts/{}", alice["id"]);
    for (change, field) in [
        (json!({ "name": null }), "name"),
        (json!({ "numbers": null }), "numbers"),
        (json!({ "name": "\u{200b}\u{feff}" }), "name"),
        (json!({ "numbers": ["030 1 / 030 2"] }), "numbers[0]"),
        (json!({ "numbers": ["030 23125101", "4.93023E+11"] }), "numbers[1]"),
    ] {
        let refused = app.manager.json(Method::PATCH, &path, &change).await.is(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{change}");
    }
    assert_eq!(app.manager.get_json(&path).await["name"], "Alice");
    // ["\u0000",1]
    let forged = app.agent.get("/api/v1/contacts?cursor=WyJcdTAwMDAiLDFd").await.is(422).json();
    assert_eq!(forged["errors"][0]["field"], "cursor");
}

/// What was taken in before something was refused can still be changed.
#[actix_web::test]
async fn old_numbers_stay_where_none_are_sent() {
    let app = spawn();
    let new = json!({ "name": "Alice", "numbers": ["030 23125101"] });
    let alice = app.manager.post_json("/api/v1/contacts", &new).await.is(201).json();
    app.query(|db| {
        diesel::update(contact_numbers::table)
            .set((contact_numbers::number.eq("4.93E+11"), contact_numbers::number_key.eq("4.93e+11")))
            .execute(db)
    })
    .await;
    let path = format!("/api/v1/contacts/{}", alice["id"]);
    let change = json!({ "company": "Becker" });
    let alice = app.manager.json(Method::PATCH, &path, &change).await.is(200).json();
    assert_eq!((&alice["company"], &alice["numbers"][0]["number"]), (&json!("Becker"), &json!("4.93E+11")));
}

#[actix_web::test]
async fn a_form_is_told_to_send_the_file_itself() {
    let app = spawn();
    let form = reqwest::multipart::Form::new().text("file", "Name,Number\nAlice,030 23125101\n");
    let request = app.manager.request(Method::POST, "/api/v1/contacts/import").multipart(form);
    let refused = app.manager.send(request).await.is(422).json();
    assert!(refused["detail"].as_str().unwrap().contains("--data-binary"), "{refused}");
}

/// More of them than were once looked up.
#[actix_web::test]
async fn digits_find_every_contact_whose_number_begins_so() {
    let app = spawn();
    let rows: String = (0..5_100).map(|n| format!("Person {n:04},+4930231{n:05}\n")).collect();
    import(&app, &format!("Name,Number\n{rows}Other,+491713920055\n")).await;
    let mut path = "/api/v1/contacts?limit=500&q=030231".to_owned();
    let mut found = 0;
    loop {
        let page = app.agent.get_json(&path).await;
        found += page["data"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/contacts?limit=500&q=030231&cursor={next}");
    }
    assert_eq!(found, 5_100);
}

#[actix_web::test]
async fn what_is_given_out_can_be_taken_in_again() {
    let (app, other) = (spawn(), spawn());
    let rows: String = (0..600).map(|n| format!("Person {n:03},+4930231{n:05}\n")).collect();
    import(&app, &format!("Name,Number\n{rows}")).await;
    let odd = json!({
        "name": "=1+1", "company": "Schmidt, \"Söhne\"", "numbers": ["+49 171 3920055", "0003*210"], "note": "two\nlines",
    });
    app.manager.post_json("/api/v1/contacts", &odd).await.is(201);
    let file = app.agent.get("/api/v1/contacts.csv").await.is(200).body;
    assert!(file.starts_with("name,company,number,note\r\n'=1+1,"), "{file}");
    assert_eq!(import(&app, &file).await["unchanged"], 601, "each is the same");
    assert_eq!(import(&other, &file).await["created"], 601);
    let one = app.agent.get("/api/v1/contacts.csv?q=person+007").await.is(200).body;
    assert_eq!(one, "name,company,number,note\r\nPerson 007,,+493023100007,\r\n");
    app.nobody.get("/api/v1/contacts.csv").await.is(401);
    app.agent.get("/api/v1/contacts.csv?limit=5").await.is(422);
}
