//! `hookswitch pbx`: where events come from. A server that runs follows each change within a second.

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::{missing, open, open_or_make, plainly, print};
use crate::address::network;
use crate::api::PbxView;
use crate::clock;
use crate::config::{Database, PublicUrl};
use crate::dialect::{self, Dialect};
use crate::error::StartError;
use crate::number::Numbering;
use crate::pbx::Options;
use crate::secret::{Hash, new_token};
use crate::store::pbxes::{self, NewPbx, PbxChange};
use crate::store::settings;
use crate::text::{self, Mistakes};

/// Set up PBXes.
#[derive(Debug, Subcommand)]
pub enum Pbx {
    /// Add a PBX; prints its URL, this once
    #[command(
        after_help = "Example: hookswitch pbx add --name Berlin --dialect zammad --region DE --allow 203.0.113.0/24"
    )]
    Add(Add),
    /// List all PBXes
    #[command(after_help = "Example: hookswitch pbx list --json")]
    List {
        /// Print JSON, as GET /api/v1/pbxes answers
        #[arg(long)]
        json: bool,
    },
    /// Give a PBX a new URL; the old one stays good for a while
    #[command(after_help = "Example: hookswitch pbx rotate 1 --grace-s 3600")]
    Rotate {
        /// As `hookswitch pbx list` shows it
        id: i64,
        /// How long the old URL stays good, in seconds; 0 ends it at once
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(..=2_592_000))]
        grace_s: u32,
        #[command(flatten)]
        public: PublicUrl,
    },
    /// Refuse what a PBX sends, until it is enabled again
    #[command(after_help = "Example: hookswitch pbx disable 1")]
    Disable {
        /// As `hookswitch pbx list` shows it
        id: i64,
    },
    /// Take what a PBX sends again
    #[command(after_help = "Example: hookswitch pbx enable 1")]
    Enable {
        /// As `hookswitch pbx list` shows it
        id: i64,
    },
}

/// What a new PBX is to be.
#[derive(Debug, Args)]
pub struct Add {
    /// A name for people
    #[arg(long, value_parser = name)]
    name: String,
    #[arg(long, help = format!("How it speaks: {}", dialects()), default_value = "zammad", value_parser = dialect)]
    dialect: &'static dyn Dialect,
    /// What only some dialects need, such as area_code=30 or queues=["0003*300"]; more than one may be given
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = option)]
    options: Vec<(String, serde_json::Value)>,
    /// An address or network (CIDR) that it may send from; more than one may be given [default: anywhere]
    #[arg(long = "allow", value_name = "NETWORK", value_parser = network)]
    allowed: Vec<IpNet>,
    #[command(flatten)]
    public: PublicUrl,
}

impl Pbx {
    /// Does it.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        match self {
            Self::Add(new) => add(database, new),
            Self::List { json } => list(database, json),
            Self::Rotate { id, grace_s, public } => rotate(database, id, grace_s, &public),
            Self::Disable { id } => switch(database, id, false),
            Self::Enable { id } => switch(database, id, true),
        }
    }
}

fn add(database: &Database, new: Add) -> Result<(), StartError> {
    let numbering: Numbering = database.numbering()?;
    let public_url = new.public.get()?;
    let options = serde_json::Value::Object(new.options.into_iter().collect());
    let mut mistakes = Mistakes::default();
    Options::check(&options, Some(new.dialect), &numbering.region(), &mut mistakes);
    mistakes.none(()).map_err(|e| StartError(e.to_string()))?;
    let token = new_token();
    let url = new.dialect.url(&public_url, &token);
    let row = NewPbx {
        name: new.name,
        dialect: new.dialect.name().into(),
        region: numbering.region(),
        options: options.to_string(),
        allowed_addresses: serde_json::json!(new.allowed).to_string(),
        token_hash: Hash::of(&token),
    };
    let made = settings::change(&mut open_or_make(database)?, |db| pbxes::insert(db, &row, clock::now()))
        .map_err(StartError::database)?;
    print::line(&format!(
        "PBX {} ({}) is there.\nPBX URL: {url}\nIt is shown this once: keep it.\n\n{}",
        made.id,
        made.name,
        new.dialect.instructions(&url)
    ))?;
    new.public.say_if_guessed();
    Ok(())
}

fn list(database: &Database, json: bool) -> Result<(), StartError> {
    let rows = pbxes::all(&mut open(database)?).map_err(StartError::database)?;
    if json {
        return print::json(&rows.into_iter().map(PbxView::full).collect::<Vec<_>>());
    }
    let rows = rows.into_iter().map(|pbx| {
        let allowed: Vec<String> = serde_json::from_str(&pbx.allowed_addresses).unwrap_or_default();
        let allowed = allowed.join(", ");
        vec![
            pbx.id.to_string(),
            pbx.name,
            pbx.dialect,
            pbx.region,
            print::yes_no(pbx.enabled),
            if allowed.is_empty() { "anywhere".into() } else { allowed },
            print::moment(Some(pbx.created_at)),
        ]
    });
    print::table(
        &["id", "name", "dialect", "region", "enabled", "may send from", "since (UTC)"],
        rows.collect(),
        "No PBX yet: `hookswitch pbx add --name NAME` makes one.",
    )
}

fn rotate(database: &Database, id: i64, grace_s: u32, public: &PublicUrl) -> Result<(), StartError> {
    let public_url = public.get()?;
    let token = new_token();
    let now = clock::now();
    let until = now + TimeDelta::seconds(grace_s.into());
    let mut db = open(database)?;
    pbxes::get(&mut db, id).map_err(|e| missing("PBX", id, "pbx list", e))?;
    let row = settings::change(&mut db, |db| pbxes::rotate(db, id, &Hash::of(&token), until, now))
        .map_err(plainly)?;
    let dialect = dialect::named(&row.dialect).ok_or_else(|| {
        StartError(format!(
            "PBX {id} speaks {:?}, which this version does not know; use a newer one",
            row.dialect
        ))
    })?;
    let old = match grace_s {
        0 => "The old URL ended.".into(),
        _ => format!("The old URL stays good until {} UTC.", print::moment(Some(until))),
    };
    print::line(&format!(
        "PBX URL: {}\nIt is shown this once: paste it where the old one is. {old}",
        dialect.url(&public_url, &token)
    ))?;
    public.say_if_guessed();
    Ok(())
}

fn switch(database: &Database, id: i64, enabled: bool) -> Result<(), StartError> {
    let change = PbxChange { enabled: Some(enabled), updated_at: Some(clock::now()), ..PbxChange::default() };
    let row = settings::change(&mut open(database)?, |db| pbxes::update(db, id, &change))
        .map_err(|e| missing("PBX", id, "pbx list", e))?;
    let what = if enabled { "is enabled" } else { "is disabled: what it sends is refused with 422" };
    print::line(&format!("PBX {id} ({}) {what}.", row.name))
}

/// A name for people, as the API also bounds it.
pub fn name(text: &str) -> Result<String, String> {
    text::check(text, 1, 250).map(|()| text.trim().into())
}

fn dialect(name: &str) -> Result<&'static dyn Dialect, String> {
    dialect::named(name).ok_or_else(|| format!("must be one of {}", dialects()))
}

fn dialects() -> String {
    dialect::ALL.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(", ")
}

/// A value that is no JSON is text.
fn option(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE, such as area_code=30")?;
    let quoted = |_| serde_json::Value::String(value.into());
    let value = match serde_json::from_str(value) {
        Ok(serde_json::Value::Number(_)) if name != "events" => quoted(()),
        Ok(value) => value,
        Err(_) => quoted(()),
    };
    Ok((name.trim().into(), value))
}
