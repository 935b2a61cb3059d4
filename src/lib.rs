//! Hookswitch: receives a PBX's call events, answers at once, keeps the caller log. The modules, in the order in
//! which a call travels through them:

pub mod config; // flags and environment, checked once
pub mod app; // what handlers share; start, stop, routes
pub mod intake; // the hot path: from a PBX's request to its answer
pub mod address; // whence a request comes
pub mod snapshot; // PBXes, keys and rules as held in memory
pub mod pbx; // one of these PBXes
pub mod dialect; // how PBXes speak
pub mod number; // phone numbers and their normal form
pub mod rules; // block list and caller-ID rules: what is decided, and why
pub mod call; // what an event says, what we know of a call, how the one moves the other
pub mod store; // the two databases; the writer that commits events in groups
pub mod housekeeping; // what is done beside requests: the sweep, hit counters
pub mod api; // JSON for people and programs
pub mod metrics; // what /metrics shows
pub mod cli; // the subcommands
pub mod secret; // tokens and keys
pub mod clock; // the time as it is kept
pub mod error; // the one error that a caller can meet
mod words; // closed vocabularies
