//! An opened cache: an object store, its options, and the state that several operations share.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::base::{Cancel, Clock, Env, NoProgress, ProcessEnv, Progress, Result, SystemClock, affordable_connections};
use crate::bucket::Keys;
use crate::cache_config::Crown;
use crate::config::CacheOptions;
use crate::credentials::CredentialsProvider;
use crate::object::ObjectStore;
use crate::ops::context::Context;
use crate::ops::tuning::Tuning;
use crate::store::{self, Limited, ResumingReader};
use crate::transfer::Pool;

/// A BuildKit cache in one bucket. Operations on it share connections and credentials.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
///
/// let options: CacheOptions = format!(
///     "type=s3,bucket=my-cache,name=app,endpoint_url=file://{}", bucket.path().display()
/// ).parse()?;
/// let cache = S3Cache::open(&options)?;
/// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
///
/// // Lazily, as BuildKit itself reads: the config first, then only the blobs that are needed.
/// let config = cache.load()?.expect("it was exported above");
/// let layer = &config.layers()[0];
/// let blob = cache.open_blob(&layer.blob)?.expect("its blob was exported too");
/// assert_eq!(blob.read_all()?.len() as u64, layer.annotations.size);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct S3Cache {
    pub(super) store: Arc<Limited>,
    pub(super) options: CacheOptions,
    pub(super) keys: Keys,
    pub(super) pool: Pool,
    pub(super) tuning: Tuning,
    pub(super) context: Context,
    /// Whether the store honours the conditions of writes, once it is known.
    pub(super) conditions: Arc<OnceLock<bool>>,
    /// Whether the store's certificate is trusted here because of a bundle that others may not have.
    pub(super) has_own_roots: bool,
}

/// Opens an [`S3Cache`] with a custom environment, store, credentials, clock, progress or cancel handle.
#[derive(Clone)]
pub struct S3CacheBuilder {
    pub(super) options: CacheOptions,
    env: Arc<dyn Env>,
    pub(super) store: Option<Arc<dyn ObjectStore>>,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    connections: Option<usize>,
    tuning: Tuning,
    context: Context,
}

impl S3Cache {
    /// Opens the cache given by `options`, using the environment of this process. Sends no requests yet.
    ///
    /// # Errors
    /// If a setting is missing or invalid, in `options` or in the environment and files it falls back to.
    pub fn open(options: &CacheOptions) -> Result<Self> {
        Self::builder(options).open()
    }

    /// Returns a builder for the cache given by `options`.
    pub fn builder(options: &CacheOptions) -> S3CacheBuilder {
        S3CacheBuilder {
            options: options.clone(),
            env: Arc::new(ProcessEnv),
            store: None,
            credentials: None,
            connections: None,
            tuning: Tuning::default(),
            context: Context {
                clock: Arc::new(SystemClock::default()),
                progress: Arc::new(NoProgress),
                cancel: Cancel::new(),
            },
        }
    }

    /// Returns the options the cache was opened with.
    pub fn options(&self) -> &CacheOptions {
        &self.options
    }

    /// Returns the cache's location for messages: `s3://bucket/prefix`, or a path.
    pub fn location(&self) -> String {
        self.store.location(&self.options.keys().prefix)
    }

    /// Returns the location of each name's manifest, whether or not it exists.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let env = s3_build_cache::env::MapEnv::default();
    /// use s3_build_cache::{CacheOptions, S3Cache};
    ///
    /// let options: CacheOptions = "type=s3,region=eu-west-1,bucket=my-cache,name=app;main,anonymous=true".parse()?;
    /// let cache = S3Cache::builder(&options).env(env).open()?;
    /// assert_eq!(cache.manifest_locations(), ["s3://my-cache/manifests/app", "s3://my-cache/manifests/main"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn manifest_locations(&self) -> Vec<String> {
        self.options.keys().names.iter().map(|name| self.store.location(&self.keys.manifest(name))).collect()
    }

    /// Returns the underlying object store. Its connections are not limited.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        self.store.inner()
    }

    /// Returns the time by the store's clock, or by this machine's if that is not known.
    pub(super) fn now(&self) -> SystemTime {
        self.store.now().unwrap_or_else(|| self.context.clock.now())
    }

    /// Returns the same cache without a limit on connections. Reads of the caller do not count against the limit,
    /// because the caller may already hold all connections: with open blobs, or as the source of an export.
    pub(super) fn without_limit(&self) -> Self {
        Self { store: Arc::new(self.store.without_limit()), ..self.clone() }
    }

    /// Returns the same cache, with a limit on connections that it shares with `other`.
    pub(crate) fn sharing(&self, other: &Self) -> Self {
        Self { store: Arc::new(self.store.sharing(&other.store)), pool: other.pool.clone(), ..self.clone() }
    }

    /// Opens an object. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// If the object is archived, or the store refuses or fails.
    pub(super) fn open_object(&self, key: String) -> Result<Option<ResumingReader>> {
        let mut reader = self.reader(key);
        Ok(reader.open()?.then_some(reader))
    }

    /// Returns a reader of an object. Sends nothing yet.
    pub(super) fn reader(&self, key: String) -> ResumingReader {
        ResumingReader::new(self.store.clone(), self.context.clock.clone(), self.context.cancel.clone(), key)
    }

    /// Returns the same cache with other names of manifests. It shares connections and what was learnt about the store.
    ///
    /// # Errors
    /// If a name cannot be part of a key.
    pub(crate) fn named(&self, names: Vec<String>) -> Result<Self> {
        let mut options = self.options.to_builder();
        options.keys.names = names;
        Ok(Self { options: options.build()?, ..self.clone() })
    }

    /// Returns whether the store is trusted because of a configured bundle of roots.
    pub(crate) fn has_own_roots(&self) -> bool {
        self.has_own_roots
    }

    /// Returns the crown to write configs with.
    pub(super) fn crown(&self) -> Crown {
        if self.options.policy().exact { Crown::Omit } else { Crown::Plain }
    }

    /// Returns whether the cancel handle of the cache was cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.context.cancel.is_cancelled()
    }

    /// Returns the crown to write the merge of these caches with: one of them with `exact=true` is enough.
    pub(super) fn crown_of(sources: &[Self]) -> Crown {
        sources.iter().map(Self::crown).find(|crown| *crown == Crown::Omit).unwrap_or_default()
    }

    /// Returns the number of requests sent so far, including retries.
    pub fn requests(&self) -> u64 {
        self.store.requests()
    }
}

impl S3CacheBuilder {
    /// Uses this environment and home directory instead of the process's.
    #[must_use]
    pub fn env(mut self, env: impl Env + 'static) -> Self {
        self.env = Arc::new(env);
        self
    }

    /// Uses this object store instead of looking up endpoint, region and credentials.
    #[must_use]
    pub fn store(mut self, store: impl ObjectStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Uses these credentials instead of the credential chain.
    #[must_use]
    pub fn credentials(mut self, provider: impl CredentialsProvider + 'static) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// Limits the number of connections, instead of using four per `upload_parallelism`. A low limit on open files
    /// reduces it further.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = Some(connections);
        self
    }

    /// Uses these sizes instead of the defaults.
    #[doc(hidden)]
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Uses this clock for timestamps and sleeps.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.context.clock = Arc::new(clock);
        self
    }

    /// Sends progress events to this receiver.
    #[must_use]
    pub fn progress(mut self, progress: impl Progress + 'static) -> Self {
        self.context.progress = Arc::new(progress);
        self
    }

    /// Stops when this handle is cancelled.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.context.cancel = cancel;
        self
    }

    /// Opens the cache. Sends no requests yet.
    ///
    /// # Errors
    /// Same as [`S3Cache::open`].
    pub fn open(self) -> Result<S3Cache> {
        match &self.store {
            Some(store) => Ok(self.clone().on(store.clone())),
            None => {
                let store::OpenedStore { store, has_own_roots } = store::open(&self.options, self.store_parts())?;
                Ok(S3Cache { has_own_roots, ..self.on(store) })
            }
        }
    }

    /// Returns the parts to open the store with.
    pub(super) fn store_parts(&self) -> store::StoreParts {
        store::StoreParts {
            env: self.env.clone(),
            credentials: self.credentials.clone(),
            clock: self.context.clock.clone(),
            cancel: self.context.cancel.clone(),
            connections: self.used_connections(),
            max_copy_bytes: self.tuning.max_copy,
            brief: false,
        }
    }

    /// Returns the cache in this store, with a limit on its connections and a pool of threads for them.
    pub(super) fn on(self, store: Arc<dyn ObjectStore>) -> S3Cache {
        let (connections, requested) = (self.used_connections(), self.requested_connections());
        if connections < requested {
            log::info!("using {connections} of {requested} connections: the limit on open files (ulimit -n) is low");
        }
        let (store, pool) = (Arc::new(Limited::new(store, connections)), Pool::new(connections));
        let keys = Keys::new(self.options.keys());
        let (options, tuning, context, conditions) = (self.options, self.tuning, self.context, Arc::default());
        S3Cache { store, options, keys, pool, tuning, context, conditions, has_own_roots: false }
    }

    /// Returns the number of connections to use: as many as requested, or as the limit on open files allows.
    fn used_connections(&self) -> usize {
        affordable_connections(self.requested_connections())
    }

    fn requested_connections(&self) -> usize {
        self.connections.unwrap_or_else(|| self.options.policy().connections()).max(1)
    }
}

impl fmt::Debug for S3Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Cache").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for S3CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3CacheBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}
