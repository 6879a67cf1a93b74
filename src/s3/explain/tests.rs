use super::*;
use crate::config::EndpointUrl;
use crate::s3::endpoint::EndpointChoice;

/// A refusal to explain: the differences from an `AccessDenied` for an object on AWS.
struct Case {
    status: u16,
    code: &'static str,
    message: &'static str,
    /// Additional elements of the error document.
    more: &'static str,
    operation: &'static str,
    region: &'static str,
    endpoint: &'static str,
    mistake: Option<KeyMistake>,
    write_headers: &'static [(&'static str, &'static str)],
    request_headers: &'static [(&'static str, &'static str)],
    conditional: bool,
    unsigned: bool,
    may_list: bool,
}

const CASE: Case = Case {
    status: 403,
    code: "AccessDenied",
    message: "Access Denied",
    more: "",
    operation: "PutObject",
    region: "eu-west-1",
    endpoint: "",
    mistake: None,
    write_headers: &[],
    request_headers: &[],
    conditional: false,
    unsigned: false,
    may_list: false,
};

const ENCRYPTED: &[(&str, &str)] = &[
    ("x-amz-server-side-encryption", "aws:kms"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:eu-west-1:111122223333:key/k"),
];

impl Case {
    fn explain(&self) -> (S3ErrorClass, String) {
        let escaped = self.message.replace('&', "&amp;").replace('<', "&lt;");
        let body = format!("<Error><Code>{}</Code><Message>{escaped}</Message>{}</Error>", self.code, self.more);
        let answer = Answer::parse(self.status, |_| None, body.as_bytes());
        let custom = (!self.endpoint.is_empty()).then(|| EndpointUrl::parse(self.endpoint, "endpoint_url").unwrap());
        let endpoint = Endpoint::new(&EndpointChoice {
            bucket: &"cache".parse().unwrap(),
            region: self.region,
            custom: custom.as_ref(),
            path_style: true,
            fips: false,
            dualstack: false,
            accelerate: false,
            sessions: true,
        })
        .unwrap();
        let owned = |headers: &[(&str, &str)]| -> Vec<(String, String)> {
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (write_headers, request_headers) = (owned(self.write_headers), owned(self.request_headers));
        let class = class::of(&answer);
        let refusal = Refusal {
            answer: &answer,
            operation: self.operation,
            on_object: !matches!(self.operation, "ListObjectsV2" | "HeadBucket"),
            bucket: "cache",
            endpoint: &endpoint,
            region: (self.region, "AWS_REGION"),
            signer: Some("the environment (AWS_ACCESS_KEY_ID)".to_owned()),
            mistake: self.mistake,
            write_headers: &write_headers,
            request_headers: &request_headers,
            condition: self.conditional.then_some("If-Match"),
            unsigned: self.unsigned,
            session: false,
            may_list: self.may_list,
        };
        (class, refusal.hint(class).unwrap_or_default())
    }

    /// The hint contains all of `parts` and none of `not`.
    #[track_caller]
    fn says(&self, class: S3ErrorClass, parts: &[&str], not: &[&str]) {
        let (found, hint) = self.explain();
        assert_eq!(found, class, "{} {}: {hint}", self.code, self.message);
        for part in parts {
            assert!(hint.contains(part), "{part:?} is not in: {hint}");
        }
        for part in not.iter().chain(&["operator", "server's log"]) {
            assert!(!hint.contains(part), "{part:?} is in: {hint}");
        }
    }
}

const ROLE: &str = "User: arn:aws:sts::111122223333:assumed-role/ci/b is not authorized to perform: ";

macro_rules! denied {
    ($rest:literal) => {
        concat!("User: arn:aws:sts::111122223333:assumed-role/ci/b is not authorized to perform: ", $rest)
    };
}

mod encryption;
mod keys;
mod permissions;
mod region;

#[test]
fn other_refusals_have_a_fix_that_a_user_can_try() {
    use S3ErrorClass::{Corrupt, NoSuchBucket, NotFound, Refused, Server, Throttled, Unsupported};
    for (status, code, message, operation, class, part) in [
        (404, "NoSuchKey", "", "ListObjectsV2", NotFound, "whether endpoint_url already contains it"),
        (404, "NoSuchBucket", "", "GetObject", NoSuchBucket, "check bucket, region and endpoint_url"),
        (400, "InvalidBucketName", "", "GetObject", Refused, "check bucket"),
        (400, "InvalidStorageClass", "", "PutObject", Refused, "storage_class"),
        (405, "MethodNotAllowed", "", "PutObject", Unsupported, "endpoint_url"),
        (413, "", "", "PutObject", Refused, "client_max_body_size"),
        (507, "XMinioStorageFull", "", "PutObject", Server, "the store is full"),
        (500, "InternalError", "", "PutObject", Server, "run the command again later"),
        (501, "NotImplemented", "", "PutObject", Unsupported, "does not support PutObject"),
        (503, "SlowDown", "", "PutObject", Throttled, "lower upload_parallelism"),
        (400, "BadDigest", "", "PutObject", Corrupt, "the local blob is corrupt"),
    ] {
        Case { status, code, message, operation, ..CASE }.says(class, &[part], &["allow s3"]);
    }
    let class = [("x-amz-storage-class", "ONEZONE_IA")].as_slice();
    let unsupported = Case { status: 501, code: "NotImplemented", write_headers: class, ..CASE };
    unsupported.says(Unsupported, &["storage_class: leave it out"], &[]);
}

#[test]
fn a_full_store_or_quota_is_not_reported_as_a_missing_permission() {
    use S3ErrorClass::{Refused, Server};
    for (status, code, message, class) in [
        (403, "QuotaExceeded", "", Refused),
        (400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded", Refused),
        (403, "AccessDenied", "Forbidden: Bucket size quota is reached, maximum total size of objects: 1", Refused),
        (403, "AccessDenied", "Forbidden: Object quota is reached, maximum objects for this bucket: 1", Refused),
        (507, "", "", Server),
        (507, "XMinioStorageFull", "", Server),
    ] {
        for operation in ["PutObject", "UploadPart", "CompleteMultipartUpload"] {
            Case { status, code, message, operation, ..CASE }.says(class, &["quota", "free some space"], &["allow s3"]);
        }
    }
    Case { message: "no quota for you", ..CASE }.says(S3ErrorClass::Access, &["allow s3:PutObject"], &["free some"]);
}

#[test]
fn an_unsupported_conditional_request_names_its_condition() {
    let case = Case { status: 501, code: "NotImplemented", message: "", operation: "GetObject", ..CASE };
    Case { conditional: true, ..case }.says(
        S3ErrorClass::Unsupported,
        &["does not support GetObject with If-Match"],
        &[],
    );
    case.says(S3ErrorClass::Unsupported, &["does not support GetObject"], &["If-Match"]);
}

#[test]
fn an_archived_object_is_reported_as_archived() {
    let message = "The operation is not valid for the object's storage class";
    let case = Case { code: "InvalidObjectState", message, operation: "GetObject", ..CASE };
    case.says(S3ErrorClass::Archived, &["is archived", "restore it"], &["allow s3"]);
}
