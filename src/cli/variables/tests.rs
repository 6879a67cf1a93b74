use s3_build_cache::env::MapEnv;

use super::*;
use crate::commands::COMMANDS;
use crate::commands::named;

fn env(pairs: &[(&str, &str)]) -> MapEnv {
    MapEnv::new(pairs.iter().map(|(name, value)| (format!("{PREFIX}{name}"), *value)))
}

/// Returns what the command gets of the variables, with these flags on its command line.
fn applied(command: &str, pairs: &[(&str, &str)], given: &[&'static str]) -> Result<Raw> {
    let mut raw = Raw { given: given.to_vec(), ..Raw::default() };
    apply(&mut raw, named(command).unwrap(), &env(pairs)).map(|()| raw)
}

fn message(command: &str, pairs: &[(&str, &str)]) -> String {
    let Err(error) = applied(command, pairs, &[]) else { panic!("{pairs:?}") };
    assert_eq!(error.kind(), ErrorKind::Usage);
    format!("{error} | {}", error.hint().unwrap_or_default())
}

#[test]
fn every_flag_has_a_variable_but_those_that_are_decided_for_each_run() {
    let without: Vec<&str> = FLAGS.iter().filter(|flag| variable(flag).is_none()).map(|flag| flag.long).collect();
    assert_eq!(without, ["write", "no-auth", "repair", "now", "force", "help", "version", "licenses"]);
    let names: Vec<String> = FLAGS.iter().filter_map(variable).collect();
    for name in &names {
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        assert!(name != ATTRIBUTES && OTHERS.iter().all(|other| *name != format!("{PREFIX}{other}")), "{name}");
    }
    assert!(names.contains(&"S3_BUILD_CACHE_FAIL_ON_MISS".to_owned()), "{names:?}");
}

/// A value that is valid for each flag with a value.
const VALID: &[(&str, &str)] = &[
    ("PROGRESS", "plain"),
    ("JOBS", "8"),
    ("OLDER_THAN", "1h"),
    ("MAX_SIZE", "1GiB"),
    ("KEEP_LAST", "2"),
    ("GRACE", "72h"),
];

#[test]
fn every_variable_sets_what_its_flag_sets() {
    for command in COMMANDS {
        for flag in FLAGS.iter().filter(|flag| command.has_effect(flag)) {
            let Some(name) = variable(flag) else { continue };
            let word = name.strip_prefix(PREFIX).unwrap();
            let value = match flag.effect {
                Effect::Switch(_) => "true",
                Effect::Value { .. } => VALID.iter().find(|(name, _)| *name == word).map_or("x", |(_, value)| value),
            };
            let by_variable = applied(command.name, &[(word, value)], &[]).unwrap();
            let mut by_flag = Raw::default();
            match flag.effect {
                Effect::Switch(set) => set(&mut by_flag),
                Effect::Value { set, .. } => set(&mut by_flag, value.to_owned()).unwrap(),
            }
            let none = fields(&Raw::default());
            assert!(fields(&by_variable) == fields(&by_flag) && fields(&by_flag) != none, "{name}");
            // The command line wins, also over a value that is not valid.
            let given = applied(command.name, &[(word, "\u{1}")], &[flag.long]).unwrap();
            assert_eq!(fields(&given), none, "{name}");
        }
    }
}

/// Everything that a variable can set.
fn fields(raw: &Raw) -> String {
    let Raw { cache_to, cache_from, tag, fail_on_miss, strict, sync, explain, verify_existing, .. } = raw;
    let Raw { advertise, summary, dry_run, listen, host, auth_file, redirect, html, deep, .. } = raw;
    let Raw { older_than, keep_last, keep, keep_tag, max_size, grace, global, .. } = raw;
    let first = format!("{cache_to:?}{cache_from:?}{tag:?}{fail_on_miss}{strict}{sync}{explain}{verify_existing}");
    let second = format!("{advertise:?}{summary:?}{dry_run}{listen:?}{host:?}{auth_file:?}{redirect}{html:?}{deep}");
    let third = format!("{older_than:?}{keep_last}{keep:?}{keep_tag:?}{max_size:?}{grace:?}");
    let fourth = format!("{:?}{}{}{:?}", global.progress, global.json, global.quiet, global.jobs);
    format!("{first} {second} {third} {fourth} {}", global.verbosity)
}

#[test]
fn a_switch_takes_gos_booleans_and_one_that_repeats_a_number() {
    for (value, expected) in [("1", true), ("t", true), ("True", true), ("0", false), ("f", false), ("false", false)] {
        assert_eq!(applied("import", &[("STRICT", value)], &[]).unwrap().strict, expected, "{value}");
    }
    for (value, expected) in [("true", 1), ("false", 0), ("0", 0), ("2", 2), ("9", 9)] {
        assert_eq!(applied("import", &[("VERBOSE", value)], &[]).unwrap().global.verbosity, expected, "{value}");
    }
    for (name, value, parts) in [
        ("STRICT", "yes", ["S3_BUILD_CACHE_STRICT: ", "--strict | must be true or false"]),
        ("STRICT", "2", ["S3_BUILD_CACHE_STRICT: ", "must be true or false"]),
        ("VERBOSE", "10", ["S3_BUILD_CACHE_VERBOSE: ", "must be true, false or a number up to 9"]),
        ("JOBS", "65", ["S3_BUILD_CACHE_JOBS: ", "--jobs: 65 | must be between 1 and 64"]),
        ("PROGRESS", "loud", ["S3_BUILD_CACHE_PROGRESS: ", "rawjson"]),
    ] {
        let message = message("import", &[(name, value)]);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn a_flag_that_repeats_takes_a_value_from_each_line() {
    let raw = applied("prune", &[("KEEP", "\n main \r\nrelease-*\n\n")], &[]).unwrap();
    assert_eq!(raw.keep, ["main", "release-*"]);
    assert_eq!(applied("prune", &[("KEEP", "a b,c")], &[]).unwrap().keep, ["a b,c"]);
}

#[test]
fn a_command_ignores_variables_of_flags_that_it_does_not_take() {
    let all = [("JSON", "maybe"), ("STRICT", "maybe"), ("PROGRESS", "loud")];
    assert_eq!(fields(&applied("run", &all, &[]).unwrap()), fields(&Raw::default()));
    assert!(message("import", &all).starts_with("S3_BUILD_CACHE_STRICT: "));
}

#[test]
fn attribute_strings_are_completed_wherever_a_command_takes_them() {
    let attributes = ("ATTRS", "bucket=ci-1,region=r,name=app");
    let completed = |command: &str, positional: &[&str]| {
        let mut raw = Raw { positional: positional.iter().map(OsString::from).collect(), ..Raw::default() };
        raw.cache_to.push("type=s3,region=other".to_owned());
        apply(&mut raw, named(command).unwrap(), &env(&[attributes])).unwrap();
        let positional = raw.positional.into_iter().map(|text| text.into_string().unwrap()).collect::<Vec<_>>();
        (positional, raw.cache_to, raw.defaults)
    };
    let (positional, to, _) = completed("export", &["type=local,src=a", "dir"]);
    assert_eq!(positional, ["type=local,src=a", "dir"]);
    assert_eq!(to, ["type=s3,region=other,bucket=ci-1,name=app"]);
    for command in ["ls", "du", "verify", "prune", "doctor", "show"] {
        assert_eq!(completed(command, &["type=s3"]).0, ["type=s3,bucket=ci-1,region=r,name=app"], "{command}");
    }
    // Their references and arguments name manifests, and what a copy or a removal is about is never left to a variable.
    for (command, positional) in [("rm", &["type=s3"][..]), ("serve", &["type=s3"]), ("show", &["main", "type=s3"])] {
        assert_eq!(completed(command, positional).0.last().unwrap(), "type=s3,bucket=ci-1,region=r", "{command}");
    }
    assert_eq!(completed("copy", &[]).1, ["type=s3,region=other,bucket=ci-1"]);
    // The command line that is run is not an argument of ours.
    let (positional, _, defaults) = completed("run", &["make", "type=s3"]);
    assert_eq!(positional, ["make", "type=s3"]);
    assert_eq!(format!("{defaults:?}"), r#"{"bucket", "region", "name"}"#);
}

#[test]
fn invalid_defaults_are_an_error() {
    let with = |value| {
        let mut raw = Raw::default();
        let outcome = apply(&mut raw, named("ls").unwrap(), &env(&[("ATTRS", value)]));
        outcome.map_err(|error| format!("{error} | {}", error.hint().unwrap_or_default())).err()
    };
    for (value, part) in [
        ("mode=x", "S3_BUILD_CACHE_ATTRS: mode=x is not valid | set mode to max or min"),
        ("bucket=b-b,,", "S3_BUILD_CACHE_ATTRS: an attribute is empty (column 12) | "),
        ("secret_access_key=a,MARKED", "S3_BUILD_CACHE_ATTRS: field 2 has no ="),
    ] {
        let message = with(value).unwrap();
        assert!(message.contains(part) && !message.contains("MARKED"), "{message}");
    }
}

#[test]
fn an_error_of_usage_names_the_variables_that_may_be_its_cause() {
    let hint = |error: Error| {
        let blamed = blamed(error.with_hint("h"), &["listen", "host", "cache-to"], &["exact", "region"]);
        blamed.hint().unwrap_or_default().to_owned()
    };
    let caches = "h; see also S3_BUILD_CACHE_CACHE_TO";
    assert_eq!(hint(Error::usage("invalid --listen")), format!("{caches}; see also S3_BUILD_CACHE_LISTEN"));
    assert_eq!(hint(Error::usage("exact=true and x")), format!("{caches}; see also S3_BUILD_CACHE_ATTRS"));
    assert_eq!(hint(Error::usage("other")), caches);
    assert_eq!(hint(Error::network("invalid --listen")), "h");
    assert_eq!(blamed(Error::usage("--listen").with_hint("h"), &[], &[]).hint(), Some("h"));
    // Without a hint of its own.
    assert_eq!(blamed(Error::usage("x"), &["listen"], &["exact"]).hint(), None);
    assert_eq!(blamed(Error::usage("exact"), &[], &["exact"]).hint(), Some("see also S3_BUILD_CACHE_ATTRS"));
    assert_eq!(in_variable("X", &Error::usage("x")).hint(), None);
}
