//! Serves one connection: requests one after another, each answered after the configured round trip.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::SystemTime;

use super::Sink;
use super::clock::imf;
use super::handlers::{Answer, Body, answer};
use super::head::Head;
use super::inbound::Inbound;
use super::wire::Wire;

pub(super) fn serve(sink: &Sink, stream: TcpStream) -> io::Result<()> {
    sink.statistics.connected();
    let done = requests(sink, stream);
    sink.statistics.disconnected();
    done
}

fn requests(sink: &Sink, stream: TcpStream) -> io::Result<()> {
    let mut inbound = Inbound::new(Wire::open(sink, stream)?);
    while let Some(head) = inbound.head()? {
        let mut link = sink.statistics.begin();
        if head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            sleep(sink.options.latency);
            // The client waits for this, so the chain grows by one.
            sink.statistics.end(link);
            link += 1;
            inbound.source.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let answer = answer(sink, &head, &mut inbound)?;
        sleep(sink.options.latency);
        // Count before sending, so that the client's next request is counted later.
        sink.statistics.end(link);
        send(sink, &mut inbound.source, &head, answer)?;
        if head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            break;
        }
    }
    Ok(())
}

fn send(sink: &Sink, wire: &mut Wire, head: &Head, answer: Answer) -> io::Result<()> {
    let reason = if answer.status < 400 { "OK" } else { "Error" };
    let mut text = format!("HTTP/1.1 {} {reason}\r\ndate: {}\r\n", answer.status, imf(SystemTime::now()));
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    // The response to DELETE has neither a body nor a length.
    if answer.status != 204 {
        text += &format!("content-length: {}\r\n", answer.body.length());
    }
    let mut bytes = (text + "\r\n").into_bytes();
    if head.method == "HEAD" {
        return wire.write_all(&bytes).and_then(|()| wire.flush());
    }
    match answer.body {
        // Sent with the head, so that a small response is one segment.
        Body::Bytes(body) => {
            bytes.extend_from_slice(&body);
            wire.write_all(&bytes).and_then(|()| wire.flush())
        }
        Body::Pattern { offset, size } => {
            wire.write_all(&bytes)?;
            wire.send(sink, offset, size)
        }
    }
}
