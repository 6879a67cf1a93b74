//! OCI descriptors: where a local cache keeps what an S3 manifest has in its annotations.

use std::collections::BTreeMap;

use crate::base::{Digest, Timestamp, go_struct};
use crate::manifest::media_type;
use crate::manifest::model::{Annotations, CacheConfig, Layer};

const CREATED_AT: &str = "buildkit/createdat";
const DIFF_ID: &str = "containerd.io/uncompressed";

go_struct!(
    /// A content descriptor as its JSON has it, not checked.
    Descriptor {
        "mediaType" => media_type: String,
        "digest" => digest: String,
        "size" => size: i64,
        "annotations" => annotations: BTreeMap<String, Option<String>>,
    }
);

impl Descriptor {
    /// What the S3 manifest says of the layer that this descriptor describes: the time in UTC, the media type OCI's.
    pub(super) fn to_annotations(&self) -> Result<Annotations, String> {
        let diff_id = self.annotation(DIFF_ID).ok_or_else(|| format!("its descriptor has no {DIFF_ID}"))?;
        let created_at = match self.annotation(CREATED_AT) {
            None => Timestamp::ZERO,
            Some(text) => {
                let time: Timestamp = text.parse().map_err(|error| format!("{CREATED_AT}: {error}"))?;
                time.to_utc().ok_or_else(|| format!("{CREATED_AT}: {time} has no time in UTC"))?
            }
        };
        Ok(Annotations {
            media_type: media_type::to_oci(&self.media_type),
            diff_id: diff_id.parse::<Digest>().map_err(|error| format!("{DIFF_ID}: {error}"))?,
            size: u64::try_from(self.size).map_err(|_| format!("its size {} is negative", self.size))?,
            created_at,
        })
    }

    /// The value of an annotation that is there and not `null`.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name)?.as_deref()
    }
}

impl From<&Layer> for Descriptor {
    fn from(layer: &Layer) -> Self {
        let Annotations { media_type, diff_id, size, created_at } = &layer.annotations;
        let mut annotations = BTreeMap::from([(DIFF_ID.to_owned(), Some(diff_id.to_string()))]);
        if !created_at.is_zero() {
            annotations.insert(CREATED_AT.to_owned(), Some(created_at.to_string()));
        }
        let size = i64::try_from(*size).unwrap_or(i64::MAX);
        Self { media_type: media_type.clone(), digest: layer.blob.to_string(), size, annotations }
    }
}

impl CacheConfig {
    /// A descriptor for each layer, in the order of the layers, repeats included.
    pub(crate) fn descriptors(&self) -> Vec<Descriptor> {
        self.layers.iter().map(Descriptor::from).collect()
    }
}
