//! What a PBX may be called and how it may be set up.

use ipnet::IpNet;
use serde_json::Value;

use crate::dialect;
use crate::error::Result;
use crate::number::Numbering;
use crate::pbx::Options;
use crate::store::pbxes::{PbxChange, PbxRow};
use crate::text::{self, Mistakes};

/// What was asked for; `None` for what was not.
pub struct Words {
    /// For people.
    pub name: Option<String>,
    /// ISO 3166.
    pub region: Option<String>,
    /// A JSON object.
    pub options: Option<Value>,
    /// CIDRs and addresses.
    pub allowed_addresses: Option<Vec<String>>,
}

impl Words {
    /// As it is stored. `old`: what it is a change of.
    ///
    /// # Errors
    /// 422 naming the fields.
    pub fn check(self, dialect: Option<&str>, old: Option<&PbxRow>) -> Result<PbxChange> {
        let mut mistakes = Mistakes::default();
        mistakes.note("name", text::optional(self.name.as_deref(), 1, 250));
        if let Some(name) = dialect.filter(|name| dialect::named(name).is_none()) {
            let known: Vec<&str> = dialect::ALL.iter().map(|dialect| dialect.name()).collect();
            mistakes.note("dialect", Err(format!("{name:?} is none: must be one of {}", known.join(", "))));
        }
        let region = self.region.map(|region| region.trim().to_uppercase());
        if let Some(region) = &region {
            mistakes.note("region", Numbering::new(region, None).map(drop));
        }
        let in_force = region.as_deref().or(old.map(|row| row.region.as_str())).unwrap_or("DE");
        let known_as = dialect.or(old.map(|row| row.dialect.as_str())).and_then(dialect::named);
        let kept = old.and_then(|row| serde_json::from_str(&row.options).ok()).unwrap_or_default();
        let options = self.options.map(|options| Options::keep_hidden(options, &kept));
        if let Some(options) = &options {
            Options::check(options, known_as, in_force, &mut mistakes);
        }
        let allowed: Option<Vec<String>> = self.allowed_addresses.map(|all| addresses(&all, &mut mistakes));
        mistakes.none(PbxChange {
            name: self.name.map(|name| name.trim().into()),
            region,
            options: options.map(|options| options.to_string()),
            allowed_addresses: allowed.map(|all| serde_json::json!(all).to_string()),
            enabled: None,
            updated_at: None,
        })
    }
}

/// Each as a network, as it is compared.
fn addresses(all: &[String], mistakes: &mut Mistakes) -> Vec<String> {
    if all.len() > 100 {
        mistakes.note("allowed_addresses", Err("must be at most 100".into()));
    }
    let mut networks = Vec::new();
    for (index, text) in all.iter().enumerate() {
        let text = text.trim();
        let network =
            text.parse::<IpNet>().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
        match network {
            Ok(network) => networks.push(network.trunc().to_string()),
            Err(_) => mistakes.note(
                &format!("allowed_addresses[{index}]"),
                Err(format!("{text:?} is neither a network such as 10.0.0.0/8 nor an address")),
            ),
        }
    }
    networks
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;
    use crate::error::Error;

    fn words(options: Value, allowed: &[&str]) -> Words {
        Words {
            name: Some(" Office ".into()),
            region: Some("de".into()),
            options: Some(options),
            allowed_addresses: Some(allowed.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn what_is_stored_is_what_is_compared() {
        let asked =
            words(serde_json::json!({"area_code": "030"}), &["10.1.2.3/8", "192.0.2.7", "2001:db8::1"]);
        let stored = asked.check(Some("zammad"), None).unwrap();
        assert_eq!((stored.name.as_deref(), stored.region.as_deref()), (Some("Office"), Some("DE")));
        let allowed = stored.allowed_addresses.unwrap();
        assert_eq!(allowed, r#"["10.0.0.0/8","192.0.2.7/32","2001:db8::1/128"]"#);
        serde_json::from_str::<Vec<IpNet>>(&allowed).unwrap();
    }

    #[test]
    fn each_mistake_names_its_field() {
        let asked =
            Words { region: Some("XX".into()), ..words(serde_json::json!({"area": 1}), &["10.0.0.0/99"]) };
        let Err(Error::Invalid(found)) = asked.check(Some("smoke"), None) else { panic!("it is refused") };
        let fields: Vec<&str> = found.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["dialect", "region", "options.area", "allowed_addresses[0]"]);
        assert!(found[0].message.contains("zammad"), "{}", found[0].message);
    }
}
