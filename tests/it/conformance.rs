//! What others say of the endpoint, as data: each case of the folders of `tests/fixtures/` and of the one named in
//! `CONFORMANCE_DIR`, on a server of its own. Only cases of dialects that the server does not speak are left out.

mod captured;
mod config;
mod expected;
mod noojee;
mod steps;
mod xml;

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::StreamExt;
use hookswitch::dialect;
use serde_json::{Value, json};

use config::Setup;

/// How many cases run at once.
const AT_ONCE: usize = 4;

/// What a case or a step of it comes to; the error says what differs.
type Outcome<T = ()> = Result<T, String>;

/// What is sent, and what must come of it.
struct Case {
    file: String,
    content: Value,
}

impl Case {
    fn name(&self) -> String {
        format!("{}: {}", self.file, self.content["name"].as_str().unwrap_or("a case without a name"))
    }

    /// In our words.
    fn dialect(&self) -> &str {
        match self.content["dialect"].as_str().unwrap_or("zammad") {
            "generic" => "zammad",
            other => other,
        }
    }

    /// Of those who follow calls, not of a PBX.
    fn is_noojees(&self) -> bool {
        self.dialect() == "noojee"
    }

    async fn run(&self) -> Outcome {
        if self.is_noojees() {
            return noojee::run(
                &Setup::make("zammad", &self.content["config"], &json!({})).await?,
                &self.content,
            )
            .await;
        }
        let options = config::options(&self.content);
        let setup = Setup::make(self.dialect(), &self.content["config"], &options).await?;
        match (self.content["steps"].as_array(), self.content["requests"].as_array()) {
            (Some(steps), None) => steps::run(&setup, steps).await,
            (None, Some(requests)) => captured::run(&setup, requests, &self.content["expect_calls"]).await,
            _ => Err("it has neither steps nor requests".into()),
        }
    }
}

/// Each dialect has a folder of cases from its vendor's documents.
#[actix_web::test]
async fn the_samples_of_all_dialects_hold() {
    for dialect in dialect::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dialect.name());
        assert!(all_hold(&folder).await > 0, "{}: there are cases", dialect.name());
    }
}

#[actix_web::test]
async fn noojees_samples_reproduce() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/noojee");
    assert!(all_hold(&folder).await > 7, "the cases are there");
}

#[actix_web::test]
async fn the_cases_of_another_folder_hold() {
    match std::env::var_os("CONFORMANCE_DIR") {
        Some(folder) => assert!(all_hold(Path::new(&folder)).await > 0, "there are cases in CONFORMANCE_DIR"),
        None => println!("CONFORMANCE_DIR names no folder"),
    }
}

/// Runs all cases of a folder; how many ran.
async fn all_hold(folder: &Path) -> usize {
    let (known, unknown): (Vec<_>, Vec<_>) = cases(folder)
        .into_iter()
        .partition(|case| case.is_noojees() || dialect::named(case.dialect()).is_some());
    let mut left_out = BTreeMap::<&str, usize>::new();
    for case in &unknown {
        *left_out.entry(case.dialect()).or_default() += 1;
    }
    let outcomes =
        known.iter().map(|case| async { case.run().await.map_err(|why| format!("{}: {why}", case.name())) });
    let outcomes: Vec<Outcome> = futures_util::stream::iter(outcomes).buffered(AT_ONCE).collect().await;
    let failures: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    println!(
        "{}: {} cases ran, {} failed; of dialects that are not spoken yet: {left_out:?}",
        folder.display(),
        known.len(),
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    known.len()
}

/// All cases of a folder's JSON files.
fn cases(folder: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &Path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        cases.into_iter().map(move |content| Case { file: file.clone(), content })
    };
    paths.iter().flat_map(|path| read(path)).collect()
}
