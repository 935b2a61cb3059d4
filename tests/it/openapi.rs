//! The description of the API against the sources and the running server, and the page that shows it.

use std::collections::BTreeSet;
use std::path::Path;

use hookswitch::dialect;
use reqwest::Method;
use serde_json::json;

use crate::client::Answer;
use crate::harness::{TestApp, spawn, spawn_with};

/// A method and a path such as `GET /api/v1/calls/{id}`.
type Operation = (String, String);

#[actix_web::test]
async fn what_is_written_is_described_and_nothing_else() {
    let app = spawn();
    let (described, written) = (described(&app).await, written());
    let differ: Vec<_> = described.symmetric_difference(&written).collect();
    assert!(differ.is_empty(), "only in the description or only in the sources: {differ:#?}");
    assert!(written.len() > 40, "the sources were read");
}

#[actix_web::test]
async fn what_takes_a_body_says_which() {
    let app = spawn();
    let document = app.nobody.get_json("/api/v1/openapi.json").await;
    for (method, path) in described(&app).await {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let needs_none = path == "/api/v1/webhooks/{id}/rotate";
        let takes_one = ["POST", "PUT", "PATCH"].contains(&method.as_str()) && !needs_none;
        let content = operation["requestBody"]["content"].as_object();
        assert_eq!(content.is_some_and(|content| !content.is_empty()), takes_one, "{method} {path}");
    }
}

#[actix_web::test]
async fn what_is_described_is_there() {
    let app = spawn();
    let token = app.pbx_url.rsplit('/').next().unwrap();
    let there = |answer: &Answer| answer.status != 405 && !answer.body.contains("no such page");
    for (method, path) in described(&app).await {
        let path = path.replace("{token}", token).replace("{id}", "999999");
        assert!(!path.contains('{'), "{path}: a parameter that this test does not know");
        let request = app.admin.request(method.parse().unwrap(), &path);
        if path == "/api/v1/stream" {
            assert_eq!(request.send().await.unwrap().status(), 200); // it has no end
            continue;
        }
        let answer = app.admin.send(request).await;
        assert!(there(&answer) && answer.status < 500, "{method} {path}: {answer:?}");
    }
    assert!(!there(&app.admin.get("/api/v1/nothing").await), "this test could fail");
}

#[actix_web::test]
async fn only_what_is_meant_to_be_open_answers_without_a_key() {
    let app = spawn();
    let open = ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"];
    for (method, path) in described(&app).await {
        let pbx_side = dialect::ALL
            .iter()
            .flat_map(|dialect| dialect.paths())
            .any(|own| path.starts_with(&format!("{own}/{{")));
        let request = app.nobody.request(method.parse().unwrap(), &path.replace("{id}", "1"));
        let answer = app.nobody.send(request.json(&json!({}))).await;
        let refused = [401, 403].contains(&answer.status);
        assert_eq!(refused, pbx_side || !open.contains(&path.as_str()), "{method} {path}: {answer:?}");
    }
}

#[actix_web::test]
async fn answers_tell_browsers_to_be_careful() {
    let app = spawn();
    for path in
        ["/api/v1/calls", "/api/v1/keys", "/api/v1/nothing", "/api/v1/openapi.json", "/healthz", "/api/docs/"]
    {
        for client in [&app.admin, &app.nobody] {
            let answer = client.get(path).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
    }
    let calls = app.admin.get("/api/v1/calls").await;
    assert_eq!(calls.header("cache-control"), "no-store");
    assert!(calls.header("content-security-policy").starts_with("default-src 'none'"));
}

#[actix_web::test]
async fn only_named_origins_may_ask_from_a_browser() {
    let app = spawn_with(&["--cors-origins=https://board.example"]);
    let from = async |origin: &str| {
        let request = app.agent.request(Method::GET, "/api/v1/calls").header("Origin", origin);
        app.agent.send(request).await.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(from("https://board.example").await, "https://board.example");
    assert_eq!(from("https://elsewhere.example").await, "");
}

#[actix_web::test]
async fn the_docs_need_no_network() {
    let app = spawn();
    let moved = app.nobody.http.get(format!("{}/api/docs", app.base_url));
    let page = app.nobody.send(moved).await.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("http"), "{policy}");

    let files = links(&page.body);
    assert!(files.len() > 4, "{files:?}");
    for file in &files {
        assert!(!file.contains("//") && !file.starts_with("data:"), "{file} is another host's");
        let path = format!("/api/docs/{}", file.trim_start_matches("./"));
        if path.ends_with(".png") {
            let icon = app.nobody.http.get(format!("{}{path}", app.base_url)).send().await.unwrap();
            assert_eq!(icon.status(), 200, "{path}");
            continue;
        }
        let answer = app.nobody.get(&path).await.is(200);
        if path.ends_with(".css") {
            assert!(!answer.body.contains("@import"), "{path}");
            for target in answer.body.split("url(").skip(1) {
                let target = target.trim_start_matches(['"', '\'']);
                assert!(target.starts_with("data:"), "{path}: {:.60}", target);
            }
        }
        for loads in ["importScripts(", "src=\"http", "href=\"http", "fetch(\"http", "import(\"http"] {
            assert!(!answer.body.contains(loads), "{path} has {loads}");
        }
    }
    let start = app.nobody.get("/api/docs/swagger-initializer.js").await.is(200).body;
    assert!(start.contains(r#""url": "/api/v1/openapi.json""#) && !start.contains("http"), "{start}");
    // unless it is told otherwise, it asks a site to judge the description
    assert!(start.contains(r#""validatorUrl": "none""#), "{start}");
}

async fn described(app: &TestApp) -> BTreeSet<Operation> {
    let document = app.nobody.get_json("/api/v1/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

/// Every route that the sources have: the attributes of `src/api`, and the endpoints of PBXes.
fn written() -> BTreeSet<Operation> {
    let mut found = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (file, text) in read(&sources) {
        let by_hand =
            [".route(", "web::resource(", "web::get(", "#[route("].iter().find(|way| text.contains(**way));
        assert!(
            by_hand.is_none() || ["intake.rs", "noojee.rs"].contains(&file.as_str()),
            "{file}: {by_hand:?} makes routes that no test sees"
        );
        for line in text.lines().map(str::trim) {
            let Some((method, rest)) = line.strip_prefix("#[").and_then(|rest| rest.split_once("(\"")) else {
                continue;
            };
            if ["get", "post", "put", "patch", "delete", "head", "options"].contains(&method) {
                let path = rest.split('"').next().unwrap();
                let scope = if file == "health.rs" { "" } else { "/api/v1" };
                found.insert((method.to_uppercase(), format!("{scope}{path}")));
            }
        }
    }
    let posted = dialect::ALL.iter().flat_map(|dialect| dialect.paths());
    found.extend(posted.map(|path| ("POST".into(), format!("{path}/{{token}}"))));
    found
}

/// All sources in a folder: their names and texts.
fn read(folder: &Path) -> Vec<(String, String)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| {
        if path.ends_with("src/ui") {
            return Vec::new(); // pages are no part of the API
        }
        if path.is_dir() {
            return read(&path);
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        vec![(name, std::fs::read_to_string(&path).unwrap())]
    });
    files.collect()
}

/// What a page's tags load.
fn links(page: &str) -> Vec<&str> {
    let tags = page.split('<').filter(|tag| tag.starts_with("link") || tag.starts_with("script"));
    tags.filter_map(|tag| tag.split_once("src=\"").or_else(|| tag.split_once("href=\"")))
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect()
}
