//! What a server did: a line for people, and the JSON body.

use s3_build_cache::serve::ServeSummary;
use serde_json::Value;

use crate::output::human;
use crate::output::json;

/// Returns the summary for people.
pub(crate) fn line(summary: &ServeSummary) -> String {
    let mut parts = vec![
        format!(
            "{}, {}",
            human::count(summary.manifests_found, "hit", "hits"),
            human::count(summary.manifests_missed, "miss", "misses")
        ),
        format!("served {}", human::sized_blobs(summary.blobs_served, summary.bytes_down)),
    ];
    if summary.blobs_uploaded > 0 || !summary.names_written.is_empty() {
        parts.push(format!("received {}", human::sized_blobs(summary.blobs_uploaded, summary.bytes_up)));
    }
    if !summary.names_written.is_empty() {
        parts.push(format!("wrote {}", summary.names_written.join(", ")));
    }
    parts.join(" \u{b7} ")
}

/// Returns the JSON body.
pub(crate) fn body(summary: &ServeSummary) -> Value {
    json!({
        "requests": summary.requests,
        "manifests": json!({
            "found": summary.manifests_found,
            "missed": summary.manifests_missed,
            "names": summary.names_found,
        }),
        "blobs": json!({
            "served": summary.blobs_served,
            "uploaded": summary.blobs_uploaded,
            "present": summary.blobs_present,
        }),
        "bytes": json!({"down": summary.bytes_down, "up": summary.bytes_up}),
        "failures": summary.failures,
        "names": summary.names_written,
    })
}
