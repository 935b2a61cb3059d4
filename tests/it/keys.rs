//! Keys: who may do what, and how they begin and end.

use reqwest::Method;
use serde_json::json;

use crate::client::Client;
use crate::harness::spawn;

#[actix_web::test]
async fn a_key_is_shown_once_and_ends_when_it_is_revoked() {
    let app = spawn();
    let made =
        app.admin.post_json("/api/v1/keys", &json!({"name": "wallboard", "role": "agent"})).await.is(201);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let listed = app.admin.get("/api/v1/keys").await.is(200);
    assert!(secret.starts_with("hsk_") && !listed.body.contains(&secret), "shown this once");

    let wallboard = Client::new(&app.base_url, Some(secret));
    wallboard.get("/api/v1/keys").await.is(403);
    app.admin.delete(&format!("/api/v1/keys/{}", made.json()["id"])).await.is(204);
    let refused = wallboard.get("/api/v1/keys").await.is(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
}

#[actix_web::test]
async fn only_admins_set_up_keys() {
    let app = spawn();
    for (client, status) in [(&app.nobody, 401), (&app.agent, 403), (&app.manager, 403), (&app.admin, 200)] {
        client.get("/api/v1/keys").await.is(status);
    }
}

#[actix_web::test]
async fn the_last_admin_key_stays() {
    let app = spawn();
    let keys = app.admin.get_json("/api/v1/keys").await;
    let admin = keys["data"].as_array().unwrap().iter().find(|key| key["role"] == "admin").unwrap();
    // one that sees some PBXes only could not make another for all
    let limited = json!({"name": "limited", "role": "admin", "pbx_ids": [app.pbx_id]});
    app.admin.post_json("/api/v1/keys", &limited).await.is(201);
    let refused = app.admin.delete(&format!("/api/v1/keys/{}", admin["id"])).await.is(409);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    app.admin.delete("/api/v1/keys/999").await.is(404);
}

#[actix_web::test]
async fn a_limited_admin_hands_out_no_more_than_it_has() {
    let app = spawn();
    let other =
        app.admin.post_json("/api/v1/pbxes", &json!({"name": "other", "dialect": "zammad"})).await.is(201);
    let other = &other.json()["id"];
    let key = |pbx_ids: serde_json::Value| json!({"name": "k", "role": "admin", "pbx_ids": pbx_ids});
    let limited = app.admin.post_json("/api/v1/keys", &key(json!([app.pbx_id]))).await.is(201).json();
    let foreign = app.admin.post_json("/api/v1/keys", &key(json!([app.pbx_id, other]))).await.is(201).json();
    let limited = Client::new(&app.base_url, Some(limited["secret"].as_str().unwrap().to_owned()));

    limited.post_json("/api/v1/keys", &json!({"name": "all", "role": "agent"})).await.is(403);
    let refused = limited.post_json("/api/v1/keys", &key(json!([app.pbx_id, other]))).await.is(422).json();
    assert_eq!(refused["errors"][0]["field"], "pbx_ids");
    limited.delete(&format!("/api/v1/keys/{}", foreign["id"])).await.is(404);
    let own = limited.post_json("/api/v1/keys", &key(json!([app.pbx_id]))).await.is(201).json();
    let seen = limited.get_json("/api/v1/keys").await;
    let seen = seen["data"].as_array().unwrap();
    assert!(seen.len() == 2 && seen.iter().all(|key| key["pbx_ids"] == json!([app.pbx_id])), "{seen:?}");
    limited.delete(&format!("/api/v1/keys/{}", own["id"])).await.is(204);
}

#[actix_web::test]
async fn a_wrong_body_is_refused_field_by_field() {
    let app = spawn();
    let refused =
        app.admin.post_json("/api/v1/keys", &json!({"name": "", "role": "agent"})).await.is(422).json();
    assert_eq!(refused["errors"][0]["field"], "name");
    let strange = json!({"name": "x", "role": "agent", "pbx_ids": [app.pbx_id, 999]});
    let refused = app.admin.post_json("/api/v1/keys", &strange).await.is(422).json();
    assert_eq!(refused["errors"][0]["field"], "pbx_ids");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("999"), "{refused}");
    for body in [
        json!({"name": "x"}),
        json!({"name": "x", "role": "king"}),
        json!({"name": "x", "role": "agent", "x": 1}),
        json!({"name": "x\0", "role": "agent"}),
        json!({"name": "x".repeat(251), "role": "agent"}),
        json!(["x", "agent", null]),
    ] {
        app.admin.post_json("/api/v1/keys", &body).await.is(422);
    }
    let text =
        app.admin.request(Method::POST, "/api/v1/keys").body("{").header("Content-Type", "application/json");
    app.admin.send(text).await.is(400);
}
