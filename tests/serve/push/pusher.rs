//! A client that pushes what dockerd and BuildKit push, in the same order.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use s3_build_cache::Digest;
use serde_json::Value;

use crate::serve::client::{ACCEPT, Answer, Client};
use crate::serve::documents;

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What is pushed: the blobs of a cache in a directory, its config and its manifest.
pub(crate) struct Cache {
    pub(super) manifest: Vec<u8>,
    pub(super) media_type: String,
    pub(super) config: Vec<u8>,
    /// Once each, in the order of the manifest.
    pub(super) layers: Vec<Digest>,
    dir: PathBuf,
}

impl Cache {
    /// Reads a fixture, of either form.
    pub(crate) fn fixture(name: &str) -> Self {
        let dir = Path::new("tests/fixtures").join(name).join("local");
        let index: Value = serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
        let read = |digest: &Value| {
            let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
            std::fs::read(dir.join("blobs/sha256").join(hex)).unwrap()
        };
        let manifest = read(&index["manifests"][0]["digest"]);
        let json: Value = serde_json::from_slice(&manifest).unwrap();
        let is_config = |one: &&Value| one["mediaType"] == "application/vnd.buildkit.cacheconfig.v0";
        let listed = json["manifests"].as_array().or(json["layers"].as_array()).unwrap();
        let config = listed.iter().find(is_config).unwrap_or(&json["config"]);
        let mut layers: Vec<Digest> = Vec::new();
        for layer in listed.iter().filter(|one| !is_config(one)) {
            let digest = layer["digest"].as_str().unwrap().parse().unwrap();
            if !layers.contains(&digest) {
                layers.push(digest);
            }
        }
        let media_type = json["mediaType"].as_str().unwrap_or(OCI_MANIFEST).to_owned();
        Self { config: read(&config["digest"]), media_type, layers, manifest, dir }
    }

    pub(super) fn layer(&self, digest: &Digest) -> Vec<u8> {
        std::fs::read(self.dir.join("blobs/sha256").join(digest.hex())).unwrap()
    }

    /// Pushes everything. Returns how many blobs were uploaded.
    pub(crate) fn push(&self, client: &mut Client, repository: &str, tag: &str) -> usize {
        let mut uploaded = 0;
        for digest in &self.layers {
            uploaded += usize::from(push_blob(client, repository, &self.layer(digest)));
        }
        uploaded += usize::from(push_blob(client, repository, &self.config));
        let path = format!("/v2/{repository}/manifests/{tag}");
        let found = client.send("HEAD", &path, &[("Accept", ACCEPT)], b"");
        if found.status == 200 && found.header("docker-content-digest") == Some(&self.digest().to_string()) {
            return uploaded;
        }
        let answer = self.put_manifest(client, repository, tag);
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("docker-content-digest"), Some(self.digest().to_string().as_str()));
        uploaded
    }

    pub(super) fn put_manifest(&self, client: &mut Client, repository: &str, reference: &str) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        client.send("PUT", &path, &[("Content-Type", &self.media_type)], &self.manifest)
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    pub(super) fn has_config(&self, other: &Path) -> bool {
        documents(other).1 == self.config
    }
}

/// Pushes a blob unless it is there. Returns whether it was uploaded.
pub(super) fn push_blob(client: &mut Client, repository: &str, blob: &[u8]) -> bool {
    let digest = Digest::of(blob);
    let found = client.head(&format!("/v2/{repository}/blobs/{digest}"));
    if found.status == 200 {
        assert_eq!(found.header("content-length"), Some(blob.len().to_string().as_str()));
        return false;
    }
    assert_eq!(found.status, 404);
    let location = start(client, repository);
    let answer = put(client, &location, &digest, blob);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("docker-content-digest"), Some(digest.to_string().as_str()));
    true
}

/// Starts an upload, and returns its location.
pub(super) fn start(client: &mut Client, repository: &str) -> String {
    let answer = client.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"");
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// Sends a whole blob.
pub(super) fn put(client: &mut Client, location: &str, digest: &Digest, blob: &[u8]) -> Answer {
    client.send("PUT", &at(location, digest), &[], blob)
}

/// Returns the location with the digest, encoded as Go does.
pub(super) fn at(location: &str, digest: &Digest) -> String {
    format!("{location}?digest={}", digest.to_string().replace(':', "%3A"))
}

/// Sends the head of a PUT and only these bytes of its body, then goes away.
pub(super) fn put_part(address: SocketAddr, path: &str, size: usize, sent: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {size}\r\n\r\n");
    // The server may have answered before it has read everything.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
    std::thread::sleep(Duration::from_millis(50));
}

/// Sends a whole PUT on a connection of its own, whose answer may come early. Returns its status line.
pub(super) fn put_patiently(address: SocketAddr, path: &str, blob: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let size = blob.len();
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {size}\r\n\r\n");
    let mut reader = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || {
        let mut answer = [0; 12];
        reader.read_exact(&mut answer).map(|()| String::from_utf8_lossy(&answer).into_owned())
    });
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(blob));
    answer.join().unwrap().unwrap()
}
