//! `GetObject`, whole or a range.

use std::io::Read;
use std::ops::Range;

use crate::base::{Element, Result, reader_from_fn};
use crate::http::{Method, Response};
use crate::object::{GetOptions, Object};
use crate::s3::answer::{Answer, Cause, MAX_ERROR_BYTES, is_html};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::conditions::if_match;
use crate::s3::content_range::{ContentRange, WRONG_RANGE};
use crate::s3::head_object::not_s3;
use crate::s3::object_meta::version;

impl S3Client {
    /// Opens an object or a range of it. Returns `None` if it does not exist.
    pub(super) fn get_object(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        let range = options.range.as_ref();
        let mut call = Call::new("GetObject", Method::Get, Some(key));
        if let Some(range) = range {
            call.headers.push(("range".to_owned(), format!("bytes={}-{}", range.start, range.end.saturating_sub(1))));
        }
        call.headers.extend(options.if_match.as_ref().map(if_match));
        match self.execute(&call, |response| self.opened(key, response, range)) {
            Ok(object) => Ok(Some(object)),
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.is_not_found() => Ok(None),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }

    fn opened(&self, key: &str, response: Response, range: Option<&Range<u64>>) -> std::result::Result<Object, Cause> {
        // A captive portal or a console instead of the store: nothing in a cache is HTML.
        if is_html(response.header("content-type")) {
            return Err(not_s3(&response));
        }
        let response = no_error_document(response)?;
        let version = version(&response);
        if let (Some(range), Some(text)) = (range, response.header("content-range")) {
            let Some(ContentRange { start, end: last, total }) = ContentRange::parse(text) else {
                return Err(wrong_range(&response));
            };
            let total = match total {
                Some(total) => total,
                None => self.size(key)?,
            };
            return match range.end.min(total) {
                end if start == range.start && last == end => {
                    // The length is right, so use the body as it is: once it is fully read, its connection can be
                    // reused.
                    let body = match response.content_length() {
                        Some(length) if length == last - start => response.into_body(),
                        _ => limited(response.into_body(), last - start),
                    };
                    Ok(Object::new(total, version, body))
                }
                _ => Err(wrong_range(&response)),
            };
        }
        if response.status() == 206 {
            return Err(wrong_range(&response));
        }
        let size = match response.content_length() {
            Some(size) => size,
            // A proxy has removed the length.
            None => self.size(key)?,
        };
        let body = response.into_body();
        Ok(match range {
            None => Object::new(size, version, body),
            // The server ignores ranges: skip the bytes before the range.
            Some(range) => {
                let skipping = skipped(body, range.start);
                let length = range.end.min(size).saturating_sub(range.start);
                Object { whole: true, ..Object::new(size, version, limited(skipping, length)) }
            }
        })
    }

    /// Returns the size of the object, if a response with its bytes does not contain it.
    fn size(&self, key: &str) -> std::result::Result<u64, Cause> {
        Ok(self.head_object(key).map_err(Cause::Own)?.map_or(0, |head| head.size))
    }
}

/// A success whose body is an error document is a failure: nothing in a cache is XML.
fn no_error_document(mut response: Response) -> std::result::Result<Response, Cause> {
    let is_xml = response.header("content-type").is_some_and(|value| value.contains("/xml"));
    if is_xml && response.content_length().is_some_and(|length| length <= MAX_ERROR_BYTES) {
        let body = response.read(MAX_ERROR_BYTES).map_err(Cause::NoAnswer)?;
        if Element::parse(&body).is_ok_and(|root| root.name == "Error") {
            return Err(Cause::Refused(Box::new(Answer::new(&response, &body))));
        }
        response.put_back(body);
    }
    Ok(response)
}

/// Broken caches on the way do this; the next response may be right.
fn wrong_range(response: &Response) -> Cause {
    let answer = Answer { code: Some(WRONG_RANGE.to_owned()), ..Answer::new(response, b"") };
    Cause::Refused(Box::new(Answer { foreign: false, ..answer }))
}

fn limited(body: Box<dyn Read + Send>, length: u64) -> Box<dyn Read + Send> {
    let mut body = body.take(length);
    reader_from_fn(move |buffer| body.read(buffer))
}

/// Returns what follows the first `skip` bytes.
fn skipped(mut body: Box<dyn Read + Send>, mut skip: u64) -> Box<dyn Read + Send> {
    reader_from_fn(move |buffer| {
        while skip > 0 {
            let window = buffer.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
            match body.read(buffer.get_mut(..window).unwrap_or_default())? {
                0 => return Ok(0),
                read => skip -= read as u64,
            }
        }
        body.read(buffer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_object_in_place_of_a_range_is_cut_to_it() {
        let inner: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(b"0123456789".to_vec()));
        let mut out = String::new();
        limited(skipped(inner, 3), 4).read_to_string(&mut out).unwrap();
        assert_eq!(out, "3456");
    }
}
