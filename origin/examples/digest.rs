//! What lists cost whoever packages a video: SHA-256 of each segment alone, as it was before there were lists, beside all digests of
//! it from one reading. `cargo run --release -p origin --example digest -- FILE`

use std::fs;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).ok_or_else(|| io::Error::other("name a file"))?;
    let length = fs::metadata(&name)?.len();
    let segments = || (0..length).step_by(SEGMENT as usize).map(|at| SEGMENT.min(length - at));
    let (mut alone, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut file = fs::File::open(&name)?;
        let before = on_cpu()?;
        for length in segments() {
            sha256(&mut file, length)?;
        }
        alone.push(on_cpu()? - before);
        let mut file = fs::File::open(&name)?;
        let before = on_cpu()?;
        for length in segments() {
            std::hint::black_box(origin::signing::digest(&mut file, length, |_| Ok(()))?);
        }
        all.push(on_cpu()? - before);
    }
    alone.sort_unstable();
    all.sort_unstable();
    let per_gb = |nanos: &[u64]| nanos[nanos.len() / 2] as f64 / length as f64;
    let (alone, all) = (per_gb(&alone), per_gb(&all));
    println!("SHA-256 alone {alone:.2} s/GB, all digests {all:.2} s/GB: {:.2} times", all / alone);
    Ok(())
}

/// As an import did it.
fn sha256(file: &mut impl Read, length: u64) -> io::Result<()> {
    let mut hash = Sha256::new();
    let mut buffer = [0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let piece = &mut buffer[..left.min(64 << 10) as usize];
        file.read_exact(piece)?;
        hash.update(&piece);
        left -= piece.len() as u64;
    }
    std::hint::black_box(hash.finalize());
    Ok(())
}

/// Nanoseconds that this thread ran, whoever else wants the core (proc_pid_schedstat(5)).
fn on_cpu() -> io::Result<u64> {
    let told = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ran = told.split(' ').next().and_then(|ran| ran.parse().ok());
    ran.ok_or_else(|| io::Error::other("the kernel doesn't tell how long a thread ran"))
}

/// Four seconds of 8 Mbit/s.
const SEGMENT: u64 = 4_000_000;

const ROUNDS: usize = 9;
