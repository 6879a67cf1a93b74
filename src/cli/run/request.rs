//! The steps of `run`: find the caches, look at the builder, try the caches, serve them, run the command.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use s3_build_cache::options::DefaultAttributes;
use s3_build_cache::{Error, Result};

use crate::output::exit;
use crate::run::advertise::Advertise;
use crate::run::caches::{Repository, Usable};
use crate::run::capture::capture;
use crate::run::child::Guard;
use crate::run::environment::{self, Variable};
use crate::run::invocation::Kind;
use crate::run::look::look;
use crate::run::plan::Plan;
use crate::run::reach::Route;
use crate::run::s3_value::{Direction, S3Value};
use crate::run::serving::{Address, GRACE, Serving};
use crate::run::slot::Replacement;
use crate::run::summary::Finished;
use crate::session::{Session, label};

/// The time limit for bake to resolve its targets, which may be in a repository elsewhere.
const RESOLVE_LIMIT: Duration = Duration::from_secs(60);
/// The exit statuses of a shell for a command that it cannot start.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The arguments of `run`.
pub(crate) struct Request {
    /// The command and its arguments.
    pub(crate) line: Vec<OsString>,
    /// The cache for a variable: at most one.
    pub(crate) to: Vec<S3Value>,
    pub(crate) from: Vec<S3Value>,
    pub(crate) advertise: Option<Advertise>,
    /// Whether the command line of `run` names any. A build ignores those of variables, because it names its own.
    pub(crate) given: bool,
    /// The attributes of the caches that the command names.
    pub(crate) defaults: DefaultAttributes,
}

/// A repository, its name, and where the command finds it.
struct Use {
    name: String,
    repository: Repository,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    Slot,
    Variable,
}

/// The command with all that it needs.
struct Prepared {
    line: Vec<OsString>,
    variables: Vec<Variable>,
    serving: Option<Serving>,
}

/// Runs the command to its end.
///
/// # Errors
/// If it is not started because of the caches.
pub(crate) fn finished(request: Request, session: &Session, guard: &Guard) -> Result<Finished> {
    let begun = Instant::now();
    let Request { line, mut to, mut from, advertise, given, defaults } = request;
    let plan = Plan::of(line, defaults)?;
    let plan = match resolved(plan)? {
        Ok(plan) => plan,
        Err(not_started) => return Ok(not_started),
    };
    if !given && matches!(plan.invocation().map(|invocation| invocation.kind), Some(Kind::Build | Kind::Buildctl)) {
        to.clear();
        from.clear();
    }
    let uses = uses(&plan, to, from)?;
    let mut caches: Vec<String> = Vec::new();
    for it in &uses {
        for value in &it.repository.values {
            let cache = label(&value.options);
            if !caches.contains(&cache) {
                caches.push(cache);
            }
        }
    }
    let exports = uses.iter().any(|it| it.repository.direction == Direction::To);
    let route = look(plan.line(), plan.invocation()).reach().route(advertise.is_some(), exports)?;
    let opened = uses.iter().map(|it| it.repository.open(session)).collect::<Result<Vec<_>>>()?;
    let prepared = match route {
        Route::OwnS3(reason) => with_own_s3(&plan, &uses, &opened, &reason)?,
        Route::Loopback | Route::Advertised => served(&plan, uses, opened, advertise.as_ref())?,
    };
    let Prepared { line, variables, serving } = prepared;
    let ended = start(guard, &line, variables);
    let summary = serving.map(|serving| serving.stop(&session.cancel, GRACE));
    let finished = match ended {
        Ok(status) => Finished { status: code(status), caches, summary, elapsed: begun.elapsed(), error: None },
        Err(error) => Finished { caches, ..not_started(&line, error) },
    };
    finished.report(session.global.quiet);
    Ok(finished)
}

/// Lets bake resolve its targets. The inner error is that it cannot be started.
fn resolved(plan: Plan) -> Result<std::result::Result<Plan, Finished>> {
    let Some(print) = plan.print() else { return Ok(Ok(plan)) };
    if plan.reads_stdin() {
        let error = Error::usage("run cannot resolve targets that bake reads from standard input");
        return Err(error.with_hint("pass the file with --file FILE"));
    }
    let Some((program, arguments)) = print.split_first() else { return Ok(Ok(plan)) };
    let printed = match capture(Command::new(program).args(arguments), RESOLVE_LIMIT) {
        Ok(printed) => printed,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(Err(not_started(&print, error)));
        }
        Err(error) => return Err(Error::setup("cannot resolve the targets with bake --print").with_source(error)),
    };
    if !printed.succeeded {
        // Before the reason, bake prints what it did, and the lines around the problem.
        let said = String::from_utf8_lossy(&printed.stderr);
        let reason = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let reason = reason.strip_prefix("ERROR: ").unwrap_or(reason).to_owned();
        return Err(Error::setup("bake --print failed").with_source(io::Error::other(reason)));
    }
    plan.with_targets(&printed.stdout).map(Ok)
}

/// Names the repositories of the command, and those of the variables.
fn uses(plan: &Plan, to: Vec<S3Value>, from: Vec<S3Value>) -> Result<Vec<Use>> {
    if to.len() > 1 {
        let error = Error::usage("run takes one --cache-to: the command gets it as one value");
        return Err(error.with_hint("name several in the command itself, if it is a build of docker or buildctl"));
    }
    let own = [(Direction::To, to), (Direction::From, from)].into_iter().filter(|(_, values)| !values.is_empty());
    let own: Vec<_> = own.map(|(direction, values)| (Place::Variable, Repository { direction, values })).collect();
    if let (Some((_, Repository { direction, .. })), Some(Kind::Build | Kind::Buildctl)) =
        (own.first(), plan.invocation().map(|invocation| invocation.kind))
    {
        let option = direction.as_str();
        let error = Error::usage(format!("--cache-{option} of run is only for commands that read a variable"));
        return Err(error.with_hint("move it behind the build command, where run rewrites it"));
    }
    let slots = plan
        .slots
        .iter()
        .map(|slot| (Place::Slot, Repository { direction: slot.direction, values: vec![slot.value.clone()] }));
    let (mut to, mut from) = (0, 0);
    let uses: Vec<Use> = slots
        .chain(own)
        .map(|(place, repository)| {
            let count = if repository.direction == Direction::To { &mut to } else { &mut from };
            *count += 1;
            Use { name: format!("{}-{count}", repository.direction.as_str()), repository, place }
        })
        .collect();
    if uses.is_empty() {
        let hint = match plan.invocation() {
            Some(_) => "add --cache-to type=s3,… or --cache-from type=s3,… to the build, or run it without run",
            None => {
                "run reads the options of docker and buildctl; for other commands, put --cache-to or --cache-from \
                     before -- and use $S3_BUILD_CACHE_TO and $S3_BUILD_CACHE_FROM"
            }
        };
        return Err(Error::usage("the command names no S3 cache").with_hint(hint));
    }
    Ok(uses)
}

/// Serves the caches, and lets the command use the server.
fn served(plan: &Plan, uses: Vec<Use>, opened: Vec<Usable>, advertise: Option<&Advertise>) -> Result<Prepared> {
    let address = Address::bind(advertise)?;
    let value = |it: &Use, usable: &Usable| match (usable, it.repository.values.first()) {
        (Usable::Read(_) | Usable::Write(_), Some(value)) => {
            Some(value.registry(&address.reference(&it.name), address.is_insecure()))
        }
        _ => None,
    };
    let values: Vec<_> = uses.iter().zip(&opened).map(|(it, usable)| (it, value(it, usable))).collect();
    let (line, variables) = filled_in(plan, values);
    // Without a cache, the server would get no requests, and the summary would blame the builder.
    let is_needed = opened.iter().any(|usable| !matches!(usable, Usable::Dropped));
    let caches = uses.into_iter().map(|it| it.name).zip(opened).collect();
    let serving = is_needed.then(|| address.serve(caches)).transpose()?;
    Ok(Prepared { line, variables, serving })
}

/// Lets the builder open the caches itself.
fn with_own_s3(plan: &Plan, uses: &[Use], opened: &[Usable], reason: &str) -> Result<Prepared> {
    const HINT: &str = "pass --advertise HOST:PORT with an address of this machine that the builder reaches";
    log::warn!("the builder opens the S3 caches itself, because it does not reach this machine: {reason} ({HINT})");
    let is_usable = |usable: &Usable| match usable {
        Usable::Read(caches) => !caches.is_empty(),
        Usable::Write(_) => true,
        Usable::Dropped => false,
    };
    let used = || uses.iter().zip(opened).filter(|(_, usable)| is_usable(usable)).map(|(it, _)| it);
    for it in used() {
        if it.repository.values.len() > 1 {
            return Err(Error::usage("BuildKit's own S3 cache cannot merge several caches").with_hint(HINT));
        }
    }
    let texts = uses.iter().zip(opened).map(|(it, usable)| {
        let value = it.repository.values.first().filter(|_| is_usable(usable));
        let text = value.map(S3Value::of_buildkit).transpose();
        text.map(|text| (it, text)).map_err(|error| error.with_hint(format!("{HINT}: {reason}")))
    });
    let texts: Vec<_> = texts.collect::<Result<_>>()?;
    // The daemon of buildctl does not see the environment of buildctl.
    if plan.invocation().is_some_and(|invocation| invocation.kind == Kind::Buildctl) {
        let replacement = |(it, text): &(&Use, Option<String>)| match (text, it.repository.values.first()) {
            (Some(_), Some(value)) => value.of_daemon().map_or(Replacement::Keep, Replacement::Value),
            _ => Replacement::Drop,
        };
        let replacements: Vec<_> = texts.iter().map(replacement).collect();
        return Ok(Prepared { line: plan.with(&replacements), variables: Vec::new(), serving: None });
    }
    let keys = environment::keys(used().flat_map(|it| &it.repository.values))?;
    let (line, variables) = filled_in(plan, texts);
    Ok(Prepared { line, variables: [variables, keys].concat(), serving: None })
}

/// Returns the command line and the variables with these values; without one, the cache is left out.
fn filled_in(plan: &Plan, values: Vec<(&Use, Option<String>)>) -> (Vec<OsString>, Vec<Variable>) {
    let (mut replacements, mut variables) = (Vec::new(), Vec::new());
    for (it, value) in values {
        match it.place {
            Place::Slot => replacements.push(value.map_or(Replacement::Drop, Replacement::Value)),
            // buildx ignores empty values.
            Place::Variable => {
                variables.push((environment::name(it.repository.direction), Some(value.unwrap_or_default())));
            }
        }
    }
    (if plan.slots.is_empty() { plan.line().to_vec() } else { plan.with(&replacements) }, variables)
}

fn start(guard: &Guard, line: &[OsString], variables: Vec<Variable>) -> io::Result<ExitStatus> {
    let (program, arguments) = line.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments);
    for name in environment::OF_THIS_RUN {
        command.env_remove(name);
    }
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    guard.run(&mut command)
}

fn not_started(line: &[OsString], error: io::Error) -> Finished {
    let status = match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    };
    let program = line.first().cloned().unwrap_or_default();
    Finished { status, error: Some(Error::io("start", program, error)), ..Finished::default() }
}

/// Returns the exit status as a shell reports it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::OTHER)
}
