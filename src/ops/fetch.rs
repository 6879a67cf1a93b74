//! What an import does with each blob: from which source it comes, how often it is tried, whole or in ranges.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::{Action, Digest, Error, ErrorKind, Parts, Result};
use crate::layout::{BlobWriter, LayoutWriter, LocalCache};
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::meter::Meter;
use crate::transfer::{Next, Permit, Permits, Stop, Work};

/// A blob with a wrong digest is fetched once more: the first time may have been the network.
const FETCHES: usize = 2;

/// The blobs of one import on their way.
pub(super) struct Fetcher<'a> {
    sources: Vec<Source<'a>>,
    target: &'a LocalCache,
    /// Made by [`begin`](Self::begin).
    writer: Mutex<Option<LayoutWriter>>,
    /// Every blob is to be on the disk before the index names it.
    sync: bool,
    connections: Permits,
}

struct Source<'a> {
    cache: &'a S3Cache,
    /// It sends whole objects for ranges: asked for in ranges, a blob would come as often as it has ranges.
    sends_whole: AtomicBool,
}

/// A blob to be fetched.
pub(super) struct Wanted {
    digest: Digest,
    size: u64,
    /// The ranges it comes in.
    parts: Parts,
    /// The source to ask next, and how often it gave wrong bytes.
    source: usize,
    fetches: usize,
    /// What was wrong with the sources before.
    reasons: Vec<String>,
    error: Option<Error>,
}

/// How the search for a blob ended.
pub(super) enum Fetched {
    Yes,
    /// Gone or corrupt everywhere; why, by location.
    Lost(String),
}

/// A blob that comes in ranges.
pub(super) struct Ranged<'a> {
    wanted: Wanted,
    readers: Mutex<Readers>,
    parts: Parts,
    writer: BlobWriter,
    meter: Meter<'a>,
    /// What a range failed with.
    error: Mutex<Option<Error>>,
}

struct Readers {
    /// Opened at the first range, until that is read.
    first: Option<(ResumingReader, Permit)>,
    /// What the readers of the others are made from.
    template: ResumingReader,
}

/// How one source did.
enum Outcome {
    Good,
    /// It does not have the blob.
    Gone(String),
    /// What it gave was wrong; the next time it may be right.
    Wrong(String),
}

/// A blob, or the beginning of one.
enum Opened<'a> {
    Ended(Outcome),
    Begun(Box<Begun<'a>>),
}

/// A blob of which the first range is open.
struct Begun<'a> {
    first: (ResumingReader, Permit),
    parts: Parts,
    writer: BlobWriter,
    meter: Meter<'a>,
}

impl Wanted {
    /// Blobs of these sizes, and the ranges in which `first`'s connections fetch them.
    pub(super) fn all(blobs: &[(Digest, u64)], first: &S3Cache) -> Vec<Self> {
        let most = first.tuning.range_size;
        let large = blobs.iter().filter(|(_, size)| *size > most).count();
        let connections = first.connections / large.max(1);
        let wanted = |&(digest, size)| {
            let parts = Parts::download(size, most, if size > most { connections } else { 1 });
            Self { digest, size, parts, source: 0, fetches: 0, reasons: Vec::new(), error: None }
        };
        blobs.iter().map(wanted).collect()
    }

    fn next_source(mut self) -> Self {
        self.source += 1;
        self.fetches = 0;
        self
    }
}

impl<'a> Fetcher<'a> {
    /// With so many connections for all of the sources.
    pub(super) fn new(sources: &[&'a S3Cache], target: &'a LocalCache, connections: usize, sync: bool) -> Self {
        let source = |cache: &&'a S3Cache| Source { cache, sends_whole: AtomicBool::new(false) };
        let sources = sources.iter().map(source).collect();
        Self { sources, target, writer: Mutex::new(None), sync, connections: Permits::new(connections) }
    }

    /// How many threads have something to do: one for each connection, and where several bring one blob, another that
    /// hashes what arrived out of order.
    pub(super) fn threads(&self, first: &S3Cache, wanted: &[Wanted]) -> usize {
        let chunks = |wanted: &Wanted| wanted.parts.count();
        let ahead = usize::from(first.connections > 1 && wanted.iter().any(|wanted| chunks(wanted) > 1));
        wanted.iter().map(chunks).fold(0_usize, usize::saturating_add).min(first.connections.saturating_add(ahead))
    }

    /// Makes the directory ready, so that what it refuses is known before anything is fetched.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(super) fn begin(&self) -> Result<()> {
        self.with_writer(|_| Ok(()))
    }

    /// The writer, to commit what was fetched.
    ///
    /// # Errors
    /// When there was nothing to fetch, and the directory cannot be written.
    pub(super) fn into_writer(self) -> Result<LayoutWriter> {
        match self.writer.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(writer) => Ok(writer),
            None => begin_write(self.target, self.sync),
        }
    }

    fn with_writer<T>(&self, act: impl FnOnce(&LayoutWriter) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.writer);
        match &mut *writer {
            Some(writer) => act(writer),
            none => act(none.insert(begin_write(self.target, self.sync)?)),
        }
    }

    fn start(&self, source: &Source<'a>, wanted: &Wanted) -> Meter<'a> {
        Meter::start(&*source.cache.context.progress, &wanted.digest, Action::Download, wanted.size)
    }

    /// Fetches a blob whole, or opens its first range.
    fn open(&self, source: &Source<'a>, wanted: &Wanted, stop: &Stop<'_>) -> Result<Opened<'a>> {
        let cache = source.cache;
        let key = cache.options.blob_key(&wanted.digest);
        let location = cache.store.location(&key);
        let open = |limit| ResumingReader::open_first(cache.store.clone(), cache.context.clone(), key.clone(), limit);
        let parts = wanted.parts;
        let connection = self.connections.take(stop)?;
        let in_ranges = parts.count() > 1 && !source.sends_whole.load(Ordering::Relaxed);
        let mut opened = open(in_ranges.then(|| parts.range(0).end))?;
        let mut ranged = in_ranges;
        if in_ranges && opened.as_ref().is_some_and(ResumingReader::is_whole) {
            log::info!("{location}: the store does not do ranges, blobs are fetched whole");
            source.sends_whole.store(true, Ordering::Relaxed);
            opened = open(None)?;
            ranged = false;
        }
        let Some(mut reader) = opened else { return Ok(Opened::Ended(Outcome::Gone(format!("{location} is gone")))) };
        if reader.size() != wanted.size {
            let why = format!("{location} has {} bytes, its layer says {}", reader.size(), wanted.size);
            return Ok(Opened::Ended(Outcome::Gone(why)));
        }
        let meter = self.start(source, wanted);
        let mut writer = self.with_writer(|writer| writer.blob(&wanted.digest, wanted.size))?;
        if ranged {
            writer.allocate()?;
            let first = (reader, connection);
            return Ok(Opened::Begun(Box::new(Begun { first, parts, writer, meter })));
        }
        reader.copy_to(stop, |chunk, _| {
            writer.write(chunk)?;
            meter.add(chunk.len() as u64);
            Ok(())
        })?;
        drop(connection);
        Ok(Opened::Ended(self.finish(source, wanted, writer, &meter)?))
    }

    fn finish(&self, source: &Source<'a>, wanted: &Wanted, writer: BlobWriter, meter: &Meter<'_>) -> Result<Outcome> {
        if writer.finish()? {
            meter.finish();
            return Ok(Outcome::Good);
        }
        let location = source.cache.store.location(&source.cache.options.blob_key(&wanted.digest));
        Ok(Outcome::Wrong(format!("{location} does not have its digest")))
    }

    /// The range's reader and its connection.
    fn range(&self, ranged: &Ranged<'a>, index: usize, stop: &Stop<'_>) -> Result<(ResumingReader, Permit)> {
        let mut readers = lock(&ranged.readers);
        if let Some(first) = readers.first.take_if(|_| index == 0) {
            return Ok(first);
        }
        let another = readers.template.another(ranged.parts.range(index));
        drop(readers);
        Ok((another, self.connections.take(stop)?))
    }

    /// What comes after a source has been asked.
    fn settle(&self, mut wanted: Wanted, outcome: Result<Outcome>) -> Result<Next<Self>> {
        match outcome {
            Ok(Outcome::Good) => return Ok(Next::Done(Fetched::Yes)),
            Ok(Outcome::Gone(why)) => wanted.reasons.push(why),
            Ok(Outcome::Wrong(why)) => return Ok(Next::Again(once_more(wanted, why))),
            Err(error @ (Error::Canceled | Error::Io(_))) => return Err(error),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                return Ok(Next::Again(once_more(wanted, error.to_string())));
            }
            // The object vanished under the reader: no better than gone.
            Err(Error::Integrity(problem)) => wanted.reasons.push(problem.message),
            Err(error) => {
                wanted.error.get_or_insert(error);
            }
        }
        Ok(Next::Again(wanted.next_source()))
    }
}

fn begin_write(target: &LocalCache, sync: bool) -> Result<LayoutWriter> {
    let writer = target.begin_write()?;
    Ok(if sync { writer.sync() } else { writer })
}

fn fetch(ranged: &Ranged<'_>, reader: &mut ResumingReader, stop: &Stop<'_>) -> Result<()> {
    let mut written = reader.position();
    reader.copy_to(stop, |chunk, position| {
        ranged.writer.write_at(written, chunk)?;
        written = position;
        ranged.meter.add(chunk.len() as u64);
        // The blob is lost already: what else comes of it is of no use.
        if lock(&ranged.error).is_some() { Err(Error::Canceled) } else { Ok(()) }
    })
}

fn once_more(mut wanted: Wanted, why: String) -> Wanted {
    log::warn!("{why}");
    wanted.fetches += 1;
    if wanted.fetches < FETCHES {
        return wanted;
    }
    wanted.reasons.push(why);
    wanted.next_source()
}

impl<'a> Work for Fetcher<'a> {
    type Job = Wanted;
    type Open = Ranged<'a>;
    type Done = Fetched;

    fn begin(&self, mut wanted: Wanted, stop: &Stop<'_>) -> Result<Next<Self>> {
        stop.check()?;
        let Some(source) = self.sources.get(wanted.source) else {
            return match wanted.error.take() {
                Some(error) => Err(error),
                None => Ok(Next::Done(Fetched::Lost(wanted.reasons.join(", ")))),
            };
        };
        match self.open(source, &wanted, stop) {
            Ok(Opened::Begun(begun)) => {
                let Begun { first, parts, writer, meter } = *begun;
                let readers = Mutex::new(Readers { template: first.0.another(0..0), first: Some(first) });
                let (chunks, error) = (parts.count(), Mutex::new(None));
                Ok(Next::Chunks(Ranged { wanted, readers, parts, writer, meter, error }, chunks))
            }
            Ok(Opened::Ended(outcome)) => self.settle(wanted, Ok(outcome)),
            Err(error) => self.settle(wanted, Err(error)),
        }
    }

    fn chunk(&self, ranged: &Ranged<'a>, index: usize, stop: &Stop<'_>) -> Result<()> {
        let (mut reader, connection) = self.range(ranged, index, stop)?;
        if lock(&ranged.error).is_some() {
            return Ok(());
        }
        match fetch(ranged, &mut reader, stop) {
            Ok(()) => {}
            Err(error @ Error::Io(_)) => return Err(error),
            // Told before the connection is given back, so that it is not used for another range in vain.
            Err(error) => {
                stop.check()?;
                lock(&ranged.error).get_or_insert(error);
                return Ok(());
            }
        }
        drop((reader, connection));
        ranged.writer.catch_up()
    }

    fn end(&self, ranged: Ranged<'a>, stop: &Stop<'_>) -> Result<Next<Self>> {
        stop.check()?;
        let Ranged { wanted, writer, meter, error, .. } = ranged;
        if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return self.settle(wanted, Err(error));
        }
        let Some(source) = self.sources.get(wanted.source) else { return Ok(Next::Again(wanted)) };
        let outcome = self.finish(source, &wanted, writer, &meter);
        self.settle(wanted, outcome)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
