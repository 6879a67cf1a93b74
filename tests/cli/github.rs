//! The outputs and the table for GitHub Actions.

use std::fs;
use std::path::Path;

use super::{Run, file_store, run_with};

struct Trial(tempfile::TempDir);

impl Trial {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let files = [("GITHUB_OUTPUT", self.path("output")), ("GITHUB_STEP_SUMMARY", self.path("page"))];
        run_with(arguments, &files.each_ref().map(|(name, file)| (*name, file.as_str())))
    }

    /// Returns what was appended to the file since the last call.
    fn take(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        let _ = fs::remove_file(self.path(name));
        text
    }
}

#[test]
fn steps_that_follow_learn_what_was_found() {
    let trial = Trial(tempfile::tempdir().unwrap());
    let (store, restored) = (file_store(&trial.0.path().join("store")), trial.path("restored"));
    let import = ["import", &*restored, "--cache-from", &*format!("{store},name=x;a;b")];
    trial.run(&import).expect(0);
    assert_eq!(trial.take("output"), "cache-hit=false\nmatched-names=\n");
    assert!(trial.take("page").contains(" | miss | 0 | 0 | 0 | 0 B | "));
    fs::write(trial.path("output"), "earlier=1\n").unwrap();
    trial.run(&["export", "tests/fixtures/max/local", "--cache-to", &format!("{store},name=a;b")]).expect(0);
    assert_eq!(trial.take("output"), "earlier=1\n");
    let page = trial.take("page");
    let row = page.lines().nth(2).unwrap();
    assert!(row.starts_with("| export | ") && row.contains(" | exported | 11 | 10 | 10 | "), "{page}");
    for arguments in [[&import[..], &["--dry-run"]].concat(), import.to_vec()] {
        trial.run(&arguments).expect(0);
        assert_eq!(trial.take("output"), "cache-hit=true\nmatched-names=a;b\n");
    }
    assert_eq!(trial.take("page").matches("| command | cache | outcome |").count(), 2);
    // Also if nothing was done.
    trial.run(&["import"]).expect(2);
    assert_eq!(trial.take("output"), "cache-hit=false\nmatched-names=\n");
    trial.take("page");
    for unknown in [&["frobnicate"][..], &["frobnicate", "import"], &["--tag", "import", "-j", "import"]] {
        trial.run(unknown).expect(2);
        assert_eq!((trial.take("output"), trial.take("page")), (String::new(), String::new()), "{unknown:?}");
    }
    for import in [&["--bogus", "import"][..], &["-j", "4", "--progress=plain", "--tag", "x", "import"]] {
        trial.run(import).expect(2);
        assert_eq!(trial.take("output"), "cache-hit=false\nmatched-names=\n", "{import:?}");
    }
    trial.take("page");
    trial.run(&["ls", &store]).expect(0);
    assert_eq!((trial.take("output").as_str(), trial.take("page").contains("| ls |")), ("", false));
}

#[test]
fn text_of_an_earlier_step_is_kept_apart() {
    let trial = Trial(tempfile::tempdir().unwrap());
    let store = file_store(&trial.0.path().join("store"));
    for (before, text) in [("", ""), ("x=1", "x=1\n\n"), ("x=1\n", "x=1\n\n\n")] {
        for file in ["output", "page"] {
            fs::write(trial.path(file), before).unwrap();
        }
        trial.run(&["import", &trial.path("restored"), "--cache-from", &store]).expect(0);
        assert_eq!(trial.take("output"), format!("{text}cache-hit=false\nmatched-names=\n"));
        assert!(trial.take("page").starts_with(&format!("{text}| command |")));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_a_warning() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("store"));
    let fifo = work.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for file in [Path::new("/no/such/file"), work.path(), Path::new("/dev/full"), &fifo] {
        let variables = [("GITHUB_OUTPUT", file.to_str().unwrap())];
        let import =
            ["import", work.path().join("x").to_str().unwrap(), "--cache-from", &store, "--json"].map(str::to_owned);
        let run = run_with(&import.each_ref().map(String::as_str), &variables).expect(0);
        assert!(run.stdout.contains("cannot write to the file in GITHUB_OUTPUT"), "{}", run.stdout);
        run.says(&["warning: cannot write to the file in GITHUB_OUTPUT"]);
    }
    let run = run_with(&["import", "x", "--cache-from", &store], &[("GITHUB_OUTPUT", "")]).expect(0);
    assert_eq!(run.stderr, "");
    // Also if the command line cannot be parsed.
    for file in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        let failed = run_with(&["import", "x", "--nope", "--json"], &[(file, "/no/such/file")]).expect(2);
        assert!(failed.stdout.contains(file), "{}", failed.stdout);
        failed.says(&["error: unknown option --nope", &format!("warning: cannot write to the file in {file}")]);
    }
}
