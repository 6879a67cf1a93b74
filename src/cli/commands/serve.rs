//! The command `serve`.

use std::fs;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use s3_build_cache::program::thread_builder;
use s3_build_cache::serve::{Mount, ServeOptions, ServeSummary, Server, Stopper, Users};
use s3_build_cache::{CacheOptions, Cancel, Error, Result};

use crate::commands::caches::s3_cache;
use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Global, Raw, Values};
use crate::output::{exit, json, served};
use crate::session::Session;
use crate::signals;

pub(super) const COMMAND: Command = Command {
    name: "serve",
    summary: "serve the bucket to docker buildx as a registry",
    aliases: &["daemon", "proxy", "registry", "server"],
    flags: &[
        Takes::flag("listen"),
        Takes::with_help("write", "also accept exports (--cache-to type=registry)"),
        Takes::flag("host"),
        Takes::flag("auth-file"),
        Takes::flag("no-auth"),
        Takes::flag("redirect"),
    ],
    help: Help {
        about: "Serve the bucket to docker buildx as a registry on this machine, until the process is stopped. Any \
                Docker driver that can reach it reads the cache during the build, and fetches only the layers that the \
                build needs.",
        usage: "ATTRS...",
        is_listed: true,
        arguments: &[Argument {
            name: "ATTRS",
            help: "the attributes of a cache, without name=; several caches are merged",
            values: Values::Any,
        }],
        global: &["json", "quiet", "verbose", "jobs"],
        notes: "The reference selects the manifest: cache:TAG is the name TAG, REPOSITORY and REPOSITORY:latest are \
                the name REPOSITORY, and any other REPOSITORY:TAG is the name REPOSITORY:TAG. SIGTERM or SIGINT \
                stops the server: requests under way have 10 seconds to finish, and the exit status is 0 if they do. \
                --json first prints an object with the address.",
        examples: &[
            "s3-build-cache serve type=s3,region=eu-west-1,bucket=my-cache\n\
             docker buildx build \\\n  --cache-from type=registry,ref=localhost:5055/cache:main .",
            "s3-build-cache serve --write --listen 0.0.0.0:5055 --host cache.internal \\\n  \
             --auth-file users type=s3,region=eu-west-1,bucket=my-cache",
        ],
    },
    run: Run::Task { run, nothing_done: || served::body(&ServeSummary::default()) },
};

const LISTEN: &str = "127.0.0.1:5055";
/// How long requests under way may take after the first signal.
const GRACE: Duration = Duration::from_secs(10);
/// How long requests to the store may take to stop after that.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// Thousands of users.
const MAX_AUTH_FILE_BYTES: u64 = 1024 * 1024;

/// The checked arguments.
struct Serve {
    caches: Vec<CacheOptions>,
    listen: String,
    addresses: Vec<SocketAddr>,
    auth_file: Option<String>,
    options: ServeOptions,
    global: Global,
}

impl Serve {
    fn parse(raw: Raw) -> Result<Self> {
        let example = "s3-build-cache serve type=s3,region=eu-west-1,bucket=my-cache";
        if raw.positional.is_empty() {
            return Err(Error::usage("serve needs the attributes of a cache").with_hint(example));
        }
        let mut caches = Vec::with_capacity(raw.positional.len());
        for attributes in &raw.positional {
            let cache = s3_cache(COMMAND.name, attributes)?;
            if cache.keys().names_given {
                return Err(Error::usage("serve takes no name=: references name the manifests")
                    .with_hint("remove name=, and use a reference such as localhost:5055/cache:NAME"));
            }
            caches.push(cache);
        }
        if raw.write && caches.len() > 1 {
            return Err(Error::usage("--write takes one cache").with_hint("run a second server for the others"));
        }
        if raw.no_auth && raw.given.contains(&"auth-file") {
            return Err(Error::usage("--auth-file and --no-auth contradict each other").with_hint("use one of them"));
        }
        let listen = raw.listen.unwrap_or_else(|| LISTEN.to_owned());
        let addresses = addresses(&listen)?;
        let is_open = addresses.iter().any(|address| !address.ip().is_loopback());
        if is_open && !raw.no_auth && raw.auth_file.is_none() {
            return Err(Error::usage(format!("{listen} can be reached from other machines")).with_hint(
                "protect the server with --auth-file FILE, or allow access without authentication with --no-auth",
            ));
        }
        let options = ServeOptions::new().redirect(raw.redirect).write(raw.write);
        let options = raw.host.into_iter().fold(options, ServeOptions::host);
        Ok(Self {
            caches,
            listen,
            addresses,
            auth_file: raw.auth_file.filter(|_| !raw.no_auth),
            options,
            global: raw.global,
        })
    }
}

/// Serves until a signal arrives.
fn run(raw: Raw) -> Result<ExitCode> {
    let command = Serve::parse(raw)?;
    let session = Session::start_with(COMMAND.name, command.global, None, GRACE + CANCEL_GRACE)?;
    let mut options = command.options.clone();
    if let Some(file) = &command.auth_file {
        options = options.users(users(Path::new(file))?);
    }
    // The first signal must not interrupt requests to the store.
    let store_cancel = Cancel::new();
    let open = |cache: &CacheOptions| session.builder(cache).cancel(store_cancel.clone()).open();
    let mount = match command.caches.as_slice() {
        [cache] if options.write => Mount::writable_references(open(&cache.signed())?),
        caches => Mount::references(caches.iter().map(open).collect::<Result<_>>()?),
    };
    let failed = |error| {
        Error::io("listen on", &command.listen, error).with_hint("choose another address or port with --listen")
    };
    let listener = TcpListener::bind(command.addresses.as_slice()).map_err(failed)?;
    let server = Server::bind(vec![mount], &options, listener)?;
    session.say(&format!("listening on {}", server.local_addr()));
    session.announce("listening", json!({"address": server.local_addr().to_string()}));
    let outcome = thread::scope(|scope| {
        let stopper = server.stopper();
        let (stop, store_cancel, done) = (session.cancel.clone(), store_cancel.clone(), Cancel::new());
        let ended = done.clone();
        let watching = thread_builder()
            .and_then(|thread| thread.spawn_scoped(scope, move || stop_on(&stop, &stopper, &store_cancel, &ended)));
        if let Err(error) = &watching {
            log::warn!(
                "a signal will interrupt requests under way: cannot start a thread to stop the server ({error})"
            );
        }
        let outcome = server.run();
        done.cancel();
        session.cancel.cancel();
        outcome
    });
    if !store_cancel.is_cancelled() {
        signals::forget();
    }
    // What the server has given up may still wait for the store.
    store_cancel.cancel();
    let summary = server.summary();
    session.say(&served::line(&summary));
    let status = outcome.as_ref().map_or_else(|error| exit::status(error.kind()), |()| 0);
    if let Err(error) = &outcome {
        session.complain("serve", error);
    }
    let word = if outcome.is_ok() { "served" } else { "failed" };
    Ok(session.end(word, served::body(&summary), outcome.as_ref().err(), status))
}

/// Stops the server once `stop` is cancelled, and interrupts what then takes too long.
fn stop_on(stop: &Cancel, stopper: &Stopper, store: &Cancel, done: &Cancel) {
    while !stop.is_cancelled() {
        stop.wait(Duration::from_secs(3600));
    }
    stopper.stop_within(GRACE);
    done.wait(GRACE);
    if !done.is_cancelled() {
        log::warn!("requests under way are interrupted, because they take longer than {} s", GRACE.as_secs());
        store.cancel();
    }
}

fn addresses(listen: &str) -> Result<Vec<SocketAddr>> {
    let invalid = |why: String| {
        Error::usage(format!("invalid value for --listen: {listen}{why}"))
            .with_hint("use an address and a port, such as 127.0.0.1:5055 or [::1]:5055")
    };
    if listen.starts_with(':') || !listen.contains(':') {
        return Err(invalid(String::new()));
    }
    let addresses: Vec<SocketAddr> =
        listen.to_socket_addrs().map_err(|error| invalid(format!(" ({error})")))?.collect();
    if addresses.is_empty() { Err(invalid(String::new())) } else { Ok(addresses) }
}

/// Reads the users of `--auth-file`.
fn users(file: &Path) -> Result<Users> {
    let failed = |error| Error::io("read", file, error);
    let meta = fs::metadata(file).map_err(failed)?;
    if !meta.is_file() || meta.len() > MAX_AUTH_FILE_BYTES {
        return Err(Error::setup(format!("{} is not a file with users", file.display()))
            .with_hint("write one USER:PASSWORD per line"));
    }
    if meta.permissions().mode() & 0o004 != 0 {
        log::warn!("other users of this machine can read {}: run chmod o-r on it", file.display());
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    Users::parse(&text).map_err(|error| {
        let hint = error.hint().unwrap_or_default().to_owned();
        Error::setup(format!("{}: {error}", file.display())).with_hint(hint)
    })
}
