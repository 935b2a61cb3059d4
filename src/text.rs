//! What people write: how long it may be, and what neither database can hold.

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
