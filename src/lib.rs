//! Hookswitch: receives a PBX's call events, answers at once, keeps the caller log.
pub mod call;
pub mod number;
pub mod rules;
mod words;
