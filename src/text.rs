//! What people write: how long it may be, what neither database can hold, and all that is wrong with a request.

use crate::error::{Error, FieldError, Result as Answer};

/// The most mistakes that are told at once.
const MOST: usize = 50;

/// Text of `least` to `most` characters.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check(text: &str, least: usize, most: usize) -> Result<(), String> {
    if text.contains('\0') {
        return Err("must not hold a NUL character".into());
    }
    if text.trim().chars().count() < least {
        return Err("must not be blank".into());
    }
    if text.chars().count() > most {
        return Err(format!("must have at most {most} characters"));
    }
    Ok(())
}

/// The same, where it may be left out.
///
/// # Errors
/// What is wrong with it, in words.
pub fn optional(text: Option<&str>, least: usize, most: usize) -> Result<(), String> {
    text.map_or(Ok(()), |text| check(text, least, most))
}

/// What is wrong with a request, field by field.
#[derive(Debug, Default)]
pub struct Mistakes {
    prefix: String,
    found: Vec<FieldError>,
}

impl Mistakes {
    /// What follows is about fields of this part, such as `block_rules[3].`.
    pub fn within(&mut self, part: String) {
        self.prefix = part;
    }

    /// Takes down an error as that of `field`.
    pub fn note(&mut self, field: &str, checked: Result<(), String>) {
        if let Err(message) = checked
            && self.found.len() < MOST
        {
            self.found.push(FieldError { field: format!("{}{field}", self.prefix), message });
        }
    }

    /// `value`, if there was none.
    ///
    /// # Errors
    /// `Invalid` with all of them.
    pub fn none<T>(self, value: T) -> Answer<T> {
        if self.found.is_empty() { Ok(value) } else { Err(Error::Invalid(self.found)) }
    }
}
