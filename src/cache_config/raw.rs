//! Unchecked parts of the cache config, as in its JSON. Names and omissions follow BuildKit's
//! `cache/remotecache/v1/types/spec.go`.

use crate::base::Digest;
use crate::go::{ParsedText, Timestamp, go_struct};

go_struct!(
    /// A missing parent is layer 0, because Go omits zeros; -1 means no parent.
    RawLayer { "blob" => blob: ParsedText<Digest>, "parent" => parent: i64, "annotations" => annotations: Option<RawAnnotations> }
);
go_struct!(RawAnnotations {
    "mediaType" => media_type: String,
    "diffID" => diff_id: ParsedText<Digest>,
    "size" => size: i64,
    "createdAt" => created_at: Option<ParsedText<Timestamp>>,
});
go_struct!(RawResult { "layer" => layer: i64, "createdAt" => created_at: Option<ParsedText<Timestamp>> });
go_struct!(RawInput { "selector" => selector: Box<str>, "link" => link: i64 });
