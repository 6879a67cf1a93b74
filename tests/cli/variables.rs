//! The variables `S3_BUILD_CACHE_…`: they set options, and complete attributes.

use std::fs;
use std::path::Path;

use super::{Run, file_store, run, run_with};

const SOURCE: &str = "tests/fixtures/max/local";

/// A store that is set once for all commands.
struct Trial {
    work: tempfile::TempDir,
    defaults: String,
}

impl Trial {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let defaults = file_store(&work.path().join("store")).replace("type=s3,", "");
        Self { work, defaults }
    }

    fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Run {
        run_with(arguments, &[&[("S3_BUILD_CACHE_ATTRS", &*self.defaults)], more].concat())
    }

    fn path(&self, name: &str) -> String {
        self.work.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn a_store_is_set_once_for_all_commands() {
    let trial = Trial::new();
    let restored = trial.path("restored");
    trial.run(&["export", SOURCE, "--cache-to", "type=s3,name=app"], &[]).expect(0);
    trial.run(&["import", &restored, "--cache-from", "type=s3,name=app", "--fail-on-miss"], &[]).expect(0);
    for (arguments, shown) in [
        (&["ls", "type=s3"][..], "app"),
        (&["show", "app", "type=s3"], "app"),
        (&["du", "type=s3"], "app"),
        (&["verify", "type=s3"], "nothing is wrong"),
        (&["prune", "type=s3", "--dry-run"], ""),
        (&["doctor", "type=s3,name=app"], "bucket, endpoint_url from S3_BUILD_CACHE_ATTRS\n"),
        (&["copy", "--cache-from", "type=s3", "--cache-to", "type=s3,bucket=other"], "app"),
        (&["rm", "type=s3,name=app"], "removed app"),
    ] {
        let run = trial.run(arguments, &[]).expect(0);
        assert!(run.stdout.contains(shown), "{arguments:?}: {}", run.stdout);
    }
    assert!(Path::new(&trial.path("store/other/manifests/app")).exists());
    // A directory has no defaults, and neither has a command that names no cache.
    trial.run(&["gc", &restored], &[]).expect(0);
    trial.run(&["ls"], &[]).expect(2);
    // What is given overrides it.
    run_with(&["ls", &file_store(Path::new("/no/such"))], &[("S3_BUILD_CACHE_ATTRS", "bucket=b-b,region=r")]).expect(0);
}

#[test]
fn doctor_reports_which_attributes_of_its_cache_come_from_the_defaults() {
    let trial = Trial::new();
    let (bucket, url) = trial.defaults.split_once(',').unwrap();
    let others = [("S3_BUILD_CACHE_CACHE_TO", "type=s3"), ("S3_BUILD_CACHE_CACHE_FROM", "type=s3\ntype=s3,name=x")];
    for (cache, expected) in [
        ("type=s3".to_owned(), &["bucket", "endpoint_url"][..]),
        (format!("type=s3,{bucket}"), &["endpoint_url"]),
        (format!("type=s3,{bucket},{url}"), &[]),
    ] {
        let text = trial.run(&["doctor", &cache], &others).expect(0).stdout;
        let line = text.lines().find_map(|line| line.strip_suffix(" from S3_BUILD_CACHE_ATTRS"));
        assert_eq!(line.map(str::to_owned).unwrap_or_default(), expected.join(", "), "{text}");
        let object = trial.run(&["doctor", "--json", "--cache-to", &cache], &others).expect(0).stdout;
        let object: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert_eq!(object["defaulted"], serde_json::json!(expected), "{object}");
    }
    let object = trial.run(&["doctor", "type=s3,mode=x", "--json"], &[]).expect(2).stdout;
    assert!(object.contains("\"defaulted\":[]"), "{object}");
}

#[test]
fn names_in_the_defaults_are_not_removed_and_a_copy_keeps_its_own() {
    let mut trial = Trial::new();
    trial.defaults.push_str(",name=main");
    trial.run(&["export", SOURCE, "--cache-to", "type=s3"], &[]).expect(0);
    trial.run(&["export", SOURCE, "--cache-to", "type=s3,name=pr-1"], &[]).expect(0);
    let refused = trial.run(&["rm", "type=s3"], &[]).expect(2).says(&["rm needs name="]);
    assert!(!refused.stderr.contains("see also"), "{}", refused.stderr);
    trial.run(&["show", "pr-1", "type=s3"], &[]).expect(0);
    let copy = ["copy", "--cache-from", "type=s3,name=pr-1", "--cache-to", "type=s3,bucket=other"];
    trial.run(&copy, &[]).expect(0);
    let names = fs::read_dir(trial.path("store/other/manifests")).unwrap().count();
    assert!(names == 1 && Path::new(&trial.path("store/other/manifests/pr-1")).exists());
}

#[test]
fn an_attribute_of_the_defaults_overrides_the_variables_of_aws() {
    let arguments = ["doctor", "type=s3,access_key_id=k,secret_access_key=s", "--json"];
    let store = "bucket=ci-1,region=eu-west-3,endpoint_url=http://127.0.0.1:1";
    let aws = [("AWS_BUCKET", "other"), ("AWS_REGION", "other"), ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")];
    let run = run_with(&arguments, &[&aws[..], &[("S3_BUILD_CACHE_ATTRS", store)]].concat()).expect(1);
    let object: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["signing_region"], "eu-west-3");
    assert!(object["endpoint"].as_str().unwrap().starts_with("http://127.0.0.1:1"), "{object}");
    assert!(object["checks"][0]["detail"].as_str().unwrap().contains("s3://ci-1/"), "{object}");
}

#[test]
fn options_can_be_given_as_variables() {
    let trial = Trial::new();
    let (restored, target) = (trial.path("restored"), trial.path("target"));
    let import = ["import", &*restored, "--cache-from", "type=s3"];
    trial.run(&import, &[("S3_BUILD_CACHE_FAIL_ON_MISS", "1")]).expect(3);
    trial.run(&import, &[("S3_BUILD_CACHE_FAIL_ON_MISS", "f")]).expect(0);
    let two = ("S3_BUILD_CACHE_CACHE_TO", "type=s3,name=a\ntype=s3,name=b\n");
    let dry = trial.run(&["export", SOURCE], &[two, ("S3_BUILD_CACHE_DRY_RUN", "true")]).expect(0);
    assert!(dry.stdout.contains("would export") && !Path::new(&trial.path("store")).exists(), "{}", dry.stdout);
    let run = trial.run(&["export", SOURCE], &[two, ("S3_BUILD_CACHE_QUIET", "true")]).expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    // The command line replaces the variable.
    trial.run(&["export", SOURCE, "--cache-to", "type=s3,name=c"], &[two]).expect(0);
    let listed = trial.run(&["ls", "type=s3"], &[("S3_BUILD_CACHE_JSON", "1")]).expect(0);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let names: Vec<&str> =
        listed["targets"][0]["manifests"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    // An attribute of the directory is as good as the option.
    let tag = [("S3_BUILD_CACHE_TAG", "variable")];
    let index = Path::new(&restored).join("index.json");
    for (argument, tagged) in [(&*restored, "variable"), (&format!("type=local,dest={restored},tag=given"), "given")] {
        trial.run(&["import", argument, "--cache-from", "type=s3,name=c"], &tag).expect(0);
        assert!(fs::read_to_string(&index).unwrap().contains(&format!("\"{tagged}\"")), "{argument}");
    }
    let latest = format!("type=local,src={SOURCE},tag=latest");
    trial.run(&["export", &latest, "--cache-to", "type=s3", "--dry-run"], &tag).expect(0);
    trial.run(&["export", SOURCE, "--cache-to", "type=s3", "--dry-run"], &tag).expect(2).says(&["\"variable\""]);
    // One cache is enough for doctor: that of the command line.
    let both = [two, ("S3_BUILD_CACHE_CACHE_FROM", "type=s3,name=a")];
    trial.run(&["doctor", "type=s3"], &both).expect(0);
    trial.run(&["doctor", "--cache-from", "type=s3"], &both).expect(0);
    trial.run(&["doctor"], &both).expect(2).says(&["S3_BUILD_CACHE_CACHE_TO"]);
    trial.run(&["copy", "--cache-to", &format!("{},name=d", file_store(Path::new(&target)))], &both).expect(0);
    assert!(Path::new(&target).join("trial/manifests/d").exists());
}

#[test]
fn json_is_printed_for_every_failure_if_a_variable_asks_for_it() {
    for (arguments, json) in [
        (&["import", "x"][..], true),
        (&["import", "x", "--nope"], true),
        (&["run"], false),
        (&["help", "nope"], false),
    ] {
        let run = run_with(arguments, &[("S3_BUILD_CACHE_JSON", "true")]).expect(2);
        assert_eq!(run.stdout.contains("\"outcome\":\"failed\""), json, "{arguments:?}: {}", run.stdout);
    }
    let rawjson = [("S3_BUILD_CACHE_PROGRESS", "rawjson")];
    for (arguments, json) in
        [(&["import", "x"][..], true), (&["import"], true), (&["import", "x", "--progress=plain"], false)]
    {
        let run = run_with(arguments, &rawjson).expect(2);
        assert_eq!(run.stderr.starts_with('{'), json, "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_wrong_variable_is_an_error_that_names_it() {
    let import = ["import", "x", "--cache-from", "type=s3,bucket=abc"];
    for (name, value, parts) in [
        ("S3_BUILD_CACHE_STRICT", "yes", &["S3_BUILD_CACHE_STRICT: invalid value for --strict", "true or false"][..]),
        ("S3_BUILD_CACHE_JOBS", "0", &["S3_BUILD_CACHE_JOBS: invalid value for --jobs: 0", "between 1 and 64"]),
        (
            "S3_BUILD_CACHE_ATTRS",
            "bukcet=x",
            &["S3_BUILD_CACHE_ATTRS: unknown attribute bukcet", "did you mean bucket"],
        ),
        ("S3_BUILD_CACHE_ATTRS", "region=r,\"", &["S3_BUILD_CACHE_ATTRS: a quote is not closed (column 10)"]),
        ("S3_BUILD_CACHE_ATTRS", "type=gha", &["S3_BUILD_CACHE_ATTRS: only s3 and local caches are supported"]),
        // Valid on its own, but not with what is given.
        ("S3_BUILD_CACHE_ATTRS", "use_accelerate_endpoint=true,endpoint_url=file:///x", &["use_accelerate_endpoint"]),
    ] {
        run_with(&import, &[(name, value)]).expect(2).says(parts).says(&["error: ", "hint: "]);
    }
    let file = ["import", "x", "--cache-from", "type=s3,bucket=abc,endpoint_url=file:///x"];
    run_with(&file, &[("S3_BUILD_CACHE_ATTRS", "use_accelerate_endpoint=true")])
        .expect(2)
        .says(&["use_accelerate_endpoint does not apply", "remove it; see also S3_BUILD_CACHE_ATTRS"]);
}

#[test]
fn a_variable_that_nothing_reads_is_a_warning() {
    let work = tempfile::tempdir().unwrap();
    let ls = ["ls", &file_store(work.path()), "--json"];
    for (name, warning) in [
        ("S3_BUILD_CACHE_FAIL_ON_MIS", Some("has no effect: did you mean S3_BUILD_CACHE_FAIL_ON_MISS?")),
        ("S3_BUILD_CACHE_ATTRIBUTES", Some("did you mean S3_BUILD_CACHE_ATTRS?")),
        ("S3_BUILD_CACHE_BUCKET", Some("bucket is an attribute, to be set in S3_BUILD_CACHE_ATTRS")),
        ("S3_BUILD_CACHE_NONSENSE", Some("help environment")),
        ("S3_BUILD_CACHE_FORCE", Some("give --force on the command line")),
        ("S3_BUILD_CACHE_HELP", Some("give --help on the command line")),
        // Of other commands, of `run` for its command, and of the installation in CI.
        ("S3_BUILD_CACHE_STRICT", None),
        ("S3_BUILD_CACHE_TO", None),
        ("S3_BUILD_CACHE_FROM", None),
        ("S3_BUILD_CACHE_VERSION", None),
        ("S3_BUILD_CACHE_RELEASE", None),
        ("S3_BUILD_CACHE_RELEASES", None),
        ("S3_BUILD_CACHE_SHA256", None),
    ] {
        let run = run_with(&ls, &[(name, "MARKED")]).expect(0);
        assert!(!run.stderr.contains("MARKED") && !run.stdout.contains("MARKED"), "{}", run.stderr);
        match warning {
            Some(warning) => {
                let run = run.says(&["warning: ", name, warning]);
                let object: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
                assert!(object["warnings"][0].as_str().unwrap().contains(warning), "{object}");
            }
            None => assert_eq!(run.stderr, "", "{name}"),
        }
        // An empty variable counts as unset.
        assert_eq!(run_with(&ls, &[(name, "")]).expect(0).stderr, "");
    }
}

#[test]
fn no_secret_of_a_variable_is_shown() {
    const KEYS: &str = "bucket=abc,region=r,endpoint_url=http://127.0.0.1:1,retry_max_attempts=1,access_key_id=AK,\
                        secret_access_key=MARKED1,session_token=MARKED2";
    let broken = format!("{KEYS},secret_access_key=MARKED3,x");
    for attributes in
        [KEYS, &broken, "secret_access_key=MARKED", "secret_access_key=a,MARKED=b,", "type=MARKED,x=MARKED"]
    {
        for arguments in [
            &["import", "x", "--cache-from", "type=s3", "-vv"][..],
            &["doctor", "type=s3", "-vv", "--json"],
            &["ls", "type=s3,secret_access_key=MARKED"],
            &["run", "--", "docker", "build", "--cache-from", "type=s3,session_token=MARKED"],
        ] {
            let run = run_with(arguments, &[("S3_BUILD_CACHE_ATTRS", attributes)]);
            assert!(run.status != 0 && !format!("{}{}", run.stdout, run.stderr).contains("MARKED"), "{}", run.stderr);
        }
    }
}

#[test]
fn a_variable_that_is_not_utf_8_is_named_and_not_shown() {
    use std::os::unix::ffi::OsStrExt as _;
    let value = std::ffi::OsStr::from_bytes(b"MARKED\xff");
    for name in ["S3_BUILD_CACHE_TAG", "S3_BUILD_CACHE_ATTRS"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_s3-build-cache"));
        command.args(["export", "x", "--cache-to", "type=s3,bucket=abc"]).env_clear().env(name, value);
        let run = Run::of(command.output().unwrap()).expect(2).says(&[name, "is not UTF-8", "hint: "]);
        assert!(!run.stderr.contains("MARKED"), "{}", run.stderr);
    }
}

#[test]
fn the_help_lists_every_variable_and_the_examples_of_every_command() {
    let environment = run(&["help", "environment"]).expect(0).stdout;
    for part in ["S3_BUILD_CACHE_JOBS ", "number of connections", "S3_BUILD_CACHE_ATTRS ", "GITHUB_OUTPUT "] {
        assert!(environment.contains(part), "{part}: {environment}");
    }
    let examples = run(&["help", "examples"]).expect(0).stdout;
    for command in ["export", "run", "doctor", "prune", "completions"] {
        let page = run(&[command, "--help"]).expect(0).stdout;
        let of_command = page.split_once("\nExamples:\n").or(page.split_once("\nExample:\n")).unwrap().1;
        assert!(examples.contains(&format!("{command}: ")) && examples.contains(of_command), "{examples}");
    }
}

/// A CI system may set these variables where the tests run.
#[test]
fn tests_do_not_pass_the_environment_on() {
    for path in crate::imports::rust_files(Path::new("tests/cli")) {
        let text = fs::read_to_string(&path).unwrap();
        let starts = text.contains("Command::new(PROGRAM)") || text.contains("CARGO_BIN_EXE");
        assert!(!starts || text.contains(".env_clear()") || text.contains("without_ci("), "{}", path.display());
    }
}
