//! A client that sends what dockerd and BuildKit send to a registry, byte for byte on the level of HTTP.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use s3_build_cache::Digest;
use serde_json::Value;

/// How often a client tries again after a 500, a 503, or a broken connection without progress.
const TRIES: usize = 4;
/// The manifests that BuildKit accepts.
pub(crate) const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
                                 application/vnd.docker.distribution.manifest.list.v2+json, \
                                 application/vnd.oci.image.manifest.v1+json, \
                                 application/vnd.oci.image.index.v1+json, */*";

/// One kept-alive connection.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    stream: Option<TcpStream>,
    /// Headers of every request.
    pub(crate) headers: Vec<(String, String)>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection broke before the body was complete.
    pub(crate) cut: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of the error in the body.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, headers: Vec::new() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn head(&mut self, path: &str) -> Answer {
        self.send("HEAD", path, &[], b"")
    }

    /// Sends a request, with its body in one piece.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = own.chain(headers.iter().copied()).collect();
        let has = |name: &str| all.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !has("host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        if !has("content-length") && !matches!(method, "GET" | "HEAD") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in &all {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = self.stream.take().unwrap_or_else(|| connect(self.address));
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let (answer, closes) = read(&mut stream, method == "HEAD");
        if !answer.cut && !closes {
            self.stream = Some(stream);
        }
        answer
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends bytes on a new connection, and returns all that comes back.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Begins to read a blob and goes away after some bytes.
pub(crate) fn abandon(address: SocketAddr, path: &str, bytes: usize) {
    let mut stream = connect(address);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
    stream.read_exact(&mut vec![0; bytes]).unwrap();
    let _ = stream.shutdown(Shutdown::Both);
}

/// Reads a response. Also returns whether the connection closes after it.
fn read(stream: &mut TcpStream, is_head: bool) -> (Answer, bool) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    let mut ended = false;
    let mut more = |bytes: &mut Vec<u8>| match stream.read(&mut buffer) {
        Ok(0) | Err(_) => false,
        Ok(read) => {
            bytes.extend_from_slice(&buffer[..read]);
            true
        }
    };
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
        }
        assert!(more(&mut bytes), "no response: {:?}", String::from_utf8_lossy(&bytes));
    };
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(value("content-encoding"), None);
    assert_eq!(value("transfer-encoding"), None, "every length is known");
    let length: usize = value("content-length").map_or(0, |length| length.parse().unwrap());
    let length = if is_head { 0 } else { length };
    while bytes.len() < length && !ended {
        ended = !more(&mut bytes);
    }
    assert!(bytes.len() <= length, "more bytes than announced");
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    (Answer { status, cut: bytes.len() < length, body: bytes, headers }, closes)
}

/// The outcome of an import during a build.
#[derive(Debug)]
pub(crate) enum Import {
    Hit(Hit),
    /// The build continues without the cache, for this reason.
    Miss(String),
    /// The build fails, for this reason.
    BuildFails(String),
}

/// What an import has fetched.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) layers: BTreeMap<Digest, Vec<u8>>,
}

impl Import {
    #[track_caller]
    pub(crate) fn hit(self) -> Hit {
        match self {
            Self::Hit(hit) => hit,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn miss(self) -> String {
        match self {
            Self::Miss(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn failure(self) -> String {
        match self {
            Self::BuildFails(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

/// Imports as dockerd does: a TLS hello, HEAD of the tag, GET of the digest, the config, then every layer.
pub(crate) fn import(address: SocketAddr, reference: &str) -> Import {
    import_after(address, reference, || {})
}

/// Same as [`import`], and calls `then` once the config was fetched.
pub(crate) fn import_after(address: SocketAddr, reference: &str, then: impl FnOnce()) -> Import {
    let hello = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03], [7; 512].as_slice()].concat();
    let answer = raw(address, &hello);
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&answer));
    let mut client = Client::new(address);
    let (repository, tag) = reference.split_once(':').unwrap_or((reference, "latest"));
    let path = |rest: String| format!("/v2/{repository}/{rest}");
    let found = client.send("HEAD", &path(format!("manifests/{tag}")), &[("Accept", ACCEPT)], b"");
    if found.status != 200 {
        // The body of a response to HEAD is not sent, so ask again for the reason.
        let why = client.send("GET", &path(format!("manifests/{tag}")), &[("Accept", ACCEPT)], b"");
        return Import::Miss(format!("{} {}", found.status, why.text()));
    }
    let digest = found.header("docker-content-digest").unwrap().to_owned();
    assert_eq!(found.header("content-type"), Some("application/vnd.oci.image.manifest.v1+json"));
    let manifest = client.send("GET", &path(format!("manifests/{digest}")), &[("Accept", ACCEPT)], b"");
    assert_eq!(manifest.status, 200, "{}", manifest.text());
    assert_eq!(found.header("content-length"), Some(manifest.body.len().to_string().as_str()));
    assert_eq!(Digest::of(&manifest.body).to_string(), digest);
    let json = manifest.json();
    let descriptor = |descriptor: &Value| {
        (descriptor["digest"].as_str().unwrap().parse().unwrap(), descriptor["size"].as_u64().unwrap())
    };
    let (config, size) = descriptor(&json["config"]);
    assert!(manifest.body.len() <= 1_048_576 && size <= 1_048_576, "BuildKit reads no more");
    let config = match blob(&mut client, repository, &config, size) {
        Ok(config) => config,
        Err(why) => return Import::Miss(why),
    };
    then();
    let mut layers = BTreeMap::new();
    for layer in json["layers"].as_array().unwrap() {
        assert!(layer["annotations"]["containerd.io/uncompressed"].is_string(), "the step would run again: {layer}");
        let (digest, size) = descriptor(layer);
        if layers.contains_key(&digest) {
            continue;
        }
        match blob(&mut client, repository, &digest, size) {
            Ok(bytes) => layers.insert(digest, bytes),
            Err(why) => return Import::BuildFails(why),
        };
    }
    Import::Hit(Hit { manifest: manifest.body, config, layers })
}

/// Fetches a blob as containerd does: tries again after 500 and 503, and resumes where the connection broke.
pub(crate) fn blob(client: &mut Client, repository: &str, digest: &Digest, size: u64) -> Result<Vec<u8>, String> {
    let path = format!("/v2/{repository}/blobs/{digest}");
    let (mut bytes, mut tries) = (Vec::new(), 0);
    while (bytes.len() as u64) < size || tries == 0 {
        tries += 1;
        if tries > TRIES {
            return Err(format!("{digest}: cut at {} of {size} bytes", bytes.len()));
        }
        let from = format!("bytes={}-", bytes.len());
        let range = [("Range", from.as_str())];
        let answer = client.send("GET", &path, if bytes.is_empty() { &[] } else { &range }, b"");
        match answer.status {
            200 if bytes.is_empty() => {}
            206 => {
                let expected = format!("bytes {}-{}/{size}", bytes.len(), size - 1);
                assert_eq!(answer.header("content-range"), Some(expected.as_str()));
            }
            500 | 503 => continue,
            _ => return Err(format!("{digest}: {} {}", answer.status, answer.text())),
        }
        if !answer.body.is_empty() {
            tries = 1;
        }
        bytes.extend_from_slice(&answer.body);
    }
    if bytes.len() as u64 == size && Digest::of(&bytes) == *digest {
        return Ok(bytes);
    }
    Err(format!("{digest}: unexpected commit digest"))
}
