//! The server's own tests, over plain sockets.

mod faults;
mod operations;
mod rules;

use super::Server;
use super::raw::{Reply, Request, send};

fn get(server: &Server, target: &str) -> Reply {
    send(server, &Request::new("GET", target).signed(server)).unwrap()
}

fn put(server: &Server, target: &str, body: &[u8]) -> Reply {
    let request = Request::new("PUT", target).header("content-type", "application/octet-stream").body(body);
    send(server, &request.signed(server)).unwrap()
}

/// Returns status and S3 code in the form that the tables use.
fn outcome(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.code()).trim_end().to_owned()
}
