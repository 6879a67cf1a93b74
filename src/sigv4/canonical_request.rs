//! Step 1: the canonical request.

use crate::base::{percent_encode_query, sort};
use crate::sigv4::request::Signable;

/// Returns the query string of these names and values: encoded, sorted by encoded name and value, with `=` even after a
/// name without a value. Empty if there are no pairs.
pub(crate) fn canonical_query(pairs: &[(&str, &str)]) -> String {
    let mut encoded: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| (percent_encode_query(name), percent_encode_query(value))).collect();
    sort::sort(&mut encoded);
    let pairs: Vec<String> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

pub(super) fn canonical_request(headers: &[(String, String)], request: &Signable<'_>) -> String {
    let lines: String = sorted(headers).iter().map(|(name, value)| format!("{name}:{}\n", trimmed(value))).collect();
    let Signable { method, path, query, payload_hash } = request;
    format!("{method}\n{path}\n{query}\n{lines}\n{}\n{payload_hash}", signed_headers(headers))
}

pub(super) fn signed_headers(headers: &[(String, String)]) -> String {
    sorted(headers).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

fn sorted(headers: &[(String, String)]) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = headers.iter().collect();
    sort::sort_by(&mut sorted, |(one, _), (other, _)| one.cmp(other));
    sorted
}

/// Trims white space and collapses runs of spaces.
fn trimmed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
