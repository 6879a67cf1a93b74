//! Completions for fish.

use std::fmt::Write as _;

use crate::commands::command::Command;
use crate::commands::completions::words::{global_flags, one_line, words};
use crate::flags::{Flag, Values};

pub(super) fn script(commands: &[Command]) -> String {
    let names: Vec<&str> = commands.iter().map(|command| command.name).collect();
    let mut script = "complete -c s3-build-cache -f\n".to_owned();
    for command in commands {
        let _ = writeln!(
            script,
            "complete -c s3-build-cache -n 'not __fish_seen_subcommand_from {}' -a {} -d {}",
            names.join(" "),
            command.name,
            quoted(command.summary)
        );
    }
    for (flag, help) in global_flags() {
        push_flag(&mut script, "", flag, help, commands);
    }
    for command in commands {
        let condition = format!(" -n '__fish_seen_subcommand_from {}'", command.name);
        for (flag, help) in command.own_flags() {
            push_flag(&mut script, &condition, flag, help, commands);
        }
        for argument in command.help.arguments {
            let values = match argument.values {
                Values::Any | Values::File | Values::CommandLine => continue,
                Values::Directory => "(__fish_complete_directories)".to_owned(),
                values => words(values, commands).join(" "),
            };
            let _ = writeln!(script, "complete -c s3-build-cache{condition} -a '{values}'");
        }
    }
    script
}

fn push_flag(script: &mut String, condition: &str, flag: &Flag, help: &str, commands: &[Command]) {
    let short = flag.short.map_or_else(String::new, |letter| format!(" -s {letter}"));
    let values = match flag.values() {
        None => String::new(),
        Some(Values::File) => " -r -F".to_owned(),
        Some(Values::Any | Values::Directory | Values::CommandLine) => " -x".to_owned(),
        Some(values) => format!(" -x -a '{}'", words(values, commands).join(" ")),
    };
    let (long, help) = (flag.long, quoted(&one_line(help)));
    let _ = writeln!(script, "complete -c s3-build-cache{condition}{short} -l {long}{values} -d {help}");
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
