//! Checks whether the bucket exists and which operations it permits.

use std::io::Read as _;

use crate::base::{Error, ErrorKind, Result, shown};
use crate::cache_config::CacheConfig;
use crate::object::{BytesPayload, GetOptions, ListOptions, ListPage, ObjectMeta, ObjectStore, Payload as _, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::doctor::{CheckOutcome, DoctorOptions, Findings};
use crate::ops::local_limit;
use crate::ops::manifests::load_names;

pub(super) const READING: &[&str] = &["bucket", "list", "read"];
pub(super) const WRITING: &[&str] = &["write", "touch", "delete"];

/// The content of the probe object, for anyone who finds one.
const PROBE: &[u8] = b"Written by `s3-build-cache doctor --write`: it can be removed.\n";
/// The probe's key after the prefix of blobs. It is constant, so that probes that cannot be deleted do not pile up.
const PROBE_NAME: &str = "s3-build-cache-doctor";
const NO_ABORT: &str = "no rule aborts unfinished uploads";
const ABORT_HINT: &str = "add a lifecycle rule that aborts them after a day, or prune the bucket regularly: the parts that a \
                          killed export leaves behind are billed";
/// The number of existing names to suggest if a name does not exist.
const SHOWN_NAMES: usize = 5;

pub(super) fn examine(
    findings: &mut Findings<'_>,
    cache: &S3Cache,
    bucket: &dyn Fn() -> Result<&'static str>,
    options: &DoctorOptions,
) {
    if let Err(error) = cache.store.probe() {
        findings.failed("bucket", &error);
        findings.skipped(&["list", "read"], "the bucket cannot be reached");
        return findings.skipped(if options.write { WRITING } else { &[] }, "the bucket cannot be reached");
    }
    findings.of("bucket", bucket(), |state| format!("{} {state}", cache.store.location("")));
    let prefix = cache.keys.blobs();
    let page = cache.store.list_page(prefix, &ListOptions::default());
    let page = findings.of("list", page, |page| listed(page, prefix));
    match read(cache, &page.unwrap_or_default()) {
        Ok((detail, remark)) => findings.report("read", CheckOutcome::Passed, detail, remark.as_deref()),
        Err(error) => findings.failed("read", &error),
    }
    match cache.store.aborts_uploads_after(prefix) {
        Ok(Some(days)) => findings.passed("lifecycle", format!("unfinished uploads are aborted after {days} days")),
        Ok(None) => findings.report("lifecycle", CheckOutcome::Passed, NO_ABORT.to_owned(), Some(ABORT_HINT)),
        // Few may read the rules, and nothing depends on them.
        Err(error) => log::info!("the lifecycle rules are unknown: {}", error.chain()),
    }
    if options.write && cache.options.credentials().anonymous {
        findings.skipped(WRITING, "anonymous=true is for imports, which write nothing to the store");
    } else if options.write && !cache.context.cancel.is_cancelled() {
        write(findings, cache);
    }
}

fn listed(page: &ListPage, prefix: &str) -> String {
    let (count, more) = (page.objects.len(), if page.continuation.is_some() { " and more" } else { "" });
    format!("{count}{more} object{} under {prefix}", if count == 1 { "" } else { "s" })
}

/// Reads the manifests and one byte of a blob, because permission to read a missing object proves nothing. Returns the
/// findings, and a hint if BuildKit cannot read the cache from a directory.
fn read(cache: &S3Cache, page: &ListPage) -> Result<(String, Option<String>)> {
    cache.warn_about_keys();
    let found = load_names(cache, true)?;
    let missing = cache.options.keys().names.iter().filter(|name| !found.iter().any(|found| found.name == **name));
    let mut parts: Vec<String> =
        found.iter().map(|found| format!("{}: {} layers", found.name, found.config.layers().len())).collect();
    let before = parts.len();
    parts.extend(missing.map(|name| {
        let key = cache.store.location(&cache.keys.manifest(name));
        format!("{name}: not found ({key})")
    }));
    if parts.len() > before {
        parts.extend(existing_names(cache));
    }
    let layers = found.iter().flat_map(|found| found.config.layers());
    let blob = layers.clone().find(|layer| layer.annotations.size > 0).map(|layer| cache.keys.blob(&layer.blob));
    let known = page
        .objects
        .iter()
        .find(|object| object.meta.size > 0 && object.meta.readable)
        .map(|object| object.key.clone());
    if let Some(key) = blob.clone().or(known) {
        match cache.store.get(&key, &GetOptions::range(0..1))? {
            Some(object) => {
                let first = object.body.take(1).read_to_end(&mut Vec::new());
                first.map_err(|error| Error::io("read", cache.store.location(&key), error))?;
            }
            None if blob.is_some() => {
                let message = format!("{} is gone, but a manifest refers to it", cache.store.location(&key));
                let hint = "export the cache again; a lifecycle rule may be too short";
                return Err(Error::integrity(message).with_hint(hint));
            }
            None => {}
        }
    }
    let remark = match CacheConfig::merge(found.into_iter().map(|found| (found.location, found.config))) {
        Ok(config) => local_limit::warning_of(&config, cache.crown()),
        // An import reports this error.
        Err(_) => None,
    };
    Ok((parts.join(", "), remark))
}

/// Returns a few names of existing manifests, or `None` if listing them is not permitted.
fn existing_names(cache: &S3Cache) -> Option<String> {
    let prefix = cache.keys.manifests();
    let page = cache.store.list_page(prefix, &ListOptions::default()).ok()?;
    let names = page.objects.iter().filter_map(|object| cache.keys.listed_name(object));
    let names: Vec<String> = names.map(shown).collect();
    let first = names.iter().take(SHOWN_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(SHOWN_NAMES) {
        _ if page.continuation.is_some() => " and more".to_owned(),
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let prefix = cache.store.location(prefix);
    Some(if names.is_empty() {
        format!("no manifests under {prefix}")
    } else {
        format!("existing names: {first}{more}")
    })
}

/// Writes an object under the probe's key, refreshes it with a server-side copy, and deletes it.
fn write(findings: &mut Findings<'_>, cache: &S3Cache) {
    let key = cache.keys.beside_blobs(PROBE_NAME);
    let (store, payload) = (&cache.store, BytesPayload::new(PROBE.to_vec()));
    let location = store.location(&key);
    if let Err(error) = store.put(&key, &payload, &PutMode::Overwrite) {
        findings.failed("write", &error);
        findings.skipped(&["touch"], "nothing was written");
        // The object may have been written despite the error, unless access was denied or the local file system failed.
        if matches!(error.kind(), ErrorKind::Access | ErrorKind::Io) {
            return findings.skipped(&["delete"], "nothing was written");
        }
        return remove(findings, cache, &key);
    }
    findings.passed("write", format!("wrote {location}"));
    let touched = store.touch(&key, &ObjectMeta::new(payload.size())).map_err(|error| match error.kind() {
        ErrorKind::NotFound => strange(format!("{location} is gone right after it was written")),
        ErrorKind::TooLarge => strange("the store cannot copy an object onto itself".to_owned()),
        _ => error,
    });
    findings.of("touch", touched, |_| "refreshed by a server-side copy".to_owned());
    remove(findings, cache, &key);
}

fn remove(findings: &mut Findings<'_>, cache: &S3Cache, key: &str) {
    match cache.store.delete(key) {
        Ok(()) => findings.passed("delete", "removed it"),
        Err(error) if error.kind() == ErrorKind::Access => {
            let location = cache.store.location(key);
            let why =
                format!("not permitted, but not needed either: {location} remains, and the next probe overwrites it");
            findings.skipped(&["delete"], &why);
        }
        Err(error) => {
            let location = cache.store.location(key);
            let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
            let hint = format!("{hint}exports do not delete anything; {location} may be left behind");
            findings.report("delete", CheckOutcome::Failed(error.clone()), error.chain(), Some(&hint));
        }
    }
}

fn strange(message: String) -> Error {
    let hint =
        "without touches, a lifecycle rule removes blobs that are in use: set its days above the age of your caches";
    Error::setup(message).with_hint(hint)
}
