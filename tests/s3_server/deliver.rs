//! Sends responses, with the faults that change their bytes or their timing.

use std::io;
use std::time::Duration;

use super::connection::Stop;
use super::exchange::After;
use super::faults::{At, Fault};
use super::http::{Response, Wire};

/// Applies the faults to the response. Returns what happens to the connection, if a fault decides that.
pub(crate) fn spoil(response: &mut Response, faults: &[Fault]) -> Option<After> {
    let mut after = None;
    for fault in faults {
        match fault {
            Fault::Header(name, Some(value)) => response.set(name, value),
            Fault::Header(name, None) => response.remove(name),
            Fault::MoreHeaders { count, length } => more_headers(response, *count, *length),
            Fault::Corrupt(offset) => corrupt(&mut response.body, *offset),
            Fault::EmptyBody => {
                response.body.clear();
                response.pin_length();
            }
            Fault::Truncate(kept) => {
                cut(response, *kept);
                after = Some(After::Close);
            }
            Fault::TruncateUnannounced(kept) => {
                cut_unannounced(response, *kept);
                after = Some(After::Close);
            }
            Fault::Overlong(extra) => {
                response.pin_length();
                response.body.extend(vec![b'x'; *extra]);
            }
            Fault::Reset(At::ResponseBody(kept)) => {
                cut(response, *kept);
                after = Some(After::Reset);
            }
            Fault::Reset(At::Answered) => after = Some(After::Reset),
            Fault::CloseAfter => after = Some(After::Close),
            Fault::ResetNext => after = Some(After::ResetNext),
            _ => {}
        }
    }
    after
}

fn more_headers(response: &mut Response, count: usize, length: usize) {
    for number in 0..count {
        response.set(&format!("x-more-{number}"), &"x".repeat(length));
    }
}

fn corrupt(body: &mut [u8], offset: usize) {
    if let Some(byte) = body.get_mut(offset) {
        *byte ^= 1;
    }
}

fn cut(response: &mut Response, kept: usize) {
    response.pin_length();
    response.body.truncate(kept);
}

fn cut_unannounced(response: &mut Response, kept: usize) {
    response.remove("content-length");
    response.set("connection", "close");
    response.close_delimited = true;
    response.body.truncate(kept);
}

/// A page such as proxies, captive portals and web consoles return.
pub(crate) fn html_page(status: u16) -> Response {
    let page = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>Sign in<br></body></html>\n";
    Response::new(status).with("content-type", "text/html; charset=utf-8").with_body(page.as_bytes().to_vec())
}

/// Writes a response, at once or a few bytes at a time.
pub(crate) fn write(wire: &Wire, stop: &Stop, bytes: &[u8], faults: &[Fault]) -> io::Result<()> {
    let drip = faults.iter().find_map(|fault| match fault {
        Fault::Drip { bytes, every } => Some((*bytes, *every)),
        _ => None,
    });
    match drip {
        None => wire.write(bytes),
        Some((piece, every)) => bytes.chunks(piece.max(1)).try_for_each(|piece| drop_one(wire, stop, piece, every)),
    }
}

fn drop_one(wire: &Wire, stop: &Stop, piece: &[u8], every: Duration) -> io::Result<()> {
    wire.write(piece)?;
    if stop.wait(every) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
}
