//! `completions` and `man`: the scripts are valid and complete what a user types, and the manual page renders.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::run;
use crate::imports::rust_files;

const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];

/// Returns the program with these arguments, or `None` if it is not installed.
fn installed(program: &str, arguments: &[&str]) -> Option<Command> {
    let found = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    let mut command = Command::new(program);
    command.args(arguments);
    found.then_some(command)
}

#[test]
fn every_script_is_valid_in_its_shell() {
    let work = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).expect(0).stdout;
        let path = work.path().join(shell);
        fs::write(&path, script).unwrap();
        let Some(mut check) = installed(shell, &["-n"]) else { continue };
        let output = check.arg(&path).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
    }
}

/// Returns the long options in the help of all commands, without their dashes.
fn options() -> BTreeSet<String> {
    let overview = run(&["--help"]).expect(0).stdout;
    let commands = overview.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"export") && commands.contains(&"man"), "{overview}");
    let pages: String = commands.iter().map(|command| run(&[command, "--help"]).expect(0).stdout).collect();
    let helps = overview + &pages;
    let lines = helps.lines().filter(|line| line.starts_with("  -") || line.starts_with("      --"));
    lines.filter_map(|line| line.split_once("--")?.1.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn every_option_in_the_help_is_in_every_script_and_on_the_manual_page() {
    let options = options();
    assert!(options.len() > 15, "{options:?}");
    for shell in SHELLS {
        let script = run(&["completions", shell]).expect(0).stdout;
        for option in &options {
            let spelling = if shell == "fish" { format!(" -l {option} ") } else { format!("--{option}") };
            assert!(script.contains(&spelling), "{shell}: {option}");
        }
    }
    let page = run(&["man"]).expect(0).stdout.replace('\\', "");
    assert!(options.iter().all(|option| page.contains(&format!("--{option}"))), "{page}");
}

/// A user of the library has no flags. The program adds them in `src/cli/output/advice.rs`.
#[test]
fn the_library_names_no_flag_of_the_program() {
    // BuildKit has these two as well.
    let options: Vec<String> = options()
        .into_iter()
        .filter(|option| !option.starts_with("cache-"))
        .map(|option| format!("--{option}"))
        .chain(["-vv".to_owned()])
        .collect();
    for path in rust_files(Path::new("src")) {
        if path.starts_with("src/cli") {
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines().filter(|line| !line.trim_start().starts_with("//")) {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            // `doctor --write` stores this text in an object, to explain where the object comes from.
            let named = words.any(|word| options.iter().any(|option| option == word)) && !line.contains("const PROBE");
            assert!(!named, "{}: {line}", path.display());
        }
    }
}

/// Returns the words that bash offers after these.
fn bash_offers(words: &[&str]) -> Option<Vec<String>> {
    let script = run(&["completions", "bash"]).expect(0).stdout;
    let ask = format!(
        "{script}\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _s3_build_cache; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = installed("bash", &["--norc", "-c", &ask, "bash", "s3-build-cache"])?;
    let output = bash.args(words).current_dir("tests/fixtures").output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_commands_options_values_and_directories() {
    for (words, expected) in [
        (&["exp"][..], &["export"][..]),
        (&["-q", "im"], &["import"]),
        (&["export", "--cache-"], &["--cache-to"]),
        (&["import", "x", "--cache-"], &["--cache-from"]),
        (&["doctor", "--cache-"], &["--cache-to", "--cache-from"]),
        (&["export", "--ver"], &["--verify-existing", "--verbose", "--version"]),
        (&["export", "max"], &["max-index", "max"]),
        (&["export", "--progress", "r"], &["rawjson"]),
        (&["export", "--progress", "=", "pl"], &["plain"]),
        (&["export", "--progress", "="], &["auto", "tty", "plain", "rawjson", "quiet"]),
        (&["export", "--cache-to", "m"], &[""]),
        (&["du", "--html", "expr"], &["express-vectors.jsonl"]),
        (&["run", "--summary", "=", "max-"], &["max-index"]),
        (&["export", "x", "--cache-to", "type", "=", "m"], &[""]),
        (&["completions", "f"], &["fish"]),
        (&["help", "d"], &["doctor", "du"]),
        (&["help", "at"], &["attributes"]),
    ] {
        let Some(mut offered) = bash_offers(words) else { return };
        let mut expected: Vec<&str> = expected.to_vec();
        offered.sort();
        expected.sort_unstable();
        assert_eq!(offered, expected, "{words:?}");
    }
}

#[test]
fn fish_completes_commands_options_and_values() {
    let script = run(&["completions", "fish"]).expect(0).stdout;
    for (line, expected) in [
        ("exp", &["export"][..]),
        ("import x --fail", &["--fail-on-miss"]),
        ("import --progress ra", &["rawjson"]),
        ("du --html Cargo.to", &["Cargo.toml"]),
        ("export --tag Cargo.to", &[]),
        ("completions z", &["zsh"]),
    ] {
        let ask = format!("{script}\ncomplete -C 's3-build-cache {line}'");
        let Some(mut fish) = installed("fish", &["--no-config", "-c", &ask]) else { return };
        let home = tempfile::tempdir().unwrap();
        let output = fish.env("HOME", home.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let offered: Vec<&str> = text.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(offered, expected, "{line}");
    }
}

#[test]
fn the_manual_page_renders_without_a_warning() {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("s3-build-cache.1");
    fs::write(&path, run(&["man"]).expect(0).stdout).unwrap();
    let Some(mut groff) = installed("groff", &["-man", "-Tutf8", "-ww", "-P-c", "-rLL=78n"]) else { return };
    let output = groff.arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{:?}", String::from_utf8(output.stderr));
    for part in
        ["--cache-to ATTRS", "-j, --jobs N", "EXIT STATUS", "'type=s3,region=eu-west-1,bucket=my-cache,name=app;main'"]
    {
        let plain: String = strip_bold(&text);
        assert!(plain.contains(part), "{part} is not in: {plain}");
    }
}

/// Removes overstruck letters, which are how groff prints bold text.
fn strip_bold(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        if c == '\u{8}' {
            plain.pop();
        } else {
            plain.push(c);
        }
    }
    plain
}

#[test]
fn a_wrong_shell_or_argument_is_a_usage_error_with_its_fix() {
    for (arguments, parts) in [
        (&["completions"][..], &["needs the name of a shell", "completions bash"][..]),
        (&["completions", "tcsh"], &["unknown shell \"tcsh\"", "must be bash, zsh, fish or powershell"]),
        (&["completions", "bash", "zsh"], &["takes one shell"]),
        (&["completions", "bash", "--strict"], &["--strict is an option of import, not of completions"]),
        (&["man", "export"], &["man takes none"]),
        (&["completion", "bash"], &["did you mean completions?"]),
        (&["help", "frobnicate"], &["no help for \"frobnicate\"", "the commands are run, export, import"]),
        (&["version"], &["did you mean --version?"]),
        (&["import", "x", "--syn"], &["did you mean --sync?"]),
        (&["import", "x", "--no-progress"], &["did you mean --progress=quiet?"]),
    ] {
        run(arguments).expect(2).says(parts).says(&["error: ", "hint: "]);
    }
}
