//! How a cache is written and read.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::base::{Error, Result};
use crate::config::attribute::Attribute;

/// More connections are not faster, and stores begin to reject them.
const MAX_CONNECTIONS: usize = 64;
const CONNECTIONS_PER_PARALLELISM: usize = 4;
/// BuildKit's default.
const UPLOAD_PARALLELISM: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

/// How a cache is written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The layers to export.
    pub mode: Mode,
    /// Whether a failed export is only a warning. The program honours this; the library always returns the error.
    pub ignore_error: bool,
    /// The age beyond which an export refreshes a blob that already exists.
    pub touch_refresh: Duration,
    /// The upload parallelism. Each unit stands for four connections, up to 64 in total.
    pub upload_parallelism: NonZeroU32,
    /// The retry mode; falls back to `$AWS_RETRY_MODE` and the profile.
    pub retry_mode: Option<RetryMode>,
    /// The maximum number of attempts, including the first; falls back to `$AWS_MAX_ATTEMPTS` and the profile.
    pub retry_max_attempts: Option<NonZeroU32>,
    /// Whether to hash local blobs while uploading them, so that no store gets wrong bytes.
    pub verify_source: VerifySource,
    /// How parts of large blobs are signed; falls back to `payload_signing_enabled` in the profile's `s3` block.
    pub payload_signing: Option<PayloadSigning>,
    /// What an export does with a manifest that exists.
    pub on_conflict: OnConflict,
    /// A merge drops the leaves of others that were last exported this long before the newest.
    pub merge_max_age: Duration,
    /// The maximum size of a merged config, and of the manifest that describes it in a directory, in bytes. The leaves
    /// that were exported last are kept.
    pub merge_max_size: u64,
    /// The account that pays for requests if it is not the bucket owner's; sent as `x-amz-request-payer`.
    pub request_payer: Option<RequestPayer>,
    /// Whether to write the same bytes as BuildKit for every cache, without a [`Crown`](crate::cache_config::Crown),
    /// although BuildKit then misses steps of multi-platform builds.
    pub exact: bool,
    /// Sent as `x-amz-storage-class` with every write.
    pub storage_class: Option<String>,
    /// Sent as `x-amz-server-side-encryption` with every write.
    pub server_side_encryption: Option<String>,
    /// Sent as `x-amz-server-side-encryption-aws-kms-key-id` with every write.
    pub sse_kms_key_id: Option<String>,
}

/// The layers that an export includes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// All layers of the source.
    #[default]
    Max,
    /// Only the layers of the result.
    Min,
}

/// Whether an export hashes local blobs while it sends them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifySource {
    /// Wherever the store is not known to check the whole blob: blobs that are uploaded in parts, and all blobs on
    /// stores other than AWS and directories.
    #[default]
    Auto,
    /// All blobs.
    Always,
    /// No blob: a store may get wrong bytes under a right digest. Imports detect them.
    Never,
}

/// How the parts of a blob that is uploaded in parts are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadSigning {
    /// With their hash over plain HTTP, and without it (`UNSIGNED-PAYLOAD`) over TLS, which protects them anyway.
    #[default]
    Auto,
    /// Always with their hash, which costs another SHA-256 over the blob.
    Always,
}

/// What an export does with a manifest that exists under its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// Replaces it, as BuildKit does: the last writer wins.
    #[default]
    Overwrite,
    /// Merges with it, so that no job loses the cache of another.
    Merge,
    /// Replaces it, unless another writer has written it since the export began.
    Fail,
}

/// AWS's retry modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryMode {
    /// Exponential backoff with jitter.
    #[default]
    Standard,
    /// The same, with client-side rate limiting once the store throttles requests.
    Adaptive,
}

/// The account that pays for requests to a Requester Pays bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestPayer {
    /// The account that sends the requests.
    Requester,
}

type Row = Attribute<Policy>;

/// The attributes that set the fields of a [`Policy`].
pub(super) const ATTRIBUTES: &[Row] = &[
    Row::parsed("mode", "max: all layers; min: only those of the result; default: max", |policy, value| {
        policy.mode = value.one_of(&[("max", Mode::Max), ("min", Mode::Min)], "max or min")?;
        Ok(())
    }),
    Row::bool("ignore-error", "a failed export is only a warning", |policy, on| policy.ignore_error = on),
    Row::duration("touch_refresh", "refresh existing blobs older than this; default: 24h", |policy, age| {
        policy.touch_refresh = age;
    }),
    Row::number("upload_parallelism", "four connections per unit, at most 64; default: 4", |policy, number| {
        policy.upload_parallelism = number;
    })
    .aliases(&["concurrency", "connections", "jobs", "parallel_uploads", "threads", "workers"]),
    Row::parsed("retry_mode", "standard or adaptive; default: $AWS_RETRY_MODE, else standard", |policy, value| {
        let modes = [("standard", RetryMode::Standard), ("adaptive", RetryMode::Adaptive)];
        policy.retry_mode = Some(value.one_of(&modes, "standard or adaptive")?);
        Ok(())
    }),
    Row::number("retry_max_attempts", "including the first; default: $AWS_MAX_ATTEMPTS, else 3", |policy, most| {
        policy.retry_max_attempts = Some(most);
    })
    .aliases(&["attempts", "retries"]),
    Row::bool("disable_accept_encoding", "accepted and ignored", |_, _| ()),
    Row::text("storage_class", "of written objects; default: the bucket's", |policy, class| {
        policy.storage_class = class;
    }),
    Row::text("server_side_encryption", "of written objects; default: the bucket's", |policy, algorithm| {
        policy.server_side_encryption = algorithm;
    })
    .aliases(&["sse"]),
    Row::text("sse_kms_key_id", "the key for server_side_encryption=aws:kms", |policy, key| {
        policy.sse_kms_key_id = key;
    }),
    Row::parsed(
        "verify_source",
        "hash local blobs during the upload; auto: unless the store checks the whole blob; default: auto",
        |policy, value| {
            policy.verify_source = match value.bool_or_auto("auto, true or false")? {
                None => VerifySource::Auto,
                Some(true) => VerifySource::Always,
                Some(false) => VerifySource::Never,
            };
            Ok(())
        },
    ),
    Row::parsed(
        "payload_signing",
        "true: sign the hash of every part, also over TLS; default: the profile's s3 block, else auto",
        |policy, value| {
            policy.payload_signing = Some(match value.bool_or_auto("true or auto")? {
                Some(true) => PayloadSigning::Always,
                // As in the AWS CLI, false does not mean never: without TLS, parts are signed in any case.
                Some(false) | None => PayloadSigning::Auto,
            });
            Ok(())
        },
    )
    .aliases(&["payload_signing_enabled"]),
    Row::parsed("request_payer", "requester: your account pays for the requests", |policy, value| {
        let payers = [("requester", RequestPayer::Requester)];
        policy.request_payer = Some(value.one_of(&payers, "requester, or leave it out")?);
        Ok(())
    }),
    Row::parsed(
        "on_conflict",
        "with an existing manifest: overwrite, merge, or fail if another writer came between; default: overwrite",
        |policy, value| {
            let choices =
                [("overwrite", OnConflict::Overwrite), ("merge", OnConflict::Merge), ("fail", OnConflict::Fail)];
            policy.on_conflict = value.one_of(&choices, "overwrite, merge or fail")?;
            Ok(())
        },
    ),
    Row::duration(
        "merge_max_age",
        "a merge drops what was last exported this long before the newest; default: 336h",
        |policy, age| {
            policy.merge_max_age = age;
        },
    ),
    Row::parsed(
        "merge_max_size",
        "the size limit of a merged manifest, without its blobs; default: 900KiB",
        |policy, value| {
            policy.merge_max_size = value.size()?;
            Ok(())
        },
    ),
    Row::bool(
        "exact",
        "write the same bytes as BuildKit, which misses steps of multi-platform builds",
        |policy, on| {
            policy.exact = on;
        },
    ),
];

impl Default for Policy {
    /// Returns BuildKit's defaults, except for the mode, which is [`Mode::Max`].
    fn default() -> Self {
        Self {
            mode: Mode::Max,
            ignore_error: false,
            touch_refresh: Duration::from_secs(24 * 60 * 60),
            upload_parallelism: UPLOAD_PARALLELISM,
            retry_mode: None,
            retry_max_attempts: None,
            verify_source: VerifySource::Auto,
            payload_signing: None,
            on_conflict: OnConflict::Overwrite,
            merge_max_age: Duration::from_secs(14 * 24 * 60 * 60),
            merge_max_size: 900 * 1024,
            request_payer: None,
            exact: false,
            storage_class: None,
            server_side_encryption: None,
            sse_kms_key_id: None,
        }
    }
}

impl Policy {
    /// Returns the number of connections: four times `upload_parallelism`, at most 64.
    pub fn connections(&self) -> usize {
        let parallelism = usize::try_from(self.upload_parallelism.get()).unwrap_or(MAX_CONNECTIONS);
        parallelism.saturating_mul(CONNECTIONS_PER_PARALLELISM).min(MAX_CONNECTIONS)
    }

    /// Checks that the fields do not contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        if self.on_conflict == OnConflict::Merge && self.exact {
            return Err(Error::usage("on_conflict=merge and exact=true contradict each other").with_hint(
                "remove exact=true: a merged manifest needs an extra record, which stores when each build was exported",
            ));
        }
        if self.sse_kms_key_id.is_none() {
            return Ok(());
        }
        let hint = "set server_side_encryption=aws:kms, or remove sse_kms_key_id";
        match self.server_side_encryption.as_deref() {
            None => Err(Error::usage("sse_kms_key_id is given without server_side_encryption").with_hint(hint)),
            Some(aes) if aes.eq_ignore_ascii_case("AES256") => {
                Err(Error::usage(format!("sse_kms_key_id and server_side_encryption={aes} contradict each other"))
                    .with_hint(hint))
            }
            Some(_) => Ok(()),
        }
    }
}
