//! Denied permissions.

use super::*;

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
        ("ListMultipartUploads", &["allow s3:ListBucketMultipartUploads on the bucket"]),
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
fn a_bucket_that_was_listed_needs_no_permission_to_list() {
    for operation in ["GetObject", "HeadObject"] {
        let case = Case { operation, may_list: true, ..CASE };
        case.says(S3ErrorClass::Access, &["allow s3:GetObject on the object"], &["s3:ListBucket"]);
    }
}
