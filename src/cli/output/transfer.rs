//! The JSON body of the commands that move caches: what was transferred in total, and for each cache.

use s3_build_cache::report::{Explanation, MergedManifest};
use s3_build_cache::{Error, Report};
use serde_json::Value;

use crate::output::{failure, json};

/// The result for one cache named on the command line.
pub(crate) struct Target {
    pub(crate) cache: String,
    pub(crate) outcome: &'static str,
    pub(crate) report: Option<Report>,
    pub(crate) names: Vec<String>,
    /// The locations that were searched for a manifest without success.
    pub(crate) looked_for: Vec<String>,
    pub(crate) error: Option<Error>,
}

/// Returns the body: the totals in `report`, and the result for each target.
pub(crate) fn body(report: &Report, targets: &[Target]) -> Value {
    let targets: Vec<Value> = targets.iter().map(target).collect();
    json::merged(counts(report), json!({"names": report.names, "targets": targets}))
}

/// Returns the body of a run that did nothing.
pub(crate) fn nothing() -> Value {
    body(&Report::default(), &[])
}

fn target(target: &Target) -> Value {
    let common = json!({"cache": target.cache, "outcome": target.outcome, "names": target.names});
    let mut object = json::merged(target.report.as_ref().map_or_else(|| json!({}), counts), common);
    if let Some(report) = target.report.as_ref().filter(|report| !report.merged.is_empty()) {
        let merged: Vec<Value> = report.merged.iter().map(merged).collect();
        object = json::merged(object, json!({ "merged": merged }));
    }
    if !target.looked_for.is_empty() {
        object = json::merged(object, json!({ "looked_for": target.looked_for }));
    }
    if let Some(error) = &target.error {
        object = json::merged(object, json!({ "error": failure::json(error) }));
    }
    object
}

/// Adds what each manifest contributed.
pub(crate) fn explained(body: Value, explanation: &Explanation) -> Value {
    let manifests = explanation.manifests.iter().map(|manifest| {
        json!({
            "location": manifest.location,
            "results": manifest.results,
            "replaced": manifest.replaced,
            "keys_left_out": manifest.keys_left_out,
        })
    });
    let leaves = explanation.leaves.iter().map(|leaf| json!({"digest": leaf.digest, "manifests": leaf.manifests}));
    let (manifests, leaves): (Vec<Value>, Vec<Value>) = (manifests.collect(), leaves.collect());
    let lost = explanation.lost_results;
    json::merged(body, json!({"explain": json!({"manifests": manifests, "leaves": leaves, "lost_results": lost})}))
}

fn merged(manifest: &MergedManifest) -> Value {
    json!({
        "name": manifest.name,
        "leaves": manifest.leaves,
        "kept": manifest.kept,
        "dropped": manifest.dropped,
        "lost_blobs": manifest.lost_blobs,
        "conflicts": manifest.conflicts,
    })
}

fn counts(report: &Report) -> Value {
    let blobs = &report.blobs;
    json!({
        "layers": report.layers,
        "blobs": json!({
            "total": blobs.total,
            "transferred": blobs.transferred,
            "present": blobs.present,
            "touched": blobs.touched,
            "missing": blobs.missing,
        }),
        "bytes": report.bytes,
        "requests": report.requests,
        "seconds": json::seconds(report.elapsed),
    })
}
