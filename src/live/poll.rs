//! The long poll: an answer as soon as there is one to give. Nothing is kept of who asks, so an answer that never
//! arrived is asked for again with the same cursor.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use diesel::QueryResult;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, timeout_at};

use super::news::{Change, News};
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::changes::{self, Moved};
use crate::store::{Db, journal};

/// So many stretches are read in one go.
const STRETCHES: usize = 20;

/// Somebody who asks for changes.
pub trait Asker: Send + Sync + 'static {
    /// How a change is shown.
    type Shown: Send + 'static;

    /// What happens within this time after a first change is told together with it.
    const SETTLE: Duration = Duration::ZERO;

    /// Those of these changes that are meant, for one who knows everything up to `after`.
    ///
    /// # Errors
    /// What the database says.
    fn show(&self, db: &mut Db, moved: Vec<Moved>, after: i64) -> QueryResult<Vec<Self::Shown>>;

    /// May `show` have something to show of this change?
    fn is_meant(&self, change: &Change) -> bool;
}

/// What changed after `after`, which is no more than the newest change; waits for it at most so long. The cursor to go
/// on after comes with it.
///
/// # Errors
/// What the database says.
pub async fn ask<A: Asker>(
    app: &Data<App>,
    asker: Arc<A>,
    mut after: i64,
    wait: Duration,
) -> Result<(Vec<A::Shown>, i64)> {
    let until = Instant::now() + wait;
    let known = after;
    let mut news = None;
    loop {
        let page = read(app, &asker, known, after).await?;
        if !page.shown.is_empty() || Instant::now() >= until {
            return Ok((page.shown, page.upto));
        }
        after = page.upto;
        if page.upto < page.newest {
            continue;
        }
        match &mut news {
            None => news = Some(app.feed.follow().await?), // and look again: nothing falls between
            Some(news) => tokio::select! {
                _ = timeout_at(until, heard(&*asker, news, &mut after)) => {}
                () = app.feed.closing() => return Ok((Vec::new(), after)),
            },
        }
    }
}

struct Page<T> {
    shown: Vec<T>,
    /// Up to which change it was read.
    upto: i64,
    newest: i64,
}

/// The first of what is meant, of a bounded number of changes behind `after`. `known` is from where it was asked.
async fn read<A: Asker>(app: &Data<App>, asker: &Arc<A>, known: i64, after: i64) -> Result<Page<A::Shown>> {
    let asker = Arc::clone(asker);
    let read = move |db: &mut Db| {
        let newest = journal::newest(db)?;
        let mut page = Page { shown: Vec::new(), upto: after, newest };
        for _ in 0..STRETCHES {
            if !page.shown.is_empty() || page.upto >= newest {
                break;
            }
            let stretch = changes::between(db, page.upto, newest)?;
            page.upto = stretch.upto;
            page.shown = asker.show(db, stretch.calls, known)?;
        }
        Ok::<_, Error>(page)
    };
    app.store.query(read).await
}

/// Returns once something is meant; the cursor moves over what is not.
async fn heard<A: Asker>(asker: &A, news: &mut Receiver<Arc<News>>, after: &mut i64) {
    loop {
        match news.recv().await {
            Ok(news) if news.changes.iter().any(|change| asker.is_meant(change)) => break,
            Ok(news) => *after = news.upto.max(*after),
            Err(RecvError::Lagged(_) | RecvError::Closed) => break,
        }
    }
    sleep(A::SETTLE).await;
}
