mod building;
mod crown;
pub(in crate::cache_config) mod generated;
mod golden;
mod hostile;
mod laws;
mod lookup;
mod merging;
mod reading;

use crate::base::{Digest, Error};
use crate::cache_config::{Annotations, CacheConfig};
use crate::go::Timestamp;

/// Returns the digest of a blob, named by a letter.
pub(in crate::cache_config) fn blob(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

pub(in crate::cache_config) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(in crate::cache_config) fn annotations(name: &str) -> Annotations {
    Annotations {
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        diff_id: blob(&format!("{name} uncompressed")),
        size: 3,
        created_at: Timestamp::ZERO,
    }
}

/// Returns a layer as JSON, as in an S3 manifest.
fn layer_json(name: &str, parent: &str) -> String {
    let diff_id = annotations(name).diff_id;
    format!(r#"{{"blob":"{}"{parent},"annotations":{{"diffID":"{diff_id}","size":3}}}}"#, blob(name))
}

/// Returns the error for an invalid config.
fn refusal(json: &str) -> String {
    match CacheConfig::from_s3_json(json.as_bytes()) {
        Err(Error::Integrity(problem)) => problem.message,
        other => panic!("{json:.200}: {other:?}"),
    }
}
