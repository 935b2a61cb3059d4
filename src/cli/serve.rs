//! `hookswitch serve`: the first start's setting-up, and the server until it is told to stop.

use std::net::TcpListener;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::print;
use crate::app::{self, Running};
use crate::clock;
use crate::config::{Config, Database, Serve};
use crate::error::StartError;
use crate::metrics::Metrics;
use crate::secret::{Hash, new_key, new_session, new_token};
use crate::session;
use crate::store::keys::Role;
use crate::store::pbxes::NewPbx;
use crate::store::{self, Db, Store};

/// Serves until SIGTERM or SIGINT.
pub fn run(database: &Database, serve: Serve) -> Result<(), StartError> {
    let listener = TcpListener::bind(serve.listen).map_err(|e| {
        StartError(format!("cannot listen on {}: {e}; choose another with --listen", serve.listen))
    })?;
    let bound = listener.local_addr().map_err(|e| StartError(e.to_string()))?;
    let config = Config::new(database, serve, bound)?;
    let metrics = Arc::new(Metrics::new().map_err(|e| StartError(e.to_string()))?);
    let store = Store::open(&config.target, &config.spool, metrics.clone())?;
    let system = actix_web::rt::System::new();
    let ended = system.block_on(async move {
        let told_to_stop = told_to_stop()?; // before anybody can know that the server runs
        greet(&store, &config)?;
        let running = app::serve(config, store, metrics, listener)?;
        until(told_to_stop, running).await
    });
    std::mem::forget(system); // it would wait for threads that wait for a database that is away; nothing is left to do
    ended
}

/// Says where it serves, and on the first start what is needed.
fn greet(store: &Store, config: &Config) -> Result<(), StartError> {
    let (version, place) = (env!("CARGO_PKG_VERSION"), config.target.describe());
    let greeting = format!("Hookswitch {version} serves {} with {place}", config.public_url);
    // a later start has nothing to say that could not be left unsaid
    if !first_start(store, config, &greeting)?
        && let Err(e) = print::line(&greeting)
    {
        log::warn!("{e}");
    }
    if config.lacks_address() {
        log::warn!(
            "nobody can reach {}, which PBXes' URLs and links begin with: name the server's address by --public-url",
            config.public_url
        );
    }
    Ok(())
}

async fn until(told_to_stop: impl Future<Output = ()> + 'static, running: Running) -> Result<(), StartError> {
    let stopper = running.stopper();
    actix_web::rt::spawn(async move {
        told_to_stop.await;
        log::info!("stopping: no new connections; what is under way is finished");
        stopper.stop().await;
    });
    running.finish().await.map_err(|e| StartError(format!("the server failed: {e}")))
}

/// SIGTERM or SIGINT, which end the process no more from now on.
fn told_to_stop() -> Result<impl Future<Output = ()>, StartError> {
    let heard = |kind| signal(kind).map_err(|e| StartError(format!("signals cannot be heard: {e}")));
    let (mut terminate, mut interrupt) = (heard(SignalKind::terminate())?, heard(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Makes the first PBX and the first key where there are none. What it says is said once: where it cannot be said,
/// nothing is made. Whether there was something.
fn first_start(store: &Store, config: &Config, greeting: &str) -> Result<bool, StartError> {
    let mut db = store.target().connect().map_err(|e| StartError::connection(store.target(), &e))?;
    store::settings::change(&mut db, |db| {
        let made: Vec<String> = make_first(db, config)?.into_iter().flatten().collect();
        if made.is_empty() {
            return Ok(false);
        }
        print::line(&format!("{greeting}\n{}", made.join("\n"))).map(|()| true)
    })
}

fn make_first(db: &mut Db, config: &Config) -> diesel::QueryResult<[Option<String>; 2]> {
    let now = clock::now();
    let url = &config.public_url;
    let pbx = if store::pbxes::all(db)?.is_empty() {
        let token = new_token();
        let new = NewPbx {
            name: "First PBX".into(),
            dialect: "zammad".into(),
            region: config.numbering.region(),
            options: "{}".into(),
            allowed_addresses: "[]".into(),
            token_hash: Hash::of(&token),
        };
        store::pbxes::insert(db, &new, now)?;
        Some(format!(
            "PBX URL: {url}/api/v1/cti/{token}\n\
             Try it: curl -X POST --data \"event=newCall&from=493055571600&to=491711234567890&direction=in&callId=123456&user[]=Alice&user[]=Bob\" {url}/api/v1/cti/{token}\n\
             Or: hookswitch simulate --url {url}/api/v1/cti/{token}"
        ))
    } else {
        None
    };
    let key = if store::keys::all(db)?.iter().any(|key| key.role == Role::Admin && key.revoked_at.is_none()) {
        None
    } else {
        let (key, link) = (new_key(), new_session());
        let row = store::keys::insert(db, "first admin", Role::Admin, &Hash::of(&key), None, now)?;
        store::sessions::insert_link(db, row.id, &Hash::of(&link), now + session::LINK_LASTS)?;
        Some(format!(
            "Key: {key}\nAPI: {url}/api/v1/calls (with the header \"Authorization: Bearer {key}\")\n\
             Page: {url}/sign-in/{link}\n\
             The URL and the key are shown this once: keep them. The page's link signs in once, within a day; later \
             {url}/ asks for the key."
        ))
    };
    Ok([pbx, key])
}
