//! A TLS terminator in front of a plain server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig, ServerConnection};

use crate::loopback::Loopback;

pub(crate) struct Terminator {
    listener: Loopback,
    handshakes: Arc<Mutex<Vec<HandshakeKind>>>,
}

impl Terminator {
    /// Forwards decrypted bytes to `server`.
    pub(crate) fn start(config: Arc<ServerConfig>, server: SocketAddr) -> Self {
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&handshakes);
        let listener = Loopback::start(move |stream| {
            let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
            // It is expected that the client hangs up when it rejects the certificate.
            let _ = relay(&mut session, &stream, server);
            noted.lock().unwrap().extend(session.handshake_kind());
        });
        Self { listener, handshakes }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.address.port()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.listener.connections()
    }

    pub(crate) fn hang_up(&self) {
        self.listener.hang_up();
    }

    /// Returns the handshakes of the connections that have ended.
    pub(crate) fn handshakes(&self) -> Vec<HandshakeKind> {
        self.handshakes.lock().unwrap().clone()
    }
}

/// Moves bytes both ways until either side hangs up.
fn relay(session: &mut ServerConnection, mut client: &TcpStream, server: SocketAddr) -> io::Result<()> {
    while session.is_handshaking() {
        if let Err(error) = session.complete_io(&mut client) {
            // The alert with the reason.
            let _ = session.write_tls(&mut client);
            return Err(error);
        }
    }
    let mut server = TcpStream::connect(server)?;
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let (mut up, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        let mut moved = false;
        if up.is_empty() {
            if let Some(read) = pending(session.read_tls(&mut client))? {
                if read == 0 {
                    return Ok(());
                }
                session.process_new_packets().map_err(io::Error::other)?;
                moved = true;
            }
            if let Some(read) = pending(session.reader().read(&mut buffer))? {
                up.extend_from_slice(&buffer[..read]);
            }
        } else if let Some(written) = pending(server.write(&up))? {
            up.drain(..written);
            moved = true;
        }
        if session.wants_write() {
            moved |= pending(session.write_tls(&mut client))?.is_some();
        } else if let Some(read) = pending(server.read(&mut buffer))? {
            if read == 0 {
                session.send_close_notify();
                client.set_nonblocking(false)?;
                session.write_tls(&mut client)?;
                return Ok(());
            }
            session.writer().write_all(&buffer[..read])?;
            moved = true;
        }
        if !moved {
            thread::sleep(Duration::from_micros(300));
        }
    }
}

fn pending(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(amount) => Ok(Some(amount)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
