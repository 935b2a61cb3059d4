//! A PBX as it is held in memory: what the hot path needs to know of a source of events.

mod options;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::call::Moment;
use crate::dialect::Dialect;
use crate::number::Numbering;
use crate::secret::Hash;
use crate::webhooks::Subscriptions;
pub use options::Options;

/// A configured source of events.
#[derive(Debug)]
pub struct Pbx {
    /// Its row.
    pub id: i64,
    /// For people.
    pub name: String,
    /// How it speaks.
    pub dialect: &'static dyn Dialect,
    /// How its numbers are read.
    pub numbering: Numbering,
    /// What only its dialect needs to be told.
    pub options: Options,
    /// Whence it may speak; empty for anywhere.
    pub allowed_addresses: Vec<IpNet>,
    /// Switched off by an admin: answered as Zammad answers when its integration is not configured.
    pub enabled: bool,
    /// Of its token.
    pub token_hash: Hash,
    /// Of the token before the last rotation, and until when that is good.
    pub old_token: Option<(Hash, Moment)>,
    /// Who wants to be told of its calls.
    pub webhooks: Subscriptions,
}

impl Pbx {
    /// One in Germany that may do all.
    #[cfg(test)]
    pub fn of_test(id: i64, dialect: &str, token: &str) -> Self {
        Self {
            id,
            name: "test".into(),
            dialect: crate::dialect::named(dialect).expect("a dialect"),
            numbering: Numbering::new("DE", None).expect("a country"),
            options: Options::default(),
            allowed_addresses: Vec::new(),
            enabled: true,
            token_hash: Hash::of(token),
            old_token: None,
            webhooks: std::iter::empty().collect(),
        }
    }

    /// May it speak from there?
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical(); // ::ffff:10.0.0.1 is 10.0.0.1
        self.allowed_addresses.is_empty() || self.allowed_addresses.iter().any(|net| net.contains(&address))
    }
}
