//! Completions for zsh, both as an autoloaded file and as a script to source.

use std::fmt::Write as _;

use crate::commands::command::Command;
use crate::commands::completions::words::{global_flags, one_line, spellings, words};
use crate::flags::{Flag, Values};

const BEGIN: &str = r#"#compdef s3-build-cache

_s3-build-cache() {
    local curcontext=$curcontext state line
    typeset -A opt_args
    local -a global=(
"#;
const CHOOSE: &str = r#"    )
    _arguments -C $global '1: :->command' '*:: :->arguments' && return
    case $state in
    command)
        _describe command commands
        ;;
    arguments)
        case $words[1] in
"#;
const END: &str = r#"        esac
        ;;
    esac
}

if [[ $funcstack[1] == _s3-build-cache ]]; then
    _s3-build-cache "$@"
else
    compdef _s3-build-cache s3-build-cache
fi
"#;

pub(super) fn script(commands: &[Command]) -> String {
    let mut script = BEGIN.to_owned();
    for spec in global_flags().flat_map(|(flag, help)| specs(flag, help, commands)) {
        let _ = writeln!(script, "        {spec}");
    }
    script.push_str("    )\n    local -a commands=(\n");
    for command in commands {
        let _ = writeln!(script, "        {}", quoted(&format!("{}:{}", command.name, command.summary)));
    }
    script.push_str(CHOOSE);
    for command in commands {
        let _ = writeln!(script, "        {})\n            _arguments $global \\", command.name);
        let flags = command.own_flags().flat_map(|(flag, help)| specs(flag, help, commands));
        let arguments = command.help.arguments.iter();
        let arguments = arguments.map(|it| quoted(&format!(":{}:{}", it.name, action(it.values, commands))));
        for spec in flags.chain(arguments) {
            let _ = writeln!(script, "                {spec} \\");
        }
        script.push_str("                && return\n            ;;\n");
    }
    script + END
}

/// Returns the specifications of a flag for `_arguments`. The star allows it to be repeated.
fn specs(flag: &Flag, help: &str, commands: &[Command]) -> Vec<String> {
    let help = one_line(help).replace('[', "\\[").replace(']', "\\]");
    let spec = |name: String| match flag.values() {
        None => format!("*{name}[{help}]"),
        Some(values) => {
            // The value may follow directly.
            let joint = if name.starts_with("--") { '=' } else { '+' };
            let value = flag.value_name().unwrap_or_default().replace(':', "\\:");
            format!("*{name}{joint}[{help}]:{value}:{}", action(values, commands))
        }
    };
    spellings(flag).map(|name| quoted(&spec(name))).collect()
}

fn action(values: Values, commands: &[Command]) -> String {
    match values {
        Values::Any | Values::CommandLine => " ".to_owned(),
        Values::Directory => "_files -/".to_owned(),
        Values::File => "_files".to_owned(),
        Values::OneOf(_) | Values::HelpTopic => format!("({})", words(values, commands).join(" ")),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
