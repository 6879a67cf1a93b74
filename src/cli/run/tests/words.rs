use std::ffi::OsString;

use crate::run::flags::{BUILD, BUILDCTL_BUILD};
use crate::run::words::Words;

#[test]
fn flags_are_split_as_docker_splits_them() {
    for (words, given, arguments) in [
        (&["-t", "a", "x"][..], &["tag=a"][..], &["x"][..]),
        (&["-ta", "-t=b", "-qtc", "-qt", "d"], &["tag=a", "tag=b", "tag=c", "tag=d"], &[]),
        (&["--tag=", "--tag", "", "--tag", "--tag"], &["tag=", "tag=", "tag=--tag"], &[]),
        (&["-q=tx", "x"], &[], &["x"]),
        (&["-", "--tag"], &[], &["-"]),
        (&["--", "--tag", "x"], &[], &["--tag", "x"]),
        (&["-t"], &[], &[]),
        (&["-q", "-t", "--", "x"], &["tag=--"], &["x"]),
    ] {
        let line: Vec<OsString> = words.iter().map(OsString::from).collect();
        let split = Words::split(&line, 0, &BUILD, false);
        let found: Vec<String> =
            split.given.iter().map(|it| format!("{}={}", it.name, it.of(&line).to_str().unwrap())).collect();
        assert_eq!(found, given, "{words:?}");
        let found: Vec<&str> = split.arguments.iter().map(|at| words[*at]).collect();
        assert_eq!(found, arguments, "{words:?}");
        for given in &split.given {
            let value = given.of(&line).to_str().unwrap().to_owned();
            assert_eq!(given.with(&line, &value), line[given.value], "{words:?}");
        }
    }
}

#[test]
fn one_dash_is_enough_for_buildctl() {
    let line: Vec<OsString> = ["-o", "a", "-output=b", "--o=c", "-no-cache", "x"].iter().map(OsString::from).collect();
    let split = Words::split(&line, 0, &BUILDCTL_BUILD, false);
    assert_eq!(split.values(&line, "output").collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(split.has_switch("no-cache"));
    assert_eq!(split.arguments, [5]);
}
