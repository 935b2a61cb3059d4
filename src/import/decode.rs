//! The letters of a file.

use std::borrow::Cow;

/// UTF-8, or what Outlook and Excel write instead: UTF-16 with its mark, or Windows-1252. Which of the two each line
/// says for itself, since files are joined, and edited by hand.
pub fn decode(file: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let text: Cow<str> = match file {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes).into(),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes).into(),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => match std::str::from_utf8(rest) {
            Ok(text) => text.into(),
            Err(_) => rest.split_inclusive(|byte| *byte == b'\n').map(line).collect::<String>().into(),
        },
    };
    if text.contains('\0') { text.replace('\0', "").into() } else { text }
}

/// One line, as whoever wrote it meant it.
fn line(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().copied().map(windows_1252).collect::<String>().into(),
    }
}

fn windows_1252(byte: u8) -> char {
    /// 0x80 to 0x9F; the rest is as in Unicode.
    const OWN: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => OWN[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}
