#![expect(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;

use super::*;

fn numbering(region: &str, area_code: Option<&str>) -> Numbering {
    Numbering::new(region, area_code).unwrap()
}

fn key(region: &str, text: &str) -> String {
    numbering(region, None).read(text).unwrap().key().to_owned()
}

/// The spellings of each line are one number.
#[test]
fn spellings_of_one_number() {
    let german: [&[&str]; 15] = [
        &["+49301234567", "030/1234567", "+49 30 1234567", "0049301234567", "49301234567", "49(0)301234567"],
        &["+49301234567", "(030) 1234567", "+49 (0) 30 1234567", "0049 (030) 123-4567", "+49 030 1234567"],
        &["+49301234567", " 49301234567", "tel:+49-30-1234567", "sip:+49301234567@pbx.example;user=phone"],
        &["+49301234567", "\"Max M\" <sip:0301234567@10.0.0.5:5060>;tag=1f", "<0301234567>"],
        &[
            "+49301234567",
            "tel:0301234567;phone-context=+49",
            "TEL:1234567;phone-context=+4930",
            "\"Alice\" <tel:1234567;phone-context=+4930>",
            "\u{202a}030 1234567\u{202c}",
        ],
        // Zammad's caller_id_spec, see conformance/zammad.json "lookup:"
        &["+49309876543", "+49 30 98-76-543", "0049309876543", "030 / 98 76 543"],
        &["+4991234321", "(09)1234321", "4991234321"],
        &["+4930530000000", "+49 30 53 00 00 000", "4930530000000"],
        &["+491600000000", "+49 160 0000000", "0160 0000000"],
        &["+4930600000000", "+49 (0) 30 60 00 00 00-0", "030600000000"],
        &["49999992222222", "+49 99999 222222 2", "0049 99999 2222222", "099999 222222-2"],
        &["+18005550123", "18005550123", "001 800 555 0123", "+1 (800) 555-0123"],
        &["+493012345678", "03012345678"],
        &["+4915123456789", "015123456789", "0151 / 234 567 89", "4915123456789"],
        &["+41446681800", "0041 44 668 18 00", "41446681800", "+41 (0)44 668 18 00"],
    ];
    for spellings in german {
        for text in &spellings[1..] {
            assert_eq!(key("DE", text), spellings[0].trim(), "{text:?}");
        }
    }
    for text in [
        "+49 30 1234567 ext. 12",
        "0301234567 x12",
        "030 1234567,12",
        "+49 30 1234567 Extension 12",
        "+49301234567@10.0.0.5",
        "\"0301234567\"",
        "\"A<B\" <0301234567>",
    ] {
        assert_eq!(key("DE", text), "+49301234567", "{text:?}");
    }
    assert_eq!(key("DE", "+52 1 55 1234 5678"), "+525512345678");
    assert_eq!(key("MX", "5215512345678"), "+525512345678");
    assert_eq!(key("DE", "12 x 34"), "12 x 34", "no whole number before it");
    assert_eq!(key("DE", "0043 (0) 30 60 00 00 00-0"), key("DE", "4330600000000"));
    assert_eq!(key("DE", "5754321"), key("DE", "5754321"));
}

#[test]
fn the_region_reads_its_own_way() {
    for (region, text, expected) in [
        ("US", "2125551234", "+12125551234"),
        ("US", "12125551234", "+12125551234"),
        ("us", "(212) 555-1234", "+12125551234"),
        ("US", "011 49 30 1234567", "+49301234567"),
        ("US", "0049 30 1234567", "+49301234567"),
        ("US", "49301234567", "+49301234567"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("IT", "3401234567", "+393401234567"),
        ("IT", "+39 06 1234 5678", "+390612345678"),
        ("ES", "912345678", "+34912345678"),
        ("DK", "32123456", "+4532123456"),
        ("GB", "020 7946 0958", "+442079460958"),
        ("GB", "442079460958", "+442079460958"),
        ("FR", "01 44 27 44 27", "+33144274427"),
        ("FR", "33144274427", "+33144274427"),
        ("CH", "044 668 18 00", "+41446681800"),
        ("AT", "+43 1 58858-0", "+431588580"),
        ("AU", "0011 49 30 1234567", "+49301234567"),
    ] {
        assert_eq!(key(region, text), expected, "{region} {text}");
    }
}

#[test]
fn an_area_code_makes_local_numbers_whole() {
    let berlin = numbering("DE", Some("030"));
    let read = |text| berlin.read(text).unwrap().key().to_owned();
    assert_eq!(read("1234567"), "+49301234567");
    assert_eq!(read("030 1234567"), "+49301234567");
    assert_eq!(read("49301234567"), "+49301234567");
    assert_eq!(read("0891234567"), "+49891234567");
    assert_eq!(read("4981234"), "+49304981234", "begins as the country code does, and is none");
    assert_eq!(read("123"), "123");
    assert_eq!(numbering("US", Some("212")).read("555-1234").unwrap().key().to_owned(), "+12125551234");
    assert_eq!(numbering("IT", Some("06")).read("12345678").unwrap().key().to_owned(), "+390612345678");
    assert_eq!(key("US", "555-1234"), "5551234");
}

#[test]
fn patterns_begin_as_people_dial() {
    for (region, text, expected) in [
        ("DE", "+49030*", "4930*"),
        ("DE", "0049030*", "4930*"),
        ("DE", "sip:+4917*", "4917*"),
        ("DE", "tel:+4917*", "4917*"),
        ("IT", "06*", "3906*"),
        ("US", "212*", "1212*"),
        ("US", "(212) 555*", "1212555*"),
        ("US", "011 44*", "44*"),
        ("AU", "0011 44*", "44*"),
        ("AU", "02*", "612*"),
        ("JP", "010 44*", "44*"),
        ("HU", "06 30*", "3630*"),
        ("RU", "8495*", "7495*"),
        ("RU", "810 44*", "44*"),
    ] {
        let read = numbering(region, None).read_pattern(text);
        assert_eq!(read, Some((true, expected.to_owned())), "{region} {text}");
    }
    for (region, text) in [("US", "21*"), ("US", "1212*"), ("IT", "340*"), ("DE", "212*"), ("US", "212")] {
        let read = numbering(region, None).read_pattern(text);
        assert_eq!(read, Some((false, text.to_owned())), "{region} {text}");
    }
}

#[test]
fn what_is_no_phone_number_keeps_its_text() {
    for (text, expected) in [
        ("100", "100"),
        (" 1 0 0 ", "100"),
        ("+100", "100"),
        ("110", "110"),
        ("0003*210", "0003*210"),
        ("*43", "*43"),
        ("#31#0301234567", "#31#0301234567"),
        ("sip:101@pbx.example", "101"),
        ("Alice@PBX.example", "alice@pbx.example"),
        ("sip:Alice@PBX.example;transport=tcp", "alice@pbx.example"),
        ("4930123@10.0.0.5", "4930123@10.0.0.5"),
        ("Support Queue", "support queue"),
        ("1-800-FLOWERS", "1-800-flowers"),
        ("+alice", "alice"),
        ("+*43", "*43"),
        ("007", "007"),
    ] {
        assert_eq!(key("DE", text), expected, "{text:?}");
        assert_eq!(e164(&key("DE", text)), None, "{text:?}");
    }
    for blank in ["", " ", "\t\n", "\u{a0}", "+", "---"] {
        assert_eq!(numbering("DE", None).read(blank), None);
    }
}

#[test]
fn withheld_numbers_are_one() {
    for text in [
        "anonymous",
        "Anonymous",
        " UNKNOWN ",
        "<unknown>",
        "restricted",
        "Private",
        "withheld",
        "unavailable",
        "No Number",
        "blocked",
        "sip:anonymous@anonymous.invalid",
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
        "+266696687",
        " 266696687",
        "Unterdrückt",
        "sip:unavailable@unknown.invalid",
        "sip:restricted@10.0.0.1",
        "private@1.2.3.4",
        "\"Anonymous\" <sip:anonymous.invalid>",
        "\"Anonymous\" <>",
        "\"anonymous\"",
        "<sip:@10.0.0.1>",
        "UNKNOWN_CALLER",
        "(null)",
        "Nummer unterdrückt",
    ] {
        let number = numbering("DE", None).read(text).unwrap();
        assert!(number.is_withheld(), "{text:?} {number:?}");
    }
    assert_eq!(numbering("DE", None).read(" UNKNOWN ").unwrap().raw(), "UNKNOWN");
    for text in ["asterisk", "Hidden Valley", "sip:support@private.example"] {
        assert!(!numbering("DE", None).read(text).unwrap().is_withheld(), "{text}");
    }
}

#[test]
fn raw_is_as_sent() {
    let raw = |text| numbering("DE", None).read(text).unwrap().raw().to_owned();
    assert_eq!(raw(" 491701234567"), "+491701234567");
    assert_eq!(raw(" 49 170 1234567 "), "+49 170 1234567");
    assert_eq!(raw(" 0301234567"), "0301234567");
    assert_eq!(raw(" 100"), "100");
    assert_eq!(raw("0049 (0)30-1234567"), "0049 (0)30-1234567");
}

#[test]
fn people_read_valid_numbers_internationally() {
    let shown = |text| {
        let number = numbering("DE", None).read(text).unwrap();
        display(number.raw(), number.key())
    };
    assert_eq!(shown("4930609854180"), "+49 30 609854180"); // Zammad's sample
    assert_eq!(shown("030 1234567"), "+49 30 1234567");
    assert_eq!(shown("007"), "007");
    assert_eq!(shown("Anonymous"), "Anonymous");
    assert_eq!(e164("+49301234567"), Some("+49301234567"));
    assert_eq!(Number::key_of_caller_id("4930123456"), "+4930123456");
    assert_eq!(Number::key_of_caller_id("+49 30-123456"), "+4930123456");
}

#[test]
fn wrong_settings_are_refused() {
    for region in ["", "Germany", "ZZ", "D1", "001", "dé"] {
        assert!(Numbering::new(region, None).unwrap_err().contains("two-letter country code"), "{region}");
    }
    assert!(Numbering::new("DE", Some("+30")).is_err());
    assert!(Numbering::new("DE", Some(" ")).unwrap().area_code.is_none());
    assert!(Numbering::new(" de ", None).is_ok());
}

#[test]
fn a_made_up_number_of_another_country_stays_there() {
    for text in ["+44 7700 900666", "0044 7700 900666", "447700900666"] {
        assert_eq!(numbering("DE", None).read(text).unwrap().key(), "447700900666", "{text}");
    }
}

#[test]
fn trunk_zeros_are_known_by_region() {
    for region in ["DE", "AT", "CH", "GB", "FR", "NL", "BE", "SE", "AU", "JP"] {
        assert!(numbering(region, None).trunk_zero, "{region}");
    }
    for region in ["US", "CA", "ES", "IT", "DK", "NO", "PL", "PT", "CZ", "LU", "RU", "HU"] {
        assert!(!numbering(region, None).trunk_zero, "{region}");
    }
}

fn any_numbering() -> impl Strategy<Value = Numbering> {
    let region =
        prop::sample::select(vec!["DE", "AT", "US", "IT", "GB", "AR", "MX", "BR", "HU", "JP", "RU", "SM"]);
    let area = prop::option::of(prop::sample::select(vec!["30", "212", "06", "1"]));
    (region, area).prop_map(|(region, area)| numbering(region, area))
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ +]?[0-9]{1,18}",
        2 => "[ +]?(00)?[1-9][0-9]{1,3}[ -]?[(]?0?[)]?[0-9 /()-]{1,14}",
        1 => "(sip:|tel:|SIPS:|<)?[+ ]?[0-9*#]{0,9}[a-zA-Z@.;<>]{0,6}[0-9]{0,6}(;phone-context=[+]?[0-9]{0,4})?>?",
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_reads_as_itself(numbering in any_numbering(), text in any_text()) {
        let Some(number) = numbering.read(&text) else {
            prop_assert!(!text.contains(|c: char| c.is_ascii_alphanumeric()));
            return Ok(());
        };
        prop_assert!(!number.key().is_empty());
        let again = numbering.read(number.key()).unwrap();
        prop_assert_eq!(again.key(), number.key());
        prop_assert_eq!(numbering.read(&text).unwrap(), number.clone()); // from the cache
        let from_raw = numbering.read(number.raw()).unwrap();
        prop_assert_eq!(from_raw.key(), number.key());
        display(number.raw(), number.key());
    }

    #[test]
    fn a_plus_means_valid(numbering in any_numbering(), text in any_text()) {
        if let Some(number) = numbering.read(&text) {
            let valid = PhoneNumber::parse(number.key(), None).is_ok_and(|number| number.is_valid());
            prop_assert!(!number.key().starts_with('+') || valid, "{:?}", number);
        }
    }

    #[test]
    fn valid_numbers_are_one_in_all_spellings(national in "[1-9][0-9]{5,11}") {
        let german = numbering("DE", None);
        let key = german.read(&format!("+49{national}")).unwrap().key().to_owned();
        for text in [format!("0049{national}"), format!("49{national}"), format!("0{national}"), format!("+49 (0){national}")] {
            prop_assert_eq!(&german.read(&text).unwrap().key().to_owned(), &key, "{}", text);
        }
    }
}
