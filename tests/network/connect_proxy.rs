//! A proxy whose tunnels all lead to one server, so the requested names need not exist.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::loopback::{Connection, Loopback};

pub(crate) struct ConnectProxy {
    listener: Loopback,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    /// Responds to every `CONNECT` with `answer`, a status line and headers. If it is 200, connects to `server`.
    pub(crate) fn start(answer: &'static str, server: SocketAddr) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        let listener = Loopback::start(move |mut client| {
            let head = head(&mut client);
            noted.lock().unwrap().push(head);
            let _ = client.write_all(answer.as_bytes());
            if answer.contains(" 200 ") {
                tunnel(&client, &TcpStream::connect(server).unwrap());
            }
            let _ = client.shutdown(Shutdown::Both);
        });
        Self { listener, heads }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Returns the heads of the requests received.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn head(client: &mut Connection) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read > 0) {
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn tunnel(client: &TcpStream, server: &TcpStream) {
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    };
    thread::scope(|scope| {
        scope.spawn(|| copy(client, server));
        copy(server, client);
    });
}
