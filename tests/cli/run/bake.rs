//! Bake, whose caches are in its files.

use std::fs;

use super::fake::Fake;

fn printed(fake: &Fake) -> String {
    let store = fake.store();
    let url = store.split("endpoint_url=").nth(1).unwrap();
    format!(
        r#"{{"group": {{"default": {{"targets": ["app"]}}}}, "target": {{
            "app": {{
                "cache-from": [{{"type": "s3", "bucket": "trial", "endpoint_url": "{url}"}}, {{"type": "gha"}}],
                "cache-to": ["{store},mode=max"]
            }},
            "plain": {{"context": "."}}
        }}}}"#
    )
}

#[test]
fn the_caches_of_bakes_targets_are_behind_the_server() {
    let fake = Fake::new();
    fake.answers("printed", &printed(&fake));
    fake.run(&["--", "docker", "--context", "c", "buildx", "bake", "-f", "x.hcl", "app"]).expect(0);
    assert_eq!(
        fake.arguments(),
        [
            "--context",
            "c",
            "buildx",
            "bake",
            "--set",
            "app.cache-from=type=registry,ref=SERVER/from-1",
            "--set",
            "app.cache-from=type=gha",
            "--set",
            "app.cache-to=type=registry,ref=SERVER/to-1,mode=max",
            "-f",
            "x.hcl",
            "app"
        ]
    );
    let calls = fake.calls();
    assert_eq!(calls[0], "docker --context c buildx bake --print -f x.hcl app");
    assert!(
        calls[1..calls.len() - 1].iter().all(|call| call.contains("inspect") || call.contains("info")),
        "{calls:?}"
    );
}

#[test]
fn variables_of_bakes_files_can_name_the_caches() {
    let fake = Fake::new();
    fake.answers("printed", r#"{"target": {"app": {"cache-from": []}}}"#);
    fake.run(&["--cache-from", &fake.store(), "--", "docker", "bake"]).expect(0);
    assert_eq!(fake.arguments(), ["bake"]);
    assert_eq!(fake.variable("S3_BUILD_CACHE_FROM").unwrap(), "type=registry,ref=SERVER/from-1");
    fake.run(&["--", "docker", "bake"]).expect(2).says(&["names no S3 cache"]);
}

#[test]
fn a_bake_that_cannot_resolve_its_targets_ends_the_run() {
    let fake = Fake::new();
    // The file is missing, so `cat` fails and says so.
    fake.run(&["--", "docker", "bake"]).expect(1).says(&["bake --print failed", "No such file"]);
    // Only the reason is shown.
    fake.answers("bake-says", "#1 reading x.hcl\\n-----\\n  2 | a\\nERROR: x.hcl:2,1: wrong\\n\\n");
    let run = fake.run(&["--", "docker", "bake"]).expect(1);
    assert!(run.stderr.contains("x.hcl:2,1: wrong") && !run.stderr.contains("-----"), "{}", run.stderr);
    fs::remove_file(fake.path("bake-says")).unwrap();
    fake.answers("printed", "{}");
    fake.run(&["--", "docker", "bake"]).expect(2).says(&["cannot read the targets"]);
    assert_eq!(fake.raw_arguments(), None);
}
