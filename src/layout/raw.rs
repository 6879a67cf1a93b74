//! An unchecked manifest as parsed from JSON, with the fields of both forms.

use crate::cache_config::Descriptor;
use crate::go::go_struct;

go_struct!(RawManifest {
    "mediaType" => media_type: String,
    "config" => config: Option<Descriptor>,
    "layers" => layers: Option<Vec<Descriptor>>,
    "manifests" => manifests: Option<Vec<Descriptor>>,
});
