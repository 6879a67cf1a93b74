//! `serve`: what a build sees of it.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use super::MIB;
use super::one::RATE;
use super::rounds::{Plan, run_rounds};
use super::store::{STOCK, Store};
use super::warm::{BLOBS, OTHERS, ROUND_TRIP_MS};
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::{Blob, Input};
use crate::driver::registry::{Client, Registry};
use crate::driver::sample::Sample;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{BUCKET, Direction, Tool};
use crate::report::{Key, Results};

/// The names in the results.
pub(crate) const SERVE: &str = "serve";
pub(crate) const SINGLE: &str = "a single stream";
pub(crate) const LONE: &str = "pull of one blob";
pub(crate) const PULL: &str = "pull";
pub(crate) const PUSH: &str = "push";
pub(crate) const SMALL: &str = "of small blobs";
pub(crate) const HEAD_LISTED: &str = "manifest HEAD, one page lists all";
pub(crate) const HEAD_UNLISTED: &str = "manifest HEAD, others are listed first";

/// BuildKit and dockerd transfer this many layers at once.
const AT_ONCE: usize = 4;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    lone(bench, results)?;
    bench.forget_inputs()?;
    beside_import(bench, results)?;
    bench.forget_inputs()?;
    small(bench, results)?;
    bench.forget_inputs()?;
    heads(bench, results)
}

/// One blob of 1 GiB over slow connections, beside one such connection, which is what BuildKit's own S3 cache uses.
fn lone(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let size = if bench.options.quick { 16 * MIB } else { 1024 * MIB };
    let input = Input::make(bench, "serve", 1, size)?;
    let conditions = Conditions { latency_ms: 30, rate: Some(RATE), ..Conditions::default() };
    let mut store = Store::Sink(Sink::start(bench, conditions, false)?);
    store.stock(bench, &input)?;
    let direct = format!("/{BUCKET}/{STOCK}blobs/sha256:{}", input.blobs[0].digest);
    let sink = store.endpoint().authority().to_owned();
    for _ in 0..bench.options.runs {
        let started = Instant::now();
        let (_, received) = Client::connect(&sink)?.ask("GET", &direct)?;
        let wall = started.elapsed().as_secs_f64();
        check(received, size)?;
        results.add(key(LONE, SINGLE), size, Sample { wall, ..Sample::default() });
        let registry = Registry::start(bench, store.endpoint(), STOCK)?;
        sample(results, LONE, &registry, size, || pull(&registry, &input))?;
    }
    Ok(())
}

/// The same blobs through `serve` and by an import, without limits: what they cost.
fn beside_import(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let size = if bench.options.quick { MIB } else { 64 * MIB };
    let input = Input::make(bench, "serve", 16, size)?;
    let mut store = Store::Sink(Sink::start(bench, Conditions::default(), false)?);
    for _ in 0..bench.options.runs {
        let import = Plan { what: PULL, rounds: 1, ..Plan::cold(SERVE, &input, Direction::Import, &[Tool::Ours]) };
        run_rounds(bench, results, &mut store, &import)?;
        let registry = Registry::start(bench, store.endpoint(), STOCK)?;
        sample(results, PULL, &registry, input.bytes, || pull(&registry, &input))?;
    }
    push_rounds(bench, results, &mut store, &input, PUSH)
}

/// Many small blobs, pulled and pushed.
fn small(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let count = if bench.options.quick { 50 } else { 2000 };
    let input = Input::make(bench, "serve", count, 16 * 1024)?;
    let mut store = Store::Sink(Sink::start(bench, Conditions::default(), false)?);
    store.stock(bench, &input)?;
    for _ in 0..bench.options.runs {
        let registry = Registry::start(bench, store.endpoint(), STOCK)?;
        sample(results, &format!("{PULL} {SMALL}"), &registry, input.bytes, || pull(&registry, &input))?;
    }
    push_rounds(bench, results, &mut store, &input, &format!("{PUSH} {SMALL}"))
}

/// The time until a manifest is answered, in which `serve` looks up every blob.
fn heads(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let input = Input::make(bench, "serve", BLOBS, 64 * 1024)?;
    let mut store =
        Store::Sink(Sink::start(bench, Conditions { latency_ms: ROUND_TRIP_MS, ..Conditions::default() }, false)?);
    let mut others = String::new();
    for number in 0..OTHERS {
        writeln!(others, "{STOCK}blobs/sha256:{number:064x} 1 0")?;
    }
    for (what, others) in [(HEAD_LISTED, String::new()), (HEAD_UNLISTED, others)] {
        store.stock(bench, &input)?;
        let Store::Sink(sink) = &store else { return Err("only the sink counts round trips".into()) };
        sink.hold(&others)?;
        for _ in 0..bench.options.runs {
            sink.reset()?;
            let registry = Registry::start(bench, store.endpoint(), STOCK)?;
            let mut client = Client::connect(registry.authority())?;
            let started = Instant::now();
            let (answer, _) = client.ask("HEAD", "/v2/app/manifests/latest")?;
            let wall = started.elapsed().as_secs_f64();
            if answer.status != 200 {
                return Err(format!("the manifest was answered with {}", answer.status).into());
            }
            let seen = Some(sink.seen()?);
            results.add(key(what, SERVE), 0, Sample { wall, seen, ..Sample::default() });
        }
    }
    Ok(())
}

fn push_rounds(bench: &Bench, results: &mut Results, store: &mut Store, input: &Input, what: &str) -> Outcome<()> {
    for _ in 0..bench.options.runs {
        store.empty(bench)?;
        let registry = Registry::start(bench, store.endpoint(), "")?;
        sample(results, what, &registry, input.bytes, || push(&registry, input))?;
        let Store::Sink(sink) = &*store else { return Err("only the sink counts bytes".into()) };
        check(sink.seen()?.bytes, input.bytes)?;
    }
    Ok(())
}

/// Measures what `work` takes, and what the registry has used by then.
fn sample(
    results: &mut Results,
    what: &str,
    registry: &Registry,
    bytes: u64,
    work: impl FnOnce() -> Outcome<()>,
) -> Outcome<()> {
    let started = Instant::now();
    work()?;
    let wall = started.elapsed().as_secs_f64();
    let used = registry.used()?;
    results.add(key(what, SERVE), bytes, Sample { wall, cpu: used.cpu, peak_kib: used.peak_kib, seen: None });
    Ok(())
}

fn key(what: &str, tool: &str) -> Key {
    Key { case: SERVE.to_owned(), server: "sink".to_owned(), what: what.to_owned(), tool: tool.to_owned() }
}

fn check(moved: u64, expected: u64) -> Outcome<()> {
    if moved < expected { Err(format!("{moved} of {expected} bytes were transferred").into()) } else { Ok(()) }
}

/// Reads the manifest and all blobs, as a build does that needs every layer.
fn pull(registry: &Registry, input: &Input) -> Outcome<()> {
    let (answer, _) = Client::connect(registry.authority())?.ask("HEAD", "/v2/app/manifests/latest")?;
    if answer.status != 200 {
        return Err(format!("the manifest was answered with {}", answer.status).into());
    }
    at_once(registry, input, |client, blob| {
        let (answer, received) = client.ask("GET", &format!("/v2/app/blobs/sha256:{}", blob.digest))?;
        if answer.status != 200 {
            return Err(format!("a blob was answered with {}", answer.status).into());
        }
        check(received, blob.size)
    })
}

/// Sends all blobs, then the config, and the manifest that names them, as a build does that exports its cache.
fn push(registry: &Registry, input: &Input) -> Outcome<()> {
    at_once(registry, input, |client, blob| push_blob(client, registry, input, &blob.digest))?;
    let mut client = Client::connect(registry.authority())?;
    push_blob(&mut client, registry, input, &input.config)?;
    let (answer, _) = client.send("PUT", "/v2/app/manifests/latest", &input.read(&input.manifest)?)?;
    if answer.status == 201 { Ok(()) } else { Err(format!("the manifest was answered with {}", answer.status).into()) }
}

fn push_blob(client: &mut Client, registry: &Registry, input: &Input, digest: &str) -> Outcome<()> {
    let bytes = input.read(digest)?;
    let (missing, _) = client.ask("HEAD", &format!("/v2/app/blobs/sha256:{digest}"))?;
    let (begun, _) = client.ask("POST", "/v2/app/blobs/uploads/")?;
    let separator = if begun.location.contains('?') { '&' } else { '?' };
    let path = begun.location.trim_start_matches(&format!("http://{}", registry.authority()));
    let (done, _) = client.send("PUT", &format!("{path}{separator}digest=sha256:{digest}"), &bytes)?;
    match (missing.status, begun.status, done.status) {
        (404, 202, 201) => Ok(()),
        statuses => Err(format!("a blob was answered with {statuses:?}").into()),
    }
}

/// Runs `work` for each blob, over as many connections as BuildKit uses.
fn at_once(registry: &Registry, input: &Input, work: impl Fn(&mut Client, &Blob) -> Outcome<()> + Sync) -> Outcome<()> {
    let blobs = Mutex::new(input.blobs.iter());
    let next = || blobs.lock().ok().and_then(|mut blobs| blobs.next());
    let one = || {
        let mut client = Client::connect(registry.authority())?;
        while let Some(blob) = next() {
            work(&mut client, blob)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread failed")?)
    })
}
