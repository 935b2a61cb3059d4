//! Hookswitch: receives a PBX's call events, answers at once, keeps the caller log.
pub mod call;
/// How PBXes speak.
pub mod dialect {
    pub mod params;
}
pub mod number;
pub mod rules;
mod words;
