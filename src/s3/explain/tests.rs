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
            bucket: "cache",
            region: self.region,
            custom: custom.as_ref(),
            path_style: true,
            fips: false,
            dualstack: false,
            accelerate: false,
        });
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

#[test]
fn a_missing_allow_names_the_action_and_where_it_belongs() {
    for (operation, message, parts) in [
        (
            "PutObject",
            denied!(
                "s3:PutObject on resource: \"arn:aws:s3:::cache/blobs/sha256:00\" because no identity-based policy \
                 allows the s3:PutObject action"
            ),
            &["allow s3:PutObject on the object in an identity-based policy", "AWS_ACCESS_KEY_ID"][..],
        ),
        (
            "CopyObject",
            denied!(
                "s3:PutObjectTagging on resource: \"x\" because no identity-based policy allows the s3:PutObjectTagging \
                 action"
            ),
            &["allow s3:PutObjectTagging on the object"],
        ),
        (
            "ListObjectsV2",
            denied!(
                "s3:ListBucket on resource: \"arn:aws:s3:::cache\" because no identity-based policy allows the \
                 s3:ListBucket action"
            ),
            &["allow s3:ListBucket on the bucket"],
        ),
        (
            "GetObject",
            denied!(
                "s3:ListBucket on resource: \"arn:aws:s3:::cache\" because no identity-based policy allows the \
                 s3:ListBucket action"
            ),
            &["the object does not exist", "403 instead of 404", "allow s3:ListBucket on the bucket"],
        ),
        (
            "GetObject",
            denied!("s3:GetObject on resource: \"x\" because no resource-based policy allows the s3:GetObject action"),
            &["allow s3:GetObject on the object in a resource-based policy (the bucket policy)"],
        ),
        (
            "GetObject",
            denied!("s3:GetObject on resource: \"x\" because no VPC endpoint policy allows the s3:GetObject action"),
            &["allow s3:GetObject in the VPC endpoint policy too"],
        ),
        (
            "PutObject",
            denied!("s3:PutObject because no permissions boundary allows the s3:PutObject action"),
            &["allow s3:PutObject in the permissions boundary of the user or role too"],
        ),
        (
            "PutObject",
            denied!("s3:PutObject because no session policy allows the s3:PutObject action"),
            &["allow s3:PutObject in the session policy"],
        ),
        (
            "PutObject",
            denied!("s3:PutObject because no service control policy allows the s3:PutObject action"),
            &["allow s3:PutObject in a service control policy (SCP)"],
        ),
        (
            "PutObject",
            denied!(
                "kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:111122223333:key/k because no identity-based \
                 policy allows the kms:GenerateDataKey action"
            ),
            &["allow kms:GenerateDataKey on the KMS key"],
        ),
        (
            "GetObject",
            denied!(
                "kms:Decrypt on resource: arn:aws:kms:x because the resource does not exist in this Region, no \
                 resource-based policies allow access, or a resource-based policy explicitly denies access"
            ),
            &["allow kms:Decrypt on the KMS key", "must exist in the bucket's region"],
        ),
    ] {
        Case { operation, message, ..CASE }.says(S3ErrorClass::Access, parts, &["explicit deny"]);
    }
}

#[test]
fn an_explicit_deny_names_its_policy_and_no_allow() {
    for (policy, named) in [
        ("a resource-based policy", "a resource-based policy (the bucket policy)"),
        ("an identity-based policy", "an identity-based policy"),
        ("a service control policy", "a service control policy (SCP)"),
        ("a resource control policy", "a resource control policy (RCP)"),
        ("a VPC endpoint policy", "the VPC endpoint policy"),
        ("a permissions boundary", "the permissions boundary"),
        ("a session policy", "the session policy"),
        ("an identity-based policy: arn:aws:iam::111122223333:policy/resource-based", "an identity-based policy"),
    ] {
        for (operation, action, writes) in [
            ("PutObject", "s3:PutObject", true),
            ("CopyObject", "s3:PutObject", true),
            ("CreateMultipartUpload", "s3:PutObject", true),
            ("GetObject", "s3:GetObject", false),
            ("ListObjectsV2", "s3:ListBucket", false),
            ("DeleteObject", "s3:DeleteObject", false),
        ] {
            let message =
                format!("{ROLE}{action} on resource: \"arn:aws:s3:::cache/k\" with an explicit deny in {policy}");
            let case = Case { operation, message: message.leak(), ..CASE };
            case.says(S3ErrorClass::Access, &["an explicit deny in ", named, action], &["allow s3:"]);
            assert_eq!(case.explain().1.contains("server_side_encryption"), writes, "{operation}");
        }
    }
    // Longer than the shown part of a message.
    let long =
        format!("{ROLE}s3:PutObject on resource: \"{}\" with an explicit deny in a session policy", "x".repeat(400));
    Case { message: long.leak(), ..CASE }.says(S3ErrorClass::Access, &["the session policy"], &["allow s3:"]);
    let sent = Case {
        message: denied!("s3:PutObject on resource: \"x\" with an explicit deny in a resource-based policy"),
        write_headers: ENCRYPTED,
        ..CASE
    };
    sent.says(S3ErrorClass::Access, &["server_side_encryption=aws:kms was sent"], &["AES256"]);
    let kms =
        denied!("kms:GenerateDataKey on resource: arn:aws:kms:x with an explicit deny in a resource-based policy");
    let kms = Case { message: kms, ..CASE };
    kms.says(S3ErrorClass::Access, &["(the key policy) forbids kms:GenerateDataKey"], &["server_side_encryption"]);
}

#[test]
fn a_denial_without_a_reason_names_what_the_operation_needs() {
    for (operation, parts) in [
        ("ListObjectsV2", &["allow s3:ListBucket on the bucket"][..]),
        ("HeadBucket", &["allow s3:ListBucket on the bucket"]),
        ("GetObject", &["allow s3:GetObject on the object", "s3:ListBucket"]),
        ("HeadObject", &["allow s3:GetObject on the object", "s3:ListBucket"]),
        ("PutObject", &["allow s3:PutObject on the object", "server_side_encryption"]),
        ("CreateMultipartUpload", &["allow s3:PutObject on the object", "server_side_encryption"]),
        ("UploadPart", &["allow s3:PutObject on the object"]),
        ("CompleteMultipartUpload", &["allow s3:PutObject on the object"]),
        ("CopyObject", &["allow s3:GetObject and s3:PutObject on the object"]),
        ("AbortMultipartUpload", &["allow s3:AbortMultipartUpload on the object"]),
        ("DeleteObject", &["allow s3:DeleteObject on the object"]),
    ] {
        Case { operation, ..CASE }.says(S3ErrorClass::Access, parts, &[]);
        Case { operation, code: "", message: "", ..CASE }.says(S3ErrorClass::Access, parts, &[]);
        Case { operation, code: "Unauthorized", status: 401, ..CASE }.says(S3ErrorClass::Access, parts, &[]);
    }
    let blocked = denied!(
        "s3:GetObject on resource: \"x\" because public policies are blocked by the BlockPublicPolicy block public \
         access setting."
    );
    let blocked = Case { operation: "GetObject", message: blocked, ..CASE };
    blocked.says(S3ErrorClass::Access, &["the bucket blocks public access"], &["allow s3:"]);
}

#[test]
fn refused_keys_are_checked_for_mistakes() {
    let malformed = "The authorization header is malformed; the Credential is mal-formed; expecting \
        \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
    let unknown = "The AWS Access Key Id you provided does not exist in our records.";
    let wrong = "The request signature we calculated does not match the signature you provided.";
    for (status, code, message, mistake, part) in [
        (403, "InvalidAccessKeyId", unknown, None, "does not know the access key"),
        (403, "InvalidAccessKeyId", unknown, Some(KeyMistake::Swapped), "swap the access key id and the secret"),
        (403, "InvalidAccessKeyId", unknown, Some(KeyMistake::SecretAsId), "whether the two are swapped"),
        (403, "InvalidAccessKeyId", unknown, Some(KeyMistake::Quoted), "remove the quotes"),
        (403, "InvalidAccessKeyId", unknown, Some(KeyMistake::NoToken), "AWS_SESSION_TOKEN"),
        (403, "SignatureDoesNotMatch", wrong, None, "the secret access key is wrong"),
        (403, "SignatureDoesNotMatch", wrong, Some(KeyMistake::Quoted), "remove the quotes"),
        (400, "AuthorizationHeaderMalformed", malformed, None, "the access key id is malformed"),
        (400, "AuthorizationHeaderMalformed", malformed, Some(KeyMistake::SecretAsId), "swapped"),
        (400, "InvalidArgument", "Credential access key has length 64, should be 32", None, "the access key id is"),
        (403, "AccessDenied", "Forbidden: No such key: GK1", None, "does not know the access key"),
        (403, "AccessDenied", "Forbidden: Invalid signature", None, "the secret access key is wrong"),
        (400, "ExpiredToken", "The provided token has expired.", None, "the session has expired"),
        (403, "RequestTimeTooSkewed", "", None, "clock"),
        (403, "AllAccessDisabled", "All access to this object has been disabled", None, "is disabled"),
    ] {
        let case = Case { status, code, message, mistake, ..CASE };
        case.says(S3ErrorClass::Access, &[part], &["region"]);
    }
}

#[test]
fn a_token_of_the_global_sts_endpoint_is_explained_in_opt_in_regions_of_aws() {
    let case = |region, endpoint| Case {
        status: 400,
        code: "InvalidToken",
        message: "The provided token is malformed or otherwise invalid.",
        region,
        endpoint,
        ..CASE
    };
    for region in ["eu-south-1", "me-central-1", "ap-southeast-4"] {
        let parts = [region, "opt-in region", "AWS_STS_REGIONAL_ENDPOINTS=regional", "AWS_ACCESS_KEY_ID"];
        case(region, "").says(S3ErrorClass::Access, &parts, &[]);
    }
    for (region, endpoint) in [("eu-west-1", ""), ("cn-north-1", ""), ("eu-south-1", "https://s3.example.com")] {
        let case = case(region, endpoint);
        case.says(S3ErrorClass::Access, &["the session token does not belong to the keys"], &["opt-in"]);
    }
}

#[test]
fn a_region_is_suggested_if_the_response_names_one() {
    let malformed = "AuthorizationHeaderMalformed";
    for (status, code, message, more, class) in [
        (400, malformed, "the region is wrong", "<Region>fr-par</Region>", S3ErrorClass::Access),
        (400, malformed, "the region 'eu-west-1' is wrong; expecting 'fr-par'", "", S3ErrorClass::Access),
        (301, "PermanentRedirect", "", "<Region>fr-par</Region>", S3ErrorClass::Refused),
        (301, "PermanentRedirect", "", "<Endpoint>cache.s3.fr-par.amazonaws.com</Endpoint>", S3ErrorClass::Refused),
        (
            400,
            "IllegalLocationConstraintException",
            "The fr-par location constraint is incompatible for the region specific endpoint this request was sent to.",
            "",
            S3ErrorClass::Refused,
        ),
    ] {
        let parts = ["in region fr-par, not eu-west-1: set region=fr-par", "AWS_REGION"];
        Case { status, code, message, more, ..CASE }.says(class, &parts, &[]);
    }
    for (status, code, message, class, part) in [
        (301, "PermanentRedirect", "", S3ErrorClass::Refused, "redirects without a target"),
        (400, "BadRequest", "", S3ErrorClass::Refused, ""),
        (400, malformed, "", S3ErrorClass::Access, "the access key id is malformed"),
        (
            400,
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint",
            S3ErrorClass::Refused,
            "check endpoint_url",
        ),
    ] {
        Case { status, code, message, ..CASE }.says(class, &[part], &["region"]);
    }
    let scope = "Authorization header malformed, unexpected scope: 20240101/eu-west-1/s3/aws4_request";
    let garage = Case { status: 400, code: malformed, message: scope, endpoint: "http://127.0.0.1:3900", ..CASE };
    garage.says(S3ErrorClass::Access, &["does not accept region eu-west-1", "AWS_REGION", "region=garage"], &[]);
}

#[test]
fn an_unknown_region_is_reported_with_its_origin() {
    let r2 = "The region name 'eu-west-1' is not valid. Must be one of: wnam, enam, weur, eeur, apac, oc, auto";
    for (message, endpoint, part) in [
        (r2, "http://127.0.0.1:9000", "set region=auto"),
        ("", "https://acct.r2.cloudflarestorage.com", "set region=auto"),
        ("unknown region; automatic", "https://s3.example.com", "set region to one"),
    ] {
        let case = Case { status: 400, code: "InvalidRegionName", message, endpoint, ..CASE };
        case.says(S3ErrorClass::Refused, &["no region eu-west-1, which comes from AWS_REGION", part], &[]);
    }
}

#[test]
fn kms_codes_have_hints_about_the_key() {
    for (code, part) in [
        ("KMS.DisabledException", "is disabled: enable it"),
        ("KMS.NotFoundException", "does not exist in the bucket's region"),
        ("KMS.KMSInvalidStateException", "pending deletion"),
        ("KMS.InvalidStateException", "pending deletion"),
        ("KMS.InvalidKeyUsageException", "symmetric key"),
        ("KMS.ThrottlingException", "fewer requests"),
        ("KMS.DependencyTimeoutException", "run the command again later"),
        ("KMS.SomethingNew", "must be enabled and in the bucket's region"),
    ] {
        let class = if code == "KMS.ThrottlingException" { S3ErrorClass::Throttled } else { S3ErrorClass::Refused };
        Case { status: 400, code, message: "says no", ..CASE }.says(class, &[part], &["allow"]);
    }
    let disabled = Case { status: 400, code: "KMS.DisabledException", ..CASE };
    disabled.says(S3ErrorClass::Refused, &["default encryption", "set sse_kms_key_id"], &[]);
    Case { write_headers: ENCRYPTED, ..disabled }.says(S3ErrorClass::Refused, &["(sse_kms_key_id)"], &["default"]);
    let read = Case { status: 400, code: "KMS.DisabledException", operation: "GetObject", ..CASE };
    read.says(S3ErrorClass::Refused, &["that the object is encrypted with"], &["sse_kms_key_id"]);
    let refused = Case { status: 400, code: "KMS.AccessDeniedException", message: "no", ..CASE };
    refused.says(S3ErrorClass::Access, &["kms:Decrypt", "kms:GenerateDataKey"], &[]);
    let named = denied!("kms:Decrypt because no resource-based policy allows the kms:Decrypt action");
    let named = Case { status: 400, code: "KMS.AccessDeniedException", message: named, ..CASE };
    named.says(
        S3ErrorClass::Access,
        &["allow kms:Decrypt on the KMS key in a resource-based policy (the key policy)"],
        &[],
    );
}

#[test]
fn contradicting_encryption_headers_are_named_as_attributes() {
    for (code, message, part) in [
        (
            "InvalidArgument",
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
            "sse_kms_key_id needs server_side_encryption=aws:kms",
        ),
        (
            "InvalidArgument",
            "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.",
            "https://",
        ),
        ("InvalidRequest", "x-amz-server-side-encryption header is not supported", "check server_side_encryption"),
        ("InvalidEncryptionAlgorithmError", "The encryption request is not valid.", "server_side_encryption=aws:kms"),
        ("KMSNotConfigured", "Server side encryption specified but KMS is not configured", "remove it"),
    ] {
        let case = Case { status: 400, code, message, write_headers: ENCRYPTED, ..CASE };
        case.says(S3ErrorClass::Refused, &[part], &[]);
    }
}

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
fn an_expected_owner_is_named_if_access_is_denied_without_a_reason() {
    let request_headers = &[("x-amz-request-payer", "requester"), ("x-amz-expected-bucket-owner", "111122223333")];
    for operation in ["ListObjectsV2", "GetObject", "HeadObject", "PutObject", "CopyObject", "CreateMultipartUpload"] {
        for (code, message) in [("AccessDenied", "Access Denied"), ("", "")] {
            let case = Case { operation, code, message, request_headers, ..CASE };
            case.says(S3ErrorClass::Access, &["expected_bucket_owner=111122223333", "allow s3:"], &[]);
            let unset = Case { request_headers: &request_headers[..1], ..case };
            unset.says(S3ErrorClass::Access, &["allow s3:"], &["expected_bucket_owner"]);
        }
    }
    let message = denied!("s3:PutObject because no session policy allows the s3:PutObject action");
    let reason = Case { message, request_headers, ..CASE };
    reason.says(S3ErrorClass::Access, &["the session policy"], &["expected_bucket_owner"]);
    let unknown = Case { code: "InvalidAccessKeyId", request_headers, ..CASE };
    unknown.says(S3ErrorClass::Access, &["does not know the access key"], &["expected_bucket_owner"]);
}

#[test]
fn encryption_attributes_are_not_blamed_for_failed_reads() {
    let stored = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided \
        to retrieve the object.";
    let attributes = ["server_side_encryption", "sse_kms_key_id", "does not support"].as_slice();
    for write_headers in [&[][..], ENCRYPTED] {
        for operation in ["GetObject", "HeadObject"] {
            let read = Case { status: 400, code: "InvalidRequest", message: stored, operation, write_headers, ..CASE };
            read.says(S3ErrorClass::Refused, &["SSE-C", "export the cache again"], attributes);
            let other = Case { message: "x-amz-server-side-encryption is not for GET", ..read };
            other.says(S3ErrorClass::Refused, &[], attributes);
        }
        let copy = Case { status: 400, code: "InvalidRequest", message: stored, operation: "CopyObject", ..CASE };
        copy.says(S3ErrorClass::Refused, &["SSE-C"], attributes);
    }
}

#[test]
fn a_missing_kms_is_distinguished_from_a_missing_operation() {
    let message = "Server side encryption specified but KMS is not configured";
    let case = Case { status: 501, code: "NotImplemented", message, ..CASE };
    let not = ["does not support"].as_slice();
    for operation in ["PutObject", "CopyObject", "CreateMultipartUpload"] {
        Case { operation, ..case }.says(S3ErrorClass::Unsupported, &["default encryption of the bucket"], not);
        let sent = Case { operation, write_headers: ENCRYPTED, ..case };
        sent.says(S3ErrorClass::Unsupported, &["server_side_encryption=aws:kms", "remove it"], not);
    }
    Case { operation: "GetObject", ..case }.says(S3ErrorClass::Unsupported, &["cannot decrypt the object"], not);
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
fn a_bucket_at_another_location_is_not_a_redirect() {
    let code = "IllegalLocationConstraintException";
    let message = "The unspecified location constraint is incompatible for the region specific endpoint this request \
        was sent to.";
    let case = Case { status: 400, code, message, ..CASE };
    case.says(S3ErrorClass::Refused, &["another location", "check endpoint_url"], &["redirect"]);
}

#[test]
fn keys_may_be_unknown_because_of_the_account() {
    let case = Case { code: "NotSignedUp", message: "Your account is not signed up for the S3 service", ..CASE };
    case.says(S3ErrorClass::Access, &["not signed up for S3", "AWS_ACCESS_KEY_ID"], &["does not know"]);
    let unknown = Case { code: "InvalidAccessKeyId", message: "", ..CASE };
    for region in ["eu-south-1", "me-central-1"] {
        let parts = ["does not know the access key", "has enabled the opt-in region", region];
        Case { region, ..unknown }.says(S3ErrorClass::Access, &parts, &[]);
    }
    for (region, endpoint) in [("eu-west-1", ""), ("cn-north-1", ""), ("eu-south-1", "https://s3.example.com")] {
        let case = Case { region, endpoint, ..unknown };
        case.says(S3ErrorClass::Access, &["does not know the access key"], &["opt-in"]);
    }
}

#[test]
fn a_bucket_that_was_listed_needs_no_permission_to_list() {
    for operation in ["GetObject", "HeadObject"] {
        let case = Case { operation, may_list: true, ..CASE };
        case.says(S3ErrorClass::Access, &["allow s3:GetObject on the object"], &["s3:ListBucket"]);
    }
}

#[test]
fn an_archived_object_is_reported_as_archived() {
    let message = "The operation is not valid for the object's storage class";
    let case = Case { code: "InvalidObjectState", message, operation: "GetObject", ..CASE };
    case.says(S3ErrorClass::Archived, &["is archived", "restore it"], &["allow s3"]);
}
