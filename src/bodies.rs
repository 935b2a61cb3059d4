//! How long a body may take to come, and what becomes of one that nobody reads to its end. The server's own time limit
//! ends with the head of a request. The hot path reads its bodies itself.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::app::App;

/// Whoever sends at least so many bytes in a second is never too slow.
const RATE: u64 = 64 * 1024;

/// Reads the body of a request as long as it comes in time: the client's time-out, and more the more of it has come.
///
/// # Errors
/// What the handler says.
pub async fn in_time(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let patience = request.app_data::<Data<App>>().map(|app| app.config.client_timeout());
    let (payload, Some(patience)) = (request.take_payload(), patience) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if matches!(payload, Payload::None) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let payload = Rc::new(RefCell::new(payload));
    request.set_payload(timed(payload.clone(), patience));
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Held { body: body.boxed(), _unread: payload })))
}

/// An answer to a request whose body was perhaps not read to its end: then it is the last one on its connection. (A
/// chunked body that is let go would be read on for ever, however long it is.)
pub fn hold(response: HttpResponse, unread: Payload) -> HttpResponse {
    response.map_body(|_, body| BoxBody::new(Held { body, _unread: Rc::new(RefCell::new(unread)) }))
}

fn timed(payload: Rc<RefCell<Payload>>, patience: Duration) -> Payload {
    let begun = Instant::now();
    let parts = stream::unfold(Some((payload, 0)), move |state| async move {
        let (payload, come) = state?;
        let deadline = begun + patience + Duration::from_millis(come * 1000 / RATE);
        let part = poll_fn(|context| payload.borrow_mut().poll_next_unpin(context));
        match timeout_at(deadline, part).await {
            Ok(Some(Ok(bytes))) => {
                let come = come + bytes.len() as u64;
                Some((Ok(bytes), Some((payload, come))))
            }
            Ok(Some(Err(e))) => Some((Err(e), None)),
            Ok(None) => None,
            Err(_elapsed) => {
                let slow = io::Error::new(io::ErrorKind::TimedOut, "it did not arrive in time");
                Some((Err(PayloadError::Io(slow)), None))
            }
        }
    });
    Payload::Stream { payload: Box::pin(parts) }
}

/// A response's body that keeps the request's until it is sent.
struct Held {
    body: BoxBody,
    _unread: Rc<RefCell<Payload>>,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
