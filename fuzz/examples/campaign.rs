//! Fuzzes all targets for a while, and says how often each ran.
//!
//! `cargo run -p sailplane-fuzz --example campaign [SECONDS [TARGET …]]`: so many seconds in all on each of two
//! processors. It needs cargo-fuzz and a nightly toolchain. It ends with an error at the first finding, whose
//! input it names, and where the targets ran less often than [`FLOOR`].

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{env, fs, thread};

/// Executions of all targets together, in a campaign of full length.
const FLOOR: u64 = 5_000_000;
const SECONDS: u64 = 180;
const WORKERS: usize = 2;

/// Which part of the time is whose. The small parsers run ten times as often as the connections.
const SHARES: [(&str, u64); 10] = [
    ("pair", 5),
    ("server_connection", 4),
    ("client_connection", 4),
    ("hpack_decode", 4),
    ("generated_code", 4),
    ("texts", 4),
    ("grpc_message", 3),
    ("hpack_round_trip", 2),
    ("frame_reader", 2),
    ("metadata", 2),
];

/// Who runs once more where the floor is not reached, and how often.
const FAST: [(&str, u64); 4] =
    [("hpack_decode", 1), ("generated_code", 1), ("texts", 1), ("grpc_message", 1)];
const EXTRA_ROUNDS: usize = 4;

/// How a target fared.
struct Ran {
    name: &'static str,
    executions: u64,
    seconds: f64,
    /// Inputs of the corpus, and those that the campaign found.
    corpus: usize,
    found: u64,
    peak_mebibytes: u64,
}

impl Ran {
    fn add(&mut self, more: &Self) {
        self.executions += more.executions;
        self.seconds += more.seconds;
        self.found += more.found;
        self.peak_mebibytes = self.peak_mebibytes.max(more.peak_mebibytes);
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("campaign: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(SECONDS), |text| text.parse())?;
    let wanted: Vec<String> = arguments.collect();
    let shares: Vec<_> = SHARES
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name))
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binaries = build(folder)?;

    let mut ran = round(folder, &binaries, &shares, seconds)?;
    if seconds >= SECONDS && wanted.is_empty() {
        // A machine that has other things to do takes longer to come to as many.
        for _ in 0..EXTRA_ROUNDS {
            if total(&ran) < FLOOR {
                for more in round(folder, &binaries, &FAST, SECONDS / 3)? {
                    if let Some(known) = ran.iter_mut().find(|known| known.name == more.name) {
                        known.add(&more);
                    }
                }
            }
        }
        if total(&ran) < FLOOR {
            report(&ran, seconds)?;
            return Err(format!("{} executions are fewer than {FLOOR}", total(&ran)).into());
        }
    }
    report(&ran, seconds)
}

fn total(ran: &[Ran]) -> u64 {
    ran.iter().map(|ran| ran.executions).sum()
}

/// Runs targets, each for its share of so many seconds on each processor.
fn round(
    folder: &Path,
    binaries: &Path,
    shares: &[(&'static str, u64)],
    seconds: u64,
) -> Result<Vec<Ran>, Box<dyn Error>> {
    let whole: u64 = shares.iter().map(|(_, share)| share).sum();
    let queue: Mutex<VecDeque<_>> = Mutex::new(shares.iter().copied().collect());
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = lock(&queue).pop_front();
                    let Some((name, share)) = next else { return };
                    let seconds = (seconds * WORKERS as u64 * share / whole).max(1);
                    let ran = fuzz(folder, binaries, name, seconds).map_err(|error| error.to_string());
                    lock(&results).push(ran);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut fine, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(ran) => fine.push(ran),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        return Ok(fine);
    }
    report(&fine, seconds)?;
    Err(errors.join("\n").into())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Builds all targets with debug assertions and overflow checks, and returns the folder that they are in.
fn build(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let root = folder.parent().ok_or("the workspace has a folder")?;
    let mut command = Command::new("cargo");
    // No sanitizer: nothing here is unsafe.
    command.args(["+nightly", "fuzz", "build", "--sanitizer", "none"]).current_dir(root);
    // What cargo tells its children of this run does not concern the nightly cargo.
    for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTFLAGS"] {
        command.env_remove(name);
    }
    if !command.status()?.success() {
        return Err("the targets do not build".into());
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    Ok(target.join(triple).join("release"))
}

/// Runs one target. What it finds goes to a folder of its own: the corpus is left as it is.
fn fuzz(folder: &Path, binaries: &Path, name: &'static str, seconds: u64) -> Result<Ran, Box<dyn Error>> {
    let scratch = binaries.join("campaign").join(name);
    let (found, artifacts) = (scratch.join("found"), scratch.join("artifacts"));
    let _ = fs::remove_dir_all(&found);
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&artifacts)?;
    let corpus = folder.join("corpus").join(name);
    let started = Instant::now();
    let output = Command::new(binaries.join(name))
        .arg(&found)
        .arg(&corpus)
        .args(Some(folder.join("regressions").join(name)).filter(|regressions| regressions.is_dir()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-max_len=1024", "-timeout=20", "-rss_limit_mb=512"])
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let start = log.find("panicked at").or_else(|| log.find("ERROR: libFuzzer")).unwrap_or(0);
        let said = log.get(start..).unwrap_or_default();
        let input = log.lines().find_map(|line| line.split("Test unit written to ").nth(1));
        let input = input.unwrap_or("(no input was written)");
        return Err(format!("{name} failed with the input {input}\n{said}").into());
    }
    let figure = |what: &str| {
        log.lines().find_map(|line| line.strip_prefix(what)?.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    Ok(Ran {
        name,
        executions: figure("stat::number_of_executed_units:"),
        seconds: started.elapsed().as_secs_f64(),
        corpus: fs::read_dir(&corpus)?.count(),
        found: figure("stat::new_units_added:"),
        peak_mebibytes: figure("stat::peak_rss_mb:"),
    })
}

/// The table, and the line of the ledger where there is one.
fn report(results: &[Ran], seconds: u64) -> Result<(), Box<dyn Error>> {
    let total: u64 = results.iter().map(|ran| ran.executions).sum();
    println!(
        "{:<20}{:>12}{:>12}{:>8}{:>8}{:>10}",
        "target", "executions", "per second", "corpus", "found", "peak MiB"
    );
    let (mut executions, mut corpora) = (String::new(), String::new());
    for ran in results {
        let rate = ran.executions as f64 / ran.seconds.max(0.001);
        println!(
            "{:<20}{:>12}{rate:>12.0}{:>8}{:>8}{:>10}",
            ran.name, ran.executions, ran.corpus, ran.found, ran.peak_mebibytes
        );
        let comma = if executions.is_empty() { "" } else { ", " };
        write!(executions, "{comma}\"{}\": {}", ran.name, ran.executions)?;
        write!(corpora, "{comma}\"{}\": {}", ran.name, ran.corpus)?;
    }
    println!("{:<20}{total:>12}", "all");
    if let Some(ledger) = env::var_os("SAILPLANE_LEDGER") {
        let line = format!(
            "{{\"executions_in_all\": {total}, \"seconds\": {seconds}, \"executions\": {{{executions}}}, \"corpus\": {{{corpora}}}}}\n"
        );
        fs::write(Path::new(&ledger).join("fuzz.json"), line)?;
    }
    Ok(())
}
