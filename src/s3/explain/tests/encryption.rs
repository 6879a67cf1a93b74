//! Encryption and KMS.

use super::*;

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
