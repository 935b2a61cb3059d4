//! Contacts: whose number it is. They name calls, old and new.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::{DateTime, Utc};
use diesel::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::auth::Caller;
use super::body::{Sent, given};
use super::openapi::{ReadRefusals, WriteRefusals};
use super::page::{self, Page};
use super::query::Parameters;
use super::{contact_import, contacts_csv};
use crate::app::App;
use crate::error::{Error, Result};
use crate::number::{self, Number, Numbering};
use crate::store::Db;
use crate::store::contacts::{self as rows, ContactRow, NewContact, NumberRow, Search};
use crate::store::keys::Role;
use crate::{clock, import, text};

/// A contact as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Contact)]
pub struct ContactView {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) company: Option<String>,
    pub(crate) numbers: Vec<ContactNumber>,
    pub(crate) note: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// One of a contact's numbers.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ContactNumber {
    /// As written.
    pub(crate) number: String,
    /// With the plus; null for extensions, SIP ids and what no numbering plan knows.
    pub(crate) e164: Option<String>,
    /// For people.
    pub(crate) display: String,
}

impl ContactView {
    pub(super) fn of(row: ContactRow, numbers: Vec<NumberRow>) -> Self {
        let number = |row: NumberRow| ContactNumber {
            e164: number::e164(&row.number_key).map(Into::into),
            display: number::display(&row.number, &row.number_key),
            number: row.number,
        };
        Self {
            id: row.id,
            name: row.name,
            company: row.company,
            numbers: numbers.into_iter().map(number).collect(),
            note: row.note,
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        }
    }
}

/// What a contact is to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContact)]
pub struct ContactWords {
    /// Of the person, or the firm.
    #[schema(min_length = 1, max_length = 250)]
    pub name: String,
    /// Where the person works.
    #[schema(max_length = 250)]
    pub company: Option<String>,
    /// In any spelling.
    #[schema(min_items = 1, max_items = 50)]
    pub numbers: Vec<String>,
    /// Yours.
    #[schema(max_length = 2000)]
    pub note: Option<String>,
}

impl ContactWords {
    fn check(self, numbering: &Numbering) -> Result<NewContact> {
        let Self { name, company, numbers, note } = self;
        checked(name, company, note, numbers.len(), || read(&numbers, numbering))
    }
}

/// No key twice.
fn read(given: &[String], numbering: &Numbering) -> Result<Vec<Number>> {
    let mut numbers: Vec<Number> = Vec::new();
    for (index, text) in given.iter().enumerate() {
        let number =
            import::number(text, numbering).map_err(|why| Error::field(&format!("numbers[{index}]"), why))?;
        if numbers.iter().all(|known| known.key() != number.key()) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

/// So many numbers, which are read once all else is right.
fn checked(
    name: String,
    company: Option<String>,
    note: Option<String>,
    count: usize,
    numbers: impl FnOnce() -> Result<Vec<Number>>,
) -> Result<NewContact> {
    import::check(&name, company.as_deref(), note.as_deref(), count)
        .map_err(|(field, why)| Error::field(field, why))?;
    let numbers = numbers()?;
    if numbers.is_empty() {
        return Err(Error::field("numbers", "must hold at least one number"));
    }
    let filled = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    Ok(NewContact { name: name.trim().into(), company: filled(company), note: filled(note), numbers })
}

/// What shall be different; what is left out stays, null takes away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, min_length = 1, max_length = 250)]
    pub(crate) name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 250)]
    pub(crate) company: Option<Option<String>>,
    /// In the place of all that it has.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 50)]
    pub(crate) numbers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub(crate) note: Option<Option<String>>,
}

impl ContactChange {
    /// Numbers that are not sent stay as they are, also those that would be refused by now.
    fn apply(self, old: ContactRow, numbers: Vec<NumberRow>, numbering: &Numbering) -> Result<NewContact> {
        let kept = |row: NumberRow| Number::from((row.number, row.number_key));
        let count = self.numbers.as_ref().map_or(numbers.len(), Vec::len);
        let numbers = move || match self.numbers {
            Some(given) => read(&given, numbering),
            None => Ok(numbers.into_iter().map(kept).collect()),
        };
        let (company, note) = (self.company.unwrap_or(old.company), self.note.unwrap_or(old.note));
        checked(self.name.unwrap_or(old.name), company, note, count, numbers)
    }
}

/// Which contacts.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Stands in name or company, or is how a number begins.
    #[param(max_length = 100)]
    pub(crate) q: Option<String>,
    /// How many rows; 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<i64>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// Contacts by name.
#[utoipa::path(tag = "contacts", params(Which), responses((status = 200, body = Page<ContactView>), ReadRefusals))]
#[get("/contacts")]
pub async fn list(
    app: Data<App>,
    _: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<Page<ContactView>>> {
    Ok(Json(page(&app, &which).await?))
}

/// A page of the contacts.
///
/// # Errors
/// What is wrong with `which`.
pub async fn page(app: &App, which: &Which) -> Result<Page<ContactView>> {
    let limit = page::limit(which.limit)?;
    let after: Option<(String, i64)> = page::position(which.cursor.as_deref())?;
    if after.as_ref().is_some_and(|(place, _)| place.contains('\0')) {
        return Err(Error::field("cursor", "send the `next` of the page before"));
    }
    let search = searched(app, which)?;
    let find = move |db: &mut Db| {
        let found = rows::page(db, search.as_ref(), after.as_ref(), limit + 1)?;
        let ids: Vec<i64> = found.iter().map(|row| row.id).collect();
        Ok::<_, Error>((found, rows::numbers(db, &ids)?))
    };
    let (found, mut numbers) = app.store.query(find).await?;
    let place = |row: &ContactRow| (row.sort_key.clone(), row.id);
    Ok(Page::of(found, limit, place, |row| {
        let numbers = numbers.remove(&row.id).unwrap_or_default();
        ContactView::of(row, numbers)
    }))
}

/// What is looked for.
///
/// # Errors
/// What is wrong with `q`.
pub(super) fn searched(app: &App, which: &Which) -> Result<Option<Search>> {
    text::optional(which.q.as_deref(), 0, 100).map_err(|why| Error::field("q", why))?;
    Ok(which.q.as_deref().and_then(|q| search(q, &app.config.numbering)))
}

/// What `q` looks for; nothing where it is blank.
fn search(q: &str, numbering: &Numbering) -> Option<Search> {
    let text = q.trim().to_lowercase();
    let mut key_prefixes = Vec::new();
    if let Some((abroad, digits)) = numbering.read_pattern(&text).filter(|(_, digits)| !digits.is_empty()) {
        key_prefixes.push(format!("+{digits}"));
        if !abroad {
            key_prefixes.push(digits); // an extension, or a number that no plan knows
        }
        key_prefixes.extend(numbering.read(&text).map(|number| number.key().to_owned()));
    }
    (!text.is_empty()).then_some(Search { text, key_prefixes })
}

/// One contact.
#[utoipa::path(tag = "contacts", responses((status = 200, body = ContactView), ReadRefusals))]
#[get("/contacts/{id}")]
pub async fn show(app: Data<App>, _: Caller, id: Path<i64>) -> Result<Json<ContactView>> {
    Ok(Json(one(&app, *id).await?))
}

/// One contact.
///
/// # Errors
/// That there is none.
pub async fn one(app: &App, id: i64) -> Result<ContactView> {
    let (row, numbers) = app.store.query(move |db| find(db, id)).await?;
    Ok(ContactView::of(row, numbers))
}

/// Makes a contact. Calls with its numbers, old and new, bear its name from now on.
#[utoipa::path(tag = "contacts", request_body = ContactWords, responses((status = 201, body = ContactView), WriteRefusals))]
#[post("/contacts")]
pub async fn create(app: Data<App>, caller: Caller, Sent(new): Sent<ContactWords>) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(add(&app, &caller, new).await?))
}

/// Adds a contact; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn add(app: &App, caller: &Caller, new: ContactWords) -> Result<ContactView> {
    caller.at_least(Role::Manager)?;
    let new = new.check(&app.config.numbering)?;
    let insert = move |db: &mut Db| {
        db.transaction(|db| {
            let ids = rows::insert(db, std::slice::from_ref(&new), clock::now())?;
            find(db, ids.first().copied().unwrap_or(0))
        })
    };
    let (row, numbers) = app.store.query(insert).await?;
    Ok(ContactView::of(row, numbers))
}

/// Changes a contact.
#[utoipa::path(tag = "contacts", request_body = ContactChange, responses((status = 200, body = ContactView), WriteRefusals))]
#[patch("/contacts/{id}")]
pub async fn change(
    app: Data<App>,
    caller: Caller,
    id: Path<i64>,
    Sent(change): Sent<ContactChange>,
) -> Result<Json<ContactView>> {
    Ok(Json(changed(&app, &caller, *id, change).await?))
}

/// Changes a contact; it is as it is then.
///
/// # Errors
/// What is wrong with it, or that the caller may not.
pub async fn changed(app: &Data<App>, caller: &Caller, id: i64, to: ContactChange) -> Result<ContactView> {
    caller.at_least(Role::Manager)?;
    let this = app.clone();
    let update = move |db: &mut Db| {
        db.transaction(|db| {
            rows::begin_writing(db)?;
            let (old, numbers) = find(db, id)?;
            let new = to.apply(old, numbers, &this.config.numbering)?;
            rows::update(db, id, &new, clock::now())?;
            find(db, id)
        })
    };
    let (row, numbers) = app.store.query(update).await?;
    Ok(ContactView::of(row, numbers))
}

/// Deletes a contact. Calls with its numbers lose its name.
#[utoipa::path(tag = "contacts", responses((status = 204), WriteRefusals))]
#[delete("/contacts/{id}")]
pub async fn remove(app: Data<App>, caller: Caller, id: Path<i64>) -> Result<HttpResponse> {
    end(&app, &caller, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a contact.
///
/// # Errors
/// That there is none, or that the caller may not.
pub async fn end(app: &App, caller: &Caller, id: i64) -> Result<()> {
    caller.at_least(Role::Manager)?;
    app.store.query(move |db| rows::delete(db, id).optional()).await?.ok_or(Error::NotFound(WHAT))
}

const WHAT: &str = "contact";

fn find(db: &mut Db, id: i64) -> Result<(ContactRow, Vec<NumberRow>)> {
    let row = rows::get(db, id).optional()?.ok_or(Error::NotFound(WHAT))?;
    let numbers = rows::numbers(db, &[id])?.remove(&id).unwrap_or_default();
    Ok((row, numbers))
}

/// All of them.
pub fn routes(config: &mut ServiceConfig) {
    config.service(contact_import::import_file).service(contacts_csv::download);
    config.service(list).service(create).service(show).service(change).service(remove);
}
