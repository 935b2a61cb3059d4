//! What handlers share, how it all starts and stops, and the table of routes.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{HttpServer, dev};
use arc_swap::ArcSwap;
use diesel::QueryResult;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use utoipa_actix_web::scope::scope;
use utoipa_actix_web::{AppExt, OpenApiFactory};

use crate::complaint::complain;
use crate::config::Config;
use crate::connections::{self, Guests};
use crate::error::{Result, StartError};
use crate::live::feed::{self, Feed};
use crate::live::noojee;
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;
use crate::store::writer::RuleHit;
use crate::store::{self, Db, StopFlag, Store};
use crate::{address, api, bodies, head, housekeeping, intake, retention, spool, ui, webhooks};

/// What handlers share.
pub struct App {
    /// As the operator set it.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Tells who follows of calls as they change.
    pub feed: Feed,
    /// Slows down who guesses tokens and keys, by what `address::counted` says.
    strangers: DefaultKeyedRateLimiter<IpAddr>,
    /// Rules that decided calls, until they are written down.
    pub hits: Hits,
    /// Keys and sessions that were used, until it is written down.
    pub uses: Uses,
    snapshot: ArcSwap<Snapshot>,
    /// Held while it is read and swapped: what was read before a change never takes the place of what was read after.
    reading: Mutex<()>,
}

impl App {
    /// PBXes, keys and rules as of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Counts a wrong token or key. Were there too many from that address?
    pub fn guesses_too_often(&self, address: IpAddr) -> bool {
        self.strangers.check_key(&address::counted(address)).is_err()
    }

    /// Forgets who has not guessed for a while.
    pub fn forget_strangers(&self) {
        self.strangers.retain_recent();
        self.strangers.shrink_to_fit();
    }

    /// Reads them anew, after a change.
    ///
    /// # Errors
    /// What the database says; then the old ones stay.
    pub fn reload(&self, db: &mut Db) -> QueryResult<()> {
        let _turn = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.store(Arc::new(Snapshot::load(db, &self.config.numbering)?));
        Ok(())
    }

    /// Changes PBXes, keys or rules in one transaction; acts on the next event.
    ///
    /// # Errors
    /// What `f` or the database says; then nothing changed.
    pub async fn change<T, F>(this: &Data<Self>, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let app = Data::clone(this);
        this.store
            .query(move |db| {
                let answer = store::settings::change(db, f)?;
                app.reload(db)?;
                Ok::<T, crate::error::Error>(answer)
            })
            .await
    }
}

/// Counts rule hits in memory; housekeeping writes them down once a second, off the hot path.
#[derive(Default)]
pub struct Hits {
    counted: Mutex<HashMap<RuleHit, i64>>,
    /// Held while they are written: whoever wants to read them all waits for a writing that is under way.
    pub writing: tokio::sync::Mutex<()>,
}

impl Hits {
    /// One more.
    pub fn note(&self, rule: RuleHit) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner).entry(rule).or_default() += 1;
    }

    /// What is not written down yet; it is the caller's now.
    pub fn take(&self) -> HashMap<RuleHit, i64> {
        std::mem::take(&mut self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// They could not be written down.
    pub fn put_back(&self, hits: HashMap<RuleHit, i64>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        hits.into_iter().for_each(|(rule, count)| *counted.entry(rule).or_default() += count);
    }
}

/// Remembers in memory who was there; housekeeping writes it down once a minute.
#[derive(Default)]
pub struct Uses(Mutex<Used>);

/// Who was there.
#[derive(Default)]
pub struct Used {
    /// These keys.
    pub keys: HashSet<i64>,
    /// These sessions.
    pub sessions: HashSet<i64>,
}

impl Uses {
    /// A key was used.
    pub fn note_key(&self, key: i64) {
        self.lock().keys.insert(key);
    }

    /// A session was used, and its key with it.
    pub fn note_session(&self, session: i64, key: i64) {
        let mut used = self.lock();
        used.sessions.insert(session);
        used.keys.insert(key);
    }

    /// Who was there since the last time.
    pub fn take(&self) -> Used {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that runs.
pub struct Running {
    server: dev::Server,
    /// What its handlers share.
    pub app: Data<App>,
    stop: StopFlag,
    webhooks: (watch::Sender<bool>, JoinHandle<()>),
}

/// How long a stop waits for a database that is away.
const AWAY: Duration = Duration::from_secs(1);

/// Tells a server to stop.
pub struct Stopper {
    handle: dev::ServerHandle,
    app: Data<App>,
}

impl Stopper {
    /// No new connections; who waits for calls is sent away, other requests under way are answered.
    pub async fn stop(self) {
        self.app.feed.close();
        self.handle.stop(true).await;
    }
}

impl Running {
    /// To stop it while it is being waited for.
    pub fn stopper(&self) -> Stopper {
        Stopper { handle: self.server.handle(), app: self.app.clone() }
    }

    /// Serves until it is stopped; then what is queued is committed and threads are told to end.
    ///
    /// # Errors
    /// Where serving itself failed.
    pub async fn finish(self) -> std::io::Result<()> {
        let ended = self.server.await;
        self.stop.set();
        let (stop, dispatch) = self.webhooks;
        stop.send_replace(true);
        let last = async {
            // side by side: receivers take their time
            let (_panicked, ()) = tokio::join!(dispatch, housekeeping::write_hits(&self.app));
            self.app.store.writer.close().await;
        };
        let patience = match self.app.store.spool.is_filling() {
            true => AWAY,
            false => Duration::from_secs(self.app.config.serve.shutdown_timeout_s.into()),
        };
        if timeout(patience, last).await.is_err() {
            log::warn!("the database does not answer: what was answered is in the spool, for the next start");
        }
        ended
    }
}

/// Starts everything on `listener`. The program and its tests come through here. `store` is open and up to date.
///
/// # Errors
/// What a person must mend before it can start, in one line.
pub fn serve(
    config: Config,
    store: Store,
    metrics: Arc<Metrics>,
    listener: TcpListener,
) -> Result<Running, StartError> {
    let snapshot = {
        let mut db = store.target().connect().map_err(|e| StartError::connection(store.target(), &e))?;
        Snapshot::load(&mut db, &config.numbering).map_err(StartError::database)?
    };
    let per_minute = NonZeroU32::new(config.serve.failed_tokens_per_minute).unwrap_or(NonZeroU32::MIN);
    let (elsewhere, heard) = watch::channel(0);
    let app = Data::new(App {
        feed: Feed::new(),
        strangers: RateLimiter::keyed(Quota::per_minute(per_minute)),
        hits: Hits::default(),
        uses: Uses::default(),
        snapshot: ArcSwap::from_pointee(snapshot),
        reading: Mutex::new(()),
        metrics,
        store,
        config,
    });
    let stop = StopFlag::default();
    let watched = app.clone();
    let newest = store::listen::Newest { own: app.store.writer.newest(), elsewhere };
    store::listen::watch_others(app.store.target().clone(), stop.clone(), newest, move |db, version| {
        // what was changed here is held already
        if watched.snapshot().version != version
            && let Err(e) = watched.reload(db)
        {
            complain("the configuration could not be read", &e);
        }
    });
    let server = http(&app, listener).map_err(|e| StartError(format!("cannot serve: {e}")))?;
    actix_web::rt::spawn(housekeeping::run(app.clone()));
    actix_web::rt::spawn(spool::replay::run(app.clone()));
    actix_web::rt::spawn(retention::hourly(app.clone()));
    actix_web::rt::spawn(feed::run(app.clone(), heard));
    let (stop_webhooks, told) = watch::channel(false);
    let dispatch = actix_web::rt::spawn(webhooks::dispatch::run(app.clone(), told));
    Ok(Running { server, app, stop, webhooks: (stop_webhooks, dispatch) })
}

fn http(app: &Data<App>, listener: TcpListener) -> std::io::Result<dev::Server> {
    let shared = app.clone();
    let serve = &app.config.serve;
    let client = app.config.client_timeout();
    let workers = app.config.workers();
    let guests = Arc::new(Guests::new(serve.max_connections_per_address, serve.trusted_proxies.clone()));
    let description = Data::new(api::Description::of(app)?);
    let server = HttpServer::new(move || {
        let shared = shared.clone();
        actix_web::App::new()
            .app_data(shared.clone())
            .app_data(description.clone())
            .configure(intake::routes)
            .into_utoipa_app()
            .service(beside_intake(shared))
            .into_app()
    })
    .workers(workers)
    .max_connections(connections::room(serve.max_connections as usize, workers))
    .tcp_nodelay(true) // an answer in several pieces would wait for the client to acknowledge the first
    .client_request_timeout(client)
    .keep_alive(Duration::from_secs(serve.keep_alive_s.into()))
    .shutdown_timeout(serve.shutdown_timeout_s.into())
    .disable_signals()
    .on_connect(move |connection, kept| guests.receive(connection, kept))
    .listen(listener)?;
    Ok(server.run())
}

/// Everything but the hot path. The pages come last: they take whatever the others do not.
fn beside_intake(app: Data<App>) -> impl HttpServiceFactory + OpenApiFactory {
    scope("")
        .map(|scope| scope.configure(noojee::routes).configure(api::docs))
        .configure(move |config| api::routes(config, &app))
        .map(|scope| scope.service(ui::pages()).wrap(from_fn(head::as_get)).wrap(from_fn(bodies::in_time)))
}
