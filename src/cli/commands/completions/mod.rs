//! The command `completions`: scripts that complete the command line in a shell, made from the tables of commands and
//! flags.

mod bash;
mod fish;
mod powershell;
mod words;
mod zsh;

use s3_build_cache::{Error, Result};

use crate::commands::command::{Argument, Command, Help, Run};
use crate::flags::{Raw, Values};

pub(super) const COMMAND: Command = Command {
    name: "completions",
    summary: "print completions for bash, zsh, fish or powershell",
    aliases: &["completion"],
    flags: &[],
    help: Help {
        about: "Print a script that completes commands, options and their values in a shell.",
        usage: "SHELL",
        is_listed: false,
        arguments: &[Argument {
            name: "SHELL",
            help: "bash, zsh, fish or powershell",
            values: Values::OneOf(&["bash", "zsh", "fish", "powershell"]),
        }],
        global: &[],
        notes: "For zsh, add the directory to $fpath before compinit runs.",
        examples: &[
            "source <(s3-build-cache completions bash)",
            "s3-build-cache completions zsh > ~/.zfunc/_s3-build-cache",
            "s3-build-cache completions fish > \\\n  ~/.config/fish/completions/s3-build-cache.fish",
            "s3-build-cache completions powershell >> $PROFILE",
        ],
    },
    run: Run::Text(run),
};

fn run(raw: &Raw, commands: &'static [Command]) -> Result<String> {
    let shell = match raw.positional.as_slice() {
        [shell] => shell.to_string_lossy(),
        [] => {
            let hint = "for example s3-build-cache completions bash";
            return Err(Error::usage("completions needs the name of a shell").with_hint(hint));
        }
        _ => {
            return Err(
                Error::usage("unexpected argument: completions takes one shell").with_hint("run it once for each")
            );
        }
    };
    match &*shell {
        "bash" => Ok(bash::script(commands)),
        "zsh" => Ok(zsh::script(commands)),
        "fish" => Ok(fish::script(commands)),
        "powershell" => Ok(powershell::script(commands)),
        other => {
            Err(Error::usage(format!("unknown shell {other:?}")).with_hint("must be bash, zsh, fish or powershell"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;
    use crate::flags::FLAGS;

    /// Zsh would run `PORT` as a command.
    #[test]
    fn a_colon_in_the_name_of_a_value_is_no_separator_for_zsh() {
        let script = zsh::script(COMMANDS);
        assert!(script.contains("]:HOST\\:PORT: '") && script.contains("]:FILE:_files'"), "{script}");
    }

    #[test]
    fn every_command_and_flag_is_in_every_script() {
        for (shell, script) in [
            ("bash", bash::script(COMMANDS)),
            ("zsh", zsh::script(COMMANDS)),
            ("fish", fish::script(COMMANDS)),
            ("powershell", powershell::script(COMMANDS)),
        ] {
            for flag in FLAGS {
                let (long, short) = if shell == "fish" { ("-l ", "-s ") } else { ("--", "-") };
                assert!(script.contains(&format!("{long}{}", flag.long)), "{shell}: {}", flag.long);
                assert!(flag.short.is_none_or(|letter| script.contains(&format!("{short}{letter}"))), "{shell}");
            }
            for command in COMMANDS {
                assert!(script.contains(command.name), "{shell}: {}", command.name);
            }
        }
    }
}
