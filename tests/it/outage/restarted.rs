//! The server itself ends while events are in the spool.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use hookswitch::store::schema::pbxes;
use serde_json::Value;

use super::locked::Lock;
use super::{Load, Scene, outage};
use crate::crash::load::Answered;
use crate::program::{gave_up, run};

/// A scene with events in the spool, and what was answered of them; `end` ends the server while they come.
async fn ended(end: impl FnOnce(&mut Scene)) -> (Scene, Lock, Answered) {
    let mut scene = Scene::set(outage().1).await;
    let load = Load::start(&scene.pbx_url(), 1);
    load.more(200).await;
    let lock = Lock::take(scene.connect());
    scene.spooling().await;
    load.more(300).await;
    end(&mut scene);
    let heard = load.finish().await; // their last events were not answered
    (scene, lock, heard.answered)
}

/// Starts the server again, with new events while the old ones are replayed: all are there, each once.
async fn all_is_there(mut scene: Scene, lock: Lock, answered: Answered) {
    lock.release();
    scene.start_again(outage().1);
    let load = Load::start(&scene.pbx_url(), 2);
    load.more(100).await;
    scene.replayed().await;
    let mut heard = load.finish().await;
    assert!(heard.others.is_empty(), "{:?}", heard.others);
    scene.check(2, &heard).await;
    let before: usize = answered.values().sum();
    heard.answered = answered;
    scene.check(1, &heard).await;
    let replayed = scene.admin.metric("hookswitch_spool_replayed_total").await;
    println!("{before} events were answered before the end; {replayed} came out of the spool");
    assert!(replayed > 0.0);
}

fn spool_files(scene: &Scene, extension: &str) -> Vec<PathBuf> {
    let folder = scene.database.folder.path().join("data/spool");
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|is| is == extension));
    files.sort();
    files
}

#[actix_web::test]
async fn it_is_killed() {
    let (scene, lock, answered) = ended(|scene| scene.program.kill()).await;
    all_is_there(scene, lock, answered).await;
}

#[actix_web::test]
async fn it_is_killed_in_the_middle_of_writing() {
    let (scene, lock, answered) = ended(|scene| scene.program.kill()).await;
    let last = spool_files(&scene, "spool").pop().unwrap();
    let whole = std::fs::read(&last).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&last).unwrap();
    file.write_all(&whole[8..whole.len().min(300)]).unwrap(); // as much of a record as reached the disk
    all_is_there(scene, lock, answered).await;
}

#[actix_web::test]
async fn it_is_told_to_stop() {
    let (mut scene, lock, answered) = ended(|scene| scene.program.signal("TERM")).await;
    let begun = Instant::now();
    assert_eq!(scene.program.code(), Some(0), "{}", scene.program.log());
    println!("it took {:?} to stop", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(8), "containers are killed after 10 s");
    all_is_there(scene, lock, answered).await;
}

#[actix_web::test]
async fn the_pbx_is_deleted_meanwhile() {
    let (mut scene, lock, _) = ended(|scene| scene.program.kill()).await;
    lock.release();
    let deleted = diesel::delete(pbxes::table.find(1)).execute(&mut scene.connect());
    assert_eq!(deleted, Ok(1));
    scene.start_again(outage().1);
    scene.replayed().await;
    let rejected = scene.admin.metric("hookswitch_spool_rejected_total").await;
    assert!(rejected > 0.0);
    let lines = spool_files(&scene, "rejected")
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect::<String>();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as f64, rejected);
    assert_eq!(lines[0]["why"], "there is no PBX 1 any more");
    assert_eq!(lines[0]["event"]["pbx_id"], 1);
}

#[actix_web::test]
async fn it_is_killed_again_and_again_while_it_replays() {
    let (mut scene, lock, answered) = ended(|scene| scene.program.kill()).await;
    lock.release();
    for _ in 0..5 {
        scene.start_again(outage().1);
        scene.program.kill(); // wherever the replay is
    }
    let lock = Lock::take(scene.connect());
    all_is_there(scene, lock, answered).await;
}

#[actix_web::test]
async fn two_servers_do_not_share_a_spool() {
    let scene = Scene::set(&[]).await;
    let line = gave_up(run(&scene.database, &["--listen=127.0.0.1:0"]));
    assert!(line.contains("another server uses the folder ./data/spool: stop it"), "{line}");
}
