//! The foundation of all other modules: errors, digests, secrets, time, encodings, the environment, progress and
//! cancellation. Depends on none of them.

mod blob_log;
mod cancel;
mod clock;
mod digest;
mod encode;
mod env;
mod error;
mod numbered;
mod oneshot;
mod open_files;
mod ordered;
mod parts;
mod progress;
mod quotes;
mod random;
mod reader;
mod secret;
mod shown;
pub(crate) mod sort;
mod threads;
mod units;
mod unpoisoned;
mod xml;

pub(crate) use blob_log::{log_blob, log_manifest, logs_blobs};
pub use cancel::Cancel;
pub(crate) use cancel::Interrupt;
pub use clock::{Clock, SystemClock};
pub(crate) use digest::Hasher;
pub use digest::{Digest, InvalidDigest};
pub(crate) use encode::{percent_decode, percent_encode_path, percent_encode_query};
pub use env::{Env, MapEnv, ProcessEnv};
pub(crate) use error::Verdict;
pub(crate) use error::is_out_of_files;
pub use error::{Error, ErrorKind, IoError, OUT_OF_FILES, Problem, Result, S3Error, S3ErrorClass};
pub(crate) use numbered::Numbered;
pub use oneshot::{NotReceived, OneshotReceiver, OneshotSender, oneshot};
pub(crate) use open_files::affordable_connections;
pub(crate) use ordered::{Arrived, OrderedHasher};
pub(crate) use parts::Parts;
pub use progress::{Action, Event, NoProgress, Progress, Step};
pub(crate) use quotes::{UNQUOTE, has_quote, is_quoted, unquote};
pub(crate) use random::random_fraction;
pub(crate) use reader::reader_from_fn;
pub use secret::Secret;
#[cfg(any(test, fuzzing))]
pub(crate) use shown::MAX_SHOWN_CHARS;
pub use shown::printable;
pub(crate) use shown::{hint_without, redacted, shown, shown_url, shown_without};
pub use threads::thread_builder;
pub(crate) use threads::{JoinedThreads, affordable_threads};
pub use units::{age, count, size};
pub use unpoisoned::Unpoisoned;
pub(crate) use xml::Element;
