//! The migrations are compiled in: a new one makes the program anew.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
