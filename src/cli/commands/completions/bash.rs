//! Completions for bash, from version 3.2.

use std::fmt::Write as _;

use crate::commands::command::Command;
use crate::commands::completions::words::{global_flags, spellings, words};
use crate::flags::{FLAGS, Values};

/// Finds the option whose value is completed. Bash splits the line at `=` too.
const BEGIN: &str = r#"_s3_build_cache() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= words= directory= word
    if [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == = ]]; then
        cur=
    elif [[ $prev != -* ]]; then
        prev=
    fi
    COMPREPLY=()
"#;
/// Completes a file.
const FILES: &str = r#"        local IFS=$'\n'
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
        return
"#;
const END: &str = r#"    if [[ $cur == -* ]]; then
        words=$options
    elif [[ -n $prev && $prev != -* ]]; then
        # The value of an attribute.
        return
    elif [[ -n $directory ]]; then
        local IFS=$'\n'
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
        return
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _s3_build_cache s3-build-cache
"#;

pub(super) fn script(commands: &[Command]) -> String {
    let mut script = BEGIN.to_owned();
    push_values(&mut script, commands);
    let names: Vec<&str> = commands.iter().map(|command| command.name).collect();
    let global: Vec<String> = global_flags().flat_map(|(flag, _)| spellings(flag)).collect();
    let _ = writeln!(
        script,
        "    for word in \"${{COMP_WORDS[@]:1:COMP_CWORD - 1}}\"; do
        case $word in
        {})
            command=$word
            break
            ;;
        esac
    done
    local options='{}'
    case $command in
    '')
        words='{}'
        ;;",
        names.join(" | "),
        global.join(" "),
        names.join(" ")
    );
    for command in commands {
        push_command(&mut script, command, commands);
    }
    script + "    esac\n" + END
}

/// Completes the value if the word before it is an option that takes one.
fn push_values(script: &mut String, commands: &[Command]) {
    let (mut silent, mut files) = (Vec::new(), Vec::new());
    script.push_str("    case $prev in\n");
    for flag in FLAGS {
        let Some(values) = flag.values() else { continue };
        let words = words(values, commands);
        if words.is_empty() {
            if matches!(values, Values::File) { &mut files } else { &mut silent }.extend(spellings(flag));
            continue;
        }
        let names: Vec<String> = spellings(flag).collect();
        let complete = format!("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", words.join(" "));
        let _ = writeln!(script, "    {})\n        {complete}\n        return\n        ;;", names.join(" | "));
    }
    let _ = writeln!(script, "    {})\n{FILES}        ;;", files.join(" | "));
    let _ = writeln!(script, "    {})\n        return\n        ;;\n    esac", silent.join(" | "));
}

/// Sets what can follow a command.
fn push_command(script: &mut String, command: &Command, commands: &[Command]) {
    let mut lines = Vec::new();
    let options: Vec<String> = command.own_flags().flat_map(|(flag, _)| spellings(flag)).collect();
    if !options.is_empty() {
        lines.push(format!("options+=' {}'", options.join(" ")));
    }
    for argument in command.help.arguments {
        match (argument.values, words(argument.values, commands)) {
            (Values::Directory, _) => lines.push("directory=1".to_owned()),
            (_, words) if words.is_empty() => {}
            (_, words) => lines.push(format!("words='{}'", words.join(" "))),
        }
    }
    if !lines.is_empty() {
        let _ = writeln!(script, "    {})\n        {}\n        ;;", command.name, lines.join("\n        "));
    }
}
