//! Turns a failed call into an error with its meaning and the likely fix.

mod access;
mod class;
mod encryption;
mod refusal;
mod refused;
mod region;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use crate::aws::KeyMistake;
use crate::base::{Error, S3Error, S3ErrorClass, Secret, hint_without};
use crate::s3::answer::{Answer, Cause, FailedCall};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::endpoint::Endpoint;
use crate::s3::sessions;
use refusal::Refusal;

pub(super) use class::refuses_keys;

const OUT_OF_TOKENS: &str = "it was not retried, because too many requests have failed";

impl S3Client {
    pub(super) fn explain(&self, call: &Call<'_>, failed: FailedCall) -> Error {
        self.explain_with(None, call, failed)
    }

    /// Same as [`explain`](Self::explain), with a class that follows from the request.
    pub(super) fn explain_as(&self, class: S3ErrorClass, call: &Call<'_>, failed: FailedCall) -> Error {
        self.explain_with(Some(class), call, failed)
    }

    fn explain_with(&self, class: Option<S3ErrorClass>, call: &Call<'_>, failed: FailedCall) -> Error {
        let out_of_tokens = failed.out_of_tokens;
        match self.explain_cause(class, call, failed) {
            Error::S3(mut error) if out_of_tokens => {
                let hint = error.hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
                error.hint = Some(format!("{hint}{OUT_OF_TOKENS}"));
                Error::S3(error)
            }
            error => error,
        }
    }

    fn explain_cause(&self, given: Option<S3ErrorClass>, call: &Call<'_>, failed: FailedCall) -> Error {
        let error = |class, verdict| S3Error {
            operation: call.operation,
            bucket: self.parts.bucket.clone(),
            key: call.key.map(str::to_owned),
            status: None,
            code: None,
            message: None,
            request_id: None,
            attempts: failed.attempts,
            class: given.unwrap_or(class),
            hint: None,
            source: None,
            verdict,
        };
        match failed.cause {
            Cause::Own(error) => error,
            Cause::NoAnswer(fault) => {
                let endpoint = self.endpoint();
                let hint = fault.hint().map(|hint| format!("{} ({})", hint, endpoint.url()));
                let hint = region::zone_hint(&endpoint).or(hint);
                let error = error(S3ErrorClass::Network, verdict::of_fault(&fault));
                S3Error { hint, source: Some(Arc::new(fault)), ..error }.into()
            }
            Cause::Refused(mut answer) => {
                let secrets = self.hidden(&failed.secrets);
                let class = class::of(&answer);
                // Computed from the response as sent; secrets are masked in the hint afterwards.
                let (mistake, unsigned, session) = (failed.mistake, failed.unsigned, failed.session);
                let endpoint = self.endpoint();
                let refusal = self.refusal(call, &answer, mistake, &endpoint);
                let hint = Refusal { unsigned, session, ..refusal }.hint(class);
                let hint = hint.map(|hint| hint_without(&hint, &secrets));
                let error = error(class, verdict::of_refusal(given.unwrap_or(class), &answer));
                answer.hide(&secrets);
                S3Error {
                    status: Some(answer.status),
                    code: answer.code,
                    message: answer.message,
                    request_id: answer.request_id,
                    hint,
                    ..error
                }
                .into()
            }
        }
    }

    /// Returns the secrets to mask: all except those that equal a public setting, as dummy keys do.
    fn hidden<'a>(&self, secrets: &'a [Secret]) -> Vec<&'a str> {
        let (first, last) = (&self.parts.endpoint, self.endpoint());
        let public = [&first.region, &first.host, &last.region, &last.host, &self.parts.bucket];
        let secrets = secrets.iter().map(Secret::expose);
        secrets.filter(|secret| !public.iter().any(|public| public == secret)).collect()
    }

    fn refusal<'a>(
        &'a self,
        call: &Call<'_>,
        answer: &'a Answer,
        mistake: Option<KeyMistake>,
        endpoint: &'a Endpoint,
    ) -> Refusal<'a> {
        Refusal {
            answer,
            operation: call.operation,
            on_object: call.key.is_some(),
            bucket: &self.parts.bucket,
            endpoint,
            region: (&self.parts.endpoint.region, &self.parts.region_origin),
            signer: self.parts.credentials.as_ref().map(|provider| provider.origin()),
            mistake,
            write_headers: &self.parts.write_headers,
            request_headers: &self.parts.request_headers,
            condition: call.headers.iter().find_map(|(name, _)| match name.as_str() {
                "if-match" => Some("If-Match"),
                "if-none-match" => Some("If-None-Match"),
                _ => None,
            }),
            unsigned: false,
            session: false,
            may_list: self.learnt.may_list.get(),
        }
    }
}

impl Refusal<'_> {
    /// Returns the likely fix.
    fn hint(&self, class: S3ErrorClass) -> Option<String> {
        use S3ErrorClass::{Access, NoSuchBucket, NotS3, Refused};
        let may_be = matches!(class, Access | NoSuchBucket | NotS3 | Refused) && !self.may_list;
        let zone = region::zone_hint(self.endpoint).filter(|_| may_be);
        match (zone, self.hint_of(class)) {
            (Some(zone), Some(hint)) => Some(format!("{zone}; otherwise, {hint}")),
            (zone, hint) => zone.or(hint),
        }
    }

    fn hint_of(&self, class: S3ErrorClass) -> Option<String> {
        if self.session && sessions::is_refused(self.answer) {
            return Some(access::SESSION_REFUSED.to_owned());
        }
        if let Some(hint) = encryption::hint(self).or_else(|| refused::unsigned(self)) {
            return Some(hint);
        }
        match class {
            S3ErrorClass::Access => Some(access::hint(self)),
            S3ErrorClass::NoSuchBucket => Some(self.bucket_hint()),
            S3ErrorClass::NotS3 => Some(self.not_s3_hint()),
            S3ErrorClass::Corrupt => Some(
                "the received bytes do not match the digest: the local blob is corrupt, or a proxy changes bodies"
                    .to_owned(),
            ),
            S3ErrorClass::Throttled => Some("the store asks for fewer requests: lower upload_parallelism".to_owned()),
            S3ErrorClass::Server => Some(self.server_hint()),
            S3ErrorClass::Unsupported => refused::unsupported(self).or_else(|| refused::hint(self)),
            _ => refused::hint(self),
        }
    }

    fn bucket_hint(&self) -> String {
        let url = self.endpoint.url();
        let may_be_in_path = self.endpoint.custom && !self.endpoint.path_style && self.endpoint.has_path_style();
        let style = if may_be_in_path { ", or set use_path_style=true" } else { "" };
        format!("there is no bucket {} at {url}: check bucket, region and endpoint_url{style}", self.bucket)
    }

    fn not_s3_hint(&self) -> String {
        let server = self.answer.server.as_deref().map(|name| format!(" from {name}")).unwrap_or_default();
        format!(
            "{} does not answer as S3 does (HTTP {}{server}): check that endpoint_url is the API, not a web console or a \
             proxy{}",
            self.endpoint.url(),
            self.answer.status,
            // Many servers send this in response to plain HTTP on the TLS port.
            if self.answer.status == 400 && !self.endpoint.https {
                "; if the port uses TLS, write https://"
            } else {
                ""
            },
        )
    }

    fn server_hint(&self) -> String {
        if let Some(hint) = refused::unsupported(self) {
            return hint;
        }
        if class::is_quota(self.answer) {
            return refused::FULL.to_owned();
        }
        let what = if self.answer.foreign {
            "the store, or a proxy in between, failed with a response that is not S3's"
        } else {
            "the store failed"
        };
        format!("{what}: run the command again later; retry_max_attempts=N raises the number of attempts")
    }
}
