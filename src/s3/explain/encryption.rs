//! The fix for a refusal because of server-side encryption or its key.

use crate::s3::explain::refusal::Refusal;

const ENCRYPTION: &str = "x-amz-server-side-encryption";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";

pub(super) fn hint(refusal: &Refusal<'_>) -> Option<String> {
    let code = refusal.code();
    if let Some(problem) = code.strip_prefix("KMS.") {
        return key_hint(refusal, problem);
    }
    // MinIO's code for it is NotImplemented.
    if refusal.message().to_ascii_lowercase().contains("kms is not configured") {
        return Some(not_set_up(refusal));
    }
    match code {
        "KMSKeyNotFoundException" | "KMSInvalidStateException" => key_hint(refusal, code),
        "KMSNotConfigured"
        | "XMinioKMSNotConfigured"
        | "InvalidEncryptionAlgorithmError"
        | "InvalidEncryptionMethod"
        | "ServerSideEncryptionConfigurationNotFoundError" => Some(not_set_up(refusal)),
        "InvalidArgument" | "InvalidRequest" => argument_hint(refusal),
        _ => None,
    }
}

fn not_set_up(refusal: &Refusal<'_>) -> String {
    match refusal.written(ENCRYPTION) {
        Some(sent) => format!("the store cannot encrypt with server_side_encryption={sent}: remove it, or try AES256"),
        None if refusal.sets_encryption() => {
            "the store's encryption is not set up: check the default encryption of the bucket".to_owned()
        }
        None => "the store cannot decrypt the object: set up its KMS, or export the cache again without encryption"
            .to_owned(),
    }
}

/// The key that encrypts: which one, and where to change it.
fn key(refusal: &Refusal<'_>) -> (&'static str, &'static str) {
    if refusal.written(KEY_ID).is_some() {
        ("the KMS key (sse_kms_key_id)", "set sse_kms_key_id to another key")
    } else if refusal.sets_encryption() {
        ("the KMS key of the bucket's default encryption", "set sse_kms_key_id to another key")
    } else {
        ("the KMS key that the object is encrypted with", "export the cache again with another key")
    }
}

/// `problem` is the error code of AWS KMS.
fn key_hint(refusal: &Refusal<'_>, problem: &str) -> Option<String> {
    let (key, other) = key(refusal);
    Some(match problem {
        "DisabledException" => format!("{key} is disabled: enable it (aws kms enable-key), or {other}"),
        "NotFoundException" | "KMSKeyNotFoundException" => {
            format!("{key} does not exist in the bucket's region: check its ARN, or {other}")
        }
        "KMSInvalidStateException" | "InvalidStateException" => format!(
            "{key} cannot be used in its state, such as pending deletion: cancel the deletion (aws kms \
             cancel-key-deletion) and enable it, or {other}"
        ),
        "InvalidKeyUsageException" | "UnsupportedOperationException" | "IncorrectKeyException" => {
            format!("{key} is not a symmetric key for encryption, which S3 needs: {other}")
        }
        "ThrottlingException" | "LimitExceededException" => {
            "AWS KMS asks for fewer requests: lower upload_parallelism, or enable the bucket's S3 Bucket Key".to_owned()
        }
        "DependencyTimeoutException" | "KeyUnavailableException" | "KMSInternalException" | "InternalException" => {
            "AWS KMS failed: run the command again later".to_owned()
        }
        // Its message names the action, which explains it.
        "AccessDeniedException" if refusal.message().contains("kms:") => return None,
        "AccessDeniedException" => {
            format!("allow kms:Decrypt, and kms:GenerateDataKey for exports, on {key}; credentials: {}", refusal.who())
        }
        _ => format!("check {key}: it must be enabled and in the bucket's region"),
    })
}

/// The fix if encryption headers conflict with each other or with the connection.
fn argument_hint(refusal: &Refusal<'_>) -> Option<String> {
    let message = refusal.message().to_ascii_lowercase();
    if !message.contains("server side encryption") && !message.contains(ENCRYPTION) {
        return None;
    }
    let hint = if message.contains("stored using a form of server side encryption") {
        "the object is encrypted with a key of its writer's (SSE-C), which is not supported: delete it, and export the \
         cache again"
    } else if message.contains("secure connection") {
        "encryption with KMS needs TLS: set an endpoint_url that begins with https://"
    } else if message.contains("requires http header") || message.contains("must be specified") {
        "sse_kms_key_id needs server_side_encryption=aws:kms"
    } else if !refusal.sets_encryption() {
        // The attributes are for what is written.
        return None;
    } else {
        "check server_side_encryption and sse_kms_key_id: the store does not accept their values"
    };
    Some(hint.to_owned())
}
