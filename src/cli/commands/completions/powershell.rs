//! Completions for PowerShell.

use std::fmt::Write as _;

use crate::commands::command::Command;
use crate::commands::completions::words::{global_flags, one_line, spellings, words};
use crate::flags::{FLAGS, Flag};

/// Finds the words before the one that is completed, without the program.
const BEGIN: &str = r#"Register-ArgumentCompleter -Native -CommandName s3-build-cache -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "$_" })
    $previous = if ($before.Count) { $before[-1] } else { '' }
"#;
const END: &str = r#"    $words.Keys | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $words[$_])
    }
}
"#;

pub(super) fn script(commands: &[Command]) -> String {
    let mut script = BEGIN.to_owned();
    let names: Vec<String> = commands.iter().map(|command| quoted(command.name)).collect();
    let _ = writeln!(script, "    $commands = @({})", names.join(", "));
    script.push_str("    $command = $before | Where-Object { $_ -in $commands } | Select-Object -First 1\n");
    script.push_str("    $words = [System.Collections.Specialized.OrderedDictionary]::new()\n");
    script.push_str("    switch -CaseSensitive ($previous) {\n");
    for flag in FLAGS {
        let Some(values) = flag.values() else { continue };
        let values: Vec<String> = words(values, commands).iter().map(|word| word_of(word, word)).collect();
        for name in spellings(flag) {
            let _ = writeln!(script, "        '{name}' {{ {} }}", values.join("; "));
        }
    }
    script.push_str("        default {\n            switch (\"$command\") {\n");
    for command in commands {
        let _ = writeln!(script, "                '{}' {{", command.name);
        for (flag, help) in command.own_flags() {
            push_flag(&mut script, "                    ", flag, help);
        }
        for word in command.help.arguments.iter().flat_map(|argument| words(argument.values, commands)) {
            let _ = writeln!(script, "                    {}", word_of(word, word));
        }
        script.push_str("                }\n");
    }
    script.push_str("                default {\n");
    for command in commands {
        let _ = writeln!(script, "                    {}", word_of(command.name, command.summary));
    }
    script.push_str("                }\n            }\n");
    for (flag, help) in global_flags() {
        push_flag(&mut script, "            ", flag, help);
    }
    script.push_str("        }\n    }\n");
    script + END
}

fn push_flag(script: &mut String, indent: &str, flag: &Flag, help: &str) {
    for name in spellings(flag) {
        let _ = writeln!(script, "{indent}{}", word_of(&name, &one_line(help)));
    }
}

/// Returns the statement that adds a word with its description.
fn word_of(word: &str, help: &str) -> String {
    format!("$words[{}] = {}", quoted(word), quoted(help))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
