//! The page of figures: how many calls, when, what came of them, how soon they were taken, by queue and by user.

use std::collections::BTreeMap;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::call_row::Show;
use super::chart::{Bars, HEIGHT, Tally, WIDTH, heat};
use super::filter::Filter;
use super::frame::{Frame, Visit, html};
use super::zone::Zone;
use crate::api::calls_stats::keys;
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::call_stats::{By, Group, RANGES, count};
use crate::store::keys::Role;

/// The longest period, in days.
const MOST: i64 = 366;

/// Up to so many days are shown hour by hour.
const BY_HOUR: i64 = 3;

/// So many queues or users are shown, the busiest first.
const ROWS: usize = 30;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

#[derive(Template)]
#[template(path = "figures.html")]
struct Page {
    frame: Frame,
    filter: Filter,
    pbxes: BTreeMap<i64, String>,
    from_day: NaiveDate,
    to_day: NaiveDate,
    /// Shorter and longer ones: name and address.
    periods: Vec<(&'static str, String)>,
    total: Tally,
    times: Picture,
    waiting: Picture,
    /// How long those rang that were answered, on average, in seconds.
    average: Option<i64>,
    week: Week,
    queues: Vec<(String, Tally)>,
    users: Vec<(String, Tally)>,
}

/// Bars, and the table behind them.
struct Picture {
    name: &'static str,
    id: &'static str,
    bars: Bars,
    rows: Vec<(String, Tally)>,
}

/// Calls by weekday and hour, Monday first.
struct Week {
    calls: [[i64; 24]; 7],
    most: i64,
}

impl Week {
    fn heat(&self, calls: &i64) -> i64 {
        heat(*calls, self.most)
    }
}

async fn show(app: Data<App>, visit: Visit, request: HttpRequest) -> Result<HttpResponse> {
    visit.caller.at_least(Role::Manager)?;
    let zone = visit.frame.zone;
    let filter = Filter::read(request.query_string(), zone)?;
    let wanted = filter.calls.wanted(&app.config.numbering, Some(&visit.caller.0))?;
    if wanted.search.is_some() {
        return Err(Error::field("q", "cannot be counted; use the queue or the user"));
    }
    let (since, until) = period(&filter, zone)?;
    let of = (since.naive_utc(), until.naive_utc());
    let by_time = if zone.has_whole_hours(since, until) { By::Hour } else { By::QuarterHour };
    let read = move |db: &mut Db| {
        let mut by = |by| count(db, &wanted, of, by);
        Ok::<_, Error>((by(by_time)?, by(By::Waiting)?, by(By::Queue)?, by(By::User)?))
    };
    let (hours, waiting, queues, users) = app.store.long_query(read).await?;
    let hours: Vec<(NaiveDateTime, Group)> =
        hours.into_iter().filter_map(|group| Some((begins(&group, zone)?, group))).collect();
    let mut total = Tally::default();
    hours.iter().for_each(|(_, group)| total.add(group.outcome, group.calls));
    let (from_day, to_day) =
        (zone.local(&since).date(), zone.local(&(until - TimeDelta::milliseconds(1))).date());
    html(&Page {
        pbxes: Show::to(&app, &visit).pbxes,
        periods: periods(&filter, zone),
        times: times(&hours, (since, until), zone),
        average: average(&waiting),
        waiting: answer_times(&waiting),
        week: week(&hours),
        queues: busiest(&queues, By::Queue),
        users: busiest(&users, By::User),
        frame: visit.frame,
        filter,
        from_day,
        to_day,
        total,
    })
}

/// From when to when: the last seven days where nothing is said.
fn period(filter: &Filter, zone: Zone) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let now = clock::now().and_utc();
    for (field, at) in [("from_day", filter.calls.since), ("to_day", filter.calls.until)] {
        if at.is_some_and(|at| !(1970..=9999).contains(&at.year())) {
            return Err(Error::field(field, "must be in the years 1970 to 9999"));
        }
    }
    let until = filter.calls.until.unwrap_or_else(|| zone.begin_of(zone.local(&now).date() + Days::new(1)));
    let since = filter.calls.since.unwrap_or_else(|| zone.begin_of(zone.local(&until).date() - Days::new(7)));
    if until - since > TimeDelta::days(MOST + 1) {
        return Err(Error::field("from_day", format!("must be at most {MOST} days before the last day")));
    }
    Ok((since, until))
}

fn periods(filter: &Filter, zone: Zone) -> Vec<(&'static str, String)> {
    let today = zone.local(&clock::now().and_utc()).date();
    let all = [("Today", 0), ("7 days", 6), ("30 days", 29), ("90 days", 89), ("365 days", 364)];
    let address = |days| {
        let address = filter.with("from_day", &(today - Days::new(days)).to_string());
        let pairs = address.trim_start_matches("/?").split('&');
        let kept: Vec<&str> = pairs.filter(|pair| !pair.starts_with("to_day=")).collect();
        format!("/figures?{}", kept.join("&"))
    };
    all.map(|(name, days)| (name, address(days))).to_vec()
}

/// When the hour or the quarter of a group began, by the viewer's clock.
fn begins(group: &Group, zone: Zone) -> Option<NaiveDateTime> {
    let bucket = group.bucket.as_deref()?;
    let minute = if bucket.contains(':') { bucket.to_owned() } else { format!("{bucket}:00") };
    Some(zone.local(&NaiveDateTime::parse_from_str(&minute, "%Y-%m-%d %H:%M").ok()?.and_utc()))
}

/// Hour by hour, or day by day, with those in which nobody called. The hour that clocks show twice in autumn is one,
/// and the one that they skip in spring is none.
fn times(
    hours: &[(NaiveDateTime, Group)],
    (since, until): (DateTime<Utc>, DateTime<Utc>),
    zone: Zone,
) -> Picture {
    let by_hour = zone.local(&until) - zone.local(&since) <= TimeDelta::days(BY_HOUR);
    let form = if by_hour { "%-d %b %H:00" } else { "%-d %b" };
    let whole = |at: NaiveDateTime| {
        if by_hour { at.date().and_hms_opt(at.hour(), 0, 0).unwrap_or(at) } else { at.date().into() }
    };
    let mut counted: BTreeMap<NaiveDateTime, Tally> = BTreeMap::new();
    let mut at = since;
    while at < until {
        counted.insert(whole(zone.local(&at)), Tally::default());
        at += TimeDelta::hours(1);
    }
    for (at, group) in hours {
        counted.entry(whole(*at)).or_default().add(group.outcome, group.calls);
    }
    let rows: Vec<(String, Tally)> =
        counted.into_iter().map(|(at, tally)| (at.format(form).to_string(), tally)).collect();
    let name = if by_hour { "Calls per hour" } else { "Calls per day" };
    Picture { name, id: "times", bars: Bars::of(&rows), rows }
}

/// How long answered calls rang.
fn answer_times(groups: &[Group]) -> Picture {
    let answered = |begin: i64| {
        let of = groups.iter().filter(|group| group.bucket.as_deref() == Some(&begin.to_string()));
        let mut tally = Tally::default();
        of.for_each(|group| tally.add(group.outcome, group.calls));
        Tally { answered: tally.answered, ..Tally::default() }
    };
    let ends = RANGES.iter().skip(1).map(|end| format!("–{end} s")).chain([" s or more".to_owned()]);
    let rows: Vec<(String, Tally)> =
        RANGES.iter().zip(ends).map(|(begin, end)| (format!("{begin}{end}"), answered(*begin))).collect();
    Picture { name: "Time until calls were answered", id: "waiting", bars: Bars::of(&rows), rows }
}

fn average(groups: &[Group]) -> Option<i64> {
    let answered = groups.iter().filter(|group| group.outcome == Some(crate::call::Outcome::Answered));
    let (calls, ms) = answered
        .fold((0, 0), |(calls, ms), group| (calls + group.calls, ms + group.waiting_ms.unwrap_or_default()));
    (calls > 0).then(|| ms / calls / 1000)
}

fn week(hours: &[(NaiveDateTime, Group)]) -> Week {
    let mut calls = [[0; 24]; 7];
    for (at, group) in hours {
        calls[at.weekday().num_days_from_monday() as usize][at.hour() as usize] += group.calls;
    }
    Week { most: calls.iter().flatten().copied().max().unwrap_or(0), calls }
}

/// The most calls first. By user a call counts for whoever took it, else for each whom it rang.
fn busiest(groups: &[Group], by: By) -> Vec<(String, Tally)> {
    let mut counted: BTreeMap<String, Tally> = BTreeMap::new();
    for group in groups {
        for key in keys(group.bucket.as_deref(), by).into_iter().flatten() {
            counted.entry(key).or_default().add(group.outcome, group.calls);
        }
    }
    let mut rows: Vec<_> = counted.into_iter().collect();
    rows.sort_by_key(|(_, tally)| -tally.all());
    rows.truncate(ROWS);
    rows
}

/// How wide a part of a row's bar is, in hundredths of the busiest row; and where it begins.
fn widths(tally: &Tally, rows: &[(String, Tally)]) -> Vec<(&'static str, f64, f64)> {
    let most = rows.first().map_or(1, |(_, busiest)| busiest.all()).max(1) as f64;
    let mut x = 0.0;
    tally
        .parts()
        .into_iter()
        .map(|(class, calls)| {
            let width = calls as f64 * 100.0 / most;
            x += width;
            (class, x - width, width)
        })
        .collect()
}

/// All of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/figures", web::get().to(show));
}

#[cfg(test)]
mod tests {
    use actix_web::cookie::Cookie;
    use actix_web::test::TestRequest;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::of(&TestRequest::get().cookie(Cookie::new("zone", name.to_owned())).to_http_request())
    }

    /// A call in each hour (or quarter) of that local day: how many bars there are, and how many calls each shows.
    fn day(name: &str, day: &str, minutes: i64) -> Vec<(String, i64)> {
        let (zone, day) = (zone(name), day.parse::<NaiveDate>().expect("a day"));
        let (since, until) = (zone.begin_of(day), zone.begin_of(day + Days::new(1)));
        let moments = std::iter::successors(Some(since), |at| Some(*at + TimeDelta::minutes(minutes)));
        let groups = moments.take_while(|at| *at < until).filter_map(|at| {
            let form = if minutes < 60 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H" };
            let group = Group {
                bucket: Some(at.format(form).to_string()),
                direction: None,
                outcome: None,
                calls: 1,
                waiting_ms: None,
                longest_waiting_ms: None,
                talking_ms: None,
            };
            Some((begins(&group, zone)?, group))
        });
        let groups: Vec<_> = groups.collect();
        let week = week(&groups);
        assert_eq!(week.calls.iter().flatten().sum::<i64>(), groups.len() as i64);
        let rows = times(&groups, (since, until), zone).rows;
        rows.into_iter().map(|(label, tally)| (label, tally.all())).collect()
    }

    #[test]
    fn each_call_is_counted_once_on_days_when_clocks_change() {
        let usual = day("Europe/Berlin", "2026-06-01", 60);
        assert!(usual.len() == 24 && usual.iter().all(|(_, calls)| *calls == 1), "{usual:?}");
        let spring = day("Europe/Berlin", "2026-03-29", 60);
        assert!(spring.len() == 23 && spring.iter().all(|(_, calls)| *calls == 1), "{spring:?}");
        assert!(!spring.iter().any(|(hour, _)| hour == "29 Mar 02:00"), "{spring:?}");
        let autumn = day("Europe/Berlin", "2026-10-25", 60);
        let calls = |hour: &str| autumn.iter().find(|(label, _)| label == hour).map(|(_, calls)| *calls);
        assert_eq!((autumn.len(), calls("25 Oct 01:00"), calls("25 Oct 02:00")), (24, Some(1), Some(2)));
    }

    #[test]
    fn where_hours_begin_at_other_minutes_calls_stand_in_their_own() {
        for name in ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide"] {
            let day = day(name, "2026-06-01", 15);
            assert!(day.len() == 24 && day.iter().all(|(_, calls)| *calls == 4), "{name}: {day:?}");
        }
        let (since, until) = (DateTime::UNIX_EPOCH + TimeDelta::days(20_000), clock::now().and_utc());
        let whole = |name: &str| zone(name).has_whole_hours(since, until);
        assert!(whole("Europe/Berlin") && !whole("Asia/Kolkata") && !whole("Australia/Lord_Howe"));
    }
}
