//! No store gets a blob under a digest that its bytes do not have, whenever the source's bytes change.

use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use s3_build_cache::env::MapEnv;
use s3_build_cache::object::{
    BlobSource, GetOptions, ListOptions, ListPage, Object, ObjectMeta, ObjectStore, Payload, PutMode, Version,
};
use s3_build_cache::progress::Event;
use s3_build_cache::store::DirStore;
use s3_build_cache::{CacheOptions, Digest, Error, ErrorKind, Result, S3Cache, S3CacheBuilder};

use crate::network::authority::{Authority, Valid};
use crate::network::terminator::Terminator;
use crate::network::{attributes, variables};
use crate::s3::blobs::{Blobs, PART, config, small_parts};
use crate::s3::errors::told;
use crate::s3::{TestClock, export};
use crate::s3_server::{Config, Failure, Fault, Match, Operation, Server};

/// A server, over plain HTTP or behind TLS.
struct Place {
    server: Server,
    tls: Option<(Authority, Terminator)>,
}

impl Place {
    fn new(tls: bool, config: Config) -> Self {
        let server = Server::with(config);
        let tls = tls.then(|| {
            let ca = Authority::new("ours");
            let terminator = Terminator::start(ca.server(&["localhost"], Valid::Now), server.address());
            (ca, terminator)
        });
        Self { server, tls }
    }

    fn open(&self, more: &str) -> S3Cache {
        self.builder(more).open().unwrap()
    }

    fn builder(&self, more: &str) -> S3CacheBuilder {
        let (endpoint, bundle) = match &self.tls {
            Some((ca, tls)) => (format!("https://localhost:{}", tls.port()), ca.bundle().display().to_string()),
            None => (self.server.endpoint(), String::new()),
        };
        let options: CacheOptions = format!("{}{more}", attributes(&self.server, &endpoint)).parse().unwrap();
        let env = MapEnv::new(variables(&self.server, &[("AWS_CA_BUNDLE", &bundle)]));
        let builder = S3Cache::builder(&options).env(env).clock(Arc::new(TestClock::default()));
        builder.connections(3).tuning(small_parts())
    }

    /// Returns what was announced as the hash of each part.
    fn announced(&self) -> Vec<String> {
        let requests = self.server.requests();
        let parts = requests.iter().filter(|request| request.operation == Operation::UploadPart);
        parts.map(|part| part.header("x-amz-content-sha256").unwrap().to_owned()).collect()
    }
}

/// A store that checks nothing, as some do.
fn trusting() -> Config {
    Config { checks_payload: false, unsigned_payload: true, ..config() }
}

fn lenient() -> Config {
    Config { unsigned_payload: true, ..config() }
}

/// Which reads of the flipped bit see it flipped.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    Only(usize),
    From(usize),
}

/// A source in which one bit of the blob is flipped in some of its reads.
struct Flipping {
    blobs: Blobs,
    at: usize,
    when: When,
    reads: AtomicUsize,
}

impl Flipping {
    fn new(size: usize, at: usize, when: When) -> Self {
        Self { blobs: Blobs::of(&[size]), at, when, reads: AtomicUsize::new(0) }
    }
}

impl BlobSource for Flipping {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.blobs.blob_size(digest)
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        self.open_blob_at(digest, 0)
    }

    fn open_blob_at(&self, digest: &Digest, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let mut bytes = self.blobs.bytes[digest].clone();
        let mut offset = usize::try_from(offset).unwrap();
        // The reader of the part with the bit, or of a small blob.
        if offset / PART == self.at / PART {
            let read = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
            let flipped = match self.when {
                When::Always => true,
                When::Only(nth) => read == nth,
                When::From(nth) => read >= nth,
            };
            bytes[self.at] ^= u8::from(flipped) << 3;
        }
        offset = offset.min(bytes.len());
        Ok(Box::new(Cursor::new(bytes.split_off(offset))))
    }
}

/// Exports and checks that the store has the right bytes under the digest, or none. Returns whether it has them.
#[track_caller]
fn is_right_or_refused(cache: &S3Cache, source: &Flipping, case: &str) -> bool {
    let exported = cache.export_config(&source.blobs.config, source, &Default::default());
    let digest = source.blobs.digest();
    let stored = cache.open_blob(&digest).unwrap().map(|reader| reader.read_all().unwrap());
    if let Some(stored) = &stored {
        assert!(*stored == source.blobs.bytes[&digest], "{case}: wrong bytes are stored");
    }
    match exported {
        Ok(_) => assert!(stored.is_some(), "{case}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Integrity, "{case}: {}", error.chain());
            assert!(cache.load().unwrap().is_none(), "{case}");
        }
    }
    stored.is_some()
}

fn cases() -> impl Iterator<Item = (usize, usize, When)> {
    let sizes =
        [(PART / 2, 7), (PART, PART - 1), (5 * PART + 9, 3), (5 * PART + 9, 2 * PART + 5), (5 * PART, 5 * PART - 1)];
    let whens = [When::Always, When::Only(1), When::Only(2), When::Only(3), When::From(2), When::From(3)];
    sizes.into_iter().flat_map(move |(size, at)| whens.into_iter().map(move |when| (size, at, when)))
}

#[test]
fn a_flipped_bit_never_reaches_a_store_that_checks_nothing() {
    for tls in [false, true] {
        let place = Place::new(tls, trusting());
        for more in ["", ",verify_source=true", ",payload_signing=true"] {
            for (number, (size, at, when)) in cases().enumerate() {
                let case = format!("tls {tls} {more} {size} {at} {when:?}");
                let cache = place.open(&format!("{more},prefix={number}-{}/", more.len()));
                let stored = is_right_or_refused(&cache, &Flipping::new(size, at, when), &case);
                assert!(!stored || !matches!(when, When::Always), "{case}");
                assert!(place.server.uploads().is_empty(), "{case}");
            }
        }
    }
}

#[test]
fn a_part_is_read_once_for_its_hashes_and_once_to_be_sent() {
    for (tls, more) in [(false, ""), (true, ""), (true, ",payload_signing=true")] {
        let place = Place::new(tls, lenient());
        let source = Flipping::new(5 * PART, 2 * PART, When::From(usize::MAX));
        let cache = place.builder(more).connections(1).open().unwrap();
        cache.export_config(&source.blobs.config, &source, &Default::default()).unwrap();
        assert_eq!(source.reads.into_inner(), 2, "tls {tls} {more}");
    }
}

#[test]
fn a_flipped_bit_never_reaches_a_directory() {
    for (size, at, when) in cases() {
        let (root, source) = (tempfile::tempdir().unwrap(), Flipping::new(size, at, when));
        let options = format!("type=s3,bucket=cache,endpoint_url=file://{}", root.path().display()).parse().unwrap();
        let cache = S3Cache::builder(&options).tuning(small_parts()).open().unwrap();
        is_right_or_refused(&cache, &source, &format!("{size} {at} {when:?}"));
        assert!(!root.path().join(".s3-build-cache").exists());
    }
}

/// An embedder's store that writes whatever it is given, and says nothing about it.
struct Careless(DirStore);

struct Unannounced<'a>(&'a dyn Payload, Digest, Vec<u8>);

impl Payload for Unannounced<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(self.1)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Cursor::new(self.2.as_slice())))
    }
}

impl ObjectStore for Careless {
    fn location(&self, key: &str) -> String {
        self.0.location(key)
    }

    fn probe(&self) -> Result<()> {
        self.0.probe()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.0.head(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.0.get(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        let mut bytes = Vec::new();
        let read = payload.open().and_then(|mut body| body.read_to_end(&mut bytes));
        read.map_err(|error| Error::integrity("unreadable").with_source(error))?;
        let digest = Digest::of(&bytes);
        self.0.put(key, &Unannounced(payload, digest, bytes), mode)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        self.0.list_page(prefix, options)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.0.delete(key)
    }
}

#[test]
fn a_flipped_bit_never_reaches_a_careless_store_of_an_embedder() {
    for (size, at, when) in cases() {
        let (root, source) = (tempfile::tempdir().unwrap(), Flipping::new(size, at, when));
        let store = DirStore::new(root.path(), "cache", Arc::new(TestClock::default())).unwrap();
        let options = "type=s3,bucket=cache,region=r".parse().unwrap();
        let builder = S3Cache::builder(&options).store(Careless(store)).clock(Arc::new(TestClock::default()));
        is_right_or_refused(&builder.tuning(small_parts()).open().unwrap(), &source, &format!("{size} {at} {when:?}"));
    }
}

#[test]
fn over_tls_parts_are_unsigned_unless_the_user_wants_their_hashes() {
    for (tls, more, unsigned) in [
        (true, "", true),
        (true, ",payload_signing=auto", true),
        (true, ",payload_signing=true", false),
        (false, "", false),
    ] {
        let (place, blobs) = (Place::new(tls, lenient()), Blobs::of(&[4 * PART, PART]));
        place.open(more).export_config(&blobs.config, &blobs, &Default::default()).unwrap();
        blobs.are_in(&place.server);
        let announced = place.announced();
        assert_eq!(announced.len(), 4);
        assert!(announced.iter().all(|hash| (hash == "UNSIGNED-PAYLOAD") == unsigned), "{tls} {more} {announced:?}");
        // Everything else is signed with its hash.
        let unsigned = place.server.requests().into_iter().filter(|request| {
            request.operation != Operation::UploadPart
                && request.header("x-amz-content-sha256") == Some("UNSIGNED-PAYLOAD")
        });
        assert_eq!(unsigned.count(), 0);
    }
}

#[test]
fn a_refusal_of_unsigned_parts_names_the_switch() {
    let denied = "User: arn:aws:iam::111122223333:user/ci is not authorized to perform: s3:PutObject on resource: \
                  \"arn:aws:s3:::cache/x\" with an explicit deny in a resource-based policy";
    for failure in [
        Failure::new(403, "AccessDenied", "Access Denied"),
        Failure::new(403, "AccessDenied", denied),
        Failure::new(400, "InvalidArgument", "x-amz-content-sha256 must be a valid sha256 value."),
        Failure::new(400, "InvalidRequest", "The request is not valid."),
        Failure::new(400, "XAmzContentSHA256Mismatch", "The provided header does not match what was computed."),
    ] {
        for (tls, more, named) in [(true, "", true), (true, ",payload_signing=true", false), (false, "", false)] {
            let (place, blobs) = (Place::new(tls, lenient()), Blobs::of(&[3 * PART]));
            place.server.fault(Match::operation(Operation::UploadPart).always(), Fault::Reply(failure.clone()));
            let error = place.open(more).export_config(&blobs.config, &blobs, &Default::default()).unwrap_err();
            let hint = error.hint().unwrap_or_default();
            assert_eq!(hint.contains("set payload_signing=true"), named, "{tls} {more} {}: {hint}", error.chain());
            assert!(place.server.uploads().is_empty());
        }
    }
}

#[test]
fn a_warning_says_that_nobody_checks_unsigned_parts() {
    for (tls, more, size, warned) in [
        (true, ",verify_source=false", 3 * PART, true),
        (true, ",verify_source=false", PART, false),
        (true, ",verify_source=false,payload_signing=true", 3 * PART, false),
        (true, "", 3 * PART, false),
        (false, ",verify_source=false", 3 * PART, false),
    ] {
        let (place, blobs, warnings) = (Place::new(tls, lenient()), Blobs::of(&[size]), Arc::new(Mutex::default()));
        let heard: Arc<Mutex<Vec<String>>> = Arc::clone(&warnings);
        let progress = move |event: &Event<'_>| {
            if let Event::Warning(text) = event {
                heard.lock().unwrap().push((*text).to_owned());
            }
        };
        let cache = place.builder(more).progress(progress).open().unwrap();
        cache.export_config(&blobs.config, &blobs, &Default::default()).unwrap();
        let warnings: Vec<String> = warnings.lock().unwrap().clone();
        let found = warnings.iter().any(|text| text.contains("nothing verifies the bytes of large blobs"));
        assert_eq!(found, warned, "{tls} {more} {size}: {warnings:?}");
    }
}

/// An object lock needs checksums of parts, which are then computed although they are not signed.
#[test]
fn unsigned_parts_get_the_checksums_that_a_store_demands() {
    let (place, blobs) = (Place::new(true, Config { object_lock: true, ..lenient() }), Blobs::of(&[4 * PART]));
    place.open("").export_config(&blobs.config, &blobs, &Default::default()).unwrap();
    blobs.are_in(&place.server);
}

#[test]
fn without_verification_a_store_that_checks_hashes_still_refuses_wrong_bytes() {
    let server = Server::start();
    let source = Flipping::new(PART / 2, 9, When::Always);
    let cache = crate::s3::cache(&server, ",verify_source=false");
    let error = cache.export_config(&source.blobs.config, &source, &Default::default()).unwrap_err();
    told(&error, ErrorKind::Integrity, &["XAmzContentSHA256Mismatch", "corrupt"]);
    assert!(export(&crate::s3::cache(&server, ",verify_source=false"), "max").is_ok());
}
