//! The server as its clients see it. Each test has a server and a database of its own: a SQLite file, or with
//! `TEST_DATABASE=postgres` a database in a PostgreSQL that lives as long as this process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod client;
mod follower;
mod harness;
mod past;
mod postgres;
mod program;
mod receiver;

mod backup;
mod calls;
mod clocks;
mod cluster;
mod command_line;
mod conformance;
mod contacts;
mod crash;
mod extensions;
mod fill;
mod head;
mod hostile;
mod intake;
mod keys;
mod live;
mod migrations;
mod openapi;
mod outage;
mod pages;
mod pbx;
mod refusals;
mod retention;
mod rules;
mod start;
mod steering;
mod strictness;
mod upgrade;
mod webhooks;
