//! Sessions: what they may, how they end, and that nobody else can use them.

use chrono::TimeDelta;
use diesel::prelude::*;
use hookswitch::clock;
use hookswitch::secret::Hash;
use hookswitch::session::COOKIE;
use hookswitch::store::schema::sessions;
use hookswitch::store::{keys, sessions as rows};
use reqwest::Method;
use serde_json::json;

use super::Browser;
use crate::harness::{spawn, spawn_with};
use crate::program::{gave_up, printed, run};

#[actix_web::test]
async fn the_cookie_is_the_browsers_alone() {
    let app = spawn_with(&["--public-url=https://calls.example.org"]);
    let key = app.agent.key.as_deref().unwrap();
    let answer = Browser::new(&app).sign_in(key, "/?done=false").await.is(303);
    assert_eq!(answer.header("location"), "/?done=false");
    let cookie = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let token = cookie.split([';', '=']).nth(1).unwrap().to_owned();
    let kept = app.query(|db| sessions::table.select(sessions::token_hash).load::<Vec<u8>>(db)).await;
    assert_eq!(kept, [Hash::of(&token).0.to_vec()], "only its hash is kept");
    let plain = spawn();
    let answer =
        Browser::new(&plain).sign_in(plain.agent.key.as_deref().unwrap(), "//evil.example").await.is(303);
    assert!(!answer.header("set-cookie").contains("Secure"), "http would lose it");
    assert_eq!(answer.header("location"), "/");
}

#[actix_web::test]
async fn a_session_is_its_key_and_ends_with_it() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.admin).await;
    browser.get("/").await.is(200);
    browser.get("/api/v1/keys").await.is(200);
    let other = Browser::signed_in(&app, &app.admin).await;
    let ids = app.query(|db| sessions::table.order(sessions::id).select(sessions::id).load::<i64>(db)).await;
    browser.post(&format!("/account/sessions/{}/end", ids[1]), &[]).await.is(303);
    other.get("/api/v1/keys").await.is(401);
    browser.post(&format!("/account/sessions/{}/end", ids[1]), &[]).await.is(404);

    let agent = Browser::signed_in(&app, &app.agent).await;
    agent.post(&format!("/account/sessions/{}/end", ids[0]), &[]).await.is(404);
    agent.get("/api/v1/keys").await.is(403);
    let key_id = app.query(keys::all).await.into_iter().find(|key| key.name == "agent").unwrap().id;
    app.admin.delete(&format!("/api/v1/keys/{key_id}")).await.is(204);
    agent.get("/api/v1/calls").await.is(401);
    let sent_away = agent.get("/?done=false").await.is(303);
    assert_eq!(sent_away.header("location"), "/sign-in?next=%2F%3Fdone%3Dfalse");

    let gone = browser.post("/sign-out", &[]).await.is(303);
    assert!(gone.header("set-cookie").starts_with(&format!("{COOKIE}=;")));
    browser.get("/api/v1/keys").await.is(401);
}

#[actix_web::test]
async fn sessions_and_links_have_their_time() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.agent).await;
    let late = clock::now() - TimeDelta::seconds(1);
    app.configure(move |db| diesel::update(sessions::table).set(sessions::expires_at.eq(late)).execute(db))
        .await;
    browser.get("/api/v1/calls").await.is(401);

    let key_id = app.query(keys::all).await[0].id;
    app.query(move |db| {
        rows::insert_link(db, key_id, &Hash::of("old"), late)?;
        rows::insert_link(db, key_id, &Hash::of("new"), late + TimeDelta::hours(1))
    })
    .await;
    let mut browser = Browser::new(&app);
    assert!(browser.post("/sign-in/old", &[]).await.is(200).body.contains("too old"));
    browser.get("/sign-in/new").await.is(200);
    browser.get("/sign-in/new").await.is(200);
    let answer = browser.post("/sign-in/new", &[]).await.is(303);
    browser.keep(&answer);
    browser.get("/").await.is(200);
    assert!(browser.post("/sign-in/new", &[]).await.is(200).body.contains("used before"));
    app.query(|db| rows::delete_expired(db, clock::now())).await;
    assert_eq!(app.query(|db| sessions::table.count().get_result::<i64>(db)).await, 1);
}

#[actix_web::test]
async fn the_command_line_makes_a_link() {
    let app = spawn();
    let ask = |id: i64| run(&app.database, &["key", "link", &id.to_string(), "--public-url", &app.base_url]);
    let key_id = app.query(keys::all).await[0].id;
    let link = printed(ask(key_id));
    let mut browser = Browser::new(&app);
    let answer = browser.post(link.trim().strip_prefix(&app.base_url).unwrap(), &[]).await.is(303);
    browser.keep(&answer);
    browser.get("/account").await.is(200);
    assert!(gave_up(ask(77)).starts_with("there is no key 77"));
    app.query(move |db| keys::revoke(db, key_id, clock::now())).await;
    assert!(gave_up(ask(key_id)).ends_with("is revoked"));
}

#[actix_web::test]
async fn a_key_has_so_many_sessions_and_no_more() {
    let app = spawn();
    let first = Browser::signed_in(&app, &app.agent).await;
    for _ in 0..50 {
        Browser::signed_in(&app, &app.agent).await;
    }
    first.get("/api/v1/calls").await.is(401);
    assert_eq!(app.query(|db| sessions::table.count().get_result::<i64>(db)).await, 50);
}

#[actix_web::test]
async fn no_other_site_can_use_a_session() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.admin).await;
    let rule = json!({ "pattern": "+49*" });
    for headers in [&[][..], &[("Sec-Fetch-Site", "cross-site")], &[("Origin", "https://evil.example")]] {
        for (path, body) in [("/api/v1/block-rules", true), ("/sign-out", false), ("/sign-in", false)] {
            let request = browser.request(Method::POST, path);
            let request = if body { request.json(&rule) } else { request.form(&[("key", "x")]) };
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = app.nobody.send(request).await.is(403);
            assert!(answer.body.contains("not sent by a page of this server"), "{path}: {}", answer.body);
        }
    }
    let request =
        browser.request(Method::POST, "/api/v1/block-rules").header("Origin", &app.base_url).json(&rule);
    app.nobody.send(request).await.is(201);
    browser.get("/account").await.is(200);
}

#[actix_web::test]
async fn a_proxys_own_password_is_no_key() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.agent).await;
    let behind =
        |method, path| browser.request(method, path).header("Authorization", "Basic b3BlbjpzZXNhbWU=");
    for path in ["/", "/api/v1/calls"] {
        app.nobody.send(behind(Method::GET, path)).await.is(200);
    }
    let wrong_key = browser.request(Method::GET, "/api/v1/calls").header("Authorization", "Bearer hsk_x");
    app.nobody.send(wrong_key).await.is(401);
}

#[actix_web::test]
async fn a_stream_ends_with_its_session() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.agent).await;
    let stream = browser.request(Method::GET, "/api/v1/stream").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    browser.post("/sign-out", &[]).await.is(303);
    let call = [
        ("event", "newCall"),
        ("direction", "in"),
        ("callId", "1"),
        ("from", "493023125001"),
        ("to", "4930"),
    ];
    app.post_form(&call).await.is(200);
    let told = stream.text().await.unwrap();
    assert!(told.contains("may read no more") && !told.contains("23125001"), "{told}");
}

#[actix_web::test]
async fn guessing_keys_is_slowed_down_and_programs_get_json() {
    let app = spawn_with(&["--failed-tokens-per-minute=2"]);
    let browser = Browser::new(&app);
    for status in [422, 422, 429] {
        browser.sign_in("hsk_wrong", "/").await.is(status);
    }
    let key = app.agent.key.as_deref().unwrap();
    browser.sign_in(key, "/").await.is(303);
    let answer = app.nobody.get("/nowhere").await.is(404);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(app.nobody.get("/").await.is(401).json()["status"], 401);
    assert!(app.agent.get("/").await.is(200).body.contains("<h1"), "a key opens pages, too");
}
