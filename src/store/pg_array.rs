//! Arrays in PostgreSQL's binary form, written in one go: the columns of a batch. Diesel's own way through `Vec`
//! allocates and copies for each element, which at full load was a third of the writer's work.
//! The form is that of `array_send` in PostgreSQL's arrayfuncs.c.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types as sql;
use std::io::Write;
use std::ops::Range;

use crate::call::Moment;

/// The element types that there are, by PostgreSQL's numbers for them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Bool = 16,
    BigInt = 20,
    Integer = 23,
    Text = 25,
    Timestamp = 1114,
}

/// Bytes before the first element.
const HEAD: usize = 20;

/// What can stand in a column.
pub(super) trait Element {
    const TYPE: Type;
    /// Writes the value; `false`, and nothing written, for NULL.
    fn write(&self, out: &mut Vec<u8>) -> bool;
}

/// The columns of a batch, one behind the other in one piece of memory.
pub(super) struct Columns {
    bytes: Vec<u8>,
    columns: Vec<(Type, Range<usize>)>,
}

impl Columns {
    /// With room for so many columns, and for so many bytes in all.
    pub fn with_capacity(columns: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), columns: Vec::with_capacity(columns) }
    }

    /// One more. One that holds nothing but NULL is sent empty: beside longer ones `unnest` fills it up with NULL, at
    /// no cost.
    pub fn add<E: Element>(&mut self, elements: impl Iterator<Item = E>) {
        let (start, bytes) = (self.bytes.len(), &mut self.bytes);
        bytes.extend_from_slice(&1_i32.to_be_bytes()); // dimensions
        bytes.extend_from_slice(&1_i32.to_be_bytes()); // may hold NULL
        bytes.extend_from_slice(&(E::TYPE as u32).to_be_bytes());
        bytes.extend_from_slice(&[0; 4]); // the count, when it is known
        bytes.extend_from_slice(&1_i32.to_be_bytes()); // the first index
        let (mut count, mut blank) = (0_i32, true);
        for element in elements {
            let at = bytes.len();
            bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            if element.write(bytes) {
                let length = i32::try_from(bytes.len() - at - 4).unwrap_or(i32::MAX); // texts are 64 KiB at most
                bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
                blank = false;
            }
            count += 1;
        }
        if blank {
            count = 0;
            bytes.truncate(start + HEAD);
        }
        bytes[start + 12..start + 16].copy_from_slice(&count.to_be_bytes());
        self.columns.push((E::TYPE, start..bytes.len()));
    }

    /// All of them, in the order in which they were added.
    pub fn arrays(&self) -> Vec<Array<'_>> {
        let array = |(elements, range): &(Type, Range<usize>)| Array {
            elements: *elements,
            bytes: &self.bytes[range.clone()],
        };
        self.columns.iter().map(array).collect()
    }
}

/// One parameter: a column of the batch.
#[derive(Debug)]
pub(super) struct Array<'a> {
    elements: Type,
    bytes: &'a [u8],
}

impl Array<'_> {
    /// Adds it to a statement.
    pub fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        match self.elements {
            Type::Bool => out.push_bind_param::<sql::Array<sql::Bool>, _>(self),
            Type::BigInt => out.push_bind_param::<sql::Array<sql::BigInt>, _>(self),
            Type::Integer => out.push_bind_param::<sql::Array<sql::Integer>, _>(self),
            Type::Text => out.push_bind_param::<sql::Array<sql::Text>, _>(self),
            Type::Timestamp => out.push_bind_param::<sql::Array<sql::Timestamp>, _>(self),
        }
    }
}

impl<E: 'static> ToSql<sql::Array<E>, Pg> for Array<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        out.write_all(self.bytes)?;
        Ok(IsNull::No)
    }
}

impl Element for Option<bool> {
    const TYPE: Type = Type::Bool;
    fn write(&self, out: &mut Vec<u8>) -> bool {
        self.map(|value| out.push(u8::from(value))).is_some()
    }
}

impl Element for Option<i64> {
    const TYPE: Type = Type::BigInt;
    fn write(&self, out: &mut Vec<u8>) -> bool {
        self.map(|value| out.extend_from_slice(&value.to_be_bytes())).is_some()
    }
}

impl Element for Option<i32> {
    const TYPE: Type = Type::Integer;
    fn write(&self, out: &mut Vec<u8>) -> bool {
        self.map(|value| out.extend_from_slice(&value.to_be_bytes())).is_some()
    }
}

impl Element for Option<&str> {
    const TYPE: Type = Type::Text;
    fn write(&self, out: &mut Vec<u8>) -> bool {
        self.map(|text| out.extend_from_slice(text.as_bytes())).is_some()
    }
}

impl Element for Option<Moment> {
    const TYPE: Type = Type::Timestamp;
    /// Microseconds since the year 2000.
    fn write(&self, out: &mut Vec<u8>) -> bool {
        const YEAR_2000: i64 = 946_684_800_000_000;
        self.map(|at| out.extend_from_slice(&(at.and_utc().timestamp_micros() - YEAR_2000).to_be_bytes()))
            .is_some()
    }
}
