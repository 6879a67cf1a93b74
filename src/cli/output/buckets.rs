//! Manifests and blobs of a bucket, as JSON and as text.

use std::time::{Duration, SystemTime};

use s3_build_cache::inspect::{
    AgeBand, BlobSum, DiskUsage, LargeBlob, LayerDetails, LeafDetails, ManifestDetails, ManifestSummary,
};
use s3_build_cache::time::Timestamp;
use serde_json::Value;

use crate::output::human::age;
use crate::output::{failure, json};

/// Returns a manifest as JSON.
pub(crate) fn manifest(manifest: &ManifestSummary) -> Value {
    let error = manifest.problem.as_ref().map(failure::json);
    json!({
        "name": manifest.name,
        "size": manifest.size,
        "written": time(manifest.written),
        "age_seconds": seconds(manifest.age),
        "layers": manifest.layers,
        "records": manifest.records,
        "referenced": sum(manifest.referenced),
        "own": sum(manifest.own),
        "missing": sum(manifest.missing),
        "unusable": manifest.unusable,
        "error": error,
    })
}

/// Returns what fills a bucket as JSON.
pub(crate) fn usage(usage: &DiskUsage) -> Value {
    let manifests =
        usage.manifests.iter().map(|one| json::merged(manifest(one), json!({"largest": blobs(&one.largest)})));
    json!({
        "manifests": manifests.collect::<Vec<Value>>(),
        "absent": usage.absent,
        "total": sum(usage.total),
        "referenced": sum(usage.referenced),
        "shared": sum(usage.shared),
        "unreferenced": sum(usage.unreferenced),
        "unreferenced_old": sum(usage.unreferenced_old),
        "others": sum(usage.others),
        "all_manifests": usage.all_manifests,
        "unread": usage.unread,
        "ages": usage.ages.iter().map(band).collect::<Vec<Value>>(),
        "largest_shared": blobs(&usage.largest_shared),
        "largest_unreferenced": blobs(&usage.largest_unreferenced),
    })
}

/// Returns a manifest in detail as JSON.
pub(crate) fn details(details: &ManifestDetails) -> Value {
    json!({
        "name": details.name,
        "location": details.location,
        "size": details.size,
        "written": time(details.written),
        "age_seconds": seconds(details.age),
        "records": details.records,
        "layers": details.layers.iter().map(layer).collect::<Vec<Value>>(),
        "leaves": details.leaves.iter().map(leaf).collect::<Vec<Value>>(),
    })
}

fn layer(layer: &LayerDetails) -> Value {
    let stored = layer.stored.map(
        |stored| json!({"size": stored.size, "modified": time(stored.modified), "age_seconds": seconds(stored.age)}),
    );
    json!({
        "blob": layer.blob.to_string(),
        "parent": layer.parent,
        "size": layer.size,
        "media_type": layer.media_type,
        "created_at": time(Some(layer.created_at)),
        "state": layer.state.as_str(),
        "stored": stored,
    })
}

fn leaf(leaf: &LeafDetails) -> Value {
    json!({"digest": leaf.digest, "exported": time(leaf.exported), "built": time(leaf.built), "results": leaf.results})
}

fn band(band: &AgeBand) -> Value {
    json!({
        "below_seconds": seconds(band.below),
        "own": sum(band.own),
        "shared": sum(band.shared),
        "unreferenced": sum(band.unreferenced),
    })
}

fn blobs(blobs: &[LargeBlob]) -> Vec<Value> {
    let blob = |blob: &LargeBlob| json!({"digest": blob.digest.to_string(), "size": blob.size, "age_seconds": seconds(blob.age)});
    blobs.iter().map(blob).collect()
}

/// Returns a number of blobs and their size as JSON.
pub(crate) fn sum(sum: BlobSum) -> Value {
    json!({"blobs": sum.blobs, "bytes": sum.bytes})
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.filter(|time| !time.is_zero()).map(|time| time.to_string())
}

fn seconds(age: Option<Duration>) -> Option<u64> {
    age.map(|age| age.as_secs())
}

/// Returns an age for people: `3 h ago`.
pub(crate) fn ago(time: Option<Duration>) -> String {
    time.map_or_else(|| "?".to_owned(), |time| format!("{} ago", age(time)))
}

/// Returns how long ago a time is, by the clock of this machine.
pub(crate) fn since(time: Timestamp) -> String {
    let then = time.to_system_time().unwrap_or(SystemTime::UNIX_EPOCH);
    ago(Some(SystemTime::now().duration_since(then).unwrap_or_default()))
}
