//! The cache config as its JSON has it, not checked. Names and omissions are those of BuildKit's
//! `cache/remotecache/v1/types/spec.go`.

use crate::base::{Digest, ParsedText, Timestamp, go_struct};

go_struct!(
    /// The whole document.
    RawConfig { "layers" => layers: Vec<RawLayer>, "records" => records: Vec<RawRecord> }
);
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
go_struct!(RawRecord {
    "layers" => results: Vec<RawResult>,
    "chains" => chains: Vec<RawChain>,
    "digest" => digest: String,
    "inputs" => inputs: Vec<Option<Vec<RawInput>>>,
});
go_struct!(RawResult { "layer" => layer: i64, "createdAt" => created_at: Option<ParsedText<Timestamp>> });
go_struct!(RawChain { "layers" => layers: Vec<i64>, "createdAt" => created_at: Option<ParsedText<Timestamp>> });
go_struct!(RawInput { "selector" => selector: String, "link" => link: i64 });
