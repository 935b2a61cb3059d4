//! Request bodies and query strings: read strictly, checked by `validator`, refused field by field.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::error::{Error, FieldError};
use crate::object;

/// The largest JSON body, in bytes: a set of 50,000 rules with their notes and hits.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// A JSON body that is an object of the right shape.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Sent<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = web::Json::<Box<RawValue>>::from_request(request, payload);
        Box::pin(async move { Ok(Self(object::read(json.await?.get())?)) })
    }
}

/// The same, and what it says is valid.
pub struct Valid<T>(pub T);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for Valid<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let sent = Sent::<T>::from_request(request, payload);
        Box::pin(async move {
            let Sent(body) = sent.await?;
            body.validate().map_err(|errors| Error::Invalid(fields("", &errors)))?;
            Ok(Self(body))
        })
    }
}

/// For a field of which null means something else than its absence: `Some(None)` where null was sent.
///
/// # Errors
/// What is wrong with the value.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Each field with its message; nested ones as `rules[3].pattern`.
fn fields(prefix: &str, errors: &ValidationErrors) -> Vec<FieldError> {
    let mut found = Vec::new();
    for (name, kind) in errors.errors() {
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        match kind {
            ValidationErrorsKind::Field(errors) => found.extend(errors.iter().map(|error| {
                FieldError {
                    field: path.clone(),
                    message: error
                        .message
                        .as_ref()
                        .map_or_else(|| format!("is not valid ({})", error.code), ToString::to_string),
                }
            })),
            ValidationErrorsKind::Struct(inner) => found.extend(fields(&path, inner)),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    found.extend(fields(&format!("{path}[{index}]"), inner));
                }
            }
        }
    }
    found.sort_by(|a, b| a.field.cmp(&b.field));
    found
}

/// What is no JSON is answered as problem+json. (Whether it is the JSON that is asked for, `Sent` finds out.)
pub fn json_config() -> web::JsonConfig {
    web::JsonConfig::default().limit(LARGEST).error_handler(|e, _| {
        use actix_web::error::JsonPayloadError as J;
        match &e {
            J::OverflowKnownLength { limit, .. } | J::Overflow { limit } => Error::TooLarge(*limit),
            J::ContentType => Error::Malformed("send JSON, with Content-Type: application/json".into()),
            J::Deserialize(cause) => object::not_json(cause),
            other => Error::Malformed(format!("the body cannot be read: {other}")),
        }
        .into()
    })
}

/// Unknown or unreadable query parameters are answered 422.
pub fn query_config() -> web::QueryConfig {
    web::QueryConfig::default().error_handler(|e, _| Error::field("query", e.to_string()).into())
}

/// An id that is no number is an id that nothing has.
pub fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|_, _| Error::NotFound("row: its id is a number").into())
}
