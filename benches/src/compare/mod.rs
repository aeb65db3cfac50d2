//! Servers and clients of several stacks side by side, in the same run.

mod chart;
mod goals;
mod h2load;
mod instructions;
mod loads;
mod measure;
mod memory;
mod process;
mod report;
mod results;
mod row;
mod start;
mod table;
mod weight;

use std::process::Command;
use std::time::Duration;

use sailplane_benches::Error;

use results::Results;
use row::Row;

/// How much is measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// How often each load runs.
    pub(crate) rounds: usize,
    /// For so long.
    pub(crate) duration: Duration,
    /// Rows whose identity contains it.
    pub(crate) only: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, Error> {
        let mut options = Self { rounds: 5, duration: Duration::from_millis(700), only: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} without a value"))?;
            match argument.as_str() {
                "--rounds" => options.rounds = value.parse()?,
                "--seconds" => options.duration = Duration::try_from_secs_f64(value.parse()?)?,
                "--only" => options.only = Some(value.clone()),
                _ => return Err(format!("{argument} is not known").into()),
            }
        }
        Ok(options)
    }

    /// Whether a row of this identity is measured.
    fn wants(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| id.contains(only))
    }
}

/// Compares, prints a table, and writes it beside the code.
pub(crate) fn run(arguments: &[String]) -> Result<(), Error> {
    compare(&Options::parse(arguments)?)
}

fn compare(options: &Options) -> Result<(), Error> {
    build()?;
    let mut results = Results::begin(options)?;
    let mut tell = |row: Row| {
        println!("{}", table::line(&row));
        results.put(row);
    };
    let cells = loads::cells(h2load::version().is_some());
    let id = |cell: &loads::Cell| row::id(cell.group, &cell.name(), &cell.subject(), cell.place.name());
    let cells: Vec<_> = cells.into_iter().filter(|cell| options.wants(&id(cell))).collect();
    measure::measure(&cells, options, &mut tell);
    start::measure(options, &mut tell);
    memory::measure(options, &mut tell);
    instructions::measure(options, &mut tell);
    weight::measure(options, &mut tell);
    results.write()?;
    report::write(&results)
}

/// Writes the pages of the last results once more.
pub(crate) fn report() -> Result<(), Error> {
    report::again()
}

/// The program that has a server or client of this name.
pub(crate) use process::program;

/// Builds the servers and clients, beside this program.
fn build() -> Result<(), Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet", "-p", "sailplane-benches", "--features", "peers"]);
    command.args(["--bin", "bench-sailplane", "--bin", "bench-tonic", "--bin", "bench-connect"]);
    if command.status()?.success() { Ok(()) } else { Err("the programs do not build".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, Error> {
        Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read() {
        let options = parse("--rounds 2 --only unary/1x100 --seconds 0.5").expect("they are right");
        assert_eq!((options.rounds, options.duration), (2, Duration::from_millis(500)));
        assert!(options.wants("unary/1x100, 16 B/smol → smol/one core"));
        assert!(!options.wants("unary/1x1, 16 B/smol → smol/one core"));
        for wrong in ["--rounds", "--rounds x", "--seconds -1", "--fast 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
