//! Webhooks as people write them, and what is sent for whatever a call holds: never to another host than the one that
//! was checked, never inside.
//!
//! Input: the webhook as JSON up to the first line end, then what the caller sent.
#![no_main]

use hookswitch::api::CallView;
use hookswitch::call::Moment;
use hookswitch::webhooks::payload::{Message, Told};
use hookswitch::webhooks::{Allowed, Definition, EventKind, sample};
use libfuzzer_sys::fuzz_target;
use reqwest::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (written, said) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(definition) = serde_json::from_str::<Definition>(written) else { return };
    let (payload, method) = (definition.payload(), definition.method());
    let allowed = Allowed::new(&[]);
    let Ok(webhook) = definition.check(Some(&allowed), |id| id == 1, Moment::default()) else { return };
    assert!(webhook.url.chars().count() <= 2_000 && !webhook.url.contains('\0'));

    let (mut call, _) = sample::call(EventKind::Hangup);
    call.call_id = said.into();
    call.from_number = Some(said.into());
    call.queue = Some(said.into());
    call.answered_by = Some(said.into());
    call.users = vec![said.into(), said.into()];
    let view = CallView::nameless(call.clone());
    let extension = webhook.extension.as_deref();
    let mut hosts = Vec::new();
    for kind in EventKind::ALL {
        let told = Told { kind: *kind, call: &call, view: &view, extension };
        let message = Message::new(&webhook.url, method, payload, &told);
        let url: Url = message.url.parse().expect("a URL");
        assert!(["http", "https"].contains(&url.scheme()), "{url}");
        assert!(allowed.check_literal(&url).is_ok(), "{url} leads inside");
        hosts.push((url.host_str().map(str::to_owned), url.port()));
        if message.content_type == Some("application/json") {
            serde_json::from_str::<serde_json::Value>(&message.body).expect("JSON");
        }
    }
    hosts.dedup();
    assert_eq!(hosts.len(), 1, "one receiver, whatever is told");
});
