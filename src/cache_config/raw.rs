//! Parts of the cache config as its JSON has them, not checked. Names and omissions are those of BuildKit's
//! `cache/remotecache/v1/types/spec.go`.

use crate::base::{Digest, ParsedText, Timestamp, go_struct};

go_struct!(
    /// A missing parent is layer 0, for Go omits a zero; -1 means none.
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
