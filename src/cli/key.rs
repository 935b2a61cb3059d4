//! `hookswitch key`: who may read and steer. A server that runs follows each change within a second.

use clap::{Args, Subcommand};

use super::{missing, open, open_or_make, print};
use crate::api::KeyView;
use crate::clock;
use crate::config::{Database, PublicUrl};
use crate::error::StartError;
use crate::secret::{Hash, new_key, new_session};
use crate::session;
use crate::store::keys::{self, Role};
use crate::store::{Db, pbxes, sessions, settings};

/// Set up API keys.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key; prints it, this once
    #[command(after_help = "Example: hookswitch key add --name \"wallboard\" --role agent --pbx 1")]
    Add(Add),
    /// List all keys
    #[command(after_help = "Example: hookswitch key list --json")]
    List {
        /// Print JSON, as GET /api/v1/keys answers
        #[arg(long)]
        json: bool,
    },
    /// Make a link that signs a browser in with that key, once, within a day; prints it
    #[command(after_help = "Example: hookswitch key link 3 --public-url https://calls.example.org")]
    Link {
        /// As `hookswitch key list` shows it
        id: i64,
        #[command(flatten)]
        public_url: PublicUrl,
    },
    /// End a key
    #[command(after_help = "Example: hookswitch key revoke 3")]
    Revoke {
        /// As `hookswitch key list` shows it
        id: i64,
    },
}

/// What a new key is to be.
#[derive(Debug, Args)]
pub struct Add {
    /// Whose it is, or for what
    #[arg(long, value_parser = super::pbx::name)]
    name: String,
    /// What it may do: agent (read, tick), manager (also rules, contacts), admin (everything)
    #[arg(long, default_value = "agent")]
    role: Role,
    /// The only PBX that it sees; more than one may be given [default: all]
    #[arg(long = "pbx", value_name = "ID")]
    pbx_ids: Vec<i64>,
}

impl Key {
    /// Does it.
    pub fn run(self, database: &Database) -> Result<(), StartError> {
        match self {
            Self::Add(new) => add(database, new),
            Self::List { json } => list(database, json),
            Self::Link { id, public_url } => link(database, id, &public_url),
            Self::Revoke { id } => revoke(database, id),
        }
    }
}

fn add(database: &Database, new: Add) -> Result<(), StartError> {
    let key = new_key();
    let pbx_ids = (!new.pbx_ids.is_empty()).then(|| serde_json::json!(new.pbx_ids).to_string());
    let insert = |db: &mut Db| {
        for id in &new.pbx_ids {
            pbxes::get(db, *id).map_err(|e| missing("PBX", *id, "pbx list", e))?;
        }
        let hash = Hash::of(&key);
        keys::insert(db, &new.name, new.role, &hash, pbx_ids.as_deref(), clock::now())
            .map_err(StartError::database)
    };
    let made = settings::change(&mut open_or_make(database)?, insert)?;
    print::line(&format!(
        "Key {} ({}, {}) is there.\nKey: {key}\nIt is shown this once: keep it. Send it as \"Authorization: Bearer …\".",
        made.id, made.name, made.role
    ))
}

fn list(database: &Database, json: bool) -> Result<(), StartError> {
    let rows = keys::all(&mut open(database)?).map_err(StartError::database)?;
    if json {
        return print::json(&rows.into_iter().map(KeyView::from).collect::<Vec<_>>());
    }
    let rows = rows.into_iter().map(|key| {
        vec![
            key.id.to_string(),
            key.name,
            key.role.to_string(),
            key.pbx_ids.map_or_else(|| "all".into(), |ids| ids.trim_matches(['[', ']']).replace(',', ", ")),
            print::moment(Some(key.created_at)),
            print::moment(key.last_used_at),
            print::moment(key.revoked_at),
        ]
    });
    print::table(
        &["id", "name", "role", "PBXes", "since (UTC)", "last used", "revoked"],
        rows.collect(),
        "No key yet: `hookswitch key add --name NAME --role admin` makes one.",
    )
}

fn link(database: &Database, id: i64, public_url: &PublicUrl) -> Result<(), StartError> {
    let (url, token, mut db) = (public_url.get()?, new_session(), open(database)?);
    let key = keys::get(&mut db, id).map_err(|e| missing("key", id, "key list", e))?;
    if key.revoked_at.is_some() {
        return Err(StartError(format!("key {id} ({}) is revoked", key.name)));
    }
    let until = clock::now() + session::LINK_LASTS;
    sessions::insert_link(&mut db, id, &Hash::of(&token), until).map_err(StartError::database)?;
    print::line(&format!("{url}/sign-in/{token}"))?;
    public_url.say_if_guessed();
    Ok(())
}

fn revoke(database: &Database, id: i64) -> Result<(), StartError> {
    let end = |db: &mut Db| {
        if keys::is_last_admin(db, id)? {
            return Err(StartError(format!(
                "key {id} is the last admin key: make another first, with `hookswitch key add --name NAME --role admin`"
            )));
        }
        keys::revoke(db, id, clock::now()).map_err(|e| missing("key", id, "key list", e))
    };
    let ended = settings::change(&mut open(database)?, end)?;
    print::line(&format!("Key {id} ({}) is revoked.", ended.name))
}
