#![expect(clippy::unwrap_used, reason = "a test may fail")]

use super::*;

fn german() -> Numbering {
    Numbering::new("DE", None).unwrap()
}

/// Name, company, note, number keys.
type Short = (String, Option<String>, Option<String>, Vec<String>);

fn read_as(file: &[u8], content_type: Option<&str>) -> (Vec<Short>, Vec<(u64, String)>) {
    let contacts = read(file, content_type, &german()).unwrap();
    let short = |(_, c): (u64, NewContact)| {
        let keys = c.numbers.iter().map(|n| n.key().to_owned()).collect();
        (c.name, c.company, c.note, keys)
    };
    (
        contacts.found.into_iter().map(short).collect(),
        contacts.skipped.into_iter().map(|skipped| (skipped.line, skipped.why)).collect(),
    )
}

fn short(name: &str, company: Option<&str>, note: Option<&str>, keys: &[&str]) -> Short {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    (name.into(), owned(company), owned(note), keys.iter().map(ToString::to_string).collect())
}

#[test]
fn our_own_columns() {
    let file = "Name,Company,Number,Note\r\n\
                Anna Schmidt,\"Schmidt, Söhne\",030/23125123;0171 39 20055,\"two\nlines\"\r\n\
                ,,030 23125124,\r\n\
                Bob,,,\r\n\
                Carla,,n/a;+49 30 23125125,\r\n\
                Zoo GmbH,,anonymous,\r\n";
    let (found, skipped) = read_as(file.as_bytes(), Some("text/csv; charset=utf-8"));
    assert_eq!(
        found,
        [
            short(
                "Anna Schmidt",
                Some("Schmidt, Söhne"),
                Some("two\nlines"),
                &["+493023125123", "+491713920055"]
            ),
            short("Carla", None, None, &["+493023125125"]),
        ]
    );
    let lines: Vec<u64> = skipped.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [4, 5, 6, 7, 7], "{skipped:?}"); // the quoted note has two lines
    assert!(skipped[2].1.contains("\"n/a\" stands for callers who withhold"), "{skipped:?}");
}

/// Outlook 2016, German: Windows-1252, commas, a column for each kind of number.
#[test]
fn outlook_in_german() {
    let file = "\"Anrede\",\"Vorname\",\"Weitere Vornamen\",\"Nachname\",\"Firma\",\"Fax geschäftlich\",\"Telefon geschäftlich\",\"Telefon privat\",\"Mobiltelefon\",\"Telefon Assistent\",\"E-Mail-Adresse\",\"E-Mail-Typ\",\"Notizen\",\"Organisationsnr.\"\r\n\
        \"\",\"Jürgen\",\"\",\"Müller\",\"Bäckerei Groß\",\"\",\"(030) 23125-200\",\"\",\"0171 3920011\",\"030 1\",\"j@example.org\",\"SMTP\",\"\",\"12\"\r\n";
    let latin: Vec<u8> = file.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let wanted = short("Jürgen Müller", Some("Bäckerei Groß"), None, &["+493023125200", "+491713920011"]);
    assert_eq!(read_as(&latin, None).0, [wanted]);
}

/// Outlook, English, as Excel saves it again: UTF-16 with tabs.
#[test]
fn outlook_through_excel() {
    let file = "First Name\tLast Name\tCompany\tBusiness Phone\tBusiness Phone 2\tMobile Phone\tNotes\n\
                Ann\tLee\tLee Ltd\t+44 20 7946 0018\t\t+44 7400 123456\tVIP\n";
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(file.encode_utf16().flat_map(u16::to_le_bytes));
    let wanted = short("Ann Lee", Some("Lee Ltd"), Some("VIP"), &["+442079460018", "+447400123456"]);
    assert_eq!(read_as(&bytes, None).0, [wanted]);
}

#[test]
fn google() {
    let old = "Name,Given Name,Family Name,Notes,Organization 1 - Type,Organization 1 - Name,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n\
               Jo Doe,Jo,Doe,,,ACME,Mobile,+1 202-555-0143 ::: +1 202-555-0199,Work,\n";
    let new = "First Name,Middle Name,Last Name,Organization Name,Notes,Phone 1 - Label,Phone 1 - Value\n\
               Jo,,Doe,ACME,,Mobile,+1 202-555-0143\n";
    let wanted = |keys: &[&str]| [short("Jo Doe", Some("ACME"), None, keys)];
    assert_eq!(read_as(old.as_bytes(), None).0, wanted(&["+12025550143", "+12025550199"]));
    assert_eq!(read_as(new.as_bytes(), None).0, wanted(&["+12025550143"]));
}

#[test]
fn semicolons_and_excels_own_line() {
    let file = "\u{feff}Name;Rufnummer\nAnna;030 23125123\n";
    assert_eq!(read_as(file.as_bytes(), None).0, [short("Anna", None, None, &["+493023125123"])]);
    let file = "sep=;\r\nName;Tel. privat\r\nAnna;030 23125123\r\nBob;\r\n";
    let (found, skipped) = read_as(file.as_bytes(), None);
    assert_eq!(found, [short("Anna", None, None, &["+493023125123"])]);
    assert_eq!(skipped, [(4, "it has no number".to_owned())]);
}

#[test]
fn a_file_without_column_names_says_so() {
    for file in ["", "Anna,030 23125123\n", "name\nAnna\n", "{\"a\": 1}"] {
        let why = read(file.as_bytes(), None, &german()).unwrap_err();
        assert!(why.contains("must name the columns"), "{file}: {why}");
    }
}

/// iOS and Nextcloud write 3.0, others 4.0 with URIs, old telephones 2.1.
#[test]
fn vcards() {
    let file = "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//iPhone OS 17.0//EN\r\nN:Schmidt;Anna;Maria;Dr.;\r\nFN:Dr. Anna Schmidt\r\nORG:Schmidt & Co;Sales;\r\nTEL;type=CELL;type=VOICE;type=pref:+49 171 3920055\r\nitem1.TEL:030 23125123\r\nitem1.X-ABLabel:Office\r\nNOTE:calls at night\\, often\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgAB\r\n AQAAAQABAAD\r\nEND:VCARD\r\n\
        BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bob\r\nTEL;VALUE=uri;TYPE=\"voice,home\":tel:+49-30-23125-124;ext=5\r\nEND:VCARD\r\n\
        begin:vcard\r\nversion:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen\r\nTEL;WORK;VOICE:03023125126\r\nend:vcard\r\n\
        BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Nobody\r\nEND:VCARD\r\n";
    let (found, skipped) = read_as(file.as_bytes(), None);
    assert_eq!(found.len(), 3, "{found:?}");
    let note = Some("calls at night, often");
    let anna =
        short("Dr. Anna Schmidt", Some("Schmidt & Co, Sales"), note, &["+491713920055", "+493023125123"]);
    assert_eq!(found[0], anna);
    assert_eq!(found[1].0, "Bob");
    assert!(found[1].3[0].starts_with("+493023125124"), "{found:?}"); // with or without the extension
    assert_eq!(found[2], short("Jürgen Müller", None, None, &["+493023125126"]));
    assert_eq!(skipped, [(24, "it has no number".to_owned())]);
}

#[test]
fn a_broken_vcard_file_says_where() {
    let cut = "BEGIN:VCARD\nFN:A\nEND:VCARD\nBEGIN:VCARD\nFN:B\n";
    assert!(read(cut.as_bytes(), None, &german()).unwrap_err().contains("line 4"));
    assert!(read(b"hello", Some("text/vcard"), &german()).unwrap_err().contains("BEGIN:VCARD"));
}

#[test]
fn one_contact_however_often_a_file_holds_it() {
    let file =
        "Name,Number,Note\nAnna,030 23125123,\nanna,+49 30 23125123;0171 3920055,new\nAnna,030 999999,\n";
    let found = read(file.as_bytes(), None, &german()).unwrap().found;
    let contacts = folded(found, &mut |skipped| panic!("{skipped:?}"));
    assert_eq!(contacts.len(), 2);
    let (line, anna) = &contacts[0];
    assert_eq!((*line, anna.numbers.len(), anna.note.as_deref()), (2, 2, Some("new")));
}

#[test]
fn no_contact_gets_more_numbers_than_can_be_edited() {
    let numbers =
        |from: u32, to: u32| (from..to).map(|n| (2_312_000 + n).to_string()).collect::<Vec<_>>().join(";");
    let file = format!("Name,Number\nA,{}\nA,{}\nA,{}\n", numbers(0, 40), numbers(39, 51), numbers(39, 50));
    let mut skipped = Vec::new();
    let found = read(file.as_bytes(), None, &german()).unwrap().found;
    let contacts = folded(found, &mut |one| skipped.push(one));
    assert_eq!((contacts.len(), contacts[0].1.numbers.len()), (1, 50));
    assert_eq!(skipped, [too_many(3)]);
}

/// The key of a number, or what is wrong with it.
fn key(text: &str) -> Result<String, String> {
    number(text, &german()).map(|number| number.key().to_owned())
}

#[test]
fn what_spreadsheets_write_is_read_or_refused_but_never_another_number() {
    for (text, wanted) in [
        ("=\"03023125123\"", "+493023125123"),
        ("'+49 30 23125123", "+493023125123"),
        ("+49 30 23125123;ext=12", "+493023125123"),
        ("23125123;phone-context=+4930", "+493023125123"),
        ("tel:23125123;phone-context=+4930", "+493023125123"),
        ("030/23125123", "+493023125123"),
        ("0800/0123456", "+498000123456"),
        ("+49 (0)30/23125-123", "+493023125123"),
        ("sip:alice@example.org", "alice@example.org"),
        ("0003*210", "0003*210"),
    ] {
        assert_eq!(key(text).as_deref(), Ok(wanted), "{text}");
    }
    for (text, why) in [
        ("4.93056E+11", "spreadsheet"),
        ("4,93056e+11", "spreadsheet"),
        ("030 1 / 030 2", "several"),
        ("030 23125123, 030 23125124", "several"),
        ("03023125123/+491713920055", "several"),
        ("rief am 3.4. an", "is no number"),
        ("ext=12", "is no number"),
        ("'", "is no number"),
    ] {
        assert!(key(text).is_err_and(|said| said.contains(why)), "{text}: {:?}", key(text));
    }
}

#[test]
fn several_numbers_in_a_cell_are_several() {
    let file = "Name;Nummer\n\
                A;030 23125123 / 030 23125124\n\
                B;\"030 23125123, +49 171 3920055;100\"\n\
                C;'+49 30 23125123\n\
                D;+49 30 23125123;ext=12\n\
                E;\"+49 30 23125123;ext=12;030 23125124\"\n\
                F;4.93056E+11\n";
    let (found, skipped) = read_as(file.as_bytes(), None);
    let (one, two, mobile) = ("+493023125123", "+493023125124", "+491713920055");
    let wanted = [
        short("A", None, None, &[one, two]),
        short("B", None, None, &[one, mobile, "100"]),
        short("C", None, None, &[one]),
        short("D", None, None, &[one]),
        short("E", None, None, &[one, two]),
    ];
    assert_eq!(found, wanted);
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    let lone = "Name,Telefonnotiz,Phonetic First Name,Telefon\nA,3.4. 12:00,1234,030 23125123\n";
    assert_eq!(read_as(lone.as_bytes(), None).0, [short("A", None, None, &[one])]);
}

/// Within the few milliseconds that this takes when nothing is looked at again and again.
#[test]
fn a_file_of_one_row_or_of_nothing_but_rows_is_soon_read() {
    let begun = std::time::Instant::now();
    let numbers: String = (0..100_000).map(|n| format!("030{};", 2_000_000 + n)).collect();
    let contacts = read(format!("Name,Number\nA,{numbers}\n").as_bytes(), None, &german()).unwrap();
    assert_eq!(contacts.found.len(), 0);
    assert!(contacts.skipped[0].why.contains("at most 50"), "{:?}", contacts.skipped);
    for cell in ["/", ",", "/0000", "/0"] {
        let file = format!("Name,Number\nA,\"{}\"\n", cell.repeat(300_000));
        read(file.as_bytes(), None, &german()).unwrap();
    }
    let rows = format!("Name,Number\n{}", "a\n".repeat(200_000));
    let contacts = read(rows.as_bytes(), None, &german()).unwrap();
    assert_eq!((contacts.skipped.len(), contacts.skipped_count), (1_000, 200_000));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn one_stray_letter_spoils_its_own_line_only() {
    let mut file = "Name,Number\nJürgen,030 23125123\nGro".as_bytes().to_vec();
    file.extend(b"\xdf,030 23125124\n");
    let names = |file: &[u8]| read_as(file, None).0.into_iter().map(|short| short.0).collect::<Vec<_>>();
    assert_eq!(names(&file), ["Jürgen", "Groß"]);
    assert_eq!(names(&[b"\xef\xbb\xbf", &file[..]].concat()), ["Jürgen", "Groß"]);
}

#[test]
fn what_stands_before_the_column_names_is_passed_over() {
    for before in ["\n", "\r\n;;\r\n", "\"sep=;\"\r\n", "SEP=;\n", "\u{feff}sep=;\n\n"] {
        let file = format!("{before}Name;Number\nA;030 23125123\nB;\n");
        let (found, skipped) = read_as(file.as_bytes(), None);
        assert_eq!(found, [short("A", None, None, &["+493023125123"])], "{before:?}");
        assert_eq!(skipped[0].0, 3 + before.matches('\n').count() as u64, "{before:?}");
    }
}

#[test]
fn joined_vcard_files_lose_no_card() {
    let card =
        |name: &str| format!("\u{feff}BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL:030 23125123\nEND:VCARD\n");
    let file = format!("{}{}END:VCARD\n", card("A"), card("B"));
    let (found, skipped) = read_as(file.as_bytes(), None);
    assert_eq!(found.iter().map(|short| &*short.0).collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(skipped, [(11, "a card ends here that begins nowhere".to_owned())]);
}

#[test]
fn a_quotation_mark_that_is_not_closed_takes_nobody_with_it() {
    for (file, line) in [
        ("name,note,number\nDora,,0304444\nEve,\"vip,0305555\nFay,,0306666\nGus,\"x\",0307777\n", 3),
        ("name,number,note\nBen,0302222,\"bad\nCarl,0303333,\n", 2),
    ] {
        let refused = read(file.as_bytes(), None, &german()).err().unwrap();
        assert!(refused.starts_with(&format!("line {line}: a quotation mark is not closed")), "{refused}");
    }
    let (found, _) = read_as(b"name,number,note\nBen,0302222,5\" pipes\nCarl,0303333,\n", None);
    assert_eq!(found.len(), 2, "one in the middle is but a sign");
}
