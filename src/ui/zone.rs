//! The viewer's time zone: a cookie that the browser sets tells it, so that the pages themselves hold its times, also
//! without JavaScript from then on. Until then it is the server's.

use std::fmt;

use actix_web::HttpRequest;
use actix_web::web::Data;
use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Timelike,
    Utc,
};
use chrono_tz::Tz;

use crate::app::App;

/// A time zone of the tz database.
#[derive(Debug, Clone, Copy)]
pub struct Zone(Tz);

impl Zone {
    /// That of whoever sent this.
    pub fn of(request: &HttpRequest) -> Self {
        let named = |name: &str| name.replace("%2F", "/").parse().ok();
        let servers = || request.app_data::<Data<App>>().map_or(Tz::UTC, |app| app.config.time_zone);
        Self(request.cookie("zone").and_then(|cookie| named(cookie.value())).unwrap_or_else(servers))
    }

    /// For reading at a glance: `21 Nov 18:32`, of other years `21 Nov 2025 18:32`.
    pub fn brief(self, at: &DateTime<Utc>) -> String {
        let (at, now) = (at.with_timezone(&self.0), Utc::now().with_timezone(&self.0));
        let form = if at.year() == now.year() { "%-d %b %H:%M" } else { "%-d %b %Y %H:%M" };
        at.format(form).to_string()
    }

    /// With seconds: `21 Nov 2026 18:32:05`.
    pub fn full(self, at: &DateTime<Utc>) -> String {
        at.with_timezone(&self.0).format("%-d %b %Y %H:%M:%S").to_string()
    }

    /// What a clock and a calendar there show.
    pub fn local(self, at: &DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// Do hours begin there when they begin in UTC, all the time from then to then? Not so in India.
    pub fn has_whole_hours(self, since: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let months = std::iter::successors(Some(since), |at| Some(*at + TimeDelta::days(30)));
        let mut moments = months.take_while(|at| *at < until).chain([until]);
        moments.all(|at| self.local(&at).minute() == at.minute())
    }

    /// ISO 8601, with the zone's offset.
    pub fn iso(self, at: &DateTime<Utc>) -> String {
        at.with_timezone(&self.0).to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// When that day begins there. Where clocks skip midnight, the day begins an hour later.
    pub fn begin_of(self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        let begin = self.0.from_local_datetime(&midnight).earliest();
        let later = || self.0.from_local_datetime(&(midnight + chrono::TimeDelta::hours(1))).earliest();
        begin.or_else(later).map_or_else(|| midnight.and_utc(), |begin| begin.to_utc())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use actix_web::cookie::Cookie;
    use actix_web::test::TestRequest;

    fn zone(name: &str) -> Zone {
        Zone::of(&TestRequest::get().cookie(Cookie::new("zone", name.to_owned())).to_http_request())
    }

    #[test]
    fn the_browser_tells_the_zone_and_nonsense_is_utc() {
        assert_eq!(zone("Europe/Berlin").to_string(), "Europe/Berlin");
        assert_eq!(zone("Europe%2FBerlin").to_string(), "Europe/Berlin");
        assert_eq!(zone("<script>").to_string(), "UTC");
        assert_eq!(Zone::of(&TestRequest::get().to_http_request()).to_string(), "UTC");
    }

    #[test]
    fn times_and_days_are_those_of_the_zone() {
        let at = "2025-07-01T22:30:05Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(zone("Europe/Berlin").brief(&at), "2 Jul 2025 00:30");
        assert_eq!(zone("Europe/Berlin").full(&at), "2 Jul 2025 00:30:05");
        assert_eq!(zone("Europe/Berlin").iso(&at), "2025-07-02T00:30:05+02:00");
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let begin = |name, text| zone(name).begin_of(day(text)).to_rfc3339_opts(SecondsFormat::Secs, true);
        assert_eq!(begin("Europe/Berlin", "2026-11-21"), "2026-11-20T23:00:00Z");
        // Cairo's clocks skip midnight in spring
        assert_eq!(begin("Africa/Cairo", "2024-04-26"), "2024-04-25T22:00:00Z");
    }
}
