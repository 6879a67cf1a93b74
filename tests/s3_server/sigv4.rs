//! Verifies Signature Version 4 by the published algorithm.
//!
//! Independent of the crate under test, so that a mistake in one implementation is detected by the other.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use super::text::{percent_decode, percent_encode};

/// The parts of an `Authorization` header.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) key_id: String,
    /// `YYYYMMDD`.
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed: Vec<String>,
    pub(crate) signature: String,
}

/// The signed parts of a request, as received.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// The path of the request line, byte for byte.
    pub(crate) path: &'a str,
    /// The query of the request line, byte for byte, without its question mark.
    pub(crate) query: &'a str,
    /// Names in lower case.
    pub(crate) headers: &'a [(String, String)],
    /// Names in lower case, sorted.
    pub(crate) signed: &'a [String],
    pub(crate) payload_hash: &'a str,
}

impl Authorization {
    pub(crate) fn parse(value: &str) -> Result<Self, Failure> {
        Self::read(value).ok_or_else(|| malformed("The authorization header that you provided is not valid."))
    }

    fn read(value: &str) -> Option<Self> {
        let mut fields = value.strip_prefix("AWS4-HMAC-SHA256 ")?.split(',').map(str::trim_start);
        let credential = fields.next()?.strip_prefix("Credential=")?;
        let signed = fields.next()?.strip_prefix("SignedHeaders=")?;
        let signature = fields.next()?.strip_prefix("Signature=")?;
        // From the right, because a key id may contain a slash.
        let mut scope = credential.rsplitn(5, '/');
        let (end, service, region, date, key_id) =
            (scope.next()?, scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        let signed: Vec<String> = signed.split(';').map(str::to_owned).collect();
        let in_order = signed.windows(2).all(|pair| pair[0] < pair[1]);
        let lower_case = signed.iter().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase());
        let known = service == "s3" || service == "s3express";
        let good = fields.next().is_none() && end == "aws4_request" && known && in_order && lower_case;
        good.then(|| Self {
            key_id: key_id.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            signed,
            signature: signature.into(),
        })
    }
}

pub(crate) fn malformed(message: &str) -> Failure {
    Failure::new(400, "AuthorizationHeaderMalformed", message)
}

/// Returns the canonical request. `None` unless the request line is in the one encoding on which stores that keep it
/// and stores that re-encode it agree.
pub(crate) fn canonical_request(request: &Signed<'_>) -> Option<String> {
    let path = respell(request.path, "/")?;
    let query = canonical_query(request.query)?;
    let headers: String =
        request.signed.iter().map(|name| format!("{name}:{}\n", header_value(request.headers, name))).collect();
    let signed = request.signed.join(";");
    Some(format!("{}\n{path}\n{query}\n{headers}\n{signed}\n{}", request.method, request.payload_hash))
}

fn respell(raw: &str, keep: &str) -> Option<String> {
    let spelt = percent_encode(&percent_decode(raw)?, keep);
    (spelt == raw).then_some(spelt)
}

fn canonical_query(raw: &str) -> Option<String> {
    let mut pairs = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((respell(name, "")?, respell(value, "")?))
        })
        .collect::<Option<Vec<_>>>()?;
    pairs.sort();
    Some(pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

fn header_value(headers: &[(String, String)], name: &str) -> String {
    let values = headers.iter().filter(|(have, _)| have == name);
    values.map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(",")
}

/// Returns the signature of a canonical request. `stamp` is `YYYYMMDDTHHMMSSZ`.
pub(crate) fn signature(secret: &str, stamp: &str, (region, service): (&str, &str), canonical_request: &str) -> String {
    let date = stamp.get(..8).unwrap_or_default();
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/{service}/aws4_request\n{}",
        hex::encode(Sha256::digest(canonical_request))
    );
    let key = [date, region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    hex::encode(hmac(&key, to_sign.as_bytes()))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
