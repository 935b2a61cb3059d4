//! Contacts from other programs.
