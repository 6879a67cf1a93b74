//! The command line of `tests/bench/run`.

use std::path::PathBuf;

use crate::Outcome;
use crate::cases::CASES;

pub(crate) const HELP: &str = "\
Measures s3-build-cache beside s5cmd, rclone and the AWS CLI, on this machine.

  tests/bench/run [CASE...] [OPTION...]

Cases (default: all but build):
  big        16 blobs of 64 MiB: cold export, import into an empty directory
  one        one blob of 1 GiB, 85 MB/s a connection, 30 ms latency: 16 connections beside one
  small      2,000 blobs of 16 KiB: cold export, import
  many       20,000 blobs of 1 KiB: cold export, import, for the peak of memory
  warm       export of 200 blobs that are all there, 30 ms latency, with and without a listing that shows them
  resume     import where nine tenths are already in the directory
  interrupt  14 blobs of 40 MiB, 25 MB/s for all connections together: SIGINT at a third, a half, two thirds, then again
  serve      the registry: one blob of 1 GiB as in one, 16 of 64 MiB beside an import, 2,000 of 16 KiB, manifests
  bucket     du and prune --dry-run of buckets with 100,000 and 1,000,000 objects
  graph      a cache config of 100,000 records and 20,000 layers: read, check, filter, write
  start      --version; an import that finds nothing; the size of the program
  build      cargo build --release from scratch, without the downloads

Options:
  --runs N             runs of each tool, in turns (default 5); the AWS CLI, which is slow, runs once, and so do all
                       tools in many and interrupt
  --servers LIST       sink,seaweedfs (default both) for big and small; the other cases have the sink only
  --tls, --no-tls      big and one only with TLS, or only without (default both); small is only without
  --interrupt NxMIB@MB other blobs and another line for interrupt (default 14x40@25)
  --quick              one run with small sizes, and the AWS CLI only for big on the sink: shows that the bench works,
                       its numbers mean nothing
  --check              exit status 1 when a bar is missed
  --json FILE          write all samples, medians and bars
  --svg FILE           draw the ratios
  --data DIR           where inputs and downloads lie (default: target/bench/data)
";

pub(crate) struct Options {
    pub(crate) cases: Vec<String>,
    pub(crate) runs: usize,
    pub(crate) sink: bool,
    pub(crate) seaweedfs: bool,
    pub(crate) plain: bool,
    pub(crate) tls: bool,
    pub(crate) quick: bool,
    pub(crate) check: bool,
    pub(crate) interrupt: Option<Interrupt>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) data: PathBuf,
    /// Set by the script: the program to measure, and where the other tools are installed.
    pub(crate) ours: PathBuf,
    pub(crate) venv: PathBuf,
    /// The directory of the program's sources.
    pub(crate) repository: PathBuf,
}

/// The blobs and the line of the case `interrupt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupt {
    pub(crate) count: usize,
    /// The size of each blob in bytes.
    pub(crate) size: u64,
    /// Bytes per second.
    pub(crate) line: u64,
}

impl Interrupt {
    /// Parses the number of blobs, their size in MiB and the rate in MB/s: `14x40@25`.
    fn parse(text: &str) -> Outcome<Self> {
        let (count, rest) = text.split_once('x').ok_or("--interrupt is like 14x40@25")?;
        let (size, line) = rest.split_once('@').ok_or("--interrupt is like 14x40@25")?;
        let (size, line): (u64, u64) = (size.parse()?, line.parse()?);
        Ok(Self { count: count.parse()?, size: size * 1024 * 1024, line: line * 1_000_000 })
    }
}

pub(crate) enum Parsed {
    Help,
    Run(Box<Options>),
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Parsed> {
        let mut options = Self {
            cases: Vec::new(),
            runs: 5,
            sink: true,
            seaweedfs: true,
            plain: true,
            tls: true,
            quick: false,
            check: false,
            interrupt: None,
            json: None,
            svg: None,
            data: PathBuf::from("target/bench/data"),
            ours: PathBuf::new(),
            venv: PathBuf::new(),
            repository: PathBuf::from("."),
        };
        let mut runs = None;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} lacks its value"));
            match argument.as_str() {
                "--help" | "-h" => return Ok(Parsed::Help),
                "--runs" => runs = Some(value()?.parse()?),
                "--servers" => options.servers(value()?)?,
                "--tls" => options.plain = false,
                "--no-tls" => options.tls = false,
                "--quick" => options.quick = true,
                "--check" => options.check = true,
                "--interrupt" => options.interrupt = Some(Interrupt::parse(value()?)?),
                "--json" => options.json = Some(value()?.into()),
                "--svg" => options.svg = Some(value()?.into()),
                "--data" => options.data = value()?.into(),
                "--ours" => options.ours = value()?.into(),
                "--repository" => options.repository = value()?.into(),
                "--venv" => options.venv = value()?.into(),
                case if CASES.iter().any(|(name, _)| *name == case) => options.cases.push(case.to_owned()),
                other => return Err(format!("there is no case or option {other}, see --help").into()),
            }
        }
        if !options.plain && !options.tls {
            return Err("--tls and --no-tls leave nothing".into());
        }
        if options.cases.is_empty() {
            options.cases = CASES.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name != "build").collect();
        }
        options.runs = runs.unwrap_or(if options.quick { 1 } else { 5 });
        if options.runs == 0 {
            return Err("--runs is at least 1".into());
        }
        Ok(Parsed::Run(Box::new(options)))
    }

    fn servers(&mut self, list: &str) -> Outcome<()> {
        (self.sink, self.seaweedfs) = (false, false);
        for name in list.split(',') {
            match name {
                "sink" => self.sink = true,
                "seaweedfs" => self.seaweedfs = true,
                _ => return Err(format!("there is no server {name}: sink, seaweedfs").into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match Options::parse(&arguments)? {
            Parsed::Run(options) => Ok(*options),
            Parsed::Help => Err("help".into()),
        }
    }

    #[test]
    fn the_default_is_all_cases_and_five_runs() {
        let all = parse("").unwrap();
        assert_eq!((all.cases.len(), all.runs, all.sink, all.seaweedfs), (CASES.len() - 1, 5, true, true));
        let some = parse("big small --runs 7 --servers sink --no-tls").unwrap();
        assert_eq!((some.cases.len(), some.runs, some.seaweedfs, some.tls), (2, 7, false, false));
        let interrupt = Interrupt { count: 3, size: 5 << 20, line: 7_000_000 };
        assert_eq!(parse("--interrupt 3x5@7").unwrap().interrupt, Some(interrupt));
        assert_eq!(parse("--quick").unwrap().runs, 1);
        assert_eq!(parse("--runs 2 --quick").unwrap().runs, 2);
    }

    #[test]
    fn unknown_options_are_refused() {
        for line in [
            "huge",
            "--runs",
            "--runs 0",
            "--runs x",
            "--servers minio",
            "--tls --no-tls",
            "--interrupt 14x40",
            "--help",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
