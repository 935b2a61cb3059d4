//! The event stream.

use reqwest::Method;
use serde_json::json;

use super::{event, limited_to, stranger, whole_call};
use crate::follower::Follower;
use crate::harness::{eventually, spawn};

#[actix_web::test]
async fn each_state_of_a_call_is_told_with_the_whole_call() {
    let app = spawn();
    whole_call(&app, "before").await;
    let mut follower = Follower::open(&app.agent, "", None).await;
    event(&app, "newCall", "1", &[("from", "493023125001"), ("queue", "sales")]).await;
    event(&app, "newCall", "1", &[("from", "493023125001"), ("queue", "sales")]).await; // a repeat is no news
    event(&app, "answer", "1", &[("user", "Alice")]).await;
    event(&app, "hangup", "1", &[("cause", "normalClearing")]).await;
    let told = follower.some(3).await;
    let id = told[0].data["id"].clone();
    app.agent
        .json(Method::PATCH, &format!("/api/v1/calls/{id}"), &json!({ "note": "calls again" }))
        .await
        .is(200);
    event(&app, "hangup", "2", &[("from", "493023125002"), ("cause", "noAnswer")]).await;
    let more = follower.some(2).await;

    let names: Vec<_> = told.iter().chain(&more).map(|event| event.told()).collect();
    let expected = [
        ("call.ringing", "1"),
        ("call.connected", "1"),
        ("call.ended", "1"),
        ("call.changed", "1"),
        ("call.ended", "2"),
    ];
    assert_eq!(names, expected);
    let states: Vec<_> = told.iter().map(|event| event.data["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["ringing", "connected", "ended"], "as it was then");
    assert_eq!(more[0].data["note"], "calls again");
    for event in told.iter().chain(&more) {
        assert_eq!(event.data["change"], event.id, "the id is the change number");
    }
    let mut shown = app.agent.get_json(&format!("/api/v1/calls/{id}")).await;
    shown.as_object_mut().unwrap().retain(|name, _| !["journal", "linked"].contains(&name.as_str()));
    assert_eq!(more[0].data, shown, "the whole call, as in the list");
}

#[actix_web::test]
async fn who_comes_again_hears_what_was_missed_once() {
    let app = spawn();
    let mut follower = Follower::open(&app.agent, "", None).await;
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    event(&app, "newCall", "2", &[("from", "493023125002")]).await;
    let heard = follower.some(2).await.pop().unwrap().id;
    drop(follower);
    event(&app, "answer", "1", &[("user", "Alice")]).await;
    event(&app, "hangup", "1", &[("cause", "normalClearing")]).await;
    event(&app, "newCall", "3", &[("from", "493023125003")]).await;

    for (query, header) in [("", Some(heard)), (&*format!("after={heard}"), None), ("after=0", Some(heard))] {
        let mut again = Follower::open(&app.agent, query, header).await;
        let missed = again.some(2).await;
        let told: Vec<_> = missed.iter().map(|event| event.told()).collect();
        assert_eq!(told, [("call.ended", "1"), ("call.ringing", "3")], "each in its latest state");
    }
    let mut from_the_beginning = Follower::open(&app.agent, "after=0", None).await;
    let all = from_the_beginning.some(3).await;
    assert!(all.is_sorted_by_key(|event| event.id));
    let told: Vec<_> = all.iter().map(|event| event.told()).collect();
    assert_eq!(told, [("call.ringing", "2"), ("call.ended", "1"), ("call.ringing", "3")]);
    event(&app, "answer", "3", &[("user", "Alice")]).await;
    assert_eq!(from_the_beginning.some(1).await[0].told(), ("call.connected", "3"), "and on without a gap");
}

#[actix_web::test]
async fn what_is_no_cursor_is_refused() {
    let app = spawn();
    for query in ["after=-1", "after=99", "after=x", "nonsense=1", "state=nonsense"] {
        let answer = app.agent.get(&format!("/api/v1/stream?{query}")).await.is(422);
        let field = query.split('=').next().unwrap();
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}");
    }
    let request = app.agent.request(Method::GET, "/api/v1/stream").header("Last-Event-ID", "x");
    assert_eq!(app.agent.send(request).await.is(422).json()["errors"][0]["field"], "Last-Event-ID");
    app.nobody.get("/api/v1/stream").await.is(401);
}

#[actix_web::test]
async fn only_what_is_meant_is_told() {
    let app = spawn();
    let contact = json!({ "name": "Erika Muster", "company": "Beispiel AG", "numbers": ["030 23125001"] });
    app.manager.post_json("/api/v1/contacts", &contact).await.is(201);
    let mut sales = Follower::open(&app.agent, "queue=sales&state=ringing", None).await;
    let mut erika = Follower::open(&app.agent, "q=beispiel", None).await;
    let mut number = Follower::open(&app.agent, "q=030+2312500", None).await;
    let mut all = Follower::open(&app.agent, "", None).await;
    event(&app, "newCall", "1", &[("from", "4989123456"), ("queue", "sales")]).await;
    event(&app, "answer", "1", &[("user", "Alice")]).await;
    event(&app, "newCall", "2", &[("from", "493023125001"), ("queue", "support")]).await;
    event(&app, "newCall", "3", &[("from", "493023125009"), ("queue", "sales"), ("to", "11")]).await;
    assert_eq!(all.some(4).await[2].data["from"]["name"], "Erika Muster");
    for (follower, expected) in [(&mut sales, vec!["1", "3"]), (&mut erika, vec!["2"])] {
        let told = follower.some(expected.len()).await;
        assert_eq!(told.iter().map(|event| event.told().1).collect::<Vec<_>>(), expected);
    }
    assert_eq!(number.some(2).await.iter().map(|event| event.told().1).collect::<Vec<_>>(), ["2", "3"]);
}

#[actix_web::test]
async fn a_key_that_is_limited_hears_of_its_pbxes_until_it_is_ended() {
    let app = spawn();
    let (client, id) = limited_to(&app, app.pbx_id).await;
    let mut stranger = Follower::open(&stranger(&app).await, "after=0", None).await;
    let mut follower = Follower::open(&client, "", None).await;
    event(&app, "newCall", "1", &[("from", "493023125001")]).await;
    assert_eq!(follower.some(1).await[0].told(), ("call.ringing", "1"));
    app.admin.delete(&format!("/api/v1/keys/{id}")).await.is(204);
    event(&app, "newCall", "2", &[("from", "493023125001")]).await;
    assert_eq!(follower.some(1).await[0].name, "dropped");
    assert!(follower.next().await.is_none(), "and that is the end");
    app.app.feed.close();
    assert_eq!(
        stranger.next().await.map(|event| event.name).as_deref(),
        Some("dropped"),
        "nothing before that"
    );
}

#[actix_web::test]
async fn the_feed_rests_when_nobody_follows() {
    let app = spawn();
    whole_call(&app, "1").await;
    assert_eq!(app.app.feed.told(), None);
    let follower = Follower::open(&app.agent, "", None).await;
    eventually("it tells", async || app.app.feed.told().is_some()).await;
    let page = app.nobody.get("/metrics").await.is(200).body;
    assert!(page.contains("hookswitch_readers{kind=\"stream\"} 1"), "{page}");
    drop(follower);
    let mut number = 1;
    eventually("it rests", async || {
        number += 1;
        whole_call(&app, &number.to_string()).await; // a connection's end is seen when it is written to
        app.app.feed.told().is_none()
    })
    .await;
    let page = app.nobody.get("/metrics").await.is(200).body;
    assert!(page.contains("hookswitch_readers{kind=\"stream\"} 0"), "{page}");
}
