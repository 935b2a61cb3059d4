//! The pages over HTTP: what browsers are told, who sees and does what. How they work in a browser is told in
//! tests/browser.

mod did;
mod sessions;

use hookswitch::clock;
use reqwest::{Method, RequestBuilder, redirect};
use serde_json::json;

use crate::client::{Answer, Client};
use crate::harness::{TestApp, eventually, pbx, spawn, spawn_with};
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
async fn what_is_wrong_is_said_in_the_page_that_asked() {
    let app = spawn();
    let browser = Browser::signed_in(&app, &app.agent).await;
    assert!(browser.get("/?direction=up").await.is(422).body.contains("<b>direction</b>"));
    let asked = browser.request(Method::GET, "/?direction=up").header("HX-Request", "true");
    let answer = app.nobody.send(asked).await.is(422);
    assert_eq!(answer.header("hx-retarget"), "#messages");
    assert!(
        answer.body.trim_start().starts_with("<div class=\"message bad\" role=\"alert\">"),
        "{}",
        answer.body
    );
    let asked = Browser::new(&app).request(Method::GET, "/fresh?ids=1").header("HX-Request", "true");
    assert_eq!(app.nobody.send(asked).await.is(200).header("hx-redirect"), "/sign-in");
}

#[actix_web::test]
async fn what_came_or_changed_since_the_page_was_made_is_not_ticked_with_the_rest() {
    let app = spawn();
    let happens = async |event: &str, id: &str| {
        let call = [("event", event), ("direction", "in"), ("callId", id), ("cause", "cancel")];
        let numbers = [("from", "493023125001"), ("to", "493023125000")];
        app.post_form(&[call.as_slice(), &numbers].concat()).await.is(200);
    };
    for (event, id) in [("newCall", "1"), ("hangup", "1"), ("newCall", "2")] {
        happens(event, id).await;
    }
    let browser = Browser::signed_in(&app, &app.agent).await;
    let page = browser.get("/").await.is(200).body;
    let known = page.split("name=\"known\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for (event, id) in [("hangup", "2"), ("newCall", "3"), ("hangup", "3")] {
        happens(event, id).await;
    }
    let said = browser.post("/calls/done", &[("filter", ""), ("known", known)]).await.is(200).body;
    assert!(said.contains("1 call ticked"), "{said}");
    assert!(app.call("1").await.unwrap().done);
    for unseen in ["2", "3"] {
        assert!(app.call(unseen).await.unwrap().open, "nobody saw that {unseen} was missed");
    }
}

#[actix_web::test]
async fn what_a_person_opened_again_stays_so_where_a_tick_is_taken_back() {
    let app = spawn();
    let call = [("direction", "in"), ("from", "493023125001"), ("to", "493023125000"), ("cause", "cancel")];
    for (event, id) in [("newCall", "1"), ("hangup", "1"), ("newCall", "2"), ("hangup", "2")] {
        app.post_form(&[&call[..], &[("event", event), ("callId", id)]].concat()).await.is(200);
    }
    let opened = app.call("1").await.unwrap().id;
    for done in [true, false] {
        let change = json!({ "done": done });
        app.manager.json(Method::PATCH, &format!("/api/v1/calls/{opened}"), &change).await.is(200);
    }
    let by_the_manager = app.call("1").await.unwrap();

    let browser = Browser::signed_in(&app, &app.agent).await;
    for _ in ["once", "and again"] {
        let said = browser.post("/calls/done", &[("filter", "")]).await.is(200).body;
        assert!(said.contains("2 calls ticked"), "{said}");
        let field = |name: &str| {
            let rest = said.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let ticked = [("first", field("first")), ("last", field("last"))];
        let ticked = ticked.each_ref().map(|(name, change)| (*name, change.as_str()));
        let undone = browser.post("/calls/undone", &ticked).await.is(200).body;
        assert!(undone.contains("2 calls open again"), "{undone}");
        let (one, two) = (app.call("1").await.unwrap(), app.call("2").await.unwrap());
        assert!(one.open && two.open);
        assert_eq!((one.done_by, one.done_at), (by_the_manager.done_by.clone(), by_the_manager.done_at));
        assert_eq!((two.done_by, two.done_at), (None, None));
    }
    let page = browser.get(&format!("/calls/{opened}")).await.is(200).body;
    assert!(page.contains("tick taken back by agent"), "{page}");

    for event in ["newCall", "answer", "hangup"] {
        let event = [("event", event), ("callId", "3"), ("user", "Alice")];
        app.post_form(&[&call[..], &event].concat()).await.is(200);
    }
    eventually("the other is ticked", async || app.call("2").await.unwrap().done).await;
    assert!(app.call("1").await.unwrap().open, "a person's word");
}

#[actix_web::test]
async fn a_note_of_somebody_else_is_not_written_over() {
    let app = spawn();
    let call = [("event", "newCall"), ("direction", "in"), ("callId", "1"), ("from", "1"), ("to", "2")];
    app.post_form(&call).await.is(200);
    let id = app.call("1").await.unwrap().id;
    let browser = Browser::signed_in(&app, &app.agent).await;
    let path = format!("/calls/{id}/note");
    let long = "line\r\n".repeat(400); // 2,000 characters, as forms send line breaks
    browser.post(&path, &[("note", &long), ("seen", "")]).await.is(303);
    let kept = app.call("1").await.unwrap().note.unwrap();
    assert_eq!(kept, "line\n".repeat(400));
    browser.post(&path, &[("note", "Calls\r\nback"), ("seen", &long)]).await.is(303);

    for stale in ["", "Mine"] {
        let refused = browser.post(&path, &[("note", stale), ("seen", "")]).await.is(409).body;
        assert!(refused.contains("“Calls\nback”"), "{refused}");
        assert_eq!(app.call("1").await.unwrap().note.as_deref(), Some("Calls\nback"));
    }
    browser.post(&path, &[("note", ""), ("seen", "Calls\r\nback")]).await.is(303);
    assert_eq!(app.call("1").await.unwrap().note, None);
}

#[actix_web::test]
async fn a_url_begins_with_the_address_that_one_reached_where_none_was_named() {
    let shown = async |flags: &[&str]| {
        let app = spawn_with(flags);
        let browser = Browser::signed_in(&app, &app.admin).await;
        let form = [("name", "New"), ("dialect", "zammad")];
        let request = browser.request(Method::POST, "/pbxes").header("Host", "calls.lan:8080").form(&form);
        let request = request.header("Sec-Fetch-Site", "same-origin");
        app.nobody.send(request).await.is(200).body
    };
    let all_addresses = shown(&["--listen=0.0.0.0:8080"]).await;
    assert!(all_addresses.contains("value=\"http://calls.lan:8080/api/v1/cti/"), "{all_addresses}");
    for told in
        [["--listen=127.0.0.1:8080"].as_slice(), &["--listen=0.0.0.0:8080", "--public-url=http://pbx.lan"]]
    {
        let page = shown(told).await;
        assert!(!page.contains("calls.lan"), "{page}");
    }
}
