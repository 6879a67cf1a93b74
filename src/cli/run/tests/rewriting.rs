use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use s3_build_cache::ErrorKind;
use s3_build_cache::options::DefaultAttributes;

use crate::run::plan::Plan;
use crate::run::s3_value::{Direction, S3Value};
use crate::run::slot::Replacement;

fn line(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn plan(words: &[&str]) -> Plan {
    Plan::of(line(words), DefaultAttributes::default()).unwrap()
}

/// Returns the command line with `R/to-1`, `R/from-1` and so on in place of the S3 caches.
fn rewritten(plan: &Plan) -> Vec<String> {
    let (mut to, mut from) = (0, 0);
    let replacements: Vec<Replacement> = plan
        .slots
        .iter()
        .map(|slot| {
            let count = if slot.direction == Direction::To { &mut to } else { &mut from };
            *count += 1;
            Replacement::Value(slot.value.registry(&format!("R/{}-{count}", slot.direction.as_str()), false))
        })
        .collect();
    plan.with(&replacements).into_iter().map(|word| word.into_string().unwrap()).collect()
}

const S3: &str = "type=s3,region=r,bucket=abc";

#[test]
fn cache_options_of_type_s3_are_rewritten_and_all_else_stays() {
    for (before, after) in [
        // Each program and each name of its command.
        (&["docker", "buildx", "build", "--cache-to", "S3", "."][..], &["--cache-to", "R.to-1"][..]),
        (&["docker", "buildx", "b", "--cache-to=S3", "."], &["--cache-to=R.to-1"]),
        (&["docker", "build", "--cache-from", "S3", "."], &["--cache-from", "R.from-1"]),
        (&["docker", "image", "build", "--cache-from=S3", "."], &["--cache-from=R.from-1"]),
        (&["docker", "builder", "build", "--cache-from=S3", "."], &["--cache-from=R.from-1"]),
        (&["/usr/bin/docker", "builder", "b", "--cache-from=S3", "."], &["--cache-from=R.from-1"]),
        (&["buildx", "build", "--cache-from=S3", "."], &["--cache-from=R.from-1"]),
        (&["buildctl", "build", "--export-cache", "S3"], &["--export-cache", "R.to-1"]),
        (&["buildctl", "b", "-import-cache=S3"], &["-import-cache=R.from-1"]),
        (&["buildctl", "--addr", "build", "build", "-import-cache", "S3"], &["-import-cache", "R.from-1"]),
        // Several, also after the argument.
        (
            &["docker", "build", ".", "--cache-from=S3", "--cache-to", "S3", "--cache-from", "S3"],
            &["--cache-from=R.from-1", "--cache-to", "R.to-1", "--cache-from", "R.from-2"],
        ),
        // Flags before the command.
        (
            &[
                "docker",
                "--context",
                "build",
                "-c",
                "b",
                "-H",
                "x",
                "--config=c",
                "-D",
                "-l",
                "info",
                "buildx",
                "--builder",
                "build",
                "build",
                "--cache-to",
                "S3",
            ],
            &["--cache-to", "R.to-1"],
        ),
        (&["docker", "-Dc", "build", "buildx", "-D", "build", "--cache-to", "S3"], &["--cache-to", "R.to-1"]),
        // Other types.
        (&["docker", "build", "--cache-to", "type=local,dest=type=s3", "."], &[]),
        (&["docker", "build", "--cache-to", "type=registry,ref=a/b:type", "--cache-to=type=inline", "."], &[]),
        (&["docker", "build", "--cache-from", "user/app:cache", "--cache-from", "a,b", "."], &[]),
        (&["docker", "build", "--cache-from", "", "--cache-from", "bucket=s3", "--cache-from=\"", "."], &[]),
        (&["docker", "build", "--cache-from", "type=S3,bucket=abc", "."], &[]),
        // Values of other flags.
        (&["docker", "build", "--build-arg", "x=type=s3", "-t", "type=s3", "--label=type=s3,a=b", "."], &[]),
        (&["docker", "build", "--build-arg", "--cache-to=S3", "."], &[]),
        (&["docker", "build", "-t", "--cache-to", "S3", "."], &[]),
        (&["docker", "build", "-qt", "--cache-to=S3", "."], &[]),
        (&["docker", "build", "-qtx", "--cache-to=S3", "."], &["--cache-to=R.to-1"]),
        (&["docker", "build", "-q=true", "--pull", "--cache-to=S3", "."], &["--cache-to=R.to-1"]),
        (&["docker", "build", "--new-switch", "--cache-to=S3", "."], &["--cache-to=R.to-1"]),
        (&["docker", "build", "--build-context", "--cache-to", "S3"], &[]),
        (&["buildctl", "build", "--opt", "--export-cache=S3", "--local", "S3"], &[]),
        // The end of the options.
        (&["docker", "build", "--", "--cache-to=S3"], &[]),
        (&["docker", "build", "--cache-to=S3", "--", "--cache-to=S3"], &["--cache-to=R.to-1"]),
        (&["docker", "build", "-", "--cache-to=S3"], &["--cache-to=R.to-1"]),
        (&["docker", "build", "--cache-to"], &[]),
        // Other commands.
        (&["docker", "run", "x", "build", "--cache-to=S3"], &[]),
        (&["docker", "buildx", "imagetools", "--cache-to=S3"], &[]),
        (&["docker", "image", "ls", "--cache-to=S3"], &[]),
        (&["buildctl", "du", "--export-cache=S3"], &[]),
        (&["make", "build", "--cache-to=S3"], &[]),
        (&["docker"], &[]),
        (&[""], &[]),
    ] {
        let before: Vec<String> = before.iter().map(|word| word.replace("S3", S3)).collect();
        let plan = plan(&before.iter().map(String::as_str).collect::<Vec<_>>());
        let changed: Vec<String> = after.iter().map(|word| word.replace("R.", "type=registry,ref=R/")).collect();
        let rewritten = rewritten(&plan);
        assert_eq!(rewritten.len(), before.len(), "{before:?}");
        let different: Vec<&String> =
            rewritten.iter().filter(|word| word.contains("R/") || after.contains(&word.as_str())).collect();
        assert_eq!(different, changed.iter().collect::<Vec<_>>(), "{before:?}");
        let same = rewritten.iter().zip(&before).filter(|(new, _)| !new.contains("R/"));
        assert!(same.clone().all(|(new, old)| new == old), "{rewritten:?}");
        assert_eq!(same.count() + plan.slots.len(), before.len());
    }
}

#[test]
fn attributes_of_the_build_are_copied_and_the_others_are_not() {
    for (attributes, copied) in [
        ("", ""),
        (",mode=min", ",mode=min"),
        (",MODE=max,name=a;b,access_key_id=a,secret_access_key=MARKED", ",mode=max"),
        (",ignore-error=true", ",ignore-error=true"),
        (
            ",compression=zstd,compression-level=3,force-compression=true,oci-mediatypes=true,image-manifest=false",
            ",compression=zstd,compression-level=3,force-compression=true,oci-mediatypes=true,image-manifest=false",
        ),
        (",\"name=a,b\"", ""),
        (",\"compression=a,b\"", ",\"compression=a,b\""),
        (",\"secret_access_key=MARKED,\"\"x\",access_key_id=a", ""),
    ] {
        let value = S3Value::parse(OsStr::new(&format!("{S3}{attributes}"))).unwrap().unwrap();
        assert_eq!(value.registry("R", false), format!("type=registry,ref=R{copied}"), "{attributes}");
        assert_eq!(value.registry("R", true), format!("type=registry,ref=R,registry.insecure=true{copied}"));
        assert_eq!(value.options.policy().mode, s3_build_cache::options::Mode::Max);
    }
    let value = S3Value::parse(OsStr::new("bucket=abc,TYPE=s3,region=r,name=a,ignore-error=1")).unwrap().unwrap();
    assert_eq!(value.options.keys().names, ["a"]);
    assert!(value.ignores_errors());
}

#[test]
fn an_s3_cache_that_cannot_be_read_is_a_usage_error() {
    for (value, part) in [
        ("type=s3,bucket=abc,bukket=x", "bukket"),
        ("type=s3,bucket=abc,mode=mid", "mode"),
        ("type=s3,bucket=abc,", "column"),
        ("type=s3,bucket=abc,type=s3", "twice"),
        ("type=local,bucket=abc,type=s3", "bucket"),
        ("type=s3,bucket=abc,x", "field 3"),
    ] {
        let error = Plan::of(line(&["docker", "build", "--cache-to", value, "."]), DefaultAttributes::default());
        match error {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Usage, "{value}");
                assert!(error.to_string().contains(part), "{value}: {error}");
            }
            Ok(_) => panic!("{value} was read"),
        }
    }
    let not_utf8 = OsStr::from_bytes(b"--cache-to=type=s3,bucket=\xff");
    assert!(Plan::of(vec!["docker".into(), "build".into(), not_utf8.into()], DefaultAttributes::default()).is_err());
}

#[test]
fn words_that_are_not_utf8_stay_as_they_are() {
    let word = |bytes: &[u8]| OsString::from(OsStr::from_bytes(bytes));
    let odd = [word(b"\xff"), word(b"--cache-from=type=local,src=\xfe"), word(b"--build-arg=\xfd"), word(b"-t\xfc")];
    let line = [line(&["docker", "build", "--cache-to", S3]), odd.to_vec()].concat();
    let plan = Plan::of(line.clone(), DefaultAttributes::default()).unwrap();
    assert_eq!(plan.slots.len(), 1);
    assert_eq!(plan.with(&[Replacement::Keep]), line);
    assert_eq!(plan.with(&[Replacement::Drop])[2..], odd);
}

#[test]
fn an_option_that_is_left_out_takes_its_value_along() {
    let plan = plan(&["docker", "build", "--cache-to", S3, "-q", &format!("--cache-from={S3}"), "."]);
    assert_eq!(plan.with(&[Replacement::Drop, Replacement::Drop]), line(&["docker", "build", "-q", "."]));
    assert_eq!(
        plan.with(&[Replacement::Drop, Replacement::Value("v".to_owned())]),
        line(&["docker", "build", "-q", "--cache-from=v", "."])
    );
    assert_eq!(plan.with(&[Replacement::Keep, Replacement::Keep]), plan.line());
}

#[test]
fn buildkits_own_s3_gets_what_it_knows_and_no_keys() {
    let of_buildkit =
        |attributes: &str| S3Value::parse(OsStr::new(&format!("{S3}{attributes}"))).unwrap().unwrap().of_buildkit();
    assert_eq!(of_buildkit("").unwrap(), S3);
    assert_eq!(
        of_buildkit(",access_key_id=a,secret_access_key=MARKED,mode=max,compression=zstd").unwrap(),
        format!("{S3},mode=max,compression=zstd")
    );
    assert_eq!(
        of_buildkit(",\"name=a,b\",session_token=,touch_refresh=1h").unwrap(),
        format!("{S3},\"name=a,b\",touch_refresh=1h")
    );
    for ours in ["profile=x", "on_conflict=merge", "role_arn=r", "storage_class=s", "anonymous=true"] {
        let error = of_buildkit(&format!(",{ours}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(ours.split('=').next().unwrap()), "{error}");
    }
}

/// What `docker buildx bake --print` wrote: in v0.36 objects, before that texts.
const PRINTED: &str = r#"{
  "group": {"default": {"targets": ["app", "web"]}},
  "target": {
    "app": {
      "context": ".",
      "cache-from": [
        {"bucket": "abc", "region": "r", "type": "s3"},
        {"ref": "user/app:cache", "type": "registry"}
      ],
      "cache-to": [{"bucket": "abc", "mode": "max", "name": "a,b", "region": "r", "type": "s3"}]
    },
    "plain": {"context": "."},
    "web": {
      "cache-from": ["type=s3,bucket=abc,region=r", "user/web:cache"],
      "cache-to": ["type=inline"]
    }
  }
}"#;

#[test]
fn the_caches_of_bake_are_set_again_with_all_values_of_their_target() {
    let plan = plan(&["docker", "buildx", "bake", "-f", "x.hcl", "web", "--set", "*.args.a=b"]);
    assert_eq!(
        plan.print().unwrap(),
        line(&["docker", "buildx", "bake", "--print", "-f", "x.hcl", "web", "--set", "*.args.a=b"])
    );
    let plan = plan.with_targets(PRINTED.as_bytes()).unwrap();
    // The same cache in two targets is one.
    assert_eq!(plan.slots.len(), 2);
    assert_eq!(
        rewritten(&plan),
        [
            "docker",
            "buildx",
            "bake",
            "--set",
            "app.cache-from=type=registry,ref=R/from-1",
            "--set",
            "app.cache-from=type=registry,ref=user/app:cache",
            "--set",
            "app.cache-to=type=registry,ref=R/to-1,mode=max",
            "--set",
            "web.cache-from=type=registry,ref=R/from-1",
            "--set",
            "web.cache-from=user/web:cache",
            "-f",
            "x.hcl",
            "web",
            "--set",
            "*.args.a=b",
        ]
    );
    let dropped = plan.with(&[Replacement::Keep, Replacement::Drop]);
    assert!(dropped.contains(&OsString::from("app.cache-to=")), "{dropped:?}");
    assert!(dropped.contains(&OsString::from("app.cache-from=type=s3,bucket=abc,region=r")), "{dropped:?}");
}

#[test]
fn settings_of_caches_on_bakes_command_line_are_replaced() {
    let words = [
        "docker",
        "bake",
        "--set",
        "web.cache-from=type=s3,bucket=abc,region=r",
        "--set=*.cache-to+=type=inline",
        "--set",
        "web.tags=cache-to",
        "--set",
        "cache-to.args.cache-from=x",
    ];
    let plan = plan(&words).with_targets(PRINTED.as_bytes()).unwrap();
    let sets: Vec<String> = rewritten(&plan).into_iter().filter(|word| word.contains('=')).collect();
    assert_eq!(
        sets,
        [
            "app.cache-from=type=registry,ref=R/from-1",
            "app.cache-from=type=registry,ref=user/app:cache",
            "app.cache-to=type=registry,ref=R/to-1,mode=max",
            "plain.cache-from=",
            "plain.cache-to=",
            "web.cache-from=type=registry,ref=R/from-1",
            "web.cache-from=user/web:cache",
            "web.cache-to=type=inline",
            "web.tags=cache-to",
            "cache-to.args.cache-from=x",
        ]
    );
}

#[test]
fn a_bake_that_builds_nothing_is_not_printed() {
    for words in [
        &["docker", "buildx", "bake", "--print"][..],
        &["docker", "buildx", "bake", "--list=targets"],
        &["docker", "buildx", "bake", "--list", "variables"],
        &["docker", "buildx", "f", "-h"],
        &["docker", "build", "."],
    ] {
        assert!(plan(words).print().is_none(), "{words:?}");
    }
    assert!(plan(&["docker", "buildx", "bake", "--file=-"]).reads_stdin());
    assert!(!plan(&["docker", "buildx", "bake", "-f", "x"]).reads_stdin());
    for text in ["", "[]", "{}", "{\"target\": {\"a\": {\"cache-to\": [1]}}}"] {
        assert!(plan(&["docker", "bake"]).with_targets(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_local_cache_that_bake_would_ask_for_is_not_permitted_silently() {
    let printed = |other: &str| format!(r#"{{"target": {{"a": {{"cache-to": ["{S3}", "{other}"]}}}}}}"#);
    let read = |words: &[&str], other: &str| plan(words).with_targets(printed(other).as_bytes()).is_ok();
    let bake = ["docker", "bake"];
    assert!(read(&bake, "type=local,dest=./cache/a") && read(&bake, "type=registry,ref=a,dest=/x"));
    for outside in ["type=local,dest=/etc", "type=local,DEST=../x", "dest=a/../../x,type=local"] {
        assert!(!read(&bake, outside), "{outside}");
        assert!(read(&["docker", "bake", "--allow", "fs=/etc"], outside), "{outside}");
        assert!(read(&["docker", "bake", "--set", "a.cache-to+=x"], outside), "{outside}");
    }
}
