//! The driver's requests to the sink, on a separate port. They are not counted, delayed or encrypted.

use std::io::{self, Write};
use std::net::TcpStream;

use super::Sink;
use super::bucket::{Content, Object};
use super::handlers::bucket;
use super::inbound::{Inbound, Source};

impl Source for TcpStream {
    fn discard(&mut self, most: u64, scratch: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(scratch.len());
        io::Read::read(self, &mut scratch[..most])
    }
}

/// Serves one request: `GET /-/stats`, `POST /-/reset` (the counts), `POST /-/clear` (counts and objects), `POST
/// /-/populate` (one line per object: key, size, offset in the pattern), or `POST /-/line` (the rate of all connections
/// together in bytes per second; nothing for no limit).
pub(super) fn serve(sink: &Sink, stream: TcpStream) -> io::Result<()> {
    let mut inbound = Inbound::new(stream);
    let Some(head) = inbound.head()? else { return Ok(()) };
    let body = inbound.keep(head.framing())?;
    let known = match head.path.as_str() {
        "-/stats" => true,
        "-/reset" => {
            sink.statistics.reset();
            true
        }
        "-/clear" => {
            bucket(sink).clear();
            sink.statistics.reset();
            true
        }
        "-/line" => limit(sink, &body).is_some(),
        "-/populate" => populate(sink, &body).is_some(),
        _ => false,
    };
    let status = if known { "200 OK" } else { "400 Bad Request" };
    let body = {
        let bucket = bucket(sink);
        sink.statistics.json(bucket.objects.len(), bucket.bytes()).to_string()
    };
    write!(inbound.source, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn limit(sink: &Sink, body: &[u8]) -> Option<()> {
    let rate = std::str::from_utf8(body).ok()?;
    sink.line.limit(if rate.is_empty() { None } else { Some(rate.parse().ok()?) });
    Some(())
}

fn populate(sink: &Sink, body: &[u8]) -> Option<()> {
    let mut bucket = bucket(sink);
    for line in std::str::from_utf8(body).ok()?.lines() {
        let mut words = line.split(' ');
        let (key, size, offset) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        bucket.objects.insert(key.to_owned(), Object::new(size, Content::Pattern(offset)));
    }
    Some(())
}
