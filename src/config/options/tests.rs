use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::base::{Digest, Error};
use crate::config::{About, AccessKeys, Mode, PayloadSigning, RequestPayer, RetryMode, RoleOptions, VerifySource};

fn parse(text: &str) -> Result<CacheOptions> {
    text.parse()
}

fn message(text: &str) -> String {
    let error = parse(text).unwrap_err();
    assert!(matches!(error, Error::Usage(_)), "{text}: {error:?}");
    format!("{error} | {}", error.hint().unwrap_or_default())
}

#[test]
fn every_attribute_arrives() {
    let options = parse(
        "type=s3,BUCKET=my-cache,region=r,name= app ; main;app,prefix=p/,blobs_prefix=b/,manifests_prefix=m/,\
         endpoint_url=https://s3.example.com/,use_path_style=T,use_accelerate_endpoint=f,access_key_id=AK,\"secret_access_key=a,b=\",\
         session_token=t,mode=min,ignore-error=1,touch_refresh=1h30m,upload_parallelism=20,retry_mode=adaptive,\
         retry_max_attempts=5,disable_accept_encoding=true,profile=ci,role_arn=arn,role_session_name=s,external_id=e,\
         storage_class=ONEZONE_IA,server_side_encryption=aws:kms,sse_kms_key_id=k,verify_source=true,payload_signing=true,anonymous=f,\
         request_payer=requester,expected_bucket_owner=012345678901,exact=true",
    )
    .unwrap();
    let (location, keys) = (options.location(), options.keys());
    let (policy, credentials) = (options.policy(), options.credentials());
    assert_eq!(location.bucket.as_ref().map(Bucket::name), Some("my-cache"));
    assert_eq!(location.region.as_deref(), Some("r"));
    assert_eq!(location.endpoint, Some("https://s3.example.com".parse().unwrap()));
    assert_eq!((location.use_path_style, location.use_accelerate_endpoint), (true, Some(false)));
    assert_eq!(location.expected_bucket_owner.as_ref().unwrap().as_str(), "012345678901");
    assert_eq!(keys.names, ["app", "main"]);
    assert_eq!((keys.all_blobs().as_str(), keys.all_manifests().as_str()), ("p/b/", "p/m/"));
    assert_eq!((policy.mode, policy.retry_mode), (Mode::Min, Some(RetryMode::Adaptive)));
    assert_eq!(policy.retry_max_attempts.map(NonZeroU32::get), Some(5));
    assert_eq!((policy.connections(), policy.touch_refresh), (64, Duration::from_secs(5400)));
    assert!(policy.ignore_error && policy.exact);
    assert_eq!(policy.verify_source, VerifySource::Always);
    assert_eq!(policy.payload_signing, Some(PayloadSigning::Always));
    assert_eq!(policy.request_payer, Some(RequestPayer::Requester));
    assert_eq!(policy.storage_class.as_deref(), Some("ONEZONE_IA"));
    let encryption = (policy.server_side_encryption.as_deref(), policy.sse_kms_key_id.as_deref());
    assert_eq!(encryption, (Some("aws:kms"), Some("k")));
    let keys = AccessKeys::new("AK", "a,b=").with_session_token("t");
    let role = RoleOptions { session_name: Some("s".into()), external_id: Some("e".into()), ..RoleOptions::new("arn") };
    let all = CredentialOptions { keys: Some(keys), profile: Some("ci".into()), role: Some(role), anonymous: false };
    assert_eq!(*credentials, all);
}

#[test]
fn every_attribute_has_help() {
    let attributes = crate::config::s3_attributes();
    for about in &attributes {
        assert!(!about.help.is_empty() && !about.help.ends_with('.'), "{about:?}");
        let same = |other: &About| other.name == about.name || other.aliases.contains(&about.name);
        assert_eq!(attributes.iter().filter(|other| same(other)).count(), 1, "{about:?}");
    }
}

#[test]
fn defaults_are_buildkits_but_for_the_mode() {
    let options = parse("type=s3,bucket=my-cache").unwrap();
    assert_eq!(options, CacheOptions::builder("my-cache".parse().unwrap()).build().unwrap());
    assert_eq!(options.keys().names, ["buildkit"]);
    assert_eq!(options.keys().all_manifests(), "manifests/");
    assert_eq!(options.policy().connections(), 16);
    assert_eq!(options.policy().mode, Mode::Max);
    assert_eq!(options.policy().touch_refresh, Duration::from_secs(86_400));
}

#[test]
fn parts_that_contradict_each_other_are_not_built() {
    type Case = (fn(&mut CacheOptionsBuilder), &'static str);
    let cases: &[Case] = &[
        (|parts| parts.keys.names.clear(), "there is no name"),
        (|parts| parts.keys.names = vec!["a".to_owned(), String::new()], "there is no name"),
        (|parts| parts.keys.names = vec!["../x".to_owned()], "segment . or .."),
        (|parts| parts.keys.prefix = "a//".to_owned(), "cannot be a file name"),
        (|parts| parts.location.use_accelerate_endpoint = Some(true), "file:// stores"),
        (|parts| parts.location.bucket = Some("Upper".parse().unwrap()), "bucket=Upper is not a bucket name"),
        (|parts| parts.policy.sse_kms_key_id = Some("k".to_owned()), "without server_side_encryption"),
        (|parts| parts.policy.request_payer = Some(RequestPayer::Requester), "request_payer=requester contradicts"),
        (|parts| parts.credentials.keys = Some(AccessKeys::new("AK", "s")), "access_key_id contradicts anonymous"),
        (|parts| parts.credentials.role = Some(RoleOptions::new("arn")), "role_arn contradicts anonymous"),
    ];
    for (change, message) in cases {
        let mut parts = CacheOptions::builder("my-cache".parse().unwrap());
        parts.location.endpoint = Some("file:///srv".parse().unwrap());
        parts.credentials.anonymous = true;
        assert!(parts.clone().build().is_ok());
        change(&mut parts);
        let error = parts.build().unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(message), "{error}");
    }
}

#[test]
fn an_export_is_signed() {
    let options = parse("type=s3,bucket=my-cache,anonymous=true").unwrap();
    assert_eq!(options.signed(), parse("type=s3,bucket=my-cache").unwrap());
}

#[test]
fn an_error_names_the_attribute_and_what_is_allowed() {
    for (text, parts) in [
        ("user/app:cache", &["only s3 and local"][..]),
        ("type=registry,ref=x", &["only s3 and local"]),
        ("type=gha", &["only s3 and local"]),
        ("s3://my-cache/app", &["not by a URL", "type=s3,bucket=NAME,prefix=PATH/"]),
        ("bucket=b-b", &["type is missing", "type=s3"]),
        ("type=s3,bucket=my-cache,mode=inline", &["mode=inline", "max or min"]),
        ("type=s3,bukcet=my-cache", &["bukcet", "did you mean bucket"]),
        ("type=s3,nonsense=1", &["nonsense", "the attributes of type=s3 are type, bucket"]),
        ("type=s3,endpoint=x", &["unknown attribute endpoint", "did you mean endpoint_url?"]),
        ("type=s3,key=x", &["did you mean access_key_id or secret_access_key?"]),
        ("type=s3,names=x", &["did you mean name?"]),
        ("type=s3,parallelism=x", &["did you mean upload_parallelism?"]),
        ("type=s3,path_style=true", &["did you mean use_path_style?"]),
        ("type=s3,aws_access_key_id=x", &["did you mean access_key_id?"]),
        ("type=s3,token=x", &["did you mean session_token?"]),
        ("type=s3,scope=x", &["did you mean name?"]),
        ("type=s3,ignore_error=true", &["did you mean ignore-error?"]),
        ("type=s3,src=x", &["src is an attribute of type=local"]),
        ("type=s3,access_key_id=a,secret_access_key=b,bukcet=x", &["field 4"]),
        ("type=s3,access_key_id=a,secret_access_key=b,endpoint=x", &["did you mean endpoint_url?"]),
        ("type=s3,access_key_id=a,secret_access_key=b,url=x", &["did you mean endpoint_url?"]),
        ("type=s3,touch_refresh=1d", &["touch_refresh=1d is not valid", "write touch_refresh=24h"]),
        ("type=s3,touch_refresh=2w", &["write touch_refresh=336h"]),
        ("type=s3,touch_refresh=24", &["add a unit", "touch_refresh=24h"]),
        ("type=s3,touch_refresh=soon", &["set touch_refresh to a duration"]),
        ("type=s3,bucket=a-a,bucket=b-b", &["bucket is given twice"]),
        ("type=s3,use_path_style=yes", &["use_path_style=yes", "true or false"]),
        ("type=s3,request_payer=owner", &["request_payer=owner", "requester"]),
        ("type=s3,request_payer=", &["request_payer=", "requester"]),
        ("type=s3,request_payer=requester,anonymous=true", &["request_payer=requester", "anonymous"]),
        (
            "type=s3,access_key_id=a,secret_access_key=b,anonymous=true",
            &["access_key_id", "anonymous=true", "remove one"],
        ),
        ("type=s3,role_arn=arn:aws:iam::1:role/x,anonymous=true", &["role_arn", "anonymous=true", "remove one"]),
        ("type=s3,sse_kms_key_id=k", &["sse_kms_key_id", "server_side_encryption=aws:kms"]),
        (
            "type=s3,sse_kms_key_id=k,server_side_encryption=aes256",
            &["sse_kms_key_id", "server_side_encryption=aes256", "server_side_encryption=aws:kms"],
        ),
        ("type=s3,region='eu-west-1'", &["region='eu-west-1' has quotes around it", "write region=eu-west-1"]),
        ("type=s3,bucket=\u{201c}my-cache\u{201d}", &["has quotes around it", "write bucket=my-cache"]),
        ("type=s3,use_path_style='true'", &["use_path_style='true' has quotes around it", "write use_path_style=true"]),
        ("type=s3,endpoint_url='http://h'", &["has quotes around it", "write endpoint_url=http://h"]),
        ("type='s3',bucket=my-cache", &["unknown type 's3'", "did you mean s3?"]),
        ("type=Local,src=a", &["unknown type Local", "did you mean local?"]),
        ("type=S3", &["unknown type S3", "did you mean s3?"]),
        ("type=loca", &["unknown type loca", "did you mean local?"]),
        ("type=oci", &["only s3 and local"]),
        ("type=s3,expected_bucket_owner=1234-5678-9012", &["expected_bucket_owner=1234-5678-9012", "12 digits"]),
        ("type=s3,expected_bucket_owner=", &["expected_bucket_owner=", "12 digits"]),
        ("type=s3,expected_bucket_owner=12345678901\u{662}", &["expected_bucket_owner=", "12 digits"]),
        ("type=s3,use_accelerate_endpoint=on", &["use_accelerate_endpoint=on", "true or false"]),
        ("type=s3,verify_source=maybe", &["verify_source=maybe", "set verify_source to auto, true or false"]),
        ("type=s3,payload_signing=never", &["payload_signing=never", "set payload_signing to true or auto"]),
        ("type=s3,touch_refresh=-1h", &["touch_refresh=-1h", "24h"]),
        ("type=s3,upload_parallelism=0", &["upload_parallelism=0", "at least 1"]),
        ("type=s3,retry_max_attempts=x", &["retry_max_attempts=x", "at least 1"]),
        ("type=s3,retry_mode=legacy", &["retry_mode=legacy", "standard or adaptive"]),
        ("type=s3,compression=zstd", &["compression", "layers are copied unchanged"]),
        ("type=s3,image-manifest=true", &["image-manifest", "layers are copied unchanged"]),
        ("type=s3,bucket", &["field 2 has no ="]),
        ("type=s3,name=a;;b", &["name=a;;b", "none of them empty"]),
        ("type=s3,name=", &["name=", "none of them empty"]),
        ("type=s3,access_key_id=a", &["without secret_access_key"]),
        ("type=s3,secret_access_key=a", &["without access_key_id"]),
        ("type=s3,session_token=a", &["session_token is given without its keys"]),
        ("type=s3,external_id=a", &["need role_arn"]),
        ("type=s3,endpoint_url=s3.example.com", &["endpoint_url=s3.example.com", "https://s3.example.com"]),
        ("type=s3,bucket=..,endpoint_url=file:///tmp/x", &["bucket=.."]),
        ("type=s3,bucket=Upper,endpoint_url=file:///tmp/x", &["bucket=Upper"]),
        ("type=s3,bucket=1.2.3.4,endpoint_url=file:///tmp/x", &["bucket=1.2.3.4"]),
        ("type=s3,bucket=a/b", &["bucket=a/b"]),
        ("type=s3,prefix=a/../b", &["prefix=a/../b"]),
        ("type=s3,name=..", &["segment"]),
        ("type=s3,bucket=my-cache,prefix=a//b/,endpoint_url=file:///tmp/x", &["cannot be a file name"]),
        ("type=local,src=x", &["type=local is given where an S3 cache is expected"]),
    ] {
        let message = message(text);
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
    assert!(message(&format!("type=s3,name={}", "x".repeat(1100))).contains("1024 bytes"));
}

#[test]
fn an_invalid_character_is_visible_in_the_error() {
    for (attribute, shown) in [
        ("mode=m\u{1b}in", "mode=m\\u{1b}in is not valid"),
        ("bucket=my\u{7}cache", "bucket=my\\u{7}cache has a slash, a space or a control character"),
        ("prefix=a\u{7f}/", "prefix=a\\u{7f}/ has a control character"),
        ("expected_bucket_owner=1\u{200b}", "expected_bucket_owner=1\\u{200b} is not valid"),
    ] {
        let told = message(&format!("type=s3,region=r,{attribute}"));
        assert!(told.starts_with(shown), "{told:?}");
    }
}

#[test]
fn no_part_of_a_secret_is_ever_shown() {
    // A missing quote around a secret with a comma, in every position.
    for text in [
        "type=s3,access_key_id=a,secret_access_key=xx,MARKED",
        "type=s3,access_key_id=a,secret_access_key=xx,marked=",
        "type=s3,access_key_id=a,secret_access_key=xx,MARKED/12=34",
        "type=s3,session_token=xx,marked=12,bucket=b-b",
        "type=s3,session_token=xx\"marked",
        "type=s3,session_token=\"marked",
        "type=s3,secret_access_key=marked,session_token=marked",
        "secret_access_key=xx,type=marked",
        "type=s3,endpoint_url=https://user:marked@host",
        "marked",
        "type=s3,marked+/1=x",
    ] {
        let error = parse(text).unwrap_err();
        let shown = format!("{error:?} {}", error.chain()).to_lowercase();
        assert!(!shown.contains("marked"), "{text}: {shown}");
    }
    let options = parse("type=s3,access_key_id=MARKED,secret_access_key=MARKED,session_token=MARKED").unwrap();
    assert!(!format!("{options:?}").contains("MARKED"));
}

#[test]
fn a_prefix_without_a_slash_is_a_warning() {
    assert_eq!(parse("type=s3,prefix=a/").unwrap().keys().warnings(), Vec::<String>::new());
    assert_eq!(parse("type=s3,prefix=a").unwrap().keys().warnings().len(), 1);
    assert_eq!(parse("type=s3,prefix=/a/").unwrap().keys().warnings().len(), 1);
}

#[test]
fn a_local_cache_is_named_by_src_or_dest() {
    use crate::config::{CacheRef, LocalOptions};
    let local = |text: &str| match text.parse().unwrap() {
        CacheRef::Local(local) => local,
        CacheRef::S3(_) => panic!("{text}"),
    };
    assert_eq!(local("type=local,src=a"), LocalOptions::new("a"));
    assert_eq!(local("type=local,dest=a,tag=t,mode=max").tag, "t");
    // The attributes that buildx accepts for a build.
    let buildx = "type=local,dest=a,mode=max,ignore-error=true,reset=true,compression=zstd,compression-level=3,\
                  force-compression=true,oci-mediatypes=true,image-manifest=false";
    assert_eq!(local(buildx), LocalOptions::new("a"));
    let digest = Digest::of(b"");
    assert_eq!(local(&format!("type=local,src=a,digest={digest}")).digest, Some(digest));
    for text in
        ["type=local", "type=local,src=a,dest=b", "type=local,src=", "type=local,src=a,tag=", "type=local,bucket=x"]
    {
        assert!(matches!(text.parse::<CacheRef>(), Err(Error::Usage(_))), "{text}");
    }
    for text in [format!("type=local,src=a,digest={digest},tag=t"), format!("type=local,tag=t,src=a,digest={digest}")] {
        let error = text.parse::<CacheRef>().unwrap_err();
        assert!(error.to_string().contains("tag and digest") && matches!(error, Error::Usage(_)), "{error:?}");
    }
    for digest in ["", "latest", "sha256:abc", "sha256:../../x"] {
        let error = format!("type=local,src=a,digest={digest}").parse::<CacheRef>().unwrap_err();
        assert!(error.to_string().starts_with("digest: ") && error.hint().is_some(), "{error:?}");
    }
}

#[test]
fn local_attributes_have_suggestions_too() {
    for (text, hint) in [
        ("type=local,path=a", "did you mean src?"),
        ("type=local,des=a", "did you mean dest?"),
        ("type=local,src=a,name=b", "did you mean tag?"),
        ("type=local,bucket=x", "bucket is an attribute of type=s3"),
        ("type=local,src=a,nonsense=b", "the attributes of type=local are type, src"),
    ] {
        let error = text.parse::<crate::config::CacheRef>().unwrap_err();
        assert!(error.hint().unwrap_or_default().contains(hint), "{text}: {error:?}");
    }
}
