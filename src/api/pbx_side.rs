//! The PBX's endpoint as it is described. What really answers is `intake`, which is no route of the documented kind.
#![expect(dead_code, reason = "only the attributes count")]

use serde::Serialize;

use crate::call::{Direction, Kind};
use crate::dialect;

/// What a PBX says: as form (also without Content-Type), JSON, multipart or query parameters. Blank is absent.
#[derive(Serialize, utoipa::ToSchema)]
struct CtiEvent {
    /// What happened.
    event: Kind,
    /// Seen from the PBX's owner.
    direction: Direction,
    /// The same with each event of a call, at most 250 characters; also `call_id` and `callid`.
    #[serde(rename = "callId")]
    #[schema(max_length = 250, examples("123456"))]
    call_id: String,
    /// The caller, at most 100 characters; `anonymous` where withheld.
    #[schema(max_length = 100, examples("493055571600"))]
    from: Option<String>,
    /// The callee, at most 100 characters.
    #[schema(max_length = 100, examples("491711234567890"))]
    to: Option<String>,
    /// Who is rung (newCall, in), who dials (newCall, out), who took it (answer): once, or repeated, also as `user[]`;
    /// at most 50.
    #[schema(max_items = 50)]
    user: Option<Vec<String>>,
    /// The queue that the caller came through.
    #[schema(max_length = 250)]
    queue: Option<String>,
    /// Where the call was taken.
    #[serde(rename = "answeringNumber")]
    #[schema(max_length = 100)]
    answering_number: Option<String>,
    /// Of a hangup: normalClearing, busy, cancel, noAnswer, congestion, notFound, forwarded; any other word is kept.
    #[schema(max_length = 250, examples("normalClearing"))]
    cause: Option<String>,
}

/// What the PBX shall do: nothing (`{}`), turn the caller away, or call on with another caller ID.
#[derive(Serialize, utoipa::ToSchema)]
struct CtiAction {
    /// reject or dial; missing for "go on".
    action: Option<String>,
    /// Of reject: busy or rejected.
    reason: Option<String>,
    /// Of dial.
    caller_id: Option<String>,
    /// The same again: Zammad's code says caller_id, its documentation callerId.
    #[serde(rename = "callerId")]
    caller_id_as_documented: Option<String>,
    /// Of dial: the number to call, as it was sent.
    number: Option<String>,
}

/// An error in the PBX's words.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CtiError {
    /// What is wrong and how to mend it.
    pub(super) error: String,
}

/// Takes an event of a PBX that speaks Zammad's CTI push ("CTI (generic)").
///
/// The token in the address is the key. An answer means that the event is kept: committed, or where the database is away
/// synced to a file. Repeats, unknown ids, late or reordered events are all answered 200; the journal says what came of
/// them.
#[utoipa::path(
    post, path = "/api/v1/cti/{token}", tag = "PBX", security(()),
    params(("token" = String, Path, description = "The PBX's secret")),
    request_body(content((CtiEvent = "application/x-www-form-urlencoded"), (CtiEvent = "application/json"), (CtiEvent = "multipart/form-data"))),
    responses(
        (status = 200, body = CtiAction, description = "Taken; what to do"),
        (status = 400, body = CtiError, description = "Cannot be read: NUL bytes, not UTF-8, broken JSON"),
        (status = 401, body = CtiError, description = "An unknown token"),
        (status = 403, body = CtiError, description = "From an address that this PBX may not use"),
        (status = 404, body = CtiError, description = "The token is of a PBX that speaks another dialect"),
        (status = 408, body = CtiError, description = "The body did not arrive in time"),
        (status = 422, body = CtiError, description = "Names the field to mend"),
        (status = 429, body = CtiError, description = "Too many unknown tokens from that address"),
        (status = 503, body = CtiError, description = "Perhaps not kept; to send it again does no harm"),
    )
)]
fn receive() {}

/// The same under the address that some clients have built in.
#[utoipa::path(
    post, path = "/api/v1/integration/cti/{token}", tag = "PBX", security(()),
    params(("token" = String, Path, description = "The PBX's secret")),
    request_body(content((CtiEvent = "application/x-www-form-urlencoded"), (CtiEvent = "application/json"), (CtiEvent = "multipart/form-data"))),
    responses(
        (status = 200, body = CtiAction, description = "Taken; what to do"),
        (status = 400, body = CtiError), (status = 401, body = CtiError), (status = 403, body = CtiError),
        (status = 404, body = CtiError), (status = 408, body = CtiError), (status = 422, body = CtiError),
        (status = 429, body = CtiError), (status = 503, body = CtiError),
    )
)]
fn receive_at_alias() {}

/// What a PBX of another vendor says, in that vendor's words: docs/pbx tells which.
#[derive(Serialize, utoipa::ToSchema)]
struct VendorEvent {
    #[serde(flatten)]
    words: std::collections::BTreeMap<String, String>,
}

/// Takes an event of a PBX. Its dialect's page under docs/pbx tells the parameters; they may come as query, too.
///
/// The token in the address is the key. An answer means that the event is kept: committed, or where the database is away
/// synced to a file; sipgate and Placetel hear in it what to do. A token of another dialect's PBX is refused in the words of that one.
#[utoipa::path(
    post, path = "/api/v1/vendor/{token}", tag = "PBX", security(()),
    params(("token" = String, Path, description = "The PBX's secret")),
    request_body(content = VendorEvent, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "Taken; what to do, where the PBX can be told"),
        (status = 400, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "Cannot be read"),
        (status = 401, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "An unknown token, or a wrong signature"),
        (status = 403, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "From an address that this PBX may not use"),
        (status = 404, content((String = "application/xml"), (String = "text/plain; charset=utf-8"), (CtiError = "application/json; charset=utf-8")), description = "The token is of a PBX that speaks another dialect"),
        (status = 408, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "The body did not arrive in time"),
        (status = 422, content((String = "application/xml"), (String = "text/plain; charset=utf-8"), (CtiError = "application/json; charset=utf-8")), description = "Names the field to mend"),
        (status = 429, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "Too many unknown tokens from that address"),
        (status = 503, content((String = "application/xml"), (String = "text/plain; charset=utf-8")), description = "Perhaps not kept; to send it again does no harm"),
    )
)]
fn receive_of_vendor() {}

/// Describes every dialect that `api` does not know yet like the one that is described for all.
pub(super) fn describe_vendors(api: &mut utoipa::openapi::OpenApi) {
    let Some(template) = api.paths.paths.remove("/api/v1/vendor/{token}") else { return };
    for dialect in dialect::ALL {
        let mut item = template.clone();
        if let Some(operation) = &mut item.post {
            operation.summary = Some(format!("Takes an event of a PBX that speaks {}.", dialect.name()));
            operation.operation_id = Some(format!("receive_{}", dialect.name()));
        }
        api.paths.paths.entry(format!("{}/{{token}}", dialect.path())).or_insert(item);
    }
}
