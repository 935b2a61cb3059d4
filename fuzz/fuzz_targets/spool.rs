//! The spool's files: whatever a crash or a bad disk made of them, reading goes on and finds what is good.
#![no_main]

use hookswitch::spool::Record;
use hookswitch::spool::frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = frame::scan(data);
    assert!(found.end <= data.len() && found.damaged <= found.end);
    assert!(found.frames.windows(2).all(|pair| pair[0].number < pair[1].number));
    for frame in &found.frames {
        if let Ok(record) = Record::read(frame.payload) {
            record.to_bytes();
        }
    }
    if let Ok(record) = Record::read(data) {
        record.to_bytes();
    }
    let count = found.frames.len();
    if found.frames.last().is_none_or(|last| last.number < u64::MAX) {
        let mut file = data.to_vec();
        frame::put(u64::MAX, b"behind", &mut file);
        let found = frame::scan(&file);
        assert_eq!(found.frames.len(), count + 1, "a good record behind anything is found");
        assert_eq!(found.frames[count].payload, b"behind");
    }
});
