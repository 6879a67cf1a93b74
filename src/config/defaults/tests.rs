use super::*;
use crate::config::CacheOptions;

fn defaults(text: &str) -> DefaultAttributes {
    text.parse().unwrap()
}

const KEYS_AND_TOKEN: &str = "access_key_id=D,secret_access_key=D,session_token=D";

/// The table of precedence: the defaults, what is given, and the string that it must be equal to.
#[test]
fn a_given_attribute_overrides_its_default_and_those_that_belong_to_it() {
    for (defaults_text, given, expected) in [
        ("bucket=ci-1,region=r", "type=s3,name=app", "type=s3,name=app,bucket=ci-1,region=r"),
        ("type=s3,bucket=ci-1", "type=s3", "type=s3,bucket=ci-1"),
        ("bucket=ci-1,region=r\n", "type=s3,BUCKET=b-b\r\n", "type=s3,bucket=b-b,region=r"),
        ("\"prefix=a,b/\",name=x;y", "name=z,type=s3", "type=s3,name=z,\"prefix=a,b/\""),
        ("region=r,prefix=p/", "type=s3,region=,prefix=", "type=s3"),
        ("mode=min,ignore-error=true", "type=s3,ignore-error=false", "type=s3,mode=min"),
        // Keys, their token, and what contradicts them.
        (KEYS_AND_TOKEN, "type=s3,name=a", "type=s3,name=a,access_key_id=D,secret_access_key=D,session_token=D"),
        (KEYS_AND_TOKEN, "type=s3,access_key_id=A,secret_access_key=S", "type=s3,access_key_id=A,secret_access_key=S"),
        (KEYS_AND_TOKEN, "type=s3,access_key_id=,secret_access_key=,session_token=", "type=s3"),
        (KEYS_AND_TOKEN, "type=s3,profile=ci", "type=s3,profile=ci"),
        (KEYS_AND_TOKEN, "type=s3,anonymous=true", "type=s3,anonymous=true"),
        ("access_key_id=D,secret_access_key=D", "type=s3,anonymous=0", "type=s3,access_key_id=D,secret_access_key=D"),
        (
            "anonymous=true",
            "type=s3,access_key_id=A,secret_access_key=S",
            "type=s3,access_key_id=A,secret_access_key=S",
        ),
        ("request_payer=requester", "type=s3,anonymous=true", "type=s3,anonymous=true"),
        (
            "profile=ci",
            "type=s3,access_key_id=A,secret_access_key=S",
            "type=s3,access_key_id=A,secret_access_key=S,profile=ci",
        ),
        // A role, its session and its external ID.
        ("role_arn=D,role_session_name=D,external_id=D", "type=s3,role_arn=A", "type=s3,role_arn=A"),
        ("role_arn=D,external_id=D", "type=s3,external_id=A", "type=s3,external_id=A,role_arn=D"),
        ("role_arn=D,external_id=D", "type=s3,anonymous=true", "type=s3,anonymous=true"),
        ("anonymous=true", "type=s3,role_arn=A", "type=s3,role_arn=A"),
        (
            "server_side_encryption=aws:kms,sse_kms_key_id=D",
            "type=s3,server_side_encryption=AES256",
            "type=s3,server_side_encryption=AES256",
        ),
        ("endpoint_url=file:///srv", "type=s3,bucket=b-b", "type=s3,bucket=b-b,endpoint_url=file:///srv"),
    ] {
        let completed = defaults(defaults_text).complete(given).unwrap().0;
        let (found, expected): (CacheOptions, CacheOptions) = (completed.parse().unwrap(), expected.parse().unwrap());
        assert_eq!(found, expected, "{defaults_text} | {given} | {completed}");
    }
}

#[test]
fn a_part_of_the_keys_is_never_completed_with_a_default() {
    for given in ["access_key_id=A", "secret_access_key=A", "session_token=A"] {
        let completed = defaults(KEYS_AND_TOKEN).complete(&format!("type=s3,{given}")).unwrap().0;
        assert_eq!(completed, format!("type=s3,{given}"));
        assert!(completed.parse::<CacheOptions>().is_err());
    }
}

#[test]
fn only_s3_strings_have_defaults_and_grammar_errors_keep_their_column() {
    let defaults = defaults("bucket=ci-1");
    for other in ["type=local,src=a", "type=gha", "user/app:cache", "bucket=b-b", "type=S3"] {
        assert_eq!(defaults.complete(other).unwrap(), (other.to_owned(), vec![]));
    }
    assert!(defaults.complete("type=s3,,x").unwrap_err().to_string().ends_with("(column 9)"));
    // A duplicate stays one, and is reported by the parser.
    assert!(defaults.complete("type=s3,name=a,name=b").unwrap().0.parse::<CacheOptions>().is_err());
}

#[test]
fn defaults_are_checked_and_their_secrets_never_shown() {
    for (text, part) in [
        ("", "the attributes are empty"),
        ("bucket=b-b,,region=r", "(column 12)"),
        ("bucket=b-b,region", "field 2 has no ="),
        ("bukcet=b-b", "unknown attribute bukcet"),
        ("mode=x", "mode=x is not valid"),
        ("bucket=b-b,bucket=c-c", "bucket is given twice"),
        ("type=local,src=a", "only type=s3 has defaults"),
        ("type=gha", "only s3 and local"),
        ("access_key_id=MARKED", "without secret_access_key"),
        ("secret_access_key=xx,MARKED", "field 2 has no ="),
        ("secret_access_key=xx,MARKED1=x,name=a", "field 2 is not a known attribute"),
        ("compression=zstd", "layers are copied unchanged"),
    ] {
        let error = text.parse::<DefaultAttributes>().unwrap_err();
        let shown = format!("{error} {:?}", error.hint());
        assert!(shown.contains(part) && !shown.contains("MARKED"), "{text}: {shown}");
    }
    let secret = defaults("access_key_id=MARKED,secret_access_key=MARKED");
    assert_eq!(format!("{secret:?}"), r#"{"access_key_id", "secret_access_key"}"#);
    assert_eq!(format!("{:?}", secret.without("access_key_id")), r#"{"secret_access_key"}"#);
}

#[test]
fn every_replaced_attribute_exists() {
    let known = crate::config::s3_attributes();
    for name in REPLACES.iter().flat_map(|(given, replaced)| replaced.iter().chain([given])) {
        assert!(known.iter().any(|about| about.name == *name), "{name}");
    }
}
