//! Rejected keys and tokens.

use super::*;

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
