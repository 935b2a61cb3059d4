//! The pages over HTTP: sessions and what they may, what browsers are told, and pages as programs meet them. How they
//! work in a browser is told in tests/browser.

use chrono::TimeDelta;
use hookswitch::clock;
use hookswitch::secret::Hash;
use hookswitch::session::COOKIE;
use hookswitch::store::schema::sessions;
use hookswitch::store::{keys, sessions as rows};
use reqwest::{Method, RequestBuilder, redirect};
use serde_json::json;

use diesel::prelude::*;

use crate::client::{Answer, Client};
use crate::harness::{TestApp, eventually, pbx, spawn, spawn_with};
use crate::program::{gave_up, printed, run};
use crate::receiver::Receiver;
use crate::webhooks;

/// A browser: it follows nowhere by itself, and says whence it comes.
struct Browser<'a> {
    app: &'a TestApp,
    http: reqwest::Client,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp) -> Self {
        let configure =
            |builder: reqwest::ClientBuilder| builder.no_proxy().redirect(redirect::Policy::none());
        Self { app, http: hookswitch::outbound::client(configure).unwrap(), cookie: None }
    }

    async fn signed_in(app: &'a TestApp, client: &Client) -> Self {
        let mut browser = Self::new(app);
        let answer = browser.sign_in(client.key.as_deref().unwrap(), "/").await.is(303);
        browser.keep(&answer);
        browser
    }

    fn keep(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        self.cookie = Some(cookie.to_owned());
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request =
            self.http.request(method, format!("{}{path}", self.app.base_url)).header("Accept", "text/html");
        self.cookie.iter().fold(request, |request, cookie| request.header("Cookie", cookie))
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.nobody.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).header("Sec-Fetch-Site", "same-origin").form(form);
        self.app.nobody.send(request).await
    }

    async fn sign_in(&self, key: &str, next: &str) -> Answer {
        self.post("/sign-in", &[("key", key), ("next", next)]).await
    }
}

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
async fn browsers_are_told_to_trust_nothing_else() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.agent).await;
    let page = browser.get("/").await.is(200);
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let address = |tag: &str| page.body.split(tag).nth(1).unwrap().split('"').next().unwrap().to_owned();
    for asset in
        [address("rel=\"stylesheet\" href=\""), address("<script src=\""), address("rel=\"icon\" href=\"")]
    {
        let answer = app.nobody.get(&asset).await.is(200);
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{asset}");
    }
    app.nobody.get("/static/wrong/hookswitch.css").await.is(404);
    let (scripts, inline) = (page.body.matches("<script").count(), page.body.matches("<script src=").count());
    assert_eq!(scripts, inline, "no script stands in a page");
    assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="));
    assert!(page.body.matches("https://").count() == 0, "nothing comes from elsewhere");
}

#[actix_web::test]
async fn one_sees_and_changes_only_ones_own_pbxes() {
    let app = spawn();
    let other = app.configure(|db| Ok(pbx(db, "Other", "other-token"))).await;
    let key = json!({ "name": "limited", "role": "manager", "pbx_ids": [other] });
    let key =
        app.admin.post_json("/api/v1/keys", &key).await.is(201).json()["secret"].as_str().unwrap().to_owned();
    let call = [("direction", "in"), ("callId", "1"), ("from", "493023125001"), ("to", "493023125000")];
    app.post_form(&[&call[..], &[("event", "newCall")]].concat()).await.is(200);
    let live = app.call("1").await.unwrap().id;
    let mut browser = Browser::new(&app);
    let answer = browser.sign_in(&key, "/").await.is(303);
    browser.keep(&answer);
    let hidden = async |path: &str| {
        let answer = browser.get(path).await;
        assert!(!answer.body.contains("23125001"), "{path}: {}", answer.body);
        answer.status
    };
    assert_eq!(hidden("/").await, 200);
    assert_eq!(hidden(&format!("/fresh?ids={live}")).await, 200);
    assert_eq!(hidden(&format!("/calls/{live}")).await, 404);
    app.post_form(&[&call[..], &[("event", "hangup"), ("cause", "cancel")]].concat()).await.is(200);
    browser.post(&format!("/calls/{live}/done"), &[("done", "true")]).await.is(404);
    let all = browser.post("/calls/done", &[("filter", "")]).await.is(200);
    assert!(all.body.contains("0 calls ticked"), "{}", all.body);
    browser
        .post("/calls/block", &[("number", "+49 30 23125001"), ("reason", "busy"), ("note", "")])
        .await
        .is(403);
    assert!(!app.call("1").await.unwrap().done);
}

#[actix_web::test]
async fn agents_cannot_steer() {
    let app = spawn();
    let agent = Browser::signed_in(&app, &app.agent).await;
    let block = [("number", "+49 30 23125001"), ("reason", "busy"), ("note", "")];
    assert!(agent.post("/calls/block", &block).await.is(403).body.contains("<h1>Forbidden</h1>"));
    agent.post("/calls/name", &[("number", "+4930"), ("name", "A"), ("company", "")]).await.is(403);
    let manager = Browser::signed_in(&app, &app.manager).await;
    let wrong =
        manager.post("/calls/name", &[("number", "none"), ("name", ""), ("company", "")]).await.is(422);
    assert!(wrong.body.contains("<b>name</b>"), "{}", wrong.body);
}

#[actix_web::test]
async fn what_was_ticked_together_is_taken_back_and_nothing_else() {
    let app = spawn();
    for id in ["1", "2", "3"] {
        let call = [("direction", "in"), ("callId", id), ("from", "493023125001"), ("to", "493023125000")];
        app.post_form(&[&call[..], &[("event", "newCall")]].concat()).await.is(200);
        app.post_form(&[&call[..], &[("event", "hangup"), ("cause", "cancel")]].concat()).await.is(200);
    }
    let browser = Browser::signed_in(&app, &app.agent).await;
    let first = app.call("1").await.unwrap().id;
    browser.post(&format!("/calls/{first}/done"), &[("done", "true")]).await.is(303);
    let said = browser.post("/calls/done", &[("filter", "direction=in")]).await.is(200).body;
    assert!(said.contains("2 calls ticked"), "{said}");
    let field = |name: &str| {
        let rest = said.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (from, to) = (field("first"), field("last"));
    // somebody else had a hand in one of them since
    let third = app.call("3").await.unwrap().id;
    app.manager
        .json(Method::PATCH, &format!("/api/v1/calls/{third}"), &json!({ "note": "mine" }))
        .await
        .is(200);
    let other = Browser::signed_in(&app, &app.manager).await;
    let nothing = other.post("/calls/undone", &[("first", &from), ("last", &to)]).await.is(200).body;
    assert!(nothing.contains("0 calls open again"), "{nothing}");
    let undone = browser.post("/calls/undone", &[("first", &from), ("last", &to)]).await.is(200).body;
    assert!(undone.contains("1 call open again"), "{undone}");
    let (one, two, three) =
        (app.call("1").await.unwrap(), app.call("2").await.unwrap(), app.call("3").await.unwrap());
    assert!(one.done && !two.done && three.done);
    assert_eq!((two.open, two.done_by), (true, None), "as if nobody had ticked it");
    // so the caller can still be reached
    let answered = [("direction", "in"), ("callId", "4"), ("from", "493023125001"), ("to", "493023125000")];
    for event in ["newCall", "answer", "hangup"] {
        let event = [("event", event), ("user", "Alice"), ("cause", "normalClearing")];
        app.post_form(&[&answered[..], &event].concat()).await.is(200);
    }
    eventually("it is ticked", async || app.call("2").await.unwrap().done_by.as_deref() == Some("reached"))
        .await;
}

#[actix_web::test]
async fn what_a_filter_shows_is_a_file_for_spreadsheets() {
    let app = spawn();
    for (id, queue) in [("1", "Sales & Co"), ("2", "Support")] {
        let call = [
            ("event", "newCall"),
            ("direction", "in"),
            ("callId", id),
            ("from", "493023125001"),
            ("to", "4930"),
        ];
        app.post_form(&[&call[..], &[("queue", queue)]].concat()).await.is(200);
    }
    let browser = Browser::signed_in(&app, &app.agent).await;
    let today = clock::now().date();
    let page = browser.get(&format!("/?queue=Sales+%26+Co&from_day={today}&outcome=")).await;
    let page = browser.get(page.is(303).header("location")).await.is(200).body;
    let link = page.split("href=\"/api/v1/calls.csv").nth(1).unwrap().split('"').next().unwrap();
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    let file = browser.get(&format!("/api/v1/calls.csv{link}")).await.is(200).body;
    assert_eq!((file.lines().count(), file.contains("Sales & Co")), (2, true), "{link}\n{file}");
}

#[actix_web::test]
async fn managers_see_who_was_told_of_a_call() {
    let app = webhooks::spawn_here();
    let receiver = Receiver::start();
    webhooks::webhook(&app, json!({ "url": format!("{}/hook?secret=s3cret", receiver.url) })).await;
    webhooks::story(&app, "1").await;
    let path = format!("/calls/{}", app.call("1").await.unwrap().id);
    let manager = Browser::signed_in(&app, &app.manager).await;
    eventually("all is told", async || {
        manager.get(&path).await.body.matches("<span class=\"tag\">delivered</span>").count() == 3
    })
    .await;
    let page = manager.get(&path).await.is(200).body;
    let host = receiver.url.trim_start_matches("http://");
    assert!(page.contains(&format!("<b>dial-in</b> to {host} ")), "{page}");
    assert!(!page.contains("s3cret"));
    let agent = Browser::signed_in(&app, &app.agent).await;
    assert!(!agent.get(&path).await.is(200).body.contains("Who was told"));
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
