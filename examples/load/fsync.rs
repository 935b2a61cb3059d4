//! How long an fsync takes: what is written costs at least that.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::figures::Latency;

/// A page of PostgreSQL's log.
const PAGE: [u8; 8192] = [1; 8192];

/// `load fsync`
#[derive(clap::Args)]
pub struct Args {
    /// This file is written over and over; on the disk in question.
    file: PathBuf,
    /// How long to measure.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

/// Prints latencies as JSON.
pub fn main(args: &Args) -> Result<(), Failure> {
    let mut file = File::create(&args.file)?;
    file.write_all(&PAGE)?; // so that later ones change no length
    file.sync_all()?;
    let (begun, mut taken) = (Instant::now(), Vec::new());
    while taken.is_empty() || begun.elapsed() < Duration::from_secs_f64(args.seconds) {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&PAGE)?;
        let asked = Instant::now();
        file.sync_data()?;
        taken.push(u32::try_from(asked.elapsed().as_micros())?);
    }
    println!("{}", serde_json::to_string(&Latency::of(taken))?);
    Ok(())
}
