//! The page of rules: the block list, the caller-ID rules in their order, the tester beside them, and all as a file.

use std::collections::BTreeMap;

use actix_web::web::{self, Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::call_row::Show;
use super::did::Did;
use super::fields;
use super::frame::{Frame, Visit, html};
use super::said::said;
use crate::api::page::Paging;
use crate::api::{block_rules, caller_id_rules, rule_set};
use crate::app::App;
use crate::call::{Decision, Direction, Reason};
use crate::error::{Error, Result};
use crate::object;
use crate::rulebook::{BlockEntry, CallerIdEntry, Check, RuleEntry, Rulebook};
use crate::rules::BlockAction;
use crate::store::keys::Role;

/// So many rules of each list are shown on one page.
const SHOWN: i64 = 200;

/// The largest file of rules, in bytes.
const LARGEST: usize = 32 * 1024 * 1024;

#[derive(Template)]
#[template(path = "rules.html")]
struct Page {
    frame: Frame,
    pbxes: BTreeMap<i64, String>,
    block: Vec<BlockEntry>,
    more_block: Option<String>,
    caller_ids: Vec<Placed>,
    more_caller_ids: Option<String>,
    new_block: BlockEntry,
    new_caller_id: CallerIdEntry,
    asked: Asked,
    answer: Option<Answer>,
    until_day: String,
}

/// A caller-ID rule, and the positions that it can be moved to.
pub(super) struct Placed {
    rule: CallerIdEntry,
    up: Option<i32>,
    down: Option<i32>,
}

/// What the tester says.
#[derive(Template)]
#[template(path = "rules.html", block = "answer")]
struct Told {
    answer: Option<Answer>,
}

struct Answer {
    says: String,
    why: String,
    /// Where the rule that decides is changed.
    rule: Option<String>,
}

/// What the page is asked for: what the tester shall answer, and where its lists go on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    direction: Option<Direction>,
    from: String,
    to: String,
    pbx_id: String,
    queue: String,
    user: String,
    block_from: Option<String>,
    caller_ids_from: Option<String>,
}

impl Asked {
    fn check(&self, direction: Direction) -> Result<Check> {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let pbx_id = filled(&self.pbx_id).map(|id| id.parse()).transpose();
        Ok(Check {
            direction,
            from: filled(&self.from),
            to: filled(&self.to),
            pbx_id: pbx_id.map_err(|_| Error::field("pbx_id", "must be the number of a PBX"))?,
            queue: filled(&self.queue),
            user: filled(&self.user),
        })
    }
}

async fn show(app: Data<App>, visit: Visit, asked: Query<Asked>) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Manager)?;
    let asked = asked.into_inner();
    let answer = match asked.direction {
        Some(direction) => Some(answer(&app, &visit, &asked.check(direction)?).await?),
        None => None,
    };
    if visit.partial {
        return html(&Told { answer });
    }
    let paging = |cursor: &Option<String>| Paging { limit: Some(SHOWN), cursor: cursor.clone() };
    let block = block_rules::page(&app, &visit.caller, &paging(&asked.block_from)).await?;
    let ids = caller_id_rules::page(&app, &visit.caller, &paging(&asked.caller_ids_from)).await?;
    html(&Page {
        pbxes: Show::to(&app, &visit).pbxes,
        frame: visit.frame,
        block: block.data,
        more_block: block.next,
        caller_ids: placed(ids.data),
        more_caller_ids: ids.next,
        new_block: blank_block(),
        new_caller_id: blank_caller_id(),
        until_day: String::new(),
        asked,
        answer,
    })
}

async fn answer(app: &Data<App>, visit: &Visit, call: &Check) -> Result<Answer> {
    let checked = rule_set::ask(app, &visit.caller, call).await?;
    let says = match &checked.decision {
        Decision::Accept => "The call goes on.".to_owned(),
        Decision::Reject { reason, .. } => format!("The caller is turned away: {reason}."),
        Decision::Dial { caller_id, .. } => format!("The callee sees {caller_id}."),
    };
    let link = |rule: RuleEntry| match rule {
        RuleEntry::Block(rule) => rule.id.map(|id| format!("/rules/block/{id}")),
        RuleEntry::CallerId(rule) => rule.id.map(|id| format!("/rules/caller-ids/{id}")),
    };
    Ok(Answer { says, why: checked.why, rule: checked.rule.and_then(link) })
}

/// Up is before the rule that stands before it; down is behind the one that follows.
pub(super) fn placed(rules: Vec<CallerIdEntry>) -> Vec<Placed> {
    let places: Vec<Option<i32>> = rules.iter().map(|rule| rule.position).collect();
    let up = |index: usize| index.checked_sub(1).and_then(|before| places[before]);
    let down = |index: usize| places.get(index + 1).copied().flatten().map(|place| place + 1);
    rules
        .into_iter()
        .enumerate()
        .map(|(index, rule)| Placed { rule, up: up(index), down: down(index) })
        .collect()
}

/// A block rule of which nothing is said yet.
pub(super) fn blank_block() -> BlockEntry {
    BlockEntry {
        id: None,
        pattern: String::new(),
        action: BlockAction::Block,
        reason: Reason::Busy,
        pbx_id: None,
        to: None,
        expires_at: None,
        note: None,
        hits: None,
        last_hit_at: None,
    }
}

/// A caller-ID rule of which nothing is said yet.
pub(super) fn blank_caller_id() -> CallerIdEntry {
    CallerIdEntry {
        id: None,
        position: None,
        destination: String::new(),
        caller_id: String::new(),
        from: None,
        pbx_id: None,
        note: None,
        hits: None,
        last_hit_at: None,
    }
}

async fn take_in(app: Data<App>, visit: Visit, request: HttpRequest, body: Payload) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Manager)?;
    let (file, _) = fields::file(&request, body, LARGEST).await?;
    let set: Rulebook = object::read(&String::from_utf8_lossy(&file))?;
    let done = rule_set::put(&app, &visit.caller, set).await?;
    let what = format!(
        "{} rules stayed as they were, {} changed, {} are new, {} are gone.",
        done.kept, done.changed, done.added, done.removed
    );
    said(visit, "The rules are replaced", vec![what], "/rules")
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/rules", web::get().to(show)).route("/rules/import", web::post().to(take_in));
}

/// Back to the lists, once a rule was changed.
pub(super) fn to_rules(visit: &Visit, did: Did) -> HttpResponse {
    did.then(visit, "/rules")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cannot_go_up_nor_the_last_down() {
        let rule = |position| CallerIdEntry { position: Some(position), ..blank_caller_id() };
        let moves: Vec<_> =
            placed(vec![rule(1), rule(4), rule(5)]).iter().map(|placed| (placed.up, placed.down)).collect();
        assert_eq!(moves, [(None, Some(5)), (Some(1), Some(6)), (Some(4), None)]);
    }
}
