//! Learns from a refusal: that the session has expired, that the bucket is in another region or at another host, that a
//! clock is wrong, that `Expect` is not supported, or that checksums are required. Each is acted on once per call; all
//! but session and host are remembered for the client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::base::{Result, Secret, redacted};
use crate::credentials::{CredentialsProvider, Refreshed};
use crate::s3::answer::Answer;
use crate::s3::attempt::Used;
use crate::s3::call::Call;
use crate::s3::checksum::Checksum;
use crate::s3::clock::{CLOCK_TOLERANCE, clock_text, difference, shifted};
use crate::s3::endpoint::Endpoint;
use crate::s3::learnt::Learnt;
use crate::s3::sessions;

/// The credentials were good once, or belong to an expired session.
const SESSION_CODES: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    // MinIO's name for it.
    "InvalidTokenId",
    "TokenRefreshRequired",
];
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
/// After a longer exchange, it is unknown which moment the server's time refers to.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(15 * 60);
/// The minimum length of a secret that does not match the name of a region by chance.
const LONG_SECRET_BYTES: usize = 20;
/// A new bucket needs one redirect until its name has propagated.
const MAX_REDIRECTS: u32 = 2;

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

/// A refused attempt, and what it was made with.
pub(super) struct RefusedAttempt<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) used: &'a Used,
    pub(super) answer: &'a Answer,
    pub(super) bucket: &'a str,
    /// `None` if requests are not signed.
    pub(super) credentials: Option<&'a dyn CredentialsProvider>,
    /// The sessions with the directory bucket, if it was signed with one.
    pub(super) session: Option<&'a Refreshed>,
    /// The time by our clock.
    pub(super) now: SystemTime,
}

impl RefusedAttempt<'_> {
    /// Returns whether the refusal shows what to change, so that another attempt is worthwhile. Records it.
    ///
    /// # Errors
    /// If new credentials are needed and cannot be obtained.
    pub(super) fn teach(&self, learnt: &Learnt, lessons: &mut Lessons) -> Result<bool> {
        let Self { call, used, answer, .. } = self;
        if answer.status == 417 && used.expect {
            log::info!("{} does not accept Expect: 100-continue; continuing without it", used.endpoint.host);
            learnt.expects_nothing.set(true);
            return Ok(true);
        }
        if answer.wants_checksum() && !used.checksum {
            log::info!("{} requires checksums; sending x-amz-checksum-sha256 from now on", used.endpoint.host);
            learnt.wants_checksums.set(true);
            return Ok(call.checksum == Checksum::WhenWanted);
        }
        if let (Some(session), Some(keys)) = (self.session, &used.keys.credentials)
            && sessions::is_refused(answer)
        {
            log::info!("the store refuses the session with the bucket; continuing with a new one");
            session.forget(keys);
            return Ok(!std::mem::replace(&mut lessons.session, true));
        }
        if answer.has_code(SESSION_CODES) {
            return Ok(!std::mem::replace(&mut lessons.session, true) && self.renew_session()?);
        }
        // A directory bucket is in a zone of the configured region, and nowhere else.
        if used.endpoint.zone().is_some() && matches!(answer.status, 301 | 307) {
            return Ok(false);
        }
        if let Some(region) = other_region(answer, &used.endpoint) {
            return Ok(!std::mem::replace(&mut lessons.region, true) && self.teach_region(learnt, lessons, region));
        }
        if answer.status == 307 && lessons.redirects < MAX_REDIRECTS {
            let target = used.endpoint.target(call.key, call.query);
            let to = answer.location.as_deref().and_then(|location| used.endpoint.redirected(location, &target));
            lessons.redirects += 1;
            lessons.host = to.map(Arc::new);
            return Ok(lessons.host.is_some());
        }
        Ok(!lessons.clock && {
            lessons.clock = self.teach_clock(learnt);
            lessons.clock
        })
    }

    /// Returns whether there are other credentials than those that were refused.
    fn renew_session(&self) -> Result<bool> {
        let (Some(provider), Some(old)) = (self.credentials, &self.used.keys.credentials) else { return Ok(false) };
        provider.invalidate(old);
        let new = provider.credentials()?;
        let same = (&new.access_key_id, &new.secret_access_key, &new.session_token)
            == (&old.access_key_id, &old.secret_access_key, &old.session_token);
        if !same {
            log::info!("the session has expired; continuing with a new one from {}", provider.origin());
        }
        Ok(!same)
    }

    fn teach_region(&self, learnt: &Learnt, lessons: &mut Lessons, region: &str) -> bool {
        let (bucket, before) = (self.bucket, &self.used.endpoint.region);
        let moved = learnt.move_endpoint(before, |endpoint| {
            let other = endpoint.in_region(region).filter(|_| !reveals_secret(region, self.used))?;
            log::warn!(
                "the bucket {bucket} is in region {region}, not {before}: continuing there; set region={region} to avoid \
                 the extra request"
            );
            Some(other)
        });
        if moved {
            lessons.host = None;
        }
        moved
    }

    fn teach_clock(&self, learnt: &Learnt) -> bool {
        let Self { used, answer, .. } = self;
        let may_be = match &answer.code {
            Some(_) => answer.has_code(CLOCK_CODES),
            None => matches!(answer.status, 400 | 401 | 403),
        };
        if !may_be || used.keys.credentials.is_none() {
            return false;
        }
        if learnt.ahead() != used.ahead {
            return true;
        }
        let Some(ahead) = answer.date.and_then(|date| clock_error(date, used, self.now)) else {
            return false;
        };
        log::warn!("{}: signing with the server's time; set the clock (NTP)", clock_text(ahead));
        learnt.set_ahead(ahead);
        true
    }
}

/// Returns whether the region is part of the secrets that the request was signed with: a server may echo them, and
/// every later message would show them.
fn reveals_secret(region: &str, used: &Used) -> bool {
    let secrets = used.secrets();
    let long = secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= LONG_SECRET_BYTES);
    redacted(region, &long.collect::<Vec<_>>()) != region
}

/// Returns the region named by a refusal, if it differs from the one that the request was signed for.
fn other_region<'a>(answer: &'a Answer, endpoint: &Endpoint) -> Option<&'a str> {
    let may_be = matches!(answer.status, 300..=400 | 403) && endpoint.zone().is_none();
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

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;

    use super::*;
    use crate::s3::endpoint::EndpointChoice;
    use crate::s3::sessions::Keys;

    fn endpoint() -> Endpoint {
        Endpoint::new(&EndpointChoice {
            bucket: &"buck".parse().unwrap(),
            region: "us-east-1",
            custom: None,
            path_style: false,
            fips: false,
            dualstack: false,
            accelerate: false,
            sessions: true,
        })
        .unwrap()
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
                keys: Keys { credentials: None, session: None },
                ahead,
                began: at(10_000),
                expect: false,
                checksum: false,
                unsigned: false,
                signature: OnceCell::new(),
            };
            assert_eq!(clock_error(at(date), &used, at(10_000 + took)), learnt, "{ahead} {took} {date}");
        }
    }
}
