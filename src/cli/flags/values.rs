//! Parses the values of flags.

use s3_build_cache::{Error, Result};

use crate::flags::raw::ProgressMode;

/// The values of `--progress`, which are buildx's.
pub(super) const PROGRESS: &[&str] = &["auto", "tty", "plain", "rawjson", "quiet"];
/// The maximum number of connections.
const MAX_JOBS: usize = 64;

pub(super) fn progress(word: &str) -> Result<ProgressMode> {
    match word {
        "auto" => Ok(ProgressMode::Auto),
        "tty" => Ok(ProgressMode::Tty),
        "plain" => Ok(ProgressMode::Plain),
        "rawjson" => Ok(ProgressMode::RawJson),
        "quiet" => Ok(ProgressMode::Quiet),
        _ => Err(Error::usage(format!("invalid value for --progress: {word}"))
            .with_hint("must be auto, tty, plain, rawjson or quiet")),
    }
}

pub(super) fn jobs(number: &str) -> Result<usize> {
    let jobs = number.parse().ok().filter(|jobs| (1..=MAX_JOBS).contains(jobs));
    jobs.ok_or_else(|| {
        Error::usage(format!("invalid value for --jobs: {number}")).with_hint("must be between 1 and 64")
    })
}

pub(super) fn count(name: &str, number: &str) -> Result<usize> {
    number.parse().ok().filter(|count| *count > 0).ok_or_else(|| {
        Error::usage(format!("invalid value for {name}: {number}")).with_hint("must be a whole number of at least 1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_progress_mode_is_accepted() {
        for word in PROGRESS {
            assert!(progress(word).is_ok(), "{word}");
        }
    }
}
