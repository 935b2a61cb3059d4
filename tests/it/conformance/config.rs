//! A server set up as a case asks for it, through the API.

use std::cell::RefCell;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Outcome;
use crate::client::{Answer, Client};
use crate::harness::{TestApp, spawn_with};

/// A server with the PBX, the rules and the contacts of a case.
pub struct Setup {
    pub app: TestApp,
    /// Of the case's PBX.
    pub token: String,
    /// What the PBX is told to post to.
    pub pbx_url: String,
    pub public_base_url: String,
    pbx_id: i64,
    /// As of now: a step may change some of it.
    config: RefCell<Map<String, Value>>,
}

impl Setup {
    /// `options`: of the PBX.
    pub async fn make(dialect: &str, config: &Value, options: &Value) -> Outcome<Self> {
        let public_url = config["public_base_url"].as_str();
        let flag = public_url.map(|url| format!("--public-url={url}"));
        let app = spawn_with(&flag.iter().map(String::as_str).collect::<Vec<_>>());
        let new = json!({ "name": "the case's", "dialect": dialect, "region": "DE", "options": options });
        let made = good(app.admin.post_json("/api/v1/pbxes", &new).await)?;
        let url = text(&made["url"])?;
        let token = url.rsplit('/').next().unwrap_or_default().to_owned();
        let path = url.find("/api/").map_or("", |start| &url[start..]);
        let setup = Self {
            pbx_url: format!("{}{path}", app.base_url),
            public_base_url: public_url.unwrap_or(&app.base_url).to_owned(),
            pbx_id: made["id"].as_i64().ok_or("a PBX without an id")?,
            config: RefCell::default(),
            token,
            app,
        };
        setup.change(config).await?;
        Ok(setup)
    }

    /// Takes over what `change` names; the rest stays.
    pub async fn change(&self, change: &Value) -> Outcome {
        for (name, value) in change.as_object().into_iter().flatten() {
            self.config.borrow_mut().insert(name.clone(), value.clone());
            match name.as_str() {
                "block" | "outbound" | "default_caller_id" => {}
                "contacts" => self.put_contacts(value).await?,
                "enabled" | "configured" => {
                    let path = format!("/api/v1/pbxes/{}", self.pbx_id);
                    good(self.app.admin.json(Method::PATCH, &path, &json!({ "enabled": value })).await)?;
                }
                "public_base_url" => {}   // was said at the start
                "agents" | "notify" => {} // whom Zammad shows a call to; answers do not depend on it
                _ => return Err(format!("config: {name} is unknown to this runner")),
            }
        }
        let rules = self.rules()?;
        good(self.app.manager.json(Method::PUT, "/api/v1/rules", &rules).await).map(drop)
    }

    /// The whole set; Zammad's default caller ID is our last rule, `*`.
    fn rules(&self) -> Outcome<Value> {
        let config = self.config.borrow();
        let listed = |name: &str| config.get(name).and_then(Value::as_array).into_iter().flatten();
        let block: Vec<Value> =
            listed("block").map(|rule| json!({ "pattern": rule["number"], "note": rule["note"] })).collect();
        let mut caller_ids: Vec<Value> = listed("outbound").cloned().collect();
        let default = config.get("default_caller_id").and_then(Value::as_str).filter(|id| !id.is_empty());
        caller_ids.extend(default.map(|id| json!({ "destination": "*", "caller_id": id })));
        Ok(json!({ "block_rules": block, "caller_id_rules": caller_ids }))
    }

    async fn put_contacts(&self, contacts: &Value) -> Outcome {
        let manager: &Client = &self.app.manager;
        for old in list(&manager.get_json("/api/v1/contacts?limit=500").await["data"])? {
            manager.delete(&format!("/api/v1/contacts/{}", old["id"])).await.is(204);
        }
        for contact in list(contacts)? {
            good(manager.post_json("/api/v1/contacts", contact).await)?;
        }
        Ok(())
    }
}

/// The PBX's options, as far as a case tells them.
pub fn options(case: &Value) -> Value {
    let mut options = case["options"].as_object().cloned().unwrap_or_default();
    let of_requests = |name: &str| {
        let requests = case["requests"].as_array().into_iter().flatten();
        requests.map(|request| &request[name]).find(|value| !value.is_null()).cloned()
    };
    options.extend(of_requests("secret").map(|secret| ("secret".to_owned(), secret)));
    for request in case["requests"].as_array().into_iter().flatten() {
        let name = match request["owner_type"].as_str() {
            Some("queue") => "queues",
            Some("ivr") => "ivrs",
            _ => continue,
        };
        let owner = request["owner_extension"].as_str().map(|extension| json!(extension));
        let all = options.entry(name).or_insert_with(|| json!([]));
        all.as_array_mut().into_iter().for_each(|all| all.extend(owner.clone()));
    }
    if case["param_map"].is_object() {
        options.insert("names".into(), case["param_map"].clone());
    }
    Value::Object(options)
}

/// The JSON of an answer that says yes.
fn good(answer: Answer) -> Outcome<Value> {
    if (200..300).contains(&answer.status) { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
}

pub fn list(value: &Value) -> Outcome<&Vec<Value>> {
    value.as_array().ok_or_else(|| format!("{value}: not a list"))
}

pub fn text(value: &Value) -> Outcome<&str> {
    value.as_str().ok_or_else(|| format!("{value}: not a text"))
}
