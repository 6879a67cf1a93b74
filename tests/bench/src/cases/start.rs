//! The cost of starting the program, and of an import that finds nothing.

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::driver::Bench;
use crate::driver::sample::measured;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{attributes, with_credentials};
use crate::report::{Key, Results};

/// The name of a program that does nothing.
pub(crate) const NOTHING: &str = "true";

/// More rounds than in the other cases, because short runs are affected most by other load.
const TIMES: usize = 4;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let sink = Sink::start(bench, Conditions::default(), false)?;
    let programs = &bench.programs;
    for _ in 0..bench.options.runs * TIMES {
        for (tool, program, arguments) in [
            ("s3-build-cache", programs.ours.as_path(), &["--version"][..]),
            (NOTHING, Path::new("true"), &[]),
            ("s5cmd", &programs.s5cmd, &["version"]),
            ("rclone", &programs.rclone, &["version"]),
        ] {
            let mut command = Command::new(program);
            command.args(arguments);
            results.add(key("version", "", tool), 0, measured(bench, &command)?);
        }
        let mut command = Command::new(&programs.ours);
        command.arg("import").arg(bench.work.join("nothing"));
        command.arg("--cache-from").arg(attributes(&sink.endpoint, ""));
        with_credentials(&mut command, &sink.endpoint);
        sink.reset()?;
        let mut sample = measured(bench, &command)?;
        sample.seen = Some(sink.seen()?);
        results.add(key("miss", "sink", "s3-build-cache"), 0, sample);
    }
    results.value("start", "size of the static program", std::fs::metadata(&programs.ours)?.len() as f64, "bytes");
    Ok(())
}

fn key(what: &str, server: &str, tool: &str) -> Key {
    Key { case: "start".to_owned(), server: server.to_owned(), what: what.to_owned(), tool: tool.to_owned() }
}
