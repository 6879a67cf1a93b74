//! Wrong and unknown regions.

use super::*;

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
fn a_bucket_at_another_location_is_not_a_redirect() {
    let code = "IllegalLocationConstraintException";
    let message = "The unspecified location constraint is incompatible for the region specific endpoint this request \
        was sent to.";
    let case = Case { status: 400, code, message, ..CASE };
    case.says(S3ErrorClass::Refused, &["another location", "check endpoint_url"], &["redirect"]);
}
