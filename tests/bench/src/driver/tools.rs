//! The command lines of the tools for the same task, with their default settings.

use std::path::Path;
use std::process::Command;

use super::Bench;
use super::endpoint::Endpoint;
use super::inputs::Input;

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const BUCKET: &str = "bench";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Ours,
    /// With this many connections instead of the default of 16.
    OursWith(usize),
    /// With `verify_source=false`: the parts are hashed for their signatures, the whole is not.
    OursUnverified,
    S5cmd,
    Rclone,
    Aws,
    /// One connection without signatures and digests: the limit of the kernel.
    Copy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Export,
    Import,
}

/// The task of a tool.
pub(crate) struct Transfer<'a> {
    pub(crate) direction: Direction,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) input: &'a Input,
    /// The prefix of all keys; ends with a slash unless it is empty.
    pub(crate) prefix: &'a str,
    /// The directory of an import.
    pub(crate) target: &'a Path,
    /// Whether to skip files that already exist.
    pub(crate) skip_existing: bool,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Import => "import",
        }
    }
}

impl Tool {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Ours => "s3-build-cache".to_owned(),
            Self::OursWith(jobs) => format!("s3-build-cache -j {jobs}"),
            Self::OursUnverified => "s3-build-cache verify_source=false".to_owned(),
            Self::S5cmd => "s5cmd".to_owned(),
            Self::Rclone => "rclone".to_owned(),
            Self::Aws => "aws s3".to_owned(),
            Self::Copy => "plain copy".to_owned(),
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursWith(_) | Self::OursUnverified)
    }

    /// Returns the name of a blob's file after an import, given its digest.
    pub(crate) fn file_name(self, digest: &str) -> String {
        if self.is_ours() { format!("blobs/sha256/{digest}") } else { format!("sha256:{digest}") }
    }

    pub(crate) fn command(self, bench: &Bench, transfer: &Transfer<'_>) -> Command {
        let mut command = match self {
            Self::Ours => ours(bench, transfer, "", None),
            Self::OursWith(jobs) => ours(bench, transfer, "", Some(jobs)),
            Self::OursUnverified => ours(bench, transfer, ",verify_source=false", None),
            Self::S5cmd => s5cmd(bench, transfer),
            Self::Rclone => rclone(bench, transfer),
            Self::Aws => aws(bench, transfer),
            Self::Copy => copy(bench, transfer),
        };
        with_credentials(&mut command, transfer.endpoint);
        command
    }
}

/// Returns the credentials and the authority as environment variables, which all tools accept.
pub(crate) fn with_credentials(command: &mut Command, endpoint: &Endpoint) {
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    command.env("AWS_REGION", "us-east-1").env("AWS_DEFAULT_REGION", "us-east-1");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    if let Some(ca) = &endpoint.ca {
        command.env("AWS_CA_BUNDLE", ca).env("SSL_CERT_FILE", ca);
    }
}

/// Returns the attributes of a cache on a server.
pub(crate) fn attributes(endpoint: &Endpoint, prefix: &str) -> String {
    attributes_without_name(endpoint, prefix) + ",name=app"
}

/// Returns the attributes of all caches on a server.
pub(crate) fn attributes_without_name(endpoint: &Endpoint, prefix: &str) -> String {
    let url = &endpoint.url;
    let prefix = if prefix.is_empty() { String::new() } else { format!(",prefix={prefix}") };
    format!("type=s3,bucket={BUCKET},region=us-east-1,use_path_style=true,endpoint_url={url}{prefix}")
}

fn ours(bench: &Bench, transfer: &Transfer<'_>, more: &str, jobs: Option<usize>) -> Command {
    let mut command = Command::new(&bench.programs.ours);
    let attributes = attributes(transfer.endpoint, transfer.prefix) + more;
    match transfer.direction {
        Direction::Export => command.arg("export").arg(&transfer.input.cache).arg("--cache-to").arg(attributes),
        Direction::Import => command.arg("import").arg(transfer.target).arg("--cache-from").arg(attributes),
    };
    if let Some(jobs) = jobs {
        command.arg("-j").arg(jobs.to_string());
    }
    command.arg("-q");
    command
}

fn s5cmd(bench: &Bench, transfer: &Transfer<'_>) -> Command {
    let mut command = Command::new(&bench.programs.s5cmd);
    command.arg("--endpoint-url").arg(&transfer.endpoint.url).args(["--log", "error"]);
    let remote = format!("s3://{BUCKET}/{}blobs/", transfer.prefix);
    match (transfer.direction, transfer.skip_existing) {
        (Direction::Export, false) => command.arg("cp").arg(folder(&transfer.input.plain)).arg(remote),
        (Direction::Export, true) => {
            command.args(["sync", "--size-only"]).arg(folder(&transfer.input.plain)).arg(remote)
        }
        (Direction::Import, false) => command.arg("cp").arg(remote + "*").arg(folder(transfer.target)),
        (Direction::Import, true) => {
            command.args(["sync", "--size-only"]).arg(remote + "*").arg(folder(transfer.target))
        }
    };
    command
}

fn rclone(bench: &Bench, transfer: &Transfer<'_>) -> Command {
    let mut command = Command::new(&bench.programs.rclone);
    command.args(["--config", "/dev/null", "copy", "--s3-provider", "Other", "--s3-env-auth"]);
    command.args(["--s3-region", "us-east-1", "--s3-no-check-bucket", "--s3-endpoint"]).arg(&transfer.endpoint.url);
    if let Some(ca) = &transfer.endpoint.ca {
        command.arg("--ca-cert").arg(ca);
    }
    if transfer.skip_existing {
        // By default, it requests the time of each object.
        command.arg("--size-only");
    }
    let remote = format!(":s3:{BUCKET}/{}blobs", transfer.prefix);
    match transfer.direction {
        Direction::Export => command.arg(&transfer.input.plain).arg(remote),
        Direction::Import => command.arg(remote).arg(transfer.target),
    };
    command
}

fn aws(bench: &Bench, transfer: &Transfer<'_>) -> Command {
    let mut command = Command::new(&bench.programs.aws);
    let verb = if transfer.skip_existing { "sync" } else { "cp" };
    command.arg("--endpoint-url").arg(&transfer.endpoint.url).args(["s3", verb, "--only-show-errors"]);
    command.arg(if transfer.skip_existing { "--size-only" } else { "--recursive" });
    let remote = format!("s3://{BUCKET}/{}blobs/", transfer.prefix);
    match transfer.direction {
        Direction::Export => command.arg(&transfer.input.plain).arg(remote),
        Direction::Import => command.arg(remote).arg(transfer.target),
    };
    command
}

fn copy(bench: &Bench, transfer: &Transfer<'_>) -> Command {
    let mut command = Command::new(&bench.programs.itself);
    command.arg("copy").arg(if transfer.direction == Direction::Export { "up" } else { "down" });
    command.arg(&transfer.input.plain).arg(transfer.target).arg(transfer.endpoint.authority());
    command.arg(format!("{BUCKET}/{}blobs/", transfer.prefix));
    command
}

/// Returns the path with the slash that marks a directory for s5cmd.
fn folder(path: &Path) -> String {
    format!("{}/", path.display())
}
