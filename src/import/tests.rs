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
    assert!(skipped[2].1.contains("\"n/a\" is no number"), "{skipped:?}");
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
