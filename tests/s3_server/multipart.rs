//! Multipart uploads: create, upload and copy parts, complete, abort, and list both.

use std::collections::BTreeMap;

use super::bucket::{Bucket, Object, Upload, etag_of, kept_headers};
use super::clock::iso;
use super::conditions::check_write;
use super::express;
use super::failure::{Failure, invalid_argument, not_implemented};
use super::handlers::Call;
use super::http::Response;
use super::listing::xml_response;
use super::objects::{check_checksum, check_copy_conditions, check_size, checksum_of, copy_source, find};
use super::text::{percent_encode, xml, xml_document, xml_elements, xml_unescape};

/// Returns an upload id that fails if the client does not encode it.
const ID_TAIL: &str = "/+=~ &";

pub(crate) fn create(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    if !call.body.is_empty() {
        return Err(Failure::new(400, "InvalidRequest", "an upload is begun without a body"));
    }
    bucket.uploads_begun += 1;
    let id = format!("upload-{}{ID_TAIL}", bucket.uploads_begun);
    let mut headers = kept_headers(call.head)?;
    headers.extend(express::encryption(call, bucket));
    let upload = Upload {
        key: call.route.key.clone(),
        headers,
        checksums: call.head.header("x-amz-checksum-algorithm").is_some(),
        parts: BTreeMap::new(),
        initiated: call.now,
    };
    bucket.uploads.insert(id.clone(), upload);
    let inner = xml("Bucket", &call.config.bucket) + &xml("Key", &call.route.key) + &xml("UploadId", &id);
    Ok(xml_response(xml_document("InitiateMultipartUploadResult", &inner)))
}

pub(crate) fn upload_part(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    let number = part_number(call)?;
    check_size(call.body.len() as u64, call.config.max_put)?;
    check_checksum(call, "Part")?;
    let upload = upload(call, bucket)?;
    let sent = call.head.header("x-amz-checksum-sha256").is_some();
    if sent != upload.checksums {
        let name = |checksum| if checksum { "sha256" } else { "null" };
        let (expected, actual) = (name(upload.checksums), name(sent));
        let message = format!(
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        );
        return Err(Failure::new(400, "InvalidRequest", &message));
    }
    let etag = etag_of(call.body);
    upload.parts.insert(number, (etag.clone(), call.body.to_vec()));
    Ok(Response::new(200).with("etag", &etag))
}

pub(crate) fn upload_part_copy(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    if !call.config.copies_parts {
        return Err(not_implemented("UploadPartCopy"));
    }
    let number = part_number(call)?;
    let source = find(call, bucket, &copy_source(call)?)?.clone();
    check_copy_conditions(call, &source)?;
    let bytes = match call.head.header("x-amz-copy-source-range") {
        None => &source.data[..],
        Some(range) => copied_range(range, &source.data)
            .ok_or_else(|| invalid_argument("The x-amz-copy-source-range value must be within the source object"))?,
    };
    check_size(bytes.len() as u64, call.config.max_copy)?;
    let etag = etag_of(bytes);
    upload(call, bucket)?.parts.insert(number, (etag.clone(), bytes.to_vec()));
    let inner = xml("LastModified", &iso(call.now)) + &xml("ETag", &etag);
    Ok(xml_response(xml_document("CopyPartResult", &inner)))
}

/// Parses `bytes=first-last`, both within the object.
fn copied_range<'a>(range: &str, data: &'a [u8]) -> Option<&'a [u8]> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    data.get(first.parse().ok()?..last.parse::<usize>().ok()?.checked_add(1)?)
}

fn part_number(call: &Call<'_>) -> Result<u32, Failure> {
    let number = call.route.param("partNumber").and_then(|number| number.parse().ok());
    number
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))
}

fn upload_id<'a>(call: &'a Call<'_>) -> &'a str {
    call.route.param("uploadId").unwrap_or_default()
}

fn upload<'a>(call: &Call<'_>, bucket: &'a mut Bucket) -> Result<&'a mut Upload, Failure> {
    let upload = bucket.uploads.get_mut(upload_id(call)).filter(|upload| upload.key == call.route.key);
    upload.ok_or_else(|| Failure::new(404, "NoSuchUpload", "The specified upload does not exist."))
}

pub(crate) fn complete(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    let upload = upload(call, bucket)?;
    let malformed = || Failure::new(400, "MalformedXML", "The XML you provided was not well-formed");
    let document = std::str::from_utf8(call.body).map_err(|_| malformed())?;
    if !document.contains("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">") {
        return Err(malformed());
    }
    let parts = xml_elements(document, "Part")
        .into_iter()
        .map(|part| {
            let number = xml_elements(part, "PartNumber").first()?.trim().parse().ok()?;
            Some((number, xml_unescape(xml_elements(part, "ETag").first()?)))
        })
        .collect::<Option<Vec<(u32, String)>>>()
        .filter(|parts| !parts.is_empty() && parts.len() == document.matches("<Part>").count())
        .ok_or_else(malformed)?;
    let data = join(call, upload, &parts)?;
    check_part_checksums(upload, document)?;
    let headers = upload.headers.clone();
    check_write(call, bucket)?;
    let mut object = Object::new(data, headers, call.now);
    object.etag = format!("\"{}-{}\"", object.etag.trim_matches('"'), parts.len());
    if call.config.directory.is_some() {
        object.etag = express::fresh_etag(bucket);
    }
    let inner = xml("Bucket", &call.config.bucket) + &xml("Key", &call.route.key) + &xml("ETag", &object.etag);
    bucket.uploads.remove(upload_id(call));
    bucket.objects.insert(call.route.key.clone(), object);
    let document = String::from_utf8(xml_document("CompleteMultipartUploadResult", &inner)).unwrap();
    // AWS keeps the connection alive with white space while it assembles the parts.
    Ok(xml_response(document.replacen("?>", "?>\n   \n \n", 1).into_bytes()))
}

fn join(call: &Call<'_>, upload: &Upload, parts: &[(u32, String)]) -> Result<Vec<u8>, Failure> {
    if parts.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(Failure::new(400, "InvalidPartOrder", "The list of parts was not in ascending order."));
    }
    let consecutive = parts.iter().zip(1..).all(|((number, _), expected)| *number == expected);
    if call.config.directory.is_some() && !consecutive {
        return Err(Failure::new(400, "InvalidPartOrder", "The part numbers must be consecutive."));
    }
    let invalid = || Failure::new(400, "InvalidPart", "One or more of the specified parts could not be found.");
    let mut bodies = Vec::new();
    for (number, etag) in parts {
        let (_, body) = upload.parts.get(number).filter(|(have, _)| have == etag).ok_or_else(invalid)?;
        bodies.push(body.as_slice());
    }
    let (_, others) = bodies.split_last().unwrap_or((&&[][..], &[]));
    if others.iter().any(|body| (body.len() as u64) < call.config.min_part) {
        return Err(Failure::new(
            400,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
        ));
    }
    if others.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
        return Err(Failure::new(400, "InvalidPart", "All non-trailing parts must have the same length."));
    }
    Ok(bodies.concat())
}

fn check_part_checksums(upload: &Upload, document: &str) -> Result<(), Failure> {
    let named: Vec<&str> = xml_elements(document, "ChecksumSHA256");
    let parts = upload.parts.values().map(|(_, body)| checksum_of(body)).collect::<Vec<_>>();
    let expected = if upload.checksums { &parts[..] } else { &[] };
    if named == expected {
        return Ok(());
    }
    let message = "The upload was created using a sha256 checksum. The complete request must include the checksum for \
                   each part.";
    Err(Failure::new(400, "InvalidRequest", message))
}

pub(crate) fn abort(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    upload(call, bucket)?;
    bucket.uploads.remove(upload_id(call));
    Ok(Response::new(204))
}

pub(crate) fn list_parts(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    let marker = call.route.param("part-number-marker").and_then(|marker| marker.parse().ok()).unwrap_or(0_u32);
    let upload = upload(call, bucket)?;
    let mut inner = xml("UploadId", upload_id(call));
    for (number, (etag, body)) in upload.parts.range(marker + 1..) {
        let number = xml("PartNumber", &number.to_string());
        let part = number + &xml("ETag", etag) + &xml("Size", &body.len().to_string());
        inner += &format!("<Part>{part}</Part>");
    }
    Ok(xml_response(xml_document("ListPartsResult", &(inner + &xml("IsTruncated", "false")))))
}

pub(crate) fn list_uploads(call: &Call<'_>, bucket: &Bucket) -> Result<Response, Failure> {
    if call.config.list_denied {
        return Err(super::failure::access_denied());
    }
    let param = |name: &str| call.route.param(name);
    let prefix = param("prefix").unwrap_or_default();
    let page = match param("max-uploads") {
        Some(number) => number.parse().map_err(|_| invalid_argument("max-uploads is not a number"))?,
        None => 1000,
    };
    let page = call.config.page_size.min(page);
    let encode = match param("encoding-type") {
        None => false,
        Some("url") => call.config.encodes_listings,
        Some(_) => return Err(invalid_argument("Invalid Encoding Method specified in Request")),
    };
    let spell = |key: &str| if encode { percent_encode(key, "/ ").replace(' ', "+") } else { key.to_owned() };
    // In a directory bucket, the marker is a token, and there is no other.
    let by_token = call.config.directory.is_some();
    let place = |key: &str, id: &str| express::place(&format!("{key} {id}"));
    // Without a key, the marker of the id is ignored.
    let marker = param("key-marker").map(|key| (key, param("upload-id-marker")));
    let after = |key: &str, id: &str| match marker {
        None => true,
        Some((token, None)) if by_token => place(key, id).as_str() > token,
        Some((marker, None)) => key > marker,
        Some((marker, Some(id_marker))) => (key, id) > (marker, id_marker),
    };
    let mut uploads: Vec<(&String, &Upload)> = bucket.uploads.iter().collect();
    match by_token {
        true => uploads.sort_by_key(|(id, upload)| place(&upload.key, id)),
        false => uploads.sort_by_key(|(id, upload)| (&upload.key, *id)),
    }
    uploads.retain(|(id, upload)| upload.key.starts_with(prefix) && after(&upload.key, id));
    let mut inner = xml("Bucket", &call.config.bucket);
    for (id, upload) in uploads.iter().take(page) {
        let times = xml("Initiated", &iso(upload.initiated)) + &xml("StorageClass", "STANDARD");
        inner += &format!("<Upload>{}{}{times}</Upload>", xml("Key", &spell(&upload.key)), xml("UploadId", id));
    }
    let truncated = uploads.len() > page;
    if let Some((id, upload)) = uploads.get(page.wrapping_sub(1)).filter(|_| truncated) {
        inner += &match by_token {
            true => xml("NextKeyMarker", &place(&upload.key, id)),
            false => xml("NextKeyMarker", &spell(&upload.key)) + &xml("NextUploadIdMarker", id),
        };
    }
    if encode {
        inner += &xml("EncodingType", "url");
    }
    inner += &(xml("MaxUploads", &page.to_string()) + &xml("IsTruncated", &truncated.to_string()));
    Ok(xml_response(xml_document("ListMultipartUploadsResult", &inner)))
}
