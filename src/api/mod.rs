//! JSON for people and programs: one file for each noun.

use actix_web::web::{self, Data};
use crate::app::App;

/// All routes.
pub fn routes(config: &mut web::ServiceConfig, _app: &Data<App>) {
    let _ = config;
}
