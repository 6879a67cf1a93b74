//! The operations on the bucket: HEAD, location, listings.

use super::bucket::Bucket;
use super::clock::iso;
use super::express;
use super::failure::{Failure, access_denied, invalid_argument};
use super::handlers::Call;
use super::http::Response;
use super::text::{percent_encode, xml, xml_document};

/// Returns a continuation token that fails if the client does not encode it.
const TOKEN_TAIL: &str = "+/=~ &";

pub(crate) fn head_bucket(call: &Call<'_>) -> Result<Response, Failure> {
    if call.config.list_denied {
        return Err(access_denied().header("x-amz-bucket-region", &call.config.region));
    }
    Ok(Response::new(200).with("x-amz-bucket-region", &call.config.region))
}

pub(crate) fn location(call: &Call<'_>) -> Result<Response, Failure> {
    let region = match call.config.region.as_str() {
        "us-east-1" => "",
        other => other,
    };
    Ok(xml_response(xml_document("LocationConstraint", region)))
}

/// ListObjectsV2, and the older ListObjects, whose pages are identified by the last key.
pub(crate) fn list(call: &Call<'_>, bucket: &Bucket, v2: bool) -> Result<Response, Failure> {
    if call.config.list_denied {
        return Err(access_denied());
    }
    let param = |name: &str| call.route.param(name);
    if v2 && param("list-type") != Some("2") {
        return Err(invalid_argument("list-type must be 2"));
    }
    let page = match param("max-keys") {
        Some(number) => number.parse().map_err(|_| invalid_argument("max-keys is not a number"))?,
        None => 1000,
    };
    let page = call.config.page_size.min(page);
    let after = match (param("continuation-token"), param("start-after").or(param("marker"))) {
        (Some(token), _) => Some(after_token(token)?),
        (None, key) => key.map(str::to_owned),
    };
    let encode = match param("encoding-type") {
        None => false,
        Some("url") => call.config.encodes_listings,
        Some(_) => return Err(invalid_argument("Invalid Encoding Method specified in Request")),
    };
    let spell = |key: &str| if encode { percent_encode(key, "/ ").replace(' ', "+") } else { key.to_owned() };
    let prefix = param("prefix").unwrap_or_default();
    let directory = call.config.directory.is_some();
    let is_after = |key: &String, after: &String| match directory {
        true => express::place(key) > express::place(after),
        false => key > after,
    };
    let found = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && after.as_ref().is_none_or(|after| is_after(key, after)));
    let mut found: Vec<_> = found.collect();
    if directory {
        found.sort_by_key(|(key, _)| express::place(key));
    }
    let mut found = found.into_iter();
    let mut inner = xml("Name", &call.config.bucket) + &xml("Prefix", &spell(prefix));
    let mut last = None;
    let mut count = 0_usize;
    for (key, object) in found.by_ref().take(page) {
        let contents = xml("Key", &spell(key))
            + &xml("LastModified", &iso(object.modified))
            + &xml("ETag", &object.etag)
            + &xml("Size", &object.data.len().to_string())
            + &xml("StorageClass", if directory { "EXPRESS_ONEZONE" } else { object.class() });
        inner += &format!("<Contents>{contents}</Contents>");
        count += 1;
        last = Some(key);
    }
    let truncated = found.next().is_some();
    inner += &xml("IsTruncated", &truncated.to_string());
    inner += &xml("MaxKeys", &page.to_string());
    if v2 {
        inner += &xml("KeyCount", &count.to_string());
    }
    if encode {
        inner += &xml("EncodingType", "url");
    }
    match last {
        Some(key) if truncated && v2 => inner += &xml("NextContinuationToken", &token_after(key)),
        Some(key) if truncated => inner += &xml("NextMarker", &spell(key)),
        _ => {}
    }
    Ok(xml_response(xml_document("ListBucketResult", &inner)))
}

fn token_after(key: &str) -> String {
    format!("{}{TOKEN_TAIL}", hex::encode(key))
}

fn after_token(token: &str) -> Result<String, Failure> {
    let key = token.strip_suffix(TOKEN_TAIL).and_then(|hex| hex::decode(hex).ok());
    let key = key.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}

pub(crate) fn xml_response(body: Vec<u8>) -> Response {
    Response::new(200).with("content-type", "application/xml").with_body(body)
}

/// The lifecycle configuration. An empty one does not exist.
pub(crate) fn lifecycle(call: &Call<'_>) -> Result<Response, Failure> {
    match call.config.lifecycle.as_deref() {
        None => Err(access_denied()),
        Some("") => {
            Err(Failure::new(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"))
        }
        Some(rules) => Ok(xml_response(xml_document("LifecycleConfiguration", rules))),
    }
}
