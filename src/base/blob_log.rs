//! Logs what was done with each blob or manifest, and why.

use std::time::Duration;

use super::{Digest, size};

/// Returns whether these lines are logged. Callers that would have to search for blobs to log check it first.
pub(crate) fn logs_blobs() -> bool {
    log::log_enabled!(log::Level::Info)
}

/// Logs what was done with a blob: `blob 44136fa355b3, 40.0 MiB: uploaded (not in the bucket)`. Debugging also shows
/// how long it took.
pub(crate) fn log_blob(digest: &Digest, size_bytes: u64, what: &str, why: &str, took: Option<Duration>) {
    if logs_blobs() {
        let took = took.filter(|_| log::log_enabled!(log::Level::Debug));
        log::info!("{}", line(digest, size_bytes, what, why, took));
    }
}

/// Logs what was done with a manifest: `manifest pr-12: removed (selected by name)`.
pub(crate) fn log_manifest(name: &str, what: &str, why: &str) {
    log::info!("manifest {name}: {what} ({why})");
}

fn line(digest: &Digest, size_bytes: u64, what: &str, why: &str, took: Option<Duration>) -> String {
    let mut line = format!("blob {}, {:>8}: {what} ({why})", digest.short(), size(size_bytes));
    if let Some(took) = took {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        line.push_str(&format!(" in {millis} ms"));
        if let Some(rate) = size_bytes.saturating_mul(1000).checked_div(millis) {
            line.push_str(&format!(", {}/s", size(rate)));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_why_and_how_fast() {
        let digest = Digest::of(b"{}");
        for (took, end) in [(None, ""), (Some(2000), " in 2000 ms, 20.0 MiB/s"), (Some(0), " in 0 ms")] {
            let line = line(&digest, 40 << 20, "uploaded", "not in the bucket", took.map(Duration::from_millis));
            assert_eq!(line, format!("blob 44136fa355b3, 40.0 MiB: uploaded (not in the bucket){end}"));
        }
        let line = line(&digest, 9, "kept", "because", None);
        assert_eq!(line, "blob 44136fa355b3,      9 B: kept (because)");
    }
}
