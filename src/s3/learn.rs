//! Learns from a refusal: that the session has expired, that the bucket is in another region or at another host, that a
//! clock is wrong, that `Expect` is not supported, or that checksums are required. Each is acted on once per call; all
//! but session and host are remembered for the client.

use std::cell::OnceCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use crate::base::{Result, Secret, redacted};
use crate::s3::answer::Answer;
use crate::s3::checksum::Checksum;
use crate::s3::client::{Call, Client};
use crate::s3::endpoint::Endpoint;
use crate::sigv4::Credentials;

/// The credentials were good once, or belong to an expired session.
const SESSION_CODES: &[&str] = &["ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"];
/// Codes that servers return for a wrong clock or its consequences.
const CLOCK_CODES: &[&str] = &[
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
    "AccessDeniedException",
    // Returned by rclone's server.
    "AccessDenied",
];
/// A smaller clock error is not the cause of a refusal: servers allow 15 minutes.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(4 * 60);
/// After a longer exchange, it is unknown which moment the server's time refers to.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(15 * 60);
/// A secret this long does not match the name of a region by chance.
const LONG_SECRET_BYTES: usize = 20;
/// A new bucket needs one redirect until its name has propagated.
const MAX_REDIRECTS: u32 = 2;

/// The parameters of an attempt.
pub(super) struct Used {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) credentials: Option<Credentials>,
    /// The assumed lead of the server's clock over ours, in seconds.
    pub(super) ahead: i64,
    /// When the attempt began, by our clock.
    pub(super) began: SystemTime,
    /// Whether the body waits until the server asks for it.
    pub(super) expect: bool,
    /// Whether a checksum was sent.
    pub(super) checksum: bool,
    /// Its signature, once it is signed.
    pub(super) signature: OnceCell<Secret>,
}

impl Used {
    /// Returns the secrets that must be masked in the response.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let Some(credentials) = &self.credentials else { return Vec::new() };
        let secrets = [Some(&credentials.secret_access_key), credentials.session_token.as_ref(), self.signature.get()];
        secrets.into_iter().flatten().cloned().collect()
    }
}

/// What one call has learnt.
#[derive(Default)]
pub(super) struct Lessons {
    session: bool,
    region: bool,
    clock: bool,
    redirects: u32,
    /// The target of a redirect: for this call only, because redirects are temporary.
    pub(super) host: Option<Arc<Endpoint>>,
}

impl Client {
    /// Returns whether the refusal shows what to change, so that another attempt is worthwhile.
    ///
    /// # Errors
    /// If new credentials are needed and cannot be obtained.
    pub(super) fn learn(&self, call: &Call<'_>, lessons: &mut Lessons, used: &Used, answer: &Answer) -> Result<bool> {
        if answer.status == 417 && used.expect {
            log::info!("{} does not take Expect: 100-continue, going on without it", used.endpoint.host);
            self.expects_nothing.store(true, Ordering::Relaxed);
            return Ok(true);
        }
        if answer.wants_checksum() && !used.checksum {
            log::info!("{} wants checksums, sending x-amz-checksum-sha256 from now on", used.endpoint.host);
            self.wants_checksums.store(true, Ordering::Relaxed);
            return Ok(call.checksum == Checksum::WhenWanted);
        }
        if answer.has_code(SESSION_CODES) {
            return Ok(!std::mem::replace(&mut lessons.session, true) && self.renew_session(used)?);
        }
        if let Some(region) = other_region(answer, &used.endpoint) {
            return Ok(!std::mem::replace(&mut lessons.region, true) && self.learn_region(lessons, used, region));
        }
        if answer.status == 307 && lessons.redirects < MAX_REDIRECTS {
            let target = used.endpoint.target(call.key, call.query);
            let to = answer.location.as_deref().and_then(|location| used.endpoint.redirected(location, &target));
            lessons.redirects += 1;
            lessons.host = to.map(Arc::new);
            return Ok(lessons.host.is_some());
        }
        Ok(!lessons.clock && {
            lessons.clock = self.learn_clock(used, answer);
            lessons.clock
        })
    }

    /// Returns whether there are other credentials than those that were refused.
    fn renew_session(&self, used: &Used) -> Result<bool> {
        let (Some(provider), Some(old)) = (&self.parts.credentials, &used.credentials) else { return Ok(false) };
        provider.invalidate(old);
        let new = provider.credentials()?;
        let same = (&new.access_key_id, &new.secret_access_key, &new.session_token)
            == (&old.access_key_id, &old.secret_access_key, &old.session_token);
        if !same {
            log::info!("the session has expired, going on with a new one from {}", provider.origin());
        }
        Ok(!same)
    }

    fn learn_region(&self, lessons: &mut Lessons, used: &Used, region: &str) -> bool {
        let mut endpoint = self.endpoint.write().unwrap_or_else(PoisonError::into_inner);
        if endpoint.region == used.endpoint.region {
            // Do not follow a server that sends us back and forth.
            if self.region_learnt.load(Ordering::Relaxed) {
                return false;
            }
            let Some(other) = endpoint.in_region(region) else { return false };
            if tells_secret(region, used) {
                return false;
            }
            log::warn!(
                "the bucket {} is in region {region}, not {}: going on there; region={region} saves the detour",
                self.parts.bucket,
                endpoint.region
            );
            self.region_learnt.store(true, Ordering::Relaxed);
            *endpoint = Arc::new(other);
        }
        // Otherwise another call has already learnt the region.
        lessons.host = None;
        true
    }

    fn learn_clock(&self, used: &Used, answer: &Answer) -> bool {
        let may_be = match &answer.code {
            Some(_) => answer.has_code(CLOCK_CODES),
            None => matches!(answer.status, 400 | 401 | 403),
        };
        if !may_be || used.credentials.is_none() {
            return false;
        }
        let known = self.ahead.load(Ordering::Relaxed);
        if known != used.ahead {
            return true;
        }
        let Some(ahead) = answer.date.and_then(|date| clock_error(date, used, self.parts.clock.now())) else {
            return false;
        };
        log::warn!("{}: signing by the server's, set it (NTP)", clock_text(ahead));
        self.ahead.store(ahead, Ordering::Relaxed);
        true
    }

    /// Returns the time by the server's clock, as far as its difference to ours is known.
    pub(super) fn now(&self) -> SystemTime {
        shifted(self.parts.clock.now(), self.ahead.load(Ordering::Relaxed))
    }
}

/// Returns whether the region is part of the secrets that the request was signed with: a server may echo them, and
/// every later message would show them.
fn tells_secret(region: &str, used: &Used) -> bool {
    let secrets = used.secrets();
    let long = secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= LONG_SECRET_BYTES);
    redacted(region, &long.collect::<Vec<_>>()) != region
}

/// Returns the region named by a refusal, if it differs from the one that the request was signed for.
fn other_region<'a>(answer: &'a Answer, endpoint: &Endpoint) -> Option<&'a str> {
    let may_be = matches!(answer.status, 300..=400 | 403);
    answer.region.as_deref().filter(|region| may_be && *region != endpoint.region)
}

/// Returns how many seconds the server's clock is ahead of ours, given its `date`; `None` if that is within the
/// tolerance of what is known. The date may be from any moment of the exchange: the moment that minimizes the error
/// counts.
fn clock_error(date: SystemTime, used: &Used, ended: SystemTime) -> Option<i64> {
    if ended.duration_since(used.began).ok()? > MAX_ROUND_TRIP {
        return None;
    }
    let (first, last) = (shifted(used.began, used.ahead), shifted(ended, used.ahead));
    if date.duration_since(last).is_ok_and(|ahead| ahead > CLOCK_TOLERANCE) {
        return difference(date, ended);
    }
    if first.duration_since(date).is_ok_and(|behind| behind > CLOCK_TOLERANCE) {
        return difference(date, used.began);
    }
    None
}

/// Describes the error of our clock, given how many seconds the server's clock is ahead.
pub(super) fn clock_text(ahead: i64) -> String {
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {} s {side} the server's", ahead.unsigned_abs())
}

/// Returns `one` minus `other` in seconds.
pub(super) fn difference(one: SystemTime, other: SystemTime) -> Option<i64> {
    match one.duration_since(other) {
        Ok(after) => i64::try_from(after.as_secs()).ok(),
        Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
    }
}

/// Returns the time shifted by this many seconds, earlier if negative.
pub(super) fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::endpoint::EndpointChoice;

    fn endpoint() -> Endpoint {
        Endpoint::new(&EndpointChoice {
            bucket: "buck",
            region: "us-east-1",
            custom: None,
            path_style: false,
            fips: false,
            dualstack: false,
            accelerate: false,
        })
    }

    #[test]
    fn a_refusal_that_names_another_region_is_about_the_region() {
        for (status, region, learnt) in [
            (301, Some("eu-west-1"), true),
            (307, Some("eu-west-1"), true),
            (400, Some("eu-west-1"), true),
            (403, Some("eu-west-1"), true),
            (404, Some("eu-west-1"), false),
            (503, Some("eu-west-1"), false),
            (400, Some("us-east-1"), false),
            (301, None, false),
        ] {
            let answer = Answer { status, region: region.map(str::to_owned), ..Answer::default() };
            assert_eq!(other_region(&answer, &endpoint()).is_some(), learnt, "{status} {region:?}");
        }
    }

    /// An exchange of `took` seconds began at 10,000 by our clock; the server reports `date`.
    #[test]
    fn clocks_are_compared_over_the_whole_exchange() {
        for (ahead, took, date, learnt) in [
            (0, 1, 10_000, None),
            (0, 1, 10_240, None),
            (0, 1, 10_242, Some(241)),
            (0, 1, 9_759, Some(-241)),
            (0, 1, 9_760, None),
            (0, 1, 20_001, Some(10_000)),
            // A long upload that is refused early or late.
            (0, 800, 10_000, None),
            (0, 800, 10_800, None),
            (0, 901, 20_000, None),
            // A known difference is not reported again.
            (1200, 1, 11_200, None),
            (1200, 1, 10_000, Some(0)),
            (-1200, 1, 10_001, Some(0)),
        ] {
            let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let used = Used {
                endpoint: Arc::new(endpoint()),
                credentials: None,
                ahead,
                began: at(10_000),
                expect: false,
                checksum: false,
                signature: OnceCell::new(),
            };
            assert_eq!(clock_error(at(date), &used, at(10_000 + took)), learnt, "{ahead} {took} {date}");
        }
    }
}
