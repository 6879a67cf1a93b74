//! Words for the objects that were counted.

use s3_build_cache::progress::Step;

use crate::output::human;

/// Returns how far a step is: `12000 of about 98000 objects listed`.
pub(super) fn counted(step: Step, done: u64, expected: Option<u64>) -> String {
    let (what, about) = match step {
        Step::ListBlobs => ("objects listed", "about "),
        Step::ReadManifests => ("manifests read", ""),
        Step::CheckBlobs => ("blobs checked", ""),
        Step::DeleteBlobs => ("blobs deleted", ""),
        Step::CopyBlobs => ("blobs copied", ""),
        _ => ("objects", ""),
    };
    match expected.filter(|expected| *expected > done) {
        Some(expected) => format!("{done} of {about}{expected} {what}"),
        None => format!("{done} {what}"),
    }
}

/// Returns what was done with blobs that exist already: `12 blobs checked, 30 touched`.
pub(super) fn existing(checked: usize, bytes: u64, touched: usize) -> String {
    match (checked, touched) {
        (0, 1..) => format!("{} touched", human::blobs(touched)),
        (_, 0) => format!("{} checked, {}", human::blobs(checked), human::size(bytes)),
        _ => format!("{} checked, {}, {touched} touched", human::blobs(checked), human::size(bytes)),
    }
}

/// Returns the word for a step in events.
pub(super) fn word(step: Step) -> &'static str {
    match step {
        Step::ListBlobs => "list-blobs",
        Step::ReadManifests => "read-manifests",
        Step::CheckBlobs => "check-blobs",
        Step::DeleteBlobs => "delete-blobs",
        Step::CopyBlobs => "copy-blobs",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_shown_until_it_is_reached() {
        for (step, done, expected, text) in [
            (Step::ListBlobs, 10, None, "10 objects listed"),
            (Step::ListBlobs, 10, Some(95), "10 of about 95 objects listed"),
            (Step::ListBlobs, 99, Some(95), "99 objects listed"),
            (Step::ReadManifests, 3, Some(7), "3 of 7 manifests read"),
            (Step::CheckBlobs, 7, Some(7), "7 blobs checked"),
        ] {
            assert_eq!(counted(step, done, expected), text);
        }
    }
}
