//! Where requests end that the loopback registry receives.

use crate::http::server::{Chunked, Framing, Head, HeadScan, Next};

/// As small as the seeds allow, so that inputs reach them.
const MAX_HEAD_BYTES: usize = 2048;
const MAX_HEADERS: usize = 16;
const MAX_TRAILER_BYTES: usize = 4096;

/// The input is a number of bytes that arrive at once, and then what arrives: a head and a body.
///
/// However the bytes are split, the decisions are the same. A head that is accepted has one reading, and is accepted
/// with the same meaning when it is written again. A chunked body is accepted exactly if a naive decoder accepts it, and
/// yields the same bytes.
pub fn http_framing(data: &[u8]) {
    let Some((step, input)) = data.split_first() else { return };
    let step = 1 + usize::from(*step);
    let whole = HeadScan::new(MAX_HEAD_BYTES, MAX_HEADERS).advance(input);
    let mut scan = HeadScan::new(MAX_HEAD_BYTES, MAX_HEADERS);
    let split = steps(input, step).map(|arrived| scan.advance(arrived)).find(|result| !matches!(result, Ok(None)));
    assert_eq!(split.unwrap_or(Ok(None)), whole);
    chunks(input, step);
    let Ok(Some(length)) = whole else { return };
    let (head, rest) = input.split_at_checked(length).unwrap_or_default();
    delimited(head);
    chunks(rest, step);
    if let Ok(parsed) = Head::parse(head, MAX_HEADERS) {
        one_reading(head, &parsed);
        let again = written(&parsed);
        let length = HeadScan::new(usize::MAX, MAX_HEADERS).advance(&again);
        assert_eq!(length, Ok(Some(again.len())));
        assert_eq!(Head::parse(&again, MAX_HEADERS).as_ref(), Ok(&parsed));
    }
}

/// Returns what has arrived after each step.
fn steps(input: &[u8], step: usize) -> impl Iterator<Item = &[u8]> {
    let ends = (0..input.len()).step_by(step).map(move |start| input.len().min(start + step));
    ends.map(|end| input.get(..end).unwrap_or_default())
}

/// Asserts that the head ends with its first empty line.
fn delimited(head: &[u8]) {
    let text: String = head.iter().map(|byte| char::from(*byte)).collect();
    let text = text.strip_prefix("\r\n").unwrap_or(&text);
    assert!(text.starts_with(|first: char| first.is_ascii_uppercase()));
    assert!(text.find("\r\n\r\n").is_some_and(|at| at + 4 == text.len()));
    assert!(head.len() <= MAX_HEAD_BYTES && text.matches("\r\n").count() <= MAX_HEADERS + 2);
    let lines = text.replace("\r\n", "");
    assert!(!lines.contains(['\r', '\n', '\0']));
}

/// Asserts that a naive reader finds the same framing, target and host, and no second one.
fn one_reading(head: &[u8], parsed: &Head) {
    let text = std::str::from_utf8(head).unwrap_or_default();
    let mut lines = text.trim_start_matches("\r\n").trim_end_matches("\r\n").split("\r\n");
    let line = lines.next().unwrap_or_default();
    let query = parsed.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let version = if parsed.is_1_0 { "1.0" } else { "1.1" };
    assert_eq!(line, format!("{} {}{query} HTTP/{version}", parsed.method.as_str(), parsed.path));
    let path = &parsed.path;
    assert!(path.starts_with('/') && path.is_ascii() && !path.contains("//") && !path.contains(['#', '?', '\\']));
    let plain = path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/");
    assert!(!plain.split('/').any(|segment| segment == ".." || segment == "."));
    let headers: Vec<(String, String)> = lines.filter_map(|line| line.split_once(':')).map(named).collect();
    assert!(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(parsed.headers.iter()));
    let all = |name: &str| -> Vec<String> {
        let found = headers.iter().filter(|(present, _)| present.trim() == name);
        found.map(|(_, value)| value.to_ascii_lowercase()).collect()
    };
    assert_eq!(all("host"), [parsed.host.as_str()]);
    let framing = match (all("content-length").as_slice(), all("transfer-encoding").as_slice()) {
        ([], []) => Framing::Length(0),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            Framing::Length(length.parse().unwrap_or(u64::MAX))
        }
        ([], [coding]) if coding == "chunked" && !parsed.is_1_0 => Framing::Chunked,
        other => panic!("{other:?}"),
    };
    assert_eq!(parsed.framing, framing);
    assert!(parsed.method.as_str() != "HEAD" || framing == Framing::Length(0));
}

fn named((name, value): (&str, &str)) -> (String, String) {
    (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned())
}

fn written(head: &Head) -> Vec<u8> {
    let query = head.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let version = if head.is_1_0 { "1.0" } else { "1.1" };
    let mut text = format!("{} {}{query} HTTP/{version}\r\n", head.method.as_str(), head.path);
    for (name, value) in head.headers.iter() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn chunks(input: &[u8], step: usize) {
    let (whole, split) = (decoded(input, usize::MAX), decoded(input, step));
    assert_eq!(whole, split);
    assert_eq!(whole, naive(input));
}

/// Returns the body and its length as it was sent, or `None` if it is incomplete or malformed.
fn decoded(input: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
    let (mut chunks, mut body, mut at, mut arrived) = (Chunked::new(), Vec::new(), 0, 0);
    loop {
        let (consumed, next) = chunks.advance(input.get(at..arrived)?).ok()?;
        at += consumed;
        match next {
            Next::End => return Some((body, at)),
            Next::Data(left) if at < arrived => {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(arrived - at);
                body.extend_from_slice(input.get(at..at + length)?);
                chunks.consume(u64::try_from(length).ok()?);
                at += length;
            }
            _ if arrived == input.len() => return None,
            _ => arrived = input.len().min(arrived.saturating_add(step)),
        }
    }
}

/// Decodes chunks as they are defined, line by line.
fn naive(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut rest) = (Vec::new(), input);
    loop {
        let (size, after) = line(rest)?;
        let valid = matches!(size.len(), 1..=16) && size.iter().all(u8::is_ascii_hexdigit);
        let size = std::str::from_utf8(size).ok().filter(|_| valid)?;
        let size = usize::try_from(u64::from_str_radix(size, 16).ok()?).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailer_bytes = 0;
    loop {
        let (trailer, after) = line(rest)?;
        rest = after;
        trailer_bytes += trailer.len() + 1;
        if trailer_bytes > MAX_TRAILER_BYTES {
            return None;
        }
        if trailer.is_empty() {
            return Some((body, input.len() - rest.len()));
        }
        let colon = trailer.iter().position(|byte| *byte == b':')?;
        let (name, value) = trailer.split_at_checked(colon)?;
        let is_token = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        if name.is_empty() || !name.iter().all(is_token) || value.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
            return None;
        }
    }
}

/// Returns the bytes before the first CR LF, and those after it.
fn line(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input.windows(2).position(|pair| pair == b"\r\n")?;
    Some((input.get(..end)?, input.get(end + 2..)?))
}
