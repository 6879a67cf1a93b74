//! From a failed call to the crate's error: what it means, and the likely fix.

use crate::base::{Error, S3Error, S3ErrorClass, Secret, hint_without};
use crate::s3::answer::{Answer, Cause, Failed};
use crate::s3::client::{Call, Client};

/// Codes that speak of the credentials, whatever the status.
const ACCESS_CODES: &[&str] = &[
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "InvalidTokenId",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnsupportedAlgorithm",
    "NotSignedUp",
];
const OUT_OF_TOKENS: &str = "it was not tried again, for too many requests have failed";
const CORRUPT_CODES: &[&str] = &["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"];

impl Client {
    pub(super) fn explain(&self, call: &Call<'_>, failed: Failed) -> Error {
        let out_of_tokens = failed.out_of_tokens;
        match self.explain_cause(call, failed) {
            Error::S3(mut error) if out_of_tokens => {
                let hint = error.hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
                error.hint = Some(format!("{hint}{OUT_OF_TOKENS}"));
                Error::S3(error)
            }
            error => error,
        }
    }

    fn explain_cause(&self, call: &Call<'_>, failed: Failed) -> Error {
        let error = S3Error {
            operation: call.operation,
            bucket: self.parts.bucket.clone(),
            key: call.key.map(str::to_owned),
            status: None,
            code: None,
            message: None,
            request_id: None,
            attempts: failed.attempts,
            class: S3ErrorClass::Network,
            hint: None,
            source: None,
        };
        match failed.cause {
            Cause::Own(error) => error,
            Cause::NoAnswer(fault) => {
                let hint = fault.hint().map(|hint| format!("{} ({})", hint, self.endpoint().url()));
                S3Error { hint, source: Some(Box::new(fault)), ..error }.into()
            }
            Cause::Refused(mut answer) => {
                let secrets = self.hidden(&failed.secrets);
                let class = class(&answer);
                let hint = self.hint(call, &answer, class).map(|hint| hint_without(&hint, &secrets));
                answer.hide(&secrets);
                S3Error {
                    status: Some(answer.status),
                    code: answer.code,
                    message: answer.message,
                    request_id: answer.request_id,
                    class,
                    hint,
                    ..error
                }
                .into()
            }
        }
    }

    /// Those of the secrets that are not public by being something else as well, as in tests with made-up keys.
    fn hidden<'a>(&self, secrets: &'a [Secret]) -> Vec<&'a str> {
        let (first, last) = (&self.parts.endpoint, self.endpoint());
        let public = [&first.region, &first.host, &last.region, &last.host, &self.parts.bucket];
        let secrets = secrets.iter().map(Secret::expose);
        secrets.filter(|secret| !public.iter().any(|public| public == secret)).collect()
    }

    /// From the answer as it came: secrets are taken out of the hint afterwards.
    fn hint(&self, call: &Call<'_>, answer: &Answer, class: S3ErrorClass) -> Option<String> {
        let hint = match class {
            S3ErrorClass::Access => return Some(self.access_hint(call, answer)),
            S3ErrorClass::NoSuchBucket => self.bucket_hint(),
            S3ErrorClass::NotS3 => {
                let server = answer.server.as_deref().map(|name| format!(" from {name}")).unwrap_or_default();
                format!(
                    "{} does not answer as S3 does (HTTP {}{server}): is endpoint_url the API, and not a web console or \
                     a proxy?{}",
                    self.endpoint().url(),
                    answer.status,
                    // What many servers say to plain HTTP on the port for TLS.
                    if answer.status == 400 && !self.endpoint().https { " Or does it want https://?" } else { "" },
                )
            }
            S3ErrorClass::Corrupt => {
                "what arrived is not what the digest says: the local blob is corrupt, or a proxy changes bodies"
                    .to_owned()
            }
            S3ErrorClass::Throttled => "the store asks for fewer requests: lower upload_parallelism".to_owned(),
            S3ErrorClass::Server if answer.foreign => {
                "the store failed, or a proxy in between, for this is not how S3 says it: try again later, and tell \
                 their operators"
                    .to_owned()
            }
            S3ErrorClass::Server => "the store failed: try again later, and tell its operator".to_owned(),
            _ => return self.refused_hint(answer),
        };
        Some(hint)
    }

    fn access_hint(&self, call: &Call<'_>, answer: &Answer) -> String {
        let who = self.parts.credentials.as_ref().map_or("no credentials (anonymous)".to_owned(), |p| p.origin());
        match answer.code.as_deref() {
            Some("InvalidAccessKeyId" | "NotSignedUp" | "InvalidTokenId") => {
                format!("{} does not know the access key; it comes from {who}", self.endpoint().url())
            }
            Some("SignatureDoesNotMatch") => format!(
                "the secret access key is wrong (it comes from {who}), or a proxy changes the Host header or others"
            ),
            Some("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => {
                format!("the session has expired: get new credentials; these come from {who}")
            }
            Some("InvalidToken") => format!("the session token does not belong to the keys; they come from {who}"),
            Some("RequestTimeTooSkewed") => "this machine's clock is wrong: set it (NTP)".to_owned(),
            Some("AuthorizationHeaderMalformed") => self.region_hint(answer),
            _ if call.operation == "ListObjectsV2" => format!("allow s3:ListBucket on the bucket; credentials: {who}"),
            _ if matches!(call.operation, "GetObject" | "HeadObject") => format!(
                "allow s3:GetObject on the object, and s3:ListBucket on the bucket: without the latter S3 answers 403 \
                 for what does not exist; credentials: {who}"
            ),
            _ if matches!(call.operation, "CopyObject" | "UploadPartCopy") => {
                format!("allow s3:GetObject and s3:PutObject on the object; credentials: {who}")
            }
            _ if matches!(call.operation, "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload") => {
                format!("allow s3:PutObject on the object; credentials: {who}")
            }
            _ => format!("allow s3:{} on the object; credentials: {who}", call.operation),
        }
    }

    fn bucket_hint(&self) -> String {
        let url = self.endpoint().url();
        let style = if self.endpoint().custom && !self.endpoint().path_style {
            ", or the server wants use_path_style=true"
        } else {
            ""
        };
        format!("there is no bucket {} at {url}: check bucket, region and endpoint_url{style}", self.parts.bucket)
    }

    fn region_hint(&self, answer: &Answer) -> String {
        // The one that was given: another may have been tried since.
        let signed = &self.parts.endpoint.region;
        match answer.region.as_ref().filter(|region| *region != signed) {
            Some(region) => format!("the bucket is in region {region}, not {signed}: give region={region}"),
            None => format!("the server expects another region than {signed}: check region"),
        }
    }

    fn refused_hint(&self, answer: &Answer) -> Option<String> {
        let redirected = matches!(answer.status, 301 | 302 | 307 | 308)
            || answer.has_code(&["PermanentRedirect", "IllegalLocationConstraintException"]);
        if redirected {
            return Some(match &answer.location {
                Some(location) if answer.region.is_none() => {
                    format!("the server redirects to {}: check endpoint_url", public_part(location))
                }
                _ => self.region_hint(answer),
            });
        }
        Some(match (answer.status, answer.code.as_deref()) {
            (_, Some("InvalidRequest"))
                if answer.message.as_ref().is_some_and(|text| text.contains("Acceleration")) =>
            {
                format!(
                    "switch transfer acceleration on for the bucket (aws s3api put-bucket-accelerate-configuration --bucket {} \
                 --accelerate-configuration Status=Enabled), or give use_accelerate_endpoint=false",
                    self.parts.bucket
                )
            }
            (_, Some("SecondLevelDomainForbidden")) => "this store wants use_path_style=false".to_owned(),
            (_, Some("EntityTooSmall" | "InvalidPart" | "InvalidPartOrder")) => {
                "the store wants other parts than those it was sent: tell the authors of this program which store it is"
                    .to_owned()
            }
            (_, Some("NoSuchUpload")) => {
                "somebody has aborted the upload, perhaps a lifecycle rule of the bucket: run the command again"
                    .to_owned()
            }
            (_, Some("EntityTooLarge")) => "the object is larger than the store takes".to_owned(),
            (413, _) => "a proxy refuses large bodies: raise its limit (nginx: client_max_body_size)".to_owned(),
            (507, _) | (_, Some("XMinioStorageFull")) => "the store is full".to_owned(),
            _ if answer.region.as_ref().is_some_and(|region| *region != self.endpoint().region) => {
                self.region_hint(answer)
            }
            _ => return None,
        })
    }
}

/// Scheme, host and path of a URL: what else it has may be a secret.
fn public_part(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = match url.find("//") {
        Some(at) => url.split_at(at + 2),
        None => ("", url),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = if scheme.is_empty() { authority } else { authority.rsplit('@').next().unwrap_or_default() };
    format!("{scheme}{host}{path}")
}

/// What the refusal means.
fn class(answer: &Answer) -> S3ErrorClass {
    if answer.has_code(ACCESS_CODES) {
        return S3ErrorClass::Access;
    }
    if answer.has_code(CORRUPT_CODES) {
        return S3ErrorClass::Corrupt;
    }
    if answer.has_code(&["NoSuchBucket"]) {
        return S3ErrorClass::NoSuchBucket;
    }
    if answer.is_throttled() {
        return S3ErrorClass::Throttled;
    }
    // A gateway's own error page comes from a gateway: the status tells.
    if answer.foreign && answer.status < 500 && answer.status != 413 {
        return S3ErrorClass::NotS3;
    }
    match answer.status {
        401 | 403 => S3ErrorClass::Access,
        404 => S3ErrorClass::NotFound,
        409 | 412 => S3ErrorClass::Conflict,
        200..300 | 500.. => S3ErrorClass::Server,
        _ => S3ErrorClass::Refused,
    }
}
