//! The migrations of each database, and the one description of the tables that the code uses.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Text;
use hookswitch::store::target::Target;
use hookswitch::store::{self, Db};

use crate::harness::{TestDatabase, pbx};

const SCHEMA: &str = include_str!("../../src/store/schema.rs");

#[actix_web::test]
async fn migrations_go_up_and_down_and_up_again() {
    let database = TestDatabase::new();
    let mut db = opened(&database);
    pbx(&mut db, "Berlin", "token");
    store::migrate_down_and_up(&mut db).unwrap();
    assert!(store::migrations_current(&mut db).unwrap());
    assert_eq!(store::pbxes::all(&mut db).unwrap().len(), 0, "nothing outlives its table");
    pbx(&mut db, "Berlin", "token");
    store::migrate(&mut db).unwrap();
    assert_eq!(store::pbxes::all(&mut db).unwrap().len(), 1, "what is current is left alone");
}

#[actix_web::test]
async fn the_tables_are_those_that_the_code_knows() {
    let database = TestDatabase::new();
    let mut db = opened(&database);
    let (migrated, described) = (migrated(&mut db), described());
    let differ: Vec<_> = migrated.symmetric_difference(&described).collect();
    assert!(differ.is_empty() && migrated.len() > 80, "only in one of the two: {differ:#?}");
}

#[actix_web::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let database = TestDatabase::new();
    let mut db = opened(&database);
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')")
        .execute(&mut db)
        .unwrap();
    let refused = store::migrate(&mut db).unwrap_err();
    assert!(refused.to_string().contains("newer Hookswitch"), "{refused}");
}

fn opened(database: &TestDatabase) -> Db {
    let mut db = database.url.parse::<Target>().unwrap().open().unwrap();
    store::migrate(&mut db).unwrap();
    db
}

/// `table.column type`, with `?` where it may be null: from `schema.rs`.
fn described() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut table = "";
    for line in SCHEMA.lines().map(str::trim).filter(|line| !line.starts_with("diesel::")) {
        let (head, columns) = line.split_once('{').map_or(("", line), |(head, rest)| (head, rest));
        if let Some((name, _key)) = head.split_once(" (") {
            table = name;
        }
        for column in columns.trim_end_matches('}').split(',').filter(|column| column.contains("->")) {
            let (name, kind) = column.split_once("->").unwrap();
            let bare = kind.trim().trim_start_matches("Nullable<").trim_end_matches('>');
            let null = if bare == kind.trim() { "" } else { "?" };
            found.insert(format!("{table}.{} {bare}{null}", name.trim()));
        }
    }
    found
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    nullable: String,
}

/// The same, from the database itself.
fn migrated(db: &mut Db) -> BTreeSet<String> {
    let question = match db {
        Db::Postgres(_) => {
            "SELECT (table_name || '.' || column_name)::text AS place, data_type::text AS kind,
                    is_nullable::text AS nullable
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'"
        }
        Db::Sqlite(_) => {
            "SELECT m.name || '.' || c.name AS place, c.type AS kind,
                    CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN 'NO' ELSE 'YES' END AS nullable
             FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                   AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'"
        }
    };
    let columns: Vec<Column> = diesel::sql_query(question).load(db).unwrap();
    columns.into_iter().map(|column| described_as(&column)).collect()
}

fn described_as(column: &Column) -> String {
    let row_number = [".id", "journal.change"].iter().any(|name| column.place.ends_with(name));
    let kind = match column.kind.to_lowercase().as_str() {
        "bigint" => "BigInt",
        "integer" if row_number && column.place != "feed.id" => "BigInt", // SQLite's word for its row number
        "integer" => "Integer",
        "text" => "Text",
        "boolean" => "Bool",
        "bytea" | "blob" => "Binary",
        "timestamp" | "timestamp without time zone" => "Timestamp",
        other => panic!("{}: {other}", column.place),
    };
    format!("{} {kind}{}", column.place, if column.nullable == "YES" { "?" } else { "" })
}
