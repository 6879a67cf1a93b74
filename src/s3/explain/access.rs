//! The fix for refused credentials or permissions.

use crate::aws::{Denial, DenialReason, is_opt_in, opt_in_hint};
use crate::s3::explain::refusal::Refusal;
use crate::s3::explain::{class, refused, region};

/// The store refused two sessions that it had returned itself.
pub(super) const SESSION_REFUSED: &str = "\
    the store refuses the session that it returned for the bucket: run the command again later, or set \
    AWS_S3_DISABLE_EXPRESS_SESSION_AUTH=true to sign without sessions";

pub(super) fn hint(refusal: &Refusal<'_>) -> String {
    keys_hint(refusal).unwrap_or_else(|| {
        let hint = match Denial::read(refusal.message()) {
            Some(denial) => denied_hint(refusal, &denial),
            None => format!("{}{}{}", permission_hint(refusal), unsigned_hint(refusal), owner_hint(refusal)),
        };
        format!("{hint}; credentials: {}", refusal.who())
    })
}

/// The fix if the store does not accept the keys, the token or the signature.
fn keys_hint(refusal: &Refusal<'_>) -> Option<String> {
    let (who, message) = (refusal.who(), refusal.message());
    // Garage uses AccessDenied for everything; only its message differs.
    let garage = |words: &str| refusal.code() == "AccessDenied" && message.contains(words);
    let mistake = || refusal.mistake.map(|mistake| mistake.hint(who));
    Some(match refusal.code() {
        "NotSignedUp" => {
            format!("the account has not signed up for S3: complete that in its console; the keys come from {who}")
        }
        "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
            mistake().unwrap_or_else(|| unknown_key_hint(refusal))
        }
        _ if garage("No such key: ") => mistake().unwrap_or_else(|| unknown_key_hint(refusal)),
        "SignatureDoesNotMatch" | "InvalidSignatureException" => mistake().unwrap_or_else(|| signature_hint(who)),
        _ if garage("Invalid signature") => mistake().unwrap_or_else(|| signature_hint(who)),
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
            format!("the session has expired: get new credentials; these come from {who}")
        }
        "InvalidToken" | "InvalidTokenId" => mistake().unwrap_or_else(|| token_hint(refusal)),
        "RequestTimeTooSkewed" => "this machine's clock is wrong: set it (NTP)".to_owned(),
        "AuthorizationHeaderMalformed" => region::hint(refusal)
            .or_else(|| region::scope_hint(refusal))
            .or_else(mistake)
            .unwrap_or_else(|| malformed_key_hint(who)),
        _ if class::is_about_the_key_id(refusal.answer) => mistake().unwrap_or_else(|| malformed_key_hint(who)),
        "AccountProblem" | "AllAccessDisabled" => {
            "the account or the bucket is disabled: its owner finds the reason in the provider's console".to_owned()
        }
        _ => return None,
    })
}

fn unknown_key_hint(refusal: &Refusal<'_>) -> String {
    let (url, who, region) = (refusal.endpoint.url(), refusal.who(), &refusal.endpoint.region);
    if !refusal.endpoint.custom && is_opt_in(region) {
        return format!(
            "{url} does not know the access key, which comes from {who}: check that its account has enabled the opt-in \
             region {region}"
        );
    }
    format!("{url} does not know the access key; it comes from {who}")
}

fn signature_hint(who: &str) -> String {
    format!("the secret access key is wrong (it comes from {who}), or a proxy changes the Host header or others")
}

fn malformed_key_hint(who: &str) -> String {
    format!(
        "the access key id is malformed: check whether id and secret are swapped, and remove quotes and slashes; it \
         comes from {who}"
    )
}

fn token_hint(refusal: &Refusal<'_>) -> String {
    let who = refusal.who();
    match opt_in_hint(&refusal.endpoint.region).filter(|_| !refusal.endpoint.custom) {
        Some(hint) => format!("{hint}; the token comes from {who}"),
        None => format!("the session token does not belong to the keys; they come from {who}"),
    }
}

/// The fix if the store names the unauthorized action and the reason.
fn denied_hint(refusal: &Refusal<'_>, denial: &Denial) -> String {
    let hint = denial.hint(default_action(refusal.operation));
    let action = denial.action.as_deref().unwrap_or_default();
    match denial.reason {
        DenialReason::Denied(_) if refusal.sets_encryption() && !action.starts_with("kms:") => {
            format!("{hint}; {}", encryption_demanded(refusal))
        }
        DenialReason::Denied(_) => format!("{hint}{}", unsigned_hint(refusal)),
        // S3 does not reveal that an object is missing to clients without list permission.
        DenialReason::NotAllowed(_) if refusal.on_object && action == "s3:ListBucket" => {
            format!("the object does not exist, and S3 answers 403 instead of 404 without s3:ListBucket: {hint}")
        }
        DenialReason::NotAllowed(_) if action.starts_with("kms:") => {
            format!("{hint}; the key must exist in the bucket's region")
        }
        _ => hint,
    }
}

/// A policy that denies unencrypted writes is not mentioned in the response.
fn encryption_demanded(refusal: &Refusal<'_>) -> String {
    match refusal.written("x-amz-server-side-encryption") {
        None => "if the policy demands encryption, set server_side_encryption=AES256, or aws:kms with sse_kms_key_id"
            .to_owned(),
        Some(sent) => format!(
            "server_side_encryption={sent} was sent: the policy may demand another value, or another sse_kms_key_id"
        ),
    }
}

/// The fix if the store says only that access is denied: the permissions that the operation needs.
fn permission_hint(refusal: &Refusal<'_>) -> String {
    if refusal.endpoint.zone().is_some() {
        return "allow s3express:CreateSession on the bucket; a condition on s3express:SessionMode must permit \
                ReadOnly for imports, and ReadWrite for all that writes"
            .to_owned();
    }
    match refusal.operation {
        "ListObjectsV2" | "HeadBucket" | "ListMultipartUploads" => {
            format!("allow {} on the bucket", default_action(refusal.operation))
        }
        "GetObject" | "HeadObject" if refusal.may_list => "allow s3:GetObject on the object".to_owned(),
        "GetObject" | "HeadObject" => "allow s3:GetObject on the object, and s3:ListBucket on the bucket: without the \
                                       latter S3 answers 403 for what does not exist"
            .to_owned(),
        "CopyObject" | "UploadPartCopy" => "allow s3:GetObject and s3:PutObject on the object".to_owned(),
        "PutObject" | "CreateMultipartUpload" => {
            format!("allow s3:PutObject on the object; {}", encryption_demanded(refusal))
        }
        other => format!("allow {} on the object", default_action(other)),
    }
}

/// A policy that denies unsigned bodies is not mentioned in the response.
fn unsigned_hint(refusal: &Refusal<'_>) -> String {
    if refusal.unsigned {
        format!("; if a policy denies UNSIGNED-PAYLOAD, {}", refused::SIGN_PARTS)
    } else {
        String::new()
    }
}

/// S3 denies access to a bucket of another owner without a reason.
fn owner_hint(refusal: &Refusal<'_>) -> String {
    match refusal.request_headers.iter().find(|(name, _)| name == "x-amz-expected-bucket-owner") {
        Some((_, owner)) => {
            format!(
                "; expected_bucket_owner={owner} is set, and S3 denies access to a bucket that another account owns"
            )
        }
        None => String::new(),
    }
}

/// The permission that an operation needs first.
fn default_action(operation: &str) -> &'static str {
    match operation {
        "CreateSession" => "s3express:CreateSession",
        "ListObjectsV2" | "HeadBucket" => "s3:ListBucket",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        "GetObject" | "HeadObject" => "s3:GetObject",
        "DeleteObject" => "s3:DeleteObject",
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        _ => "s3:PutObject",
    }
}
