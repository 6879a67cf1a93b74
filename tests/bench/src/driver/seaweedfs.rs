//! A real S3 server: SeaweedFS on loopback, with or without TLS.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Bench;
use super::authority::Authority;
use super::endpoint::Endpoint;
use super::sample::measured;
use super::tools::{BUCKET, attributes, with_credentials};
use crate::Outcome;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct SeaweedFs {
    child: Option<Child>,
    home: PathBuf,
    port: u16,
    authority: Option<Authority>,
    pub(crate) endpoint: Endpoint,
}

impl SeaweedFs {
    /// Returns the server, which is not running yet.
    pub(crate) fn new(bench: &Bench, tls: bool) -> Outcome<Self> {
        let port = free_ports()?;
        let authority = if tls { Some(Authority::make(&bench.work.join("seaweedfs+tls.authority"))?) } else { None };
        let (name, url) = match tls {
            false => ("seaweedfs", format!("http://127.0.0.1:{port}")),
            true => ("seaweedfs+tls", format!("https://127.0.0.1:{port}")),
        };
        let ca = authority.as_ref().map(|authority| authority.ca.clone());
        let endpoint = Endpoint { name: name.to_owned(), url, ca };
        Ok(Self { child: None, home: bench.work.join(name), port, authority, endpoint })
    }

    /// Starts or restarts the server with an empty bucket, so that the objects of one round do not slow down the next.
    pub(crate) fn restart(&mut self, bench: &Bench) -> Outcome<()> {
        // A trial writes very little, and only once.
        if bench.options.quick && self.child.is_some() {
            return Ok(());
        }
        self.stop();
        if self.home.exists() {
            fs::remove_dir_all(&self.home)?;
        }
        let files = self.home.join("files");
        fs::create_dir_all(&files)?;
        let mut command = Command::new(&bench.programs.weed);
        command.arg("mini").arg(format!("-dir={}", files.display())).arg(format!("-bucket={BUCKET}"));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        for (number, name) in ["s3", "master", "volume", "filer", "admin"].iter().enumerate() {
            command.arg(format!("-{name}.port={}", usize::from(self.port) + number));
        }
        if let Some(authority) = &self.authority {
            command.arg(format!("-s3.cert.file={}", authority.certificate.display()));
            command.arg(format!("-s3.key.file={}", authority.key.display()));
        }
        // The keys of the first user.
        with_credentials(&mut command, &self.endpoint);
        let log = File::create(self.home.join("log"))?;
        command.env("HOME", &self.home).current_dir(&self.home);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn()?);
        self.ready(bench)?;
        self.first_write(bench)
    }

    /// Writes one object, because the first object of a bucket takes a second, until volumes exist. No tool is to
    /// blame.
    fn first_write(&self, bench: &Bench) -> Outcome<()> {
        let mut command = Command::new(&bench.programs.s5cmd);
        command.arg("--endpoint-url").arg(&self.endpoint.url).arg("cp").arg(self.home.join("log"));
        command.arg(format!("s3://{BUCKET}/first"));
        with_credentials(&mut command, &self.endpoint);
        measured(bench, &command).map(|_| ())
    }

    /// Waits until the server knows the bucket and the keys.
    fn ready(&self, bench: &Bench) -> Outcome<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            sleep(Duration::from_millis(250));
            if TcpStream::connect(self.endpoint.authority()).is_err() {
                continue;
            }
            let mut command = Command::new(&bench.programs.ours);
            command.arg("import").arg(self.home.join("nothing"));
            command.arg("--cache-from").arg(attributes(&self.endpoint, "")).arg("-q").env_clear();
            with_credentials(&mut command, &self.endpoint);
            if command.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
                return Ok(());
            }
        }
        let log = fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        Err(format!(
            "SeaweedFS was not ready after {} s; its log ends (last first):\n{}",
            PATIENCE.as_secs(),
            tail.join("\n")
        )
        .into())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its data is discarded, so it need not shut down cleanly.
            child.kill().ok();
            child.wait().ok();
            for name in [format!("{}", self.port), format!("grpc-{}", u32::from(self.port) + 10_000)] {
                fs::remove_file(format!("/tmp/seaweedfs-s3-{name}.sock")).ok();
            }
        }
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns the first of five free ports whose gRPC ports, 10,000 higher, are free too.
fn free_ports() -> Outcome<u16> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // Each process starts elsewhere, because several may search at the same time.
    let from = (std::process::id() % 900) as u16 * 10 + 20_000;
    (from..29_990)
        .step_by(10)
        .chain((20_000..from).step_by(10))
        .find(|port| (0..5).all(|number| free(port + number) && free(port + number + 10_000)))
        .ok_or_else(|| "no free ports".into())
}
