//! Directory buckets (S3 Express One Zone): sessions, and what these buckets refuse.
//!
//! Written from AWS's documentation and from recorded requests of its SDKs, independent of the crate under test.

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::Credentials;
use super::bucket::Bucket;
use super::clock::{iso, shift};
use super::failure::{Failure, access_denied, invalid_argument, not_implemented};
use super::handlers::Call;
use super::http::{Head, Response};
use super::listing::xml_response;
use super::route::{Operation, Route};
use super::text::{xml, xml_document};

pub(crate) const TOKEN: &str = "x-amz-s3session-token";
const ENCRYPTION: &str = "x-amz-server-side-encryption";

/// What makes the bucket of the server a directory bucket.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    /// How long a session lasts.
    pub(crate) session_seconds: i64,
    /// Accept requests that are signed without a session.
    pub(crate) base_keys: bool,
    /// The caller may only create sessions of this mode.
    pub(crate) only: Option<&'static str>,
}

/// A session with the bucket.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) keys: Credentials,
    pub(crate) expires: SystemTime,
    pub(crate) read_only: bool,
    /// Headers that apply to what is written.
    pub(crate) encryption: Vec<(String, String)>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { session_seconds: 300, base_keys: false, only: None }
    }
}

/// Returns the session that signed the request.
pub(crate) fn signer<'a>(head: &Head, route: &Route, sessions: &'a [Session]) -> Option<&'a Session> {
    let authorization = head.header("authorization").and_then(|value| value.split_once("Credential="));
    let credential = authorization.map(|(_, rest)| rest).or_else(|| route.param("X-Amz-Credential"))?;
    sessions.iter().find(|session| {
        credential.strip_prefix(&*session.keys.access_key_id).is_some_and(|scope| scope.starts_with('/'))
    })
}

/// Checks that the keys are of the right kind for the operation.
pub(crate) fn check_keys(
    head: &Head,
    route: &Route,
    directory: &Directory,
    session: Option<&Session>,
) -> Result<(), Failure> {
    use Operation::{CopyObject, CreateSession, UploadPartCopy};
    use Operation::{GetObject, HeadObject, ListMultipartUploads, ListObjectsV2, ListParts};
    let needs_base_keys = matches!(route.operation, CreateSession | CopyObject | UploadPartCopy);
    match session {
        Some(_) if head.header("x-amz-security-token").is_some() || route.param("X-Amz-Security-Token").is_some() => {
            Err(Failure::new(400, "InvalidRequest", "x-amz-security-token is not allowed with a session"))
        }
        Some(_) if needs_base_keys => Err(access_denied()),
        Some(session) if session.read_only => match route.operation {
            GetObject | HeadObject | ListObjectsV2 | ListParts | ListMultipartUploads => Ok(()),
            _ => Err(access_denied()),
        },
        Some(_) => Ok(()),
        None if head.header(TOKEN).is_some() => Err(Failure::new(403, "InvalidAccessKeyId", "no such session")),
        None if needs_base_keys || directory.base_keys => Ok(()),
        None => Err(access_denied()),
    }
}

/// Checks what directory buckets do not support.
pub(crate) fn check_support(head: &Head, route: &Route, in_session: bool) -> Result<(), Failure> {
    for name in ["x-amz-request-payer", "x-amz-tagging", "x-amz-acl"] {
        if head.header(name).is_some() {
            return Err(not_implemented(name));
        }
    }
    if head.header("x-amz-storage-class").is_some_and(|class| class != "EXPRESS_ONEZONE") {
        return Err(Failure::new(400, "InvalidStorageClass", "The storage class you specified is not valid"));
    }
    if in_session && head.headers.iter().any(|(name, _)| name.starts_with(ENCRYPTION)) {
        return Err(Failure::new(400, "InvalidRequest", "the encryption is that of the session"));
    }
    for name in ["start-after", "upload-id-marker", "delimiter"] {
        if route.param(name).is_some() {
            return Err(not_implemented(name));
        }
    }
    if route.param("prefix").is_some_and(|prefix| !prefix.ends_with('/')) {
        let message = "This bucket does not support a prefix that does not end in a delimiter";
        return Err(Failure::new(400, "InvalidRequest", message));
    }
    match route.operation {
        Operation::ListObjects => Err(Failure::new(501, "NotSupported", "ListObjects is not supported")),
        // On another host.
        Operation::GetBucketLocation | Operation::GetBucketLifecycleConfiguration => Err(not_implemented("control")),
        _ => Ok(()),
    }
}

pub(crate) fn create_session(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    let directory = call.config.directory.as_ref().ok_or_else(|| not_implemented("session"))?;
    let mode = call.head.header("x-amz-create-session-mode").unwrap_or("ReadWrite");
    if !["ReadOnly", "ReadWrite"].contains(&mode) {
        return Err(invalid_argument("unknown session mode"));
    }
    if directory.only.is_some_and(|only| only != mode) {
        return Err(access_denied());
    }
    bucket.sessions_begun += 1;
    let number = bucket.sessions_begun;
    let keys = Credentials::new(
        &format!("ASIAEXPRESS{number:04}"),
        &format!("express/Secret+{number}"),
        Some(&format!("SessionToken//{number}+==")),
    );
    let expires = shift(call.now, directory.session_seconds);
    let given = call.head.headers.iter().filter(|(name, _)| name.starts_with(ENCRYPTION));
    let (read_only, encryption) = (mode == "ReadOnly", given.cloned().collect());
    let inner = xml("SessionToken", keys.session_token.as_deref().unwrap())
        + &xml("SecretAccessKey", &keys.secret_access_key)
        + &xml("AccessKeyId", &keys.access_key_id)
        + &xml("Expiration", &iso(expires));
    bucket.sessions.push(Session { keys, expires, read_only, encryption });
    Ok(xml_response(xml_document("CreateSessionResult", &format!("<Credentials>{inner}</Credentials>"))))
}

/// Returns the encryption of what the request writes.
pub(crate) fn encryption(call: &Call<'_>, bucket: &Bucket) -> Vec<(String, String)> {
    signer(call.head, call.route, &bucket.sessions).map(|session| session.encryption.clone()).unwrap_or_default()
}

/// Returns where a key stands in listings, which are not in its order.
pub(crate) fn place(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// Returns an entity tag that differs for each write.
pub(crate) fn fresh_etag(bucket: &mut Bucket) -> String {
    bucket.writes += 1;
    format!("\"{}\"", &hex::encode(Sha256::digest(format!("write {}", bucket.writes)))[..20])
}
