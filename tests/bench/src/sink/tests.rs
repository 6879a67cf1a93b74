//! The sink over TLS: it decrypts and authenticates all that it receives, and counts only that.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::options::Options;
use super::{Sink, connection};
use crate::driver::authority::Authority;

type Client<S> = StreamOwned<ClientConnection, S>;

/// Larger than a TLS record, and not a multiple of one.
const PART: usize = 100_001;

/// A socket that inverts one byte of what is written through it.
struct Flipping {
    stream: TcpStream,
    /// The byte to invert, counted from the next one.
    at: Option<usize>,
}

impl Read for Flipping {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Flipping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut bytes = bytes.to_vec();
        if let Some(at) = self.at {
            match bytes.get_mut(at) {
                Some(byte) => {
                    *byte ^= 0xff;
                    self.at = None;
                }
                None => self.at = Some(at - bytes.len()),
            }
        }
        self.stream.write_all(&bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Starts a sink for one connection. Returns it and its client.
fn connected(name: &str) -> (Arc<Sink>, Client<Flipping>) {
    let directory = std::env::temp_dir().join(format!("s3-build-cache-bench-{}-{name}", std::process::id()));
    let authority = Authority::make(&directory).unwrap();
    let path = |path: &PathBuf| path.display().to_string();
    let arguments = ["--tls".to_owned(), path(&authority.certificate), path(&authority.key)];
    let sink = Arc::new(Sink::new(Options::parse(&arguments).unwrap()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::clone(&sink);
    std::thread::spawn(move || connection::serve(&server, listener.accept().unwrap().0));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&authority.ca).unwrap()).unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let client = ClientConnection::new(config, ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    let socket = Flipping { stream: TcpStream::connect(address).unwrap(), at: None };
    (sink, StreamOwned::new(client, socket))
}

/// Sends a request and returns the response's head and body.
fn ask(client: &mut Client<Flipping>, request: &str, body: &[u8]) -> io::Result<String> {
    write!(client, "{request} HTTP/1.1\r\nhost: sink\r\ncontent-length: {}\r\n\r\n", body.len())?;
    client.write_all(body)?;
    client.flush()?;
    let mut answer = Vec::new();
    let length = |head: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        line.and_then(|length| length.parse::<usize>().ok()).unwrap_or(0)
    };
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return Ok(text.into_owned());
        }
        let mut piece = [0; 4096];
        match client.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
}

#[test]
fn parts_over_tls_are_decrypted_and_joined() {
    let (sink, mut client) = connected("parts");
    assert!(ask(&mut client, "POST /b/k?uploads", b"").unwrap().contains("<UploadId>upload-1<"));
    for number in [1, 2] {
        let request = format!("PUT /b/k?partNumber={number}&uploadId=upload-1");
        assert!(ask(&mut client, &request, &[7; PART]).unwrap().starts_with("HTTP/1.1 200"));
    }
    assert!(ask(&mut client, "POST /b/k?uploadId=upload-1", b"<x/>").unwrap().starts_with("HTTP/1.1 200"));
    let counts = sink.statistics.json(0, sink.bucket.lock().unwrap().bytes());
    assert_eq!((counts["bytes"].as_u64(), counts["requests"].as_u64()), (Some(2 * PART as u64), Some(4)));
    // The body of the completion as well.
    assert_eq!(counts["moved"].as_u64(), Some(2 * PART as u64 + 4));
    let cipher = client.conn.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(cipher, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
}

#[test]
fn a_record_that_was_changed_ends_the_connection() {
    let (sink, mut client) = connected("flipped");
    assert!(ask(&mut client, "GET /b/k", b"").unwrap().starts_with("HTTP/1.1 404"));
    client.sock.at = Some(PART / 2);
    assert!(ask(&mut client, "PUT /b/k", &[7; PART]).is_err());
    assert!(sink.bucket.lock().unwrap().objects.is_empty());
}
