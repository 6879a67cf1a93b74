//! OCI descriptors, which hold in a local cache what an S3 manifest holds in its annotations.

use std::borrow::Cow;
use std::fmt;

use crate::base::{Digest, InvalidDigest, sort};
use crate::cache_config::media_type;
use crate::cache_config::model::{Annotations, CacheConfig, Layer};
use crate::go::{GoJson, JsonProblem, JsonReader, Timestamp, go_struct};

const CREATED_AT: &str = "buildkit/createdat";
const DIFF_ID: &str = "containerd.io/uncompressed";
/// The annotation with the tag of an index entry.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation with the full image name of an index entry.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";

go_struct!(
    /// An unchecked content descriptor, as in its JSON.
    Descriptor {
        "mediaType" => media_type: MediaType,
        "digest" => digest: DigestText,
        "size" => size: i64,
        "annotations" => annotations: Notes,
    }
);

/// A media type. A manifest has thousands of layers but few distinct types, so the usual ones are not allocated.
pub(crate) type MediaType = Cow<'static, str>;

impl GoJson for MediaType {
    fn read(reader: &mut JsonReader<'_>) -> Result<Self, JsonProblem> {
        let (left, text) = (reader.memory.left(), String::read(reader)?);
        Ok(match media_type::known(&text) {
            Some(known) => {
                reader.memory.restore(left);
                Cow::Borrowed(known)
            }
            None => Cow::Owned(text),
        })
    }
}

/// A digest, or the text that is not a valid one. A digest takes half the memory of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DigestText {
    /// A valid digest.
    Good(Digest),
    /// Any other text.
    Bad(Box<str>),
}

impl DigestText {
    /// Returns the digest.
    ///
    /// # Errors
    /// If the text is not a digest.
    pub(crate) fn get(&self) -> Result<Digest, InvalidDigest> {
        match self {
            Self::Good(digest) => Ok(*digest),
            Self::Bad(text) => text.parse(),
        }
    }
}

impl Default for DigestText {
    fn default() -> Self {
        Self::Bad(Box::default())
    }
}

impl From<Box<str>> for DigestText {
    fn from(text: Box<str>) -> Self {
        text.parse().map_or(Self::Bad(text), Self::Good)
    }
}

impl GoJson for DigestText {
    fn read(reader: &mut JsonReader<'_>) -> Result<Self, JsonProblem> {
        let (left, text) = (reader.memory.left(), Box::<str>::read(reader)?);
        let read = Self::from(text);
        if let Self::Good(_) = read {
            reader.memory.restore(left);
        }
        Ok(read)
    }
}

impl fmt::Display for DigestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(digest) => digest.fmt(f),
            Self::Bad(text) => f.write_str(text),
        }
    }
}

/// The annotations used by this crate, in the order of their names; others are discarded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// All but the following one.
    texts: Box<[(&'static str, Box<str>)]>,
    diff_id: Option<DigestText>,
}

impl GoJson for Notes {
    fn read(reader: &mut JsonReader<'_>) -> Result<Self, JsonProblem> {
        let left = reader.memory.left();
        let mut texts = reader.named_texts(&[CREATED_AT, DIFF_ID, REF_NAME, IMAGE_NAME])?;
        let at = texts.iter().position(|(name, _)| *name == DIFF_ID);
        let diff_id = at.map(|at| DigestText::from(texts.swap_remove(at).1));
        if texts.is_empty() && matches!(diff_id, Some(DigestText::Good(_))) {
            reader.memory.restore(left);
        }
        sort::sort(&mut texts);
        Ok(Self { texts: texts.into(), diff_id })
    }
}

impl Notes {
    /// Returns the names and texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let texts = || self.texts.iter().map(|(name, text)| (*name, Cow::Borrowed(&**text)));
        let diff_id = self.diff_id.iter().map(|digest| (DIFF_ID, Cow::Owned(digest.to_string())));
        let before = texts().filter(|(name, _)| *name < DIFF_ID);
        before.chain(diff_id).chain(texts().filter(|(name, _)| *name > DIFF_ID))
    }
}

impl Descriptor {
    /// Returns the layer's annotations in the S3 manifest, with the time in UTC and the OCI media type.
    pub(super) fn to_annotations(&self) -> Result<Annotations, String> {
        let diff_id = self.annotations.diff_id.as_ref().ok_or_else(|| format!("its descriptor has no {DIFF_ID}"))?;
        let created_at = match self.annotation(CREATED_AT) {
            None => Timestamp::ZERO,
            Some(text) => {
                let time: Timestamp = text.parse().map_err(|error| format!("{CREATED_AT}: {error}"))?;
                time.to_utc().ok_or_else(|| format!("{CREATED_AT}: {time} has no time in UTC"))?
            }
        };
        Ok(Annotations {
            media_type: media_type::to_oci(&self.media_type),
            diff_id: diff_id.get().map_err(|error| format!("{DIFF_ID}: {error}"))?,
            size: u64::try_from(self.size).map_err(|_| format!("its size {} is negative", self.size))?,
            created_at,
        })
    }

    /// Returns the value of an annotation stored as text, or `None` if it is absent or `null`.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.texts.iter().find(|(known, _)| *known == name).map(|(_, text)| &**text)
    }
}

impl From<&Layer> for Descriptor {
    fn from(layer: &Layer) -> Self {
        let Annotations { media_type, diff_id, size, created_at } = &layer.annotations;
        let created_at = (!created_at.is_zero()).then(|| (CREATED_AT, created_at.to_string().into()));
        let annotations = Notes { texts: created_at.into_iter().collect(), diff_id: Some(DigestText::Good(*diff_id)) };
        let size = i64::try_from(*size).unwrap_or(i64::MAX);
        Self { media_type: media_type.clone().into(), digest: DigestText::Good(layer.blob), size, annotations }
    }
}

impl CacheConfig {
    /// Returns a descriptor for each layer, in the order of the layers, including repeats.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = Descriptor> {
        self.layers.iter().map(Descriptor::from)
    }
}
