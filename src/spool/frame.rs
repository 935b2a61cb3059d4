//! How a record lies in a file: a mark, its number, its length, a checksum, then the record itself. Pure.
//!
//! The mark holds bytes that no UTF-8 text has, and records are text: so where a file is damaged, the next mark is the
//! next record.

use memchr::memmem;

/// What a file begins with; the last byte is the format's version.
pub const MAGIC: &[u8; 8] = b"HKSPOOL1";

const MARK: [u8; 4] = [0xFF, b'H', b'K', 0xFE];

/// Mark, number (8 bytes), length (4), checksum (4); little-endian.
pub const HEAD: usize = 20;

/// The longest record, in bytes. The longest request, with every character escaped and said twice, is a quarter of it.
pub const LONGEST: usize = 4 << 20;

/// A record as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Grows from one record to the next.
    pub number: u64,
    /// The record.
    pub payload: &'a [u8],
}

/// What a stretch of a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The good records, in order.
    pub frames: Vec<Frame<'a>>,
    /// Up to where the last good one reaches.
    pub end: usize,
    /// Bytes before that which are no good record.
    pub damaged: usize,
}

/// Adds a record to a file's bytes.
pub fn put(number: u64, payload: &[u8], file: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX); // LONGEST is less
    file.reserve(HEAD + payload.len());
    file.extend_from_slice(&MARK);
    file.extend_from_slice(&number.to_le_bytes());
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&checksum(number, payload).to_le_bytes());
    file.extend_from_slice(payload);
}

/// Finds the good records among `bytes`, whatever is between them. One whose number does not grow is not good: it is
/// left from another time.
pub fn scan(bytes: &[u8]) -> Scan<'_> {
    let mut scan = Scan::default();
    let mut at = if bytes.starts_with(MAGIC) { MAGIC.len() } else { 0 };
    scan.end = at;
    while let Some(found) = memmem::find(&bytes[at..], &MARK) {
        let start = at + found;
        let last = scan.frames.last().map(|frame| frame.number);
        match read(&bytes[start..]).filter(|frame| last.is_none_or(|last| frame.number > last)) {
            Some(frame) => {
                scan.damaged += start - scan.end;
                at = start + HEAD + frame.payload.len();
                scan.end = at;
                scan.frames.push(frame);
            }
            None => at = start + 1,
        }
    }
    scan
}

/// Is what stands behind the last good record what a crash leaves: nothing, zeros, or the beginning of a file or a
/// record that does not reach its end?
pub fn is_torn(rest: &[u8]) -> bool {
    let begins = rest.iter().zip(MARK).all(|(is, should)| *is == should);
    let length = rest.get(12..16).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    let reaches = |length: u32| (length as usize) > LONGEST || rest.len() >= HEAD + length as usize;
    rest.iter().all(|byte| *byte == 0) || MAGIC.starts_with(rest) || (begins && !length.is_some_and(reaches))
}

/// The record that begins here, where a good one does.
fn read(bytes: &[u8]) -> Option<Frame<'_>> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let number = u64::from_le_bytes(head[4..12].try_into().ok()?);
    let length = u32::from_le_bytes(head[12..16].try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(head[16..20].try_into().ok()?);
    let payload = rest.get(..length).filter(|_| length <= LONGEST)?;
    (checksum(number, payload) == sum).then_some(Frame { number, payload })
}

fn checksum(number: u64, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&number.to_le_bytes());
    sum.update(payload);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A file with these records, and where each one ends.
    fn file(records: &[String]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = MAGIC.to_vec();
        let ends = records.iter().zip(7..).map(|(record, number)| {
            put(number, record.as_bytes(), &mut bytes);
            bytes.len()
        });
        let ends = ends.collect();
        (bytes, ends)
    }

    fn texts(scan: &Scan) -> Vec<String> {
        scan.frames.iter().map(|frame| String::from_utf8(frame.payload.to_vec()).expect("text")).collect()
    }

    proptest! {
        #[test]
        fn a_whole_file_is_read_whole(records in vec(".{0,200}", 0..20)) {
            let (bytes, _) = file(&records);
            let scan = scan(&bytes);
            prop_assert_eq!(texts(&scan), records);
            prop_assert_eq!((scan.end, scan.damaged), (bytes.len(), 0));
        }

        #[test]
        fn a_file_that_was_cut_yields_what_is_whole(records in vec(".{0,200}", 1..20), cut in any::<prop::sample::Index>()) {
            let (bytes, ends) = file(&records);
            let cut = cut.index(bytes.len());
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let scan = scan(&bytes[..cut]);
            prop_assert_eq!(texts(&scan), &records[..whole]);
            prop_assert_eq!(scan.damaged, 0);
        }

        #[test]
        fn a_flipped_bit_costs_one_record_at_most(
            records in vec(".{0,200}", 1..20), at in any::<prop::sample::Index>(), bit in 0..8,
        ) {
            let (mut bytes, ends) = file(&records);
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            let hit = ends.iter().position(|end| at < *end).filter(|_| at >= MAGIC.len());
            let good: Vec<_> = records.iter().enumerate().filter(|(i, _)| Some(*i) != hit).map(|(_, r)| r.clone()).collect();
            prop_assert_eq!(texts(&scan(&bytes)), good);
        }

        #[test]
        fn garbage_between_records_is_passed_over(
            before in vec(".{0,80}", 0..5), garbage in vec(any::<u8>(), 0..300), after in vec(".{0,80}", 0..5),
        ) {
            let (mut bytes, _) = file(&before);
            bytes.extend(&garbage);
            for (record, number) in after.iter().zip(1000..) {
                put(number, record.as_bytes(), &mut bytes);
            }
            let scan = scan(&bytes);
            prop_assert_eq!(texts(&scan), [before, after.clone()].concat());
            prop_assert_eq!(scan.damaged, if after.is_empty() { 0 } else { garbage.len() });
        }

        #[test]
        fn a_cut_is_told_from_damage(records in vec(".{1,200}", 1..5), cut in any::<prop::sample::Index>(), bit in 0..8) {
            let (mut bytes, ends) = file(&records);
            let cut = cut.index(bytes.len());
            let rest = |bytes: &[u8]| is_torn(&bytes[scan(bytes).end..]);
            prop_assert!(rest(&bytes[..cut]));
            let last = ends.iter().rev().nth(1).copied().unwrap_or(MAGIC.len());
            let at = last + cut % (bytes.len() - last);
            bytes[at] ^= 1_u8 << bit;
            let longer = (last + 12..last + 16).contains(&at); // then it may seem not to reach its end
            prop_assert!(longer || !rest(&bytes), "a bit of the last record");
        }

        #[test]
        fn nothing_is_made_of_garbage(garbage in vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(scan(&garbage).frames, vec![]);
        }
    }

    #[test]
    fn a_file_may_be_cut_in_its_first_bytes() {
        for length in 0..MAGIC.len() {
            let bytes = &MAGIC[..length];
            assert!(is_torn(&bytes[scan(bytes).end..]), "{length}");
        }
    }

    #[test]
    fn a_record_that_lies_there_twice_is_read_once() {
        let (bytes, ends) = file(&["one".into(), "two".into()]);
        let twice = [&bytes[..], &bytes[ends[0]..]].concat();
        let scan = scan(&twice);
        assert_eq!(texts(&scan), ["one", "two"]);
        assert_eq!(scan.end, bytes.len());
    }
}
