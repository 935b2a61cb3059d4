//! Request bodies and query strings: read strictly, checked by `validator`, refused field by field.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::error::{Error, FieldError};

/// The largest JSON body, in bytes: a set of 50,000 rules with their notes and hits.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// A JSON body that is well-formed and valid.
pub struct Valid<T>(pub T);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for Valid<T> {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = web::Json::<Object<T>>::from_request(request, payload);
        Box::pin(async move {
            let Object(body) = json.await?.into_inner();
            body.validate().map_err(|errors| Error::Invalid(fields("", &errors)))?;
            Ok(Self(body))
        })
    }
}

/// A JSON object. (serde would also take a list for a struct, field by field.)
pub struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        from.deserialize_map(Fields(PhantomData))
    }
}

/// For a field that holds such an object, or null.
///
/// # Errors
/// What is wrong with the value.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(from)?.map(|Object(inner)| inner))
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

/// Bad JSON is answered as problem+json: 400 where it is not JSON, 422 where it is not what is asked for.
pub fn json_config() -> web::JsonConfig {
    web::JsonConfig::default().limit(LARGEST).error_handler(|e, _| {
        use actix_web::error::JsonPayloadError as J;
        match &e {
            J::Deserialize(cause) if cause.is_data() => Error::field("body", cause.to_string()),
            J::OverflowKnownLength { limit, .. } | J::Overflow { limit } => Error::TooLarge(*limit),
            J::ContentType => Error::Malformed("send JSON, with Content-Type: application/json".into()),
            other => Error::Malformed(format!("the body is not JSON: {other}")),
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
