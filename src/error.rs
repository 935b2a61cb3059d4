//! The one error that an HTTP caller can meet (RFC 9457), and the one line that ends a start.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::store::target::Target;

/// Shorthand for handlers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller can act on it. Causes go to the log, never to the reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 404, or a row that the key may not see.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// 405: the page is there, and takes only these methods (as in `Allow`).
    #[error("here only {0} is understood; the API is described at /api/docs")]
    WrongMethod(String),
    /// 401: no key, or an unknown one.
    #[error(
        "this needs a key that is in use here: send it as `Authorization: Bearer hsk_…`; `hookswitch key list` shows \
         which there are"
    )]
    NoKey,
    /// 429 with Retry-After.
    #[error("too many wrong keys from your address; wait a minute")]
    TooManyGuesses,
    /// 403: the key's role is too low.
    #[error("this needs a key of role {0} or higher")]
    Forbidden(&'static str),
    /// 403: the key is limited to some PBXes.
    #[error("this concerns all PBXes, and your key is limited to some")]
    Limited,
    /// 403: a browser that is signed in was made to send it by somebody else's page.
    #[error("this was not sent by a page of this server; open the page itself and try there")]
    ForeignPage,
    /// 400: not even readable.
    #[error("{0}")]
    Malformed(String),
    /// 409: clashes with what is there.
    #[error("{0}")]
    Conflict(String),
    /// 413.
    #[error("the body is too large: at most {0} bytes")]
    TooLarge(usize),
    /// 422, with the fields to mend.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldError>),
    /// 503 with Retry-After.
    #[error("{0}; try again shortly")]
    Unavailable(&'static str),
    /// 500.
    #[error("internal error; the server's log says more")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One field of a request that was refused.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Its name as sent.
    pub field: String,
    /// What is wrong with it and how to mend it.
    pub message: String,
}

/// The body of every error on the people's side (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says it all.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong and what to do.
    pub detail: String,
    /// The fields to mend, where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Error {
    /// One refused field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// The body that goes with it.
    pub fn problem(&self) -> Problem {
        let status = self.status_code();
        let errors = if let Self::Invalid(errors) = self { errors.clone() } else { Vec::new() };
        Problem {
            r#type: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            detail: self.to_string(),
            errors,
        }
    }
}

fn summary(errors: &[FieldError]) -> String {
    errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join("; ")
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::TooManyGuesses => StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden(_) | Self::Limited | Self::ForeignPage => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Internal(cause) = self {
            log::error!("{cause}");
        }
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::NoKey => response.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
            Self::WrongMethod(allowed) => response.insert_header((header::ALLOW, allowed.as_str())),
            Self::Unavailable(_) => response.insert_header((header::RETRY_AFTER, "1")),
            Self::TooManyGuesses => response.insert_header((header::RETRY_AFTER, "60")),
            _ => &mut response,
        };
        response.content_type("application/problem+json").body(
            serde_json::to_string(&self.problem()).unwrap_or_default(), // plain strings: cannot fail
        )
    }
}

impl From<diesel::result::Error> for Error {
    fn from(e: diesel::result::Error) -> Self {
        match e {
            diesel::result::Error::NotFound => Self::NotFound("row"),
            other if crate::store::is_away(&other) => {
                crate::complaint::complain("the database does not do what it is asked", &other);
                Self::Unavailable("the database does not answer")
            }
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// Why the program ends at once: one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl StartError {
    /// The database refused a statement.
    pub fn database(e: diesel::result::Error) -> Self {
        Self(format!("the database refused to work: {}", one_line(&e.to_string())))
    }

    /// A migration failed.
    pub fn migration(e: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self(format!("cannot bring the database up to date: {}", one_line(&e.to_string())))
    }

    /// No connection.
    pub fn connection(target: &Target, e: &diesel::ConnectionError) -> Self {
        Self(format!("cannot open {}: {}", target.describe(), one_line(&e.to_string())))
    }
}

impl From<diesel::result::Error> for StartError {
    fn from(e: diesel::result::Error) -> Self {
        Self::database(e)
    }
}

/// What libpq says in several lines.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
