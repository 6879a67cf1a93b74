//! Determines the bucket, key and operation of a request.

use super::Config;
use super::failure::{Failure, invalid_argument, not_implemented};
use super::http::Head;
use super::text::percent_decode;

/// An operation, by S3's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    HeadBucket,
    CreateSession,
    GetBucketLocation,
    GetBucketLifecycleConfiguration,
    ListObjects,
    ListObjectsV2,
    ListMultipartUploads,
    HeadObject,
    GetObject,
    PutObject,
    CopyObject,
    DeleteObject,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    /// Any other operation, or an unrecognized request.
    Unknown,
}

/// A parsed request.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) operation: Operation,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// Decoded names and values, in the order received.
    pub(crate) query: Vec<(String, String)>,
}

impl Route {
    pub(crate) fn unknown() -> Self {
        Self { operation: Operation::Unknown, bucket: String::new(), key: String::new(), query: Vec::new() }
    }

    /// Returns the value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn of(head: &Head, config: &Config) -> Result<Self, Failure> {
        let undecodable = || Failure::new(400, "InvalidURI", "Couldn't parse the specified URI.");
        let query = head
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((percent_decode(name)?, percent_decode(value)?))
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(undecodable)?;
        let path = head.path.strip_prefix(&config.base_path).filter(|rest| rest.starts_with('/'));
        let path = percent_decode(path.ok_or_else(undecodable)?).ok_or_else(undecodable)?;
        let path = path.get(1..).unwrap_or_default();
        let (bucket, key) = match virtual_bucket(head, config) {
            Some(bucket) => (bucket, path.to_owned()),
            None if config.virtual_only => return Err(path_style_refused()),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (bucket.to_owned(), key.to_owned())
            }
        };
        check_key(&key)?;
        let operation = operation(head, &query, key.is_empty())?;
        Ok(Self { operation, bucket, key, query })
    }
}

fn virtual_bucket(head: &Head, config: &Config) -> Option<String> {
    let host = head.header("host")?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let bucket = host.strip_suffix(config.domain.as_ref()?)?.strip_suffix('.')?;
    (!bucket.is_empty()).then(|| bucket.to_owned())
}

fn path_style_refused() -> Failure {
    let message = "The bucket you are attempting to access must be addressed using OSS third level domain.";
    Failure::new(403, "SecondLevelDomainForbidden", message)
}

fn check_key(key: &str) -> Result<(), Failure> {
    if key.len() > 1024 {
        return Err(Failure::new(400, "KeyTooLongError", "Your key is too long"));
    }
    let odd_segment = key.split('/').any(|segment| segment == "." || segment == "..");
    if odd_segment || key.chars().any(char::is_control) {
        return Err(Failure::new(400, "XMinioInvalidObjectName", "Object name contains unsupported characters."));
    }
    Ok(())
}

fn operation(head: &Head, query: &[(String, String)], no_key: bool) -> Result<Operation, Failure> {
    use Operation::*;
    let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
    let has = |name: &str| names.contains(&name);
    let copies = head.header("x-amz-copy-source").is_some();
    let (operation, allowed): (Operation, &[&str]) = match (head.method.as_str(), no_key) {
        ("HEAD", true) => (HeadBucket, &[]),
        ("GET", true) if has("session") => (CreateSession, &["session"]),
        ("GET", true) if has("location") => (GetBucketLocation, &["location"]),
        ("GET", true) if has("lifecycle") => (GetBucketLifecycleConfiguration, &["lifecycle"]),
        ("GET", true) if has("uploads") => {
            let allowed = &["uploads", "prefix", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"];
            (ListMultipartUploads, allowed)
        }
        ("GET", true) if has("list-type") => {
            (ListObjectsV2, &["list-type", "prefix", "continuation-token", "start-after", "max-keys", "encoding-type"])
        }
        ("GET", true) => (ListObjects, &["prefix", "marker", "max-keys", "encoding-type"]),
        ("HEAD", false) => (HeadObject, &[]),
        ("GET", false) if has("uploadId") => (ListParts, &["uploadId", "part-number-marker", "max-parts"]),
        ("GET", false) => (GetObject, &[]),
        ("PUT", false) if has("uploadId") && copies => (UploadPartCopy, &["partNumber", "uploadId"]),
        ("PUT", false) if has("uploadId") => (UploadPart, &["partNumber", "uploadId"]),
        ("PUT", false) if copies => (CopyObject, &[]),
        ("PUT", false) => (PutObject, &[]),
        ("POST", false) if has("uploads") => (CreateMultipartUpload, &["uploads"]),
        ("POST", false) if has("uploadId") => (CompleteMultipartUpload, &["uploadId"]),
        ("DELETE", false) if has("uploadId") => (AbortMultipartUpload, &["uploadId"]),
        ("DELETE", false) => (DeleteObject, &[]),
        _ => return Err(not_implemented("the operation")),
    };
    if has("x-id") {
        return Err(invalid_argument("x-id is not a parameter of this store"));
    }
    let mut seen = Vec::new();
    for &name in &names {
        // The signature of a presigned request, and headers that moved there with it.
        if name.to_ascii_lowercase().starts_with("x-amz-") && has("X-Amz-Signature") {
            continue;
        }
        if !allowed.contains(&name) {
            return Err(not_implemented(name));
        }
        if seen.contains(&name) {
            return Err(invalid_argument("a parameter is given twice"));
        }
        seen.push(name);
    }
    Ok(operation)
}
