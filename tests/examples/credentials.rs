//! A custom source of credentials: temporary keys from your own service.
//!
//! `cargo run --example credentials -- type=s3,region=eu-west-1,bucket=my-cache`

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use s3_build_cache::credentials::{Credentials, CredentialsProvider, Secret};
use s3_build_cache::{CacheOptions, Result, S3Cache};

/// Keys are replaced this long before they expire, because a request may arrive some time after it was signed.
const MARGIN: Duration = Duration::from_secs(300);

/// Keeps temporary keys until shortly before they expire. `issue` gets new ones.
pub(crate) struct Temporary<F> {
    issue: F,
    current: Mutex<Option<Credentials>>,
}

impl<F: Fn() -> Result<Credentials> + Send + Sync> Temporary<F> {
    pub(crate) fn new(issue: F) -> Self {
        Self { issue, current: Mutex::new(None) }
    }
}

impl<F: Fn() -> Result<Credentials> + Send + Sync> CredentialsProvider for Temporary<F> {
    /// Called before every request, from several threads. Because of the lock, only one of them gets new keys.
    fn credentials(&self) -> Result<Credentials> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_valid = |keys: &&Credentials| keys.expires.is_none_or(|at| SystemTime::now() + MARGIN < at);
        if let Some(keys) = current.as_ref().filter(is_valid) {
            return Ok(keys.clone());
        }
        let keys = (self.issue)()?;
        *current = Some(keys.clone());
        Ok(keys)
    }

    /// Called when S3 rejects keys as expired. Another thread may have replaced them already.
    fn invalidate(&self, used: &Credentials) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref() == Some(used) {
            *current = None;
        }
    }

    /// Named in errors, such as `access denied with the keys of our key service`.
    fn origin(&self) -> String {
        "our key service".to_owned()
    }
}

/// Stands in for a request to your key service.
#[allow(dead_code)]
fn issue() -> Result<Credentials> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    Ok(Credentials {
        access_key_id: variable("OUR_KEY_ID"),
        secret_access_key: Secret::new(variable("OUR_KEY")),
        session_token: None,
        expires: Some(SystemTime::now() + Duration::from_secs(3600)),
    })
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let attributes = std::env::args().nth(1).ok_or("give the attributes of a cache: type=s3,...")?;
    let options: CacheOptions = attributes.parse()?;
    let cache = S3Cache::builder(&options).credentials(Temporary::new(issue)).open()?;
    match cache.load()? {
        Some(config) => println!("{} layers in {}", config.layers().len(), cache.location()),
        None => println!("no cache in {}", cache.location()),
    }
    Ok(())
}
