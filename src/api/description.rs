//! What the description of the API says of a request: the methods and the parameters that are understood.

use actix_web::body::MessageBody;
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{Error as Failure, ResponseError};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};

use super::openapi::collected;
use crate::app::App;
use crate::error::Error;

/// Zammad's own endpoints: its clients may send what they like.
const ZAMMADS: &str = "/api/v1/cti/";

/// The whole description.
pub struct Description {
    json: Bytes,
    /// All paths. (A PBX's own are left out: to all but POST they are not there, as in Zammad.)
    paths: Vec<(ResourceDef, Vec<Understood>)>,
}

/// A method at a path.
struct Understood {
    method: Method,
    /// The names of its parameters in the query.
    parameters: Vec<String>,
}

impl Description {
    /// Collected from the routes.
    pub fn of(app: &Data<App>) -> serde_json::Result<Self> {
        let api = collected(app);
        let for_people = api.paths.paths.iter().filter(|(path, _)| !path.contains("{token}"));
        let paths =
            for_people.map(|(path, item)| (ResourceDef::new(path.as_str()), understood(item))).collect();
        Ok(Self { json: serde_json::to_vec(&api)?.into(), paths })
    }

    /// As it is served.
    pub fn json(&self) -> Bytes {
        self.json.clone()
    }

    /// The methods that are understood at that path, as in `Allow`; `None` where there is nothing.
    pub fn methods_at(&self, path: &str) -> Option<String> {
        let (_, methods) = self.paths.iter().find(|(pattern, _)| pattern.is_match(path))?;
        let names = methods.iter().map(|at| match at.method.as_str() {
            "GET" => "GET, HEAD",
            other => other,
        });
        Some(names.collect::<Vec<_>>().join(", "))
    }

    /// The names of all parameters that the query may hold; `None` where there is no such thing.
    fn parameters_at(&self, method: &Method, path: &str) -> Option<&[String]> {
        let mut at = self.paths.iter().filter(|(pattern, _)| pattern.is_match(path)).flat_map(|(_, at)| at);
        Some(&at.find(|at| at.method == *method)?.parameters)
    }

    /// Does the query hold a parameter that is not understood?
    fn unknown_in(&self, request: &ServiceRequest) -> Option<Error> {
        let known = self.parameters_at(request.method(), request.path())?;
        let sent = Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?.into_inner();
        let (unknown, _) = sent.into_iter().find(|(name, _)| !known.contains(name))?;
        let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Some(Error::field(
            &unknown,
            match names.as_str() {
                "" => "unknown parameter; there are none here".to_owned(),
                names => format!("unknown parameter; there are {names}"),
            },
        ))
    }
}

fn understood(item: &PathItem) -> Vec<Understood> {
    let operations = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    let there = operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)));
    there.map(|(method, operation)| Understood { method, parameters: parameters(operation) }).collect()
}

fn parameters(operation: &Operation) -> Vec<String> {
    let all = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    all.filter(|one| one.parameter_in == ParameterIn::Query).map(|one| one.name.clone()).collect()
}

/// Refuses a query with an unknown parameter, so that a mistyped one never means less than it should.
pub async fn refuse_unknown_parameters(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Failure> {
    let described = request.app_data::<Data<Description>>();
    let unknown = described
        .filter(|_| !request.query_string().is_empty() && !request.path().starts_with(ZAMMADS))
        .and_then(|description| description.unknown_in(&request));
    match unknown {
        Some(refusal) => Ok(request.into_response(refusal.error_response()).map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}
