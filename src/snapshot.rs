//! What the hot path holds in memory: PBXes with their webhooks, keys, sessions and rules, read whole and swapped at
//! once, so that a request in flight keeps the set that it began with.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diesel::prelude::*;

use crate::call::Moment;
use crate::clock;
use crate::dialect;
use crate::number::Numbering;
use crate::pbx::{Options, Pbx};
use crate::rules::RuleSet;
use crate::secret::Hash;
use crate::session::Session;
use crate::store::keys::{KeyRow, Role};
use crate::store::pbxes::PbxRow;
use crate::store::sessions::SessionRow;
use crate::store::webhooks::WebhookRow;
use crate::store::{self, Db};
use crate::text::Mistakes;
use crate::webhooks::Subscription;

/// One consistent reading of the configuration.
pub struct Snapshot {
    /// Of the configuration; what was read may be newer, never older.
    pub version: i64,
    pbxes: HashMap<Hash, Arc<Pbx>>,
    keys: HashMap<Hash, Arc<Key>>,
    sessions: HashMap<Hash, Arc<Session>>,
    /// What is decided.
    pub rules: RuleSet,
}

/// An API key as it is held in memory.
#[derive(Debug)]
pub struct Key {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only PBXes that it sees; `None` for all.
    pub pbx_ids: Option<Vec<i64>>,
    hash: Hash,
}

impl Key {
    /// May it see that PBX's calls?
    pub fn sees(&self, pbx_id: i64) -> bool {
        self.pbx_ids.as_ref().is_none_or(|ids| ids.contains(&pbx_id))
    }
}

impl Snapshot {
    /// Reads it. Rows that this program cannot read (made by a newer one) are left out, with a line in the log.
    ///
    /// # Errors
    /// What the database says.
    pub fn load(db: &mut Db, numbering: &Numbering) -> QueryResult<Self> {
        db.transaction(|db| {
            let version = store::settings::config_version(db)?;
            let mut numberings = HashMap::new();
            let subscriptions = store::webhooks::all(db)?
                .into_iter()
                .filter(|row| row.enabled)
                .filter_map(|row| readable("webhook", row.id, subscription(&row)));
            let subscriptions: Vec<_> = subscriptions.collect();
            let pbxes = store::pbxes::all(db)?
                .into_iter()
                .filter_map(|row| readable("PBX", row.id, pbx(row, &mut numberings, &subscriptions)));
            let pbxes: Vec<Pbx> = pbxes.collect();
            let keys = store::keys::all(db)?
                .into_iter()
                .filter(|row| row.revoked_at.is_none())
                .filter_map(|row| readable("key", row.id, key(row)))
                .map(|key| (key.hash, Arc::new(key)))
                .collect::<HashMap<_, _>>();
            let by_id: HashMap<i64, &Arc<Key>> = keys.values().map(|key| (key.id, key)).collect();
            let sessions = store::sessions::good(db, clock::now())?
                .into_iter()
                .filter_map(|row| session(&row, by_id.get(&row.key_id)?)) // an ended key's end with it
                .map(|session| (session.hash, Arc::new(session)))
                .collect();
            let by_pbx: HashMap<i64, &Numbering> = pbxes.iter().map(|pbx| (pbx.id, &pbx.numbering)).collect();
            let reads =
                |pbx_id: Option<i64>| pbx_id.and_then(|id| by_pbx.get(&id).copied()).unwrap_or(numbering);
            let rules =
                RuleSet::new(store::rules::block_rules(db)?, store::rules::caller_id_rules(db)?, reads);
            let pbxes = pbxes.into_iter().map(Arc::new).flat_map(tokens).collect();
            Ok(Self { version, pbxes, sessions, keys, rules })
        })
    }

    /// Whose token this is.
    pub fn pbx(&self, token: &str, now: Moment) -> Option<&Arc<Pbx>> {
        let sent = Hash::of(token);
        let pbx = self.pbxes.get(&sent)?;
        let old = pbx.old_token.is_some_and(|(hash, until)| hash.matches(&sent) && now < until);
        (pbx.token_hash.matches(&sent) || old).then_some(pbx)
    }

    /// All of them, by id.
    pub fn pbxes(&self) -> BTreeMap<i64, &Arc<Pbx>> {
        self.pbxes.values().map(|pbx| (pbx.id, pbx)).collect()
    }

    /// Is it still a key, and limited as it was?
    pub fn holds(&self, key: &Key) -> bool {
        self.keys.get(&key.hash).is_some_and(|known| known.id == key.id && known.pbx_ids == key.pbx_ids)
    }

    /// Is it still a session?
    pub fn holds_session(&self, session: &Session, now: Moment) -> bool {
        now < session.expires_at
            && self.sessions.get(&session.hash).is_some_and(|known| known.id == session.id)
    }

    /// Whose key this is.
    pub fn key(&self, secret: &str) -> Option<&Arc<Key>> {
        let sent = Hash::of(secret);
        self.keys.get(&sent).filter(|key| key.hash.matches(&sent))
    }

    /// Whose session this is.
    pub fn session(&self, token: &str, now: Moment) -> Option<&Arc<Session>> {
        let sent = Hash::of(token);
        self.sessions.get(&sent).filter(|session| session.hash.matches(&sent) && now < session.expires_at)
    }
}

fn session(row: &SessionRow, key: &Arc<Key>) -> Option<Session> {
    let hash = Hash::from_stored(&row.token_hash)?;
    Some(Session { id: row.id, key: Arc::clone(key), expires_at: row.expires_at, hash })
}

fn tokens(pbx: Arc<Pbx>) -> impl Iterator<Item = (Hash, Arc<Pbx>)> {
    let old = pbx.old_token.map(|(hash, _)| (hash, Arc::clone(&pbx)));
    [(pbx.token_hash, pbx)].into_iter().chain(old)
}

fn readable<T>(what: &str, id: i64, row: Result<T, String>) -> Option<T> {
    row.inspect_err(|e| log::error!("{what} {id} is left out: {e}")).ok()
}

/// PBXes of one region and area share what they lately read.
type Numberings = HashMap<(String, Option<String>), Numbering>;

fn pbx(
    row: PbxRow,
    numberings: &mut Numberings,
    subscriptions: &[(Option<i64>, Subscription)],
) -> Result<Pbx, String> {
    let options: serde_json::Value = serde_json::from_str(&row.options).map_err(|e| e.to_string())?;
    let dialect = dialect::named(&row.dialect).ok_or_else(|| format!("unknown dialect {:?}", row.dialect))?;
    let mut mistakes = Mistakes::default();
    let options = Options::check(&options, Some(dialect), &row.region, &mut mistakes);
    let options = mistakes.none(options).map_err(|e| e.to_string())?;
    let numbering = match numberings.entry((row.region.clone(), options.area_code.clone())) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(place) => {
            place.insert(Numbering::new(&row.region, options.area_code.as_deref())?).clone()
        }
    };
    let wanted = subscriptions.iter().filter(|(pbx_id, _)| pbx_id.is_none_or(|id| id == row.id));
    let old_hash = row.old_token_hash.as_deref().and_then(Hash::from_stored);
    Ok(Pbx {
        id: row.id,
        dialect,
        numbering,
        options,
        allowed_addresses: serde_json::from_str(&row.allowed_addresses).map_err(|e| e.to_string())?,
        enabled: row.enabled,
        token_hash: Hash::from_stored(&row.token_hash).ok_or("its token hash is not 32 bytes")?,
        old_token: old_hash.zip(row.old_token_until),
        webhooks: wanted.map(|(_, subscription)| subscription.clone()).collect(),
        name: row.name,
    })
}

/// With the PBX that it is for; `None` for all.
fn subscription(row: &WebhookRow) -> Result<(Option<i64>, Subscription), String> {
    let read = Subscription {
        id: row.id,
        extension: row.extension.clone(),
        events: serde_json::from_str(&row.events).map_err(|e| e.to_string())?,
        filters: serde_json::from_str(&row.filters).map_err(|e| e.to_string())?,
    };
    Ok((row.pbx_id, read))
}

fn key(row: KeyRow) -> Result<Key, String> {
    Ok(Key {
        id: row.id,
        role: row.role,
        pbx_ids: row.pbx_ids.as_deref().map(serde_json::from_str).transpose().map_err(|e| e.to_string())?,
        hash: Hash::from_stored(&row.key_hash).ok_or("its hash is not 32 bytes")?,
        name: row.name,
    })
}
