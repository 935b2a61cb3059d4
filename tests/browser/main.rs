//! The pages in a real browser: Debian's Chromium, driven by its chromedriver. `cargo test --test browser`; it is no
//! part of a plain `cargo test`, since it takes `apt-get install chromium chromium-driver`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../it/client.rs"]
#[allow(dead_code, reason = "shared with the tests over HTTP")]
mod client;
#[path = "../it/harness.rs"]
#[allow(dead_code, reason = "shared with the tests over HTTP")]
mod harness;
#[path = "../it/postgres.rs"]
#[allow(dead_code, reason = "shared with the tests over HTTP")]
mod postgres;
#[path = "../it/receiver.rs"]
#[allow(dead_code, reason = "shared with the tests over HTTP")]
mod receiver;

mod browser;
mod driver;
mod proxy;

mod admin;
mod away;
mod calls;
mod contacts;
mod figures;
mod pictures;
mod rules;
mod sign_in;
mod steer;
mod steering_pictures;
mod webhooks;
