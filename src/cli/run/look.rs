//! Looks at the builder of a command line: asks buildx and docker, for a short time.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;

use crate::run::capture::capture;
use crate::run::facts::{Builder, BuilderNode};
use crate::run::invocation::{Invocation, Kind};
use crate::run::reach::{Daemon, Driver, Facts, Host, Node};

/// The time limit of each question. A daemon that is slower is not local.
const LIMIT: Duration = Duration::from_secs(10);
/// Where buildctl looks for a BuildKit.
const BUILDKIT_SOCKET: &str = "unix:///run/buildkit/buildkitd.sock";
const INSPECT: &str = "docker buildx inspect";
const INFO: &str = "docker info";

/// Returns what is known about the builder of the command line. If nothing is, it counts as one that reaches this
/// machine, and a warning says so.
pub(crate) fn look(line: &[OsString], invocation: Option<&Invocation>) -> Facts {
    let docker = Docker::of(line, invocation);
    let found = match invocation {
        Some(found) if found.kind == Kind::Buildctl => Ok(buildctl(line, found)),
        Some(found) => docker.builder(found.last(line, "builder"), found.of_context && !has_default_builder()),
        None => docker.builder(None, false),
    };
    let unknown = (Driver::Unknown, Vec::new());
    let (driver, nodes) = found.unwrap_or_else(|problem| {
        match problem {
            // Without docker, the command does not use it, or fails itself.
            Problem::Missing => log::info!("docker is not installed, so its builder is unknown"),
            Problem::Failed(question) => log::warn!(
                "{question} failed, so it is unknown whether the builder reaches this machine and writes caches"
            ),
        }
        unknown
    });
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    Facts { driver, nodes, host: Host { name, is_linux: cfg!(target_os = "linux") } }
}

fn buildctl(line: &[OsString], invocation: &Invocation) -> (Driver, Vec<Node>) {
    let given = invocation.last(line, "addr").map(OsStr::to_owned);
    let address = given.or_else(|| env::var_os("BUILDKIT_HOST").filter(|address| !address.is_empty()));
    let endpoint = address.map_or_else(|| BUILDKIT_SOCKET.to_owned(), |address| address.to_string_lossy().into_owned());
    (Driver::Remote, vec![Node { endpoint: Some(endpoint), ..Node::default() }])
}

/// Docker prefers this to the builder of its context.
fn has_default_builder() -> bool {
    env::var_os("BUILDX_BUILDER").is_some_and(|builder| !builder.is_empty())
}

/// Why a question has no answer.
enum Problem {
    Missing,
    Failed(String),
}

/// How to call docker and buildx as the command line does.
struct Docker {
    docker: Vec<OsString>,
    buildx: Vec<OsString>,
    /// Whether the command line names a host, which excludes a context.
    has_host: bool,
}

impl Docker {
    fn of(line: &[OsString], invocation: Option<&Invocation>) -> Self {
        let docker: Vec<OsString> = match invocation {
            Some(found) if !found.standalone => line.get(..found.subcommand).unwrap_or_default().to_vec(),
            _ => vec!["docker".into()],
        };
        let buildx = match invocation {
            Some(found) if found.standalone => line.iter().take(1).cloned().collect(),
            _ => [&docker[..], &["buildx".into()]].concat(),
        };
        let has_host = invocation.is_some_and(|found| found.before(line, "host").is_some());
        Self { docker, buildx, has_host }
    }

    fn builder(&self, name: Option<&OsStr>, of_context: bool) -> Result<(Driver, Vec<Node>), Problem> {
        if of_context && name.is_none() {
            let node = BuilderNode { endpoint: String::new(), network_host: false };
            return Ok((Driver::Docker, vec![self.node(node)?]));
        }
        let question: Vec<&OsStr> = [OsStr::new("inspect")].into_iter().chain(name).collect();
        let text = ask(&self.buildx, &question, INSPECT)?;
        let failed = || Problem::Failed(INSPECT.to_owned());
        let Builder { driver, nodes } = Builder::read(&String::from_utf8_lossy(&text)).ok_or_else(failed)?;
        let nodes = match driver {
            Driver::Docker | Driver::Container => {
                nodes.into_iter().map(|node| self.node(node)).collect::<Result<_, _>>()?
            }
            _ => nodes.into_iter().map(|node| Node { endpoint: Some(node.endpoint), ..Node::default() }).collect(),
        };
        Ok((driver, nodes))
    }

    /// Asks about the Docker at an endpoint: a URL, a context, or nothing for the current one.
    fn node(&self, BuilderNode { endpoint, network_host }: BuilderNode) -> Result<Node, Problem> {
        let program = self.docker.get(..1).unwrap_or_default();
        let current = endpoint.is_empty() || self.has_host && endpoint == "default";
        let docker: Vec<OsString> = match endpoint.contains("://") {
            _ if current => self.docker.clone(),
            true => [program, &["--host".into(), endpoint.clone().into()]].concat(),
            false => [program, &["--context".into(), endpoint.clone().into()]].concat(),
        };
        let url = match endpoint.contains("://") {
            true => endpoint,
            false => {
                let answer = ask(
                    &docker,
                    &["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"].map(OsStr::new),
                    "docker context inspect",
                );
                String::from_utf8_lossy(&answer?).trim().to_owned()
            }
        };
        let info = ask(&docker, &["info", "--format", "{{json .}}"].map(OsStr::new), INFO);
        let daemon = match (info, url.starts_with("unix://")) {
            (Ok(info), _) => Daemon::read(&info).ok_or_else(|| Problem::Failed(INFO.to_owned())).map(Some),
            (Err(problem), true) => Err(problem),
            // The address says enough.
            (Err(_), false) => Ok(None),
        };
        Ok(Node { endpoint: Some(url).filter(|url| !url.is_empty()), network_host, daemon: daemon? })
    }
}

/// Returns what the program prints. `question` names it in messages.
fn ask(program: &[OsString], arguments: &[&OsStr], question: &str) -> Result<Vec<u8>, Problem> {
    let (name, flags) = program.split_first().ok_or(Problem::Missing)?;
    let failed = || Problem::Failed(question.to_owned());
    match capture(Command::new(name).args(flags).args(arguments), LIMIT) {
        Ok(answer) if answer.succeeded => Ok(answer.stdout),
        Ok(answer) => {
            log::info!("{question}: {}", String::from_utf8_lossy(&answer.stderr).trim());
            Err(failed())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Problem::Missing),
        Err(error) => {
            log::info!("{question}: {error}");
            Err(failed())
        }
    }
}
