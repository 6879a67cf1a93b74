//! Runs the examples.

mod build_tool;
mod credentials;
mod lazy_reader;
mod object_store;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use s3_build_cache::credentials::{Credentials, CredentialsProvider, Secret};
use s3_build_cache::{LocalCache, S3Cache};

pub(crate) use object_store::MemoryStore;

fn cache(dir: &tempfile::TempDir) -> S3Cache {
    let options = format!("type=s3,bucket=trial,endpoint_url=file://{}", dir.path().display());
    S3Cache::open(&options.parse().unwrap()).unwrap()
}

#[test]
fn a_build_tool_runs_only_the_steps_that_changed() {
    use build_tool::{Step, build};

    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    let upper = || Step { definition: "upper", run: |input| input.to_ascii_uppercase() };
    let twice = || Step { definition: "twice", run: |input| input.repeat(2) };
    let thrice = || Step { definition: "thrice", run: |input| input.repeat(3) };
    for (source, steps, expected, ran) in [
        ("ab", [upper(), twice()], "ABAB", 2),
        ("ab", [upper(), twice()], "ABAB", 0),
        ("ab", [upper(), thrice()], "ABABAB", 1),
        ("c", [upper(), twice()], "CC", 2),
    ] {
        let built = build(&cache, source.as_bytes(), &steps).unwrap();
        assert_eq!(built, (expected.as_bytes().to_vec(), ran), "{source}");
    }
    std::fs::remove_dir_all(dir.path().join("trial/blobs")).unwrap();
    assert_eq!(build(&cache, b"c", &[upper(), twice()]).unwrap().1, 2, "lost blobs are built again");
}

#[test]
fn a_reader_names_how_layers_are_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(&dir);
    assert_eq!(lazy_reader::describe(&cache).unwrap(), None);
    cache.export(&LocalCache::open("tests/fixtures/min/local", "latest").unwrap()).unwrap();
    let lines = lazy_reader::describe(&cache).unwrap().unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.ends_with("gzip")), "{lines:?}");
}

#[test]
fn a_provider_issues_keys_when_they_expire_or_are_rejected() {
    let (issued, lifetime) = (AtomicUsize::new(0), Duration::from_secs(3600));
    let provider = credentials::Temporary::new(|| {
        let number = issued.fetch_add(1, Ordering::SeqCst);
        Ok(Credentials {
            access_key_id: format!("key {number}"),
            secret_access_key: Secret::new("secret"),
            session_token: None,
            // The second is about to expire.
            expires: Some(SystemTime::now() + if number == 1 { Duration::from_secs(60) } else { lifetime }),
        })
    });
    let id = || provider.credentials().unwrap().access_key_id;
    let first = provider.credentials().unwrap();
    assert_eq!((first.access_key_id.as_str(), id().as_str()), ("key 0", "key 0"));
    provider.invalidate(&first);
    assert_eq!((id(), id()), ("key 1".to_owned(), "key 2".to_owned()));
    provider.invalidate(&first);
    assert_eq!(id(), "key 2", "newer keys are kept");
}

#[test]
fn a_store_in_memory_takes_an_export() {
    assert!(object_store::export("tests/fixtures/min/local").unwrap() > 0);
}
