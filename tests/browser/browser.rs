//! Somebody at a browser: what they look at, wait for and do.
//!
//! ```ignore
//! let browser = Browser::open(&app).await;
//! browser.sign_in(&app.agent).await;
//! browser.visit("/").await;
//! browser.see("h1", "Calls").await;             // waits until it is there
//! browser.close().await;                        // fails where the page complained: scripts, policy
//! ```

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::prelude::*;

use crate::client::Client;
use crate::driver;
use crate::harness::TestApp;

/// How long a page may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Collects what goes wrong in a page.
const WATCH: &str = "window.problems = [];
    addEventListener('error', e => problems.push(`error: ${e.message || e.target.src || e.target.href}`), true);
    addEventListener('unhandledrejection', e => problems.push(`rejected: ${e.reason}`));
    addEventListener('securitypolicyviolation', e => problems.push(`policy: ${e.violatedDirective} ${e.blockedURI}`));";

const AXE: &str = include_str!("axe/axe.min.js");

/// A browser of one's own: no cookies, a desktop's width, light, in Berlin.
pub struct Browser {
    /// To do what the methods here do not.
    pub driver: WebDriver,
    base_url: String,
}

impl Browser {
    /// Opens one for that server.
    pub async fn open(app: &TestApp) -> Self {
        Self::open_at(&app.base_url).await
    }

    /// Opens one for the server at that address.
    pub async fn open_at(base_url: &str) -> Self {
        let mut chromium = DesiredCapabilities::chrome();
        for arg in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"] {
            chromium.add_arg(arg).unwrap();
        }
        let driver = WebDriver::new(driver::url(), chromium).await.unwrap();
        let browser = Self { driver, base_url: base_url.to_owned() };
        browser.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
        browser.tell("Emulation.setTimezoneOverride", json!({ "timezoneId": "Europe/Berlin" })).await;
        browser.dark(false).await;
        browser.width(1280).await;
        browser
    }

    /// Tells Chromium something by its own protocol.
    pub async fn tell(&self, command: &str, what: Value) -> Value {
        self.driver.cdp().send_raw(command, what).await.unwrap()
    }

    /// A window of so many CSS pixels; under 600 a phone's.
    pub async fn width(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Dark, or light.
    pub async fn dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.tell("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// From the next page on.
    pub async fn without_javascript(&self) {
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Goes to a page of the server.
    pub async fn visit(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base_url)).await.unwrap();
    }

    /// Signs in with that client's key, and arrives at the first page.
    pub async fn sign_in(&self, client: &Client) {
        self.visit("/sign-in").await;
        self.find("input[name=key]").await.send_keys(client.key.as_deref().unwrap()).await.unwrap();
        self.click("button.main").await;
        self.see(".who", "Sign out").await;
    }

    /// The first element that the selector finds; waits until there is one.
    pub async fn find(&self, css: &str) -> WebElement {
        let query = self.driver.query(By::Css(css)).wait(PATIENCE, Duration::from_millis(20));
        match query.first().await {
            Ok(element) => element,
            Err(e) => panic!("no {css}: {e}\n{}", self.text().await),
        }
    }

    /// Clicks it, once it is there.
    pub async fn click(&self, css: &str) {
        self.act(css, async |element| element.click().await).await;
    }

    /// Does something with an element, once it is there; where the page replaces it meanwhile, with what came for it.
    async fn act(&self, css: &str, what: impl AsyncFn(WebElement) -> WebDriverResult<()>) {
        let done = async || match what(self.find(css).await).await.map_err(WebDriverError::into_inner) {
            Err(WebDriverErrorInner::StaleElementReference(_)) => false,
            done => done.is_ok() || panic!("{css}: {done:?}"),
        };
        self.until(&format!("{css} stays"), done).await;
    }

    /// Clicks what loads a page, and waits until that page stands: who goes elsewhere before would be led back by it.
    pub async fn click_through(&self, css: &str) {
        self.value("window.before = true").await;
        self.click(css).await;
        let stands = async || {
            let asked = "return !window.before && document.readyState === 'complete';";
            let stands = self.driver.execute(asked, Vec::new()).await; // fails where the page goes meanwhile
            stands.is_ok_and(|stands| stands.json() == &json!(true))
        };
        self.until(&format!("{css} loads a page"), stands).await;
    }

    /// Puts text where text was.
    pub async fn fill(&self, css: &str, text: &str) {
        self.act(css, async |field| {
            field.clear().await?;
            field.send_keys(text).await
        })
        .await;
    }

    /// Presses a key: it goes to what has the focus at that moment, also where elements are just replaced.
    pub async fn press(&self, key: Key) {
        self.driver.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Waits until that element shows that text.
    pub async fn see(&self, css: &str, text: &str) {
        let shown = async || self.shown(css).await.is_some_and(|shown| shown.contains(text));
        self.until(&format!("{css} shows {text:?}"), shown).await;
    }

    /// Waits until that element is gone.
    pub async fn gone(&self, css: &str) {
        self.until(&format!("{css} is gone"), async || self.shown(css).await.is_none()).await;
    }

    /// The text of the first such element, if there is one now.
    pub async fn shown(&self, css: &str) -> Option<String> {
        let found = self.driver.find_all(By::Css(css)).await.unwrap().into_iter().next()?;
        found.text().await.ok() // it may be replaced at that moment
    }

    /// How many such elements there are now.
    pub async fn count(&self, css: &str) -> usize {
        self.driver.find_all(By::Css(css)).await.unwrap().len()
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !so().await {
            assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All text of the page.
    pub async fn text(&self) -> String {
        self.shown("body").await.unwrap_or_default()
    }

    /// The path and query at which it is.
    pub async fn address(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().trim_start_matches(&self.base_url).to_owned()
    }

    /// What an expression is in the page.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Nothing on this page is hard to use for people with disabilities, as far as axe-core knows (WCAG 2.2 AA).
    pub async fn is_accessible(&self) {
        self.driver.execute(AXE, Vec::new()).await.unwrap();
        let run = "const done = arguments[0];
            axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
                .then(found => done(!found.passes.length ? ['axe-core looked at nothing'] : found.violations.map(v => `${v.id}: ${v.help}\\n` +
                    v.nodes.map(n => `  ${n.html}\\n  ${n.failureSummary}`).join('\\n'))));";
        let found = self.driver.execute_async(run, Vec::new()).await.unwrap().json().clone();
        let found: Vec<&str> = found.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(found.is_empty(), "{}:\n{}", self.address().await, found.join("\n"));
    }

    /// Nothing reaches beyond the window's width.
    pub async fn fits(&self) {
        let wide =
            self.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(wide, 0, "{} must not be scrolled sideways", self.address().await);
    }

    /// Keeps a picture of the whole page, where `SCREENSHOTS` names a folder.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
        let height = self.value("Math.min(document.documentElement.scrollHeight, 1400)").await;
        let width = self.value("innerWidth").await;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let shot = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.tell("Page.captureScreenshot", shot).await;
        let png = thirtyfour::support::base64_decode(taken["data"].as_str().unwrap());
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png.unwrap()).unwrap();
    }

    /// The end. No page may have complained.
    pub async fn close(self) {
        let problems = self.value("window.problems || []").await;
        assert_eq!(problems, json!([]), "{}", self.address().await);
        self.quit().await;
    }

    /// The end, where scripts do not run.
    pub async fn quit(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

/// A failed test leaves its browser to the keeper of the driver: quitting it here would hold up the test's thread, on
/// which its server runs, for two minutes.
impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::mem::forget(self.driver.clone());
        }
    }
}
