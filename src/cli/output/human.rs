//! Formats numbers and results for people.

use std::fmt;
use std::time::Duration;

use s3_build_cache::Report;
pub(crate) use s3_build_cache::program::{age, count, size};
use s3_build_cache::report::Explanation;

/// Formats a duration in milliseconds, seconds, or minutes and seconds: `4 ms`, `1.9 s`, `2 min 5 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if time.as_millis() < 100 {
        format!("{} ms", time.as_millis())
    } else if seconds < 99.95 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// Formats a number of blobs: `1 blob`, `212 blobs`.
pub(crate) fn blobs<N: PartialEq + From<u8> + fmt::Display>(count: N) -> String {
    self::count(count, "blob", "blobs")
}

/// Formats a number of blobs and their size: `2 blobs (1.5 KiB)`.
pub(crate) fn sized_blobs<N: PartialEq + From<u8> + fmt::Display>(count: N, bytes: u64) -> String {
    format!("{} ({})", blobs(count), size(bytes))
}

/// Joins words as a sentence does: `a, b and c`.
pub(crate) fn list(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The number of names that [`few`] shows.
const FEW: usize = 5;

/// Joins the first names, and counts the others: `a, b, c, d, e and 3 more`.
pub(crate) fn few<N: AsRef<str>>(names: &[N]) -> String {
    let first: Vec<&str> = names.iter().take(FEW).map(AsRef::as_ref).collect();
    let more = names.len() - first.len();
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

/// Returns the last line, a summary of the result.
pub(crate) fn summary(verb: &str, report: &Report) -> String {
    let blobs = &report.blobs;
    let mut there = Vec::new();
    if blobs.present > 0 {
        there.push(format!("{} already there", blobs.present));
    }
    if blobs.touched > 0 {
        there.push(format!("{} touched", blobs.touched));
    }
    if blobs.missing > 0 {
        there.push(format!("{} lost", blobs.missing));
    }
    let there = if there.is_empty() { String::new() } else { format!(" ({})", there.join(", ")) };
    let seconds = report.elapsed.as_secs_f64();
    let rate = if report.bytes > 0 && seconds > 0.0 && !report.dry_run {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "three digits are shown"
        )]
        let rate = (report.bytes as f64 / seconds) as u64;
        format!(" ({}/s)", size(rate))
    } else {
        String::new()
    };
    let (kept, dropped) =
        report.merged.iter().fold((0, 0), |(kept, dropped), name| (kept + name.kept, dropped + name.dropped));
    let mut merged = String::new();
    if kept > 0 {
        merged.push_str(&format!(" · kept {} from other exports", count(kept, "leaf", "leaves")));
    }
    if dropped > 0 {
        merged.push_str(&format!(" · dropped {} (age or size)", count(dropped, "leaf", "leaves")));
    }
    format!(
        "{verb} {} of {}{there} · {} in {}{rate} · {} · {}{merged}",
        blobs.transferred,
        self::blobs(blobs.total),
        size(report.bytes),
        duration(report.elapsed),
        count(report.requests, "request", "requests"),
        report.names.join(", "),
    )
}

/// Returns lines that show what each manifest contributed.
pub(crate) fn explanation(explanation: &Explanation) -> Vec<String> {
    let manifests = explanation.manifests.iter().map(|manifest| {
        let mut left_out = Vec::new();
        if manifest.replaced > 0 {
            left_out.push(format!("{} replaced by newer ones", manifest.replaced));
        }
        if manifest.keys_left_out > 0 {
            left_out.push(format!("{} no longer found by content", count(manifest.keys_left_out, "step", "steps")));
        }
        let left_out = if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join(", ")) };
        format!("{}: {}{left_out}", manifest.location, count(manifest.results, "result", "results"))
    });
    let leaves = explanation.leaves.iter().map(|leaf| format!("leaf {}: {}", leaf.digest, leaf.manifests.join(", ")));
    let lost = Some(explanation.lost_results).filter(|lost| *lost > 0);
    let lost = lost.map(|lost| format!("{} dropped because of missing blobs", count(lost, "result", "results")));
    manifests.chain(leaves).chain(lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_use_a_suitable_unit() {
        assert_eq!(duration(Duration::from_millis(4)), "4 ms");
        assert_eq!(duration(Duration::from_millis(100)), "0.1 s");
        assert_eq!(duration(Duration::from_millis(1_940)), "1.9 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn only_a_few_names_are_shown() {
        assert_eq!(few(&["a", "b", "c", "d", "e"]), "a, b, c, d, e");
        assert_eq!(few(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
