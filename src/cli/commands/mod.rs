//! The commands: one file each, and one table of them all. To add one: a file with its `COMMAND`, and a line in the
//! table.

mod buckets;
mod caches;
mod command;
mod completions;
mod copy;
mod doctor;
mod du;
mod export;
mod gc;
#[cfg(test)]
mod guide;
mod help;
mod import;
mod ls;
mod man;
mod prune;
mod rm;
mod run;
mod serve;
mod show;
mod verify;

use crate::output::human;

pub(crate) use caches::is_attributes;
pub(crate) use command::{Command, Run};
pub(crate) use help::{overview, page};

/// All commands, in the order of the help.
pub(crate) const COMMANDS: &[Command] = &[
    run::COMMAND,
    export::COMMAND,
    import::COMMAND,
    serve::COMMAND,
    doctor::COMMAND,
    ls::COMMAND,
    show::COMMAND,
    du::COMMAND,
    verify::COMMAND,
    prune::COMMAND,
    copy::COMMAND,
    rm::COMMAND,
    gc::COMMAND,
    completions::COMMAND,
    man::COMMAND,
    help::COMMAND,
];

/// Returns the command with this name.
pub(crate) fn named(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Returns the main commands, as messages list them: `export, import and doctor`.
pub(crate) fn list() -> String {
    let main = COMMANDS.iter().filter(|command| command.help.is_listed);
    human::list(&main.map(|command| command.name).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::flags;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut names = BTreeSet::new();
        for command in COMMANDS {
            assert!(command.aliases.iter().chain([&command.name]).all(|name| names.insert(*name)), "{}", command.name);
        }
    }

    #[test]
    fn every_flag_of_a_command_is_in_the_table_of_flags() {
        for command in COMMANDS {
            assert_eq!(command.own_flags().count(), command.flags.len(), "{}", command.name);
            assert!(command.own_flags().all(|(flag, _)| !flag.global), "{}", command.name);
            for name in command.help.global {
                assert!(flags::named(name).is_some_and(|flag| flag.global), "{}: {name}", command.name);
            }
        }
        for flag in flags::FLAGS {
            assert!(flag.global || COMMANDS.iter().any(|command| command.takes(flag.long)), "{}", flag.long);
        }
    }
}
