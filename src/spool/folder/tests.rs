use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::clock;

fn open(path: &Path) -> Folder {
    open_at(path, 0)
}

/// The database has all spools up to that record.
fn open_at(path: &Path, position: u64) -> Folder {
    Folder::open(path.into(), 64 << 20, |_| Ok(position)).expect("it can be opened")
}

fn append(folder: &mut Folder, texts: &[&str]) -> usize {
    let payloads: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    folder.append(&payloads, clock::now()).expect("the disk takes it")
}

/// Takes all that is there and says that the database has it.
fn drain(folder: &mut Folder) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(batch) = folder.take(3).expect("it can be read") {
        folder.done(batch.records.len(), clock::now());
        all.extend(batch.records.into_iter().map(|record| String::from_utf8(record.payload).expect("text")));
    }
    all
}

fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    let all = path.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    all.filter(|path| path.extension().is_some_and(|is| is == extension)).collect()
}

#[test]
fn what_was_put_comes_out_in_order_and_then_it_is_empty() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut folder = open(dir.path());
    assert!(folder.is_empty());
    assert_eq!(append(&mut folder, &["a", "b", "c", "d"]), 4);
    let taken = folder.take(2).expect("it can be read").expect("some");
    assert_eq!(append(&mut folder, &["e"]), 1);
    folder.put_back(taken);
    assert_eq!(folder.figures().records, 5);
    assert_eq!(drain(&mut folder), ["a", "b", "c", "d", "e"]);
    assert!(folder.is_empty());
    assert_eq!(folder.figures(), Figures::default());
    assert!(files(dir.path(), "spool").is_empty());
    append(&mut folder, &["f"]);
    assert_eq!(drain(&mut folder), ["f"]);
}

#[test]
fn it_is_the_owners_alone_and_one_process_has_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("deep/spool");
    let mut folder = open(&path);
    append(&mut folder, &["a"]);
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&files(&path, "spool")[0]), 0o600);
    let refused = Folder::open(path.clone(), 1 << 20, |_| Ok(0)).err().expect("it is taken").to_string();
    assert!(refused.contains("another server uses the folder") && refused.contains(": stop it"), "{refused}");
    drop(folder);
    open(&path);
}

#[test]
fn the_next_process_goes_on_where_the_database_is() {
    let dir = tempfile::tempdir().expect("a folder");
    append(&mut open(dir.path()), &["a", "b", "c", "d"]);
    let mut folder = open_at(dir.path(), 2);
    assert_eq!(folder.figures().records, 2);
    append(&mut folder, &["e"]); // a spool of its own: its first number is 1 again
    let batch = folder.take(10).expect("it can be read").expect("some");
    assert_eq!(batch.records.iter().map(|record| record.number).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(folder.done(2, clock::now()), [batch.spool]);
    assert_eq!(drain(&mut folder), ["e"]);
    drop(folder);
    append(&mut open(dir.path()), &["f"]);
    assert!(open_at(dir.path(), 1).is_empty(), "the database has all");
}

#[test]
fn a_torn_end_is_cut() {
    let dir = tempfile::tempdir().expect("a folder");
    append(&mut open(dir.path()), &["a", "b"]);
    let file = &files(dir.path(), "spool")[0];
    let whole = std::fs::read(file).expect("it is there");
    std::fs::write(file, &whole[..whole.len() - 1]).expect("it can be written");
    let mut folder = open(dir.path());
    assert!(file.metadata().expect("it is there").len() < whole.len() as u64 - 1);
    assert_eq!(drain(&mut folder), ["a"]);
    assert!(files(dir.path(), "damaged").is_empty());
}

#[test]
fn an_event_at_the_end_that_is_damaged_is_no_torn_end() {
    for texts in [&["a", "damaged"][..], &["damaged"]] {
        let dir = tempfile::tempdir().expect("a folder");
        append(&mut open(dir.path()), texts);
        let file = &files(dir.path(), "spool")[0];
        let mut bytes = std::fs::read(file).expect("it is there");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(file, &bytes).expect("it can be written");
        assert_eq!(drain(&mut open(dir.path())), texts[..texts.len() - 1]);
        assert_eq!(std::fs::read(&files(dir.path(), "damaged")[0]).expect("it is kept"), bytes);
    }
}

#[test]
fn damage_in_the_middle_costs_what_is_damaged_and_the_file_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    append(&mut open(dir.path()), &["a", "damaged", "c"]);
    let file = &files(dir.path(), "spool")[0];
    let mut bytes = std::fs::read(file).expect("it is there");
    let at = memchr::memmem::find(&bytes, b"damaged").expect("it is there");
    bytes[at] ^= 1;
    std::fs::write(file, &bytes).expect("it can be written");
    assert_eq!(drain(&mut open(dir.path())), ["a", "c"]);
    assert_eq!(std::fs::read(&files(dir.path(), "damaged")[0]).expect("it is kept"), bytes);
    assert!(files(dir.path(), "spool").is_empty());
}

#[test]
fn it_takes_what_there_is_room_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(dir.path().into(), 1000, |_| Ok(0)).expect("it can be opened");
    let long = "x".repeat(300);
    assert_eq!(append(&mut folder, &[&long, &long, &long, &long]), 3);
    assert_eq!(append(&mut folder, &["y"]), 1);
    assert_eq!(append(&mut folder, &[&long]), 0);
    assert_eq!(drain(&mut folder).len(), 4);
    assert_eq!(append(&mut folder, &[&long]), 1);
}

#[test]
fn long_spools_are_many_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut folder = open(dir.path());
    let long = "x".repeat(1 << 20);
    for _ in 0..10 {
        append(&mut folder, &[&long]);
    }
    assert_eq!(files(dir.path(), "spool").len(), 3);
    drop(folder);
    let mut folder = open(dir.path());
    assert_eq!(folder.figures().records, 10);
    let batch = folder.take(5).expect("it can be read").expect("some");
    assert_eq!(folder.done(batch.records.len(), clock::now()), [] as [Arc<str>; 0]);
    assert!(files(dir.path(), "spool").len() < 3, "what is done is deleted");
    drain(&mut folder);
    assert!(files(dir.path(), "spool").is_empty());
}

/// A disk that takes no byte: a process of its own may write no file. The signal that tells of it is ignored.
#[test]
fn a_full_disk_is_not_filled_with_empty_files() {
    if std::env::var_os("NO_ROOM").is_none() {
        let this = std::env::current_exe().expect("this program");
        let test = "spool::folder::tests::a_full_disk_is_not_filled_with_empty_files";
        let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" --exact \"$1\"";
        let mut alone = std::process::Command::new("sh");
        let told =
            alone.args(["-c", script]).arg(this).arg(test).env("NO_ROOM", "1").output().expect("it runs");
        let said = String::from_utf8_lossy(&told.stdout);
        assert!(told.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let mut folder = open(dir.path());
    for _ in 0..3 {
        folder.append(&[b"event".to_vec()], clock::now()).expect_err("no room");
    }
    assert!(files(dir.path(), "spool").is_empty() && folder.is_empty());
}

#[test]
fn a_spool_of_which_a_file_is_left_is_not_forgotten() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut folder = open(dir.path());
    append(&mut folder, &["a"]);
    let batch = folder.take(1).expect("it can be read").expect("some");
    let left = dir.path().join(files::name(&batch.spool, 7));
    std::fs::write(&left, MAGIC).expect("it can be written");
    assert_eq!(folder.done(1, clock::now()), [] as [Arc<str>; 0]);
}

#[test]
fn what_a_newer_program_wrote_is_not_touched() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("s.1.spool"), b"HKSPOOL2 and more").expect("it can be written");
    let refused = Folder::open(dir.path().into(), 1000, |_| Ok(0)).err().expect("refused").to_string();
    assert!(refused.contains("a newer Hookswitch wrote it"), "{refused}");
    assert_eq!(files(dir.path(), "spool").len(), 1);
}

#[test]
fn a_rejected_record_is_a_line_of_json() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = open(dir.path());
    for payload in ["{\"a\":1}", "no JSON"] {
        let record = Stored { number: 1, payload: payload.into() };
        folder.reject("s", "it is wrong", &record).expect("the disk takes it");
    }
    let kept = std::fs::read_to_string(dir.path().join("s.rejected")).expect("it is there");
    assert_eq!(
        kept,
        "{\"why\":\"it is wrong\",\"event\":{\"a\":1}}\n{\"why\":\"it is wrong\",\"unreadable\":\"no JSON\"}\n"
    );
}

#[test]
fn what_nobody_looks_at_does_not_fill_the_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    let limit = 8 << 20;
    let folder = Folder::open(dir.path().into(), limit, |_| Ok(0)).expect("it can be opened");
    let aside = || {
        files(dir.path(), "rejected").iter().chain(&files(dir.path(), "damaged")).cloned().collect::<Vec<_>>()
    };
    let bytes = || aside().iter().map(|path| path.metadata().expect("it is there").len()).sum::<u64>();
    let old = dir.path().join("old.00000000000000000001.damaged");
    std::fs::write(&old, vec![0; 1 << 20]).expect("the disk takes it");
    let payload = vec![b'x'; 1 << 20];
    for number in 1..=30 {
        folder.reject("one", "no such PBX", &Stored { number, payload: payload.clone() }).expect("kept");
        assert!(bytes() <= limit + (5 << 20), "{} bytes after {number}", bytes());
    }
    assert!(!old.exists(), "the oldest goes first");
    let newest = aside().into_iter().map(|path| std::fs::read(path).expect("read").len()).sum::<usize>();
    assert!(newest > 4 << 20, "the newest stay");
    drop(folder);
    std::fs::write(&old, vec![0; 16 << 20]).expect("the disk takes it");
    Folder::open(dir.path().into(), limit, |_| Ok(0)).expect("it can be opened");
    assert!(bytes() <= limit, "also what was left by an earlier process");
}
