//! Hookswitch: receives a PBX's call events, answers at once, keeps the caller log. docs/ARCHITECTURE.md tells how a
//! call travels through these modules.

pub mod address; // whence a request comes
pub mod api; // JSON for people and programs
pub mod app; // what handlers share; start, stop, routes
pub mod bodies; // how long they may take to come
pub mod call; // what an event says, what we know of a call, how the one moves the other
pub mod cli; // the subcommands
pub mod clock; // the time as it is kept
mod complaint; // what is said, and not too often, while the database is away
pub mod config; // flags and environment, checked once
pub mod connections; // how many there may be
pub mod dialect; // how PBXes speak
pub mod error; // the one error that a caller can meet
mod head; // HEAD, wherever there is GET
pub mod housekeeping; // what is done beside requests: the sweep, hit counters
pub mod import; // contacts from other programs' files
pub mod intake; // the hot path: from a PBX's request to its answer
pub mod live; // who is told of calls as they change: the feed, the event stream, the long polls
pub mod metrics; // what /metrics shows
pub mod number; // phone numbers and their normal form
mod object; // JSON objects, and no lists in their place
pub mod outbound; // the HTTP client for what we send ourselves
pub mod pbx; // one of these PBXes
pub mod retention; // how long calls are kept; erasing one number
pub mod rulebook; // rules as people write them: one, or all as a document
pub mod rules; // block list and caller-ID rules: what is decided, and why
pub mod secret; // tokens and keys
pub mod session; // browsers that are signed in
pub mod snapshot; // PBXes, keys and rules as held in memory
pub mod spool; // events on disk while the database does not take them
pub mod store; // the two databases; the writer that commits events in groups
mod text; // what people may write
pub mod ui; // pages for people
pub mod webhooks; // other systems are told of calls
mod words; // closed vocabularies
