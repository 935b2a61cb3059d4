use super::*;

#[test]
fn words_are_read_in_any_spelling() {
    let reads = |word| happened(word).map(|it| (it.kind, it.direction));
    for word in ["dial-in", "Dial-In", "DIALIN", "dial_in", "0"] {
        assert_eq!(reads(word), Some((Kind::NewCall, Some(Direction::In))), "{word}");
    }
    for word in ["answer-out", "4"] {
        assert_eq!(reads(word), Some((Kind::Answer, Some(Direction::Out))), "{word}");
    }
    assert_eq!(reads("hangup?CallID=1"), Some((Kind::Hangup, None)));
    assert_eq!(reads("voicemail"), None);
}

#[test]
fn extensions_look_like_extensions() {
    for text in ["13596*106", "17608s*101", "0003*210"] {
        assert!(EXTENSION.is_match(text), "{text}");
    }
    for text in ["+79214567892", "79214567892", "106", "*43", "13596*106@sip.example.org", "1*2"] {
        assert!(!EXTENSION.is_match(text), "{text}");
    }
    assert_eq!(local("13596*106@sip.example.org"), "13596*106");
}
