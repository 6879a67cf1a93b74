//! Cache manifests.

use proptest::prelude::*;

use crate::base::Error;
use crate::layout::manifest::Manifest;

#[test]
fn a_manifest_that_is_not_a_cache_is_refused() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let config = format!(r#"{{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"{digest}","size":1}}"#);
    let bad = r#"{"mediaType":"x","digest":"sha256:../../x","size":1}"#;
    let index = "application/vnd.oci.image.index.v1+json";
    for (json, why) in [
        (r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"}}"#.to_owned(), "refers to no"),
        ("{}".to_owned(), "refers to no"),
        (format!(r#"{{"layers":[{config}]}}"#), "refers to no"),
        (format!(r#"{{"config":{config},"manifests":[]}}"#), "both"),
        (format!(r#"{{"mediaType":"{index}","config":{config}}}"#), "media type"),
        (format!(r#"{{"config":{config},"layers":[{bad}]}}"#), "is not a digest"),
        (format!(r#"{{"manifests":[{config},{bad}]}}"#), "is not a digest"),
        ("[]".to_owned(), "not a cache manifest"),
        ("{} x".to_owned(), "not a cache manifest"),
    ] {
        let error = Manifest::parse(json.as_bytes()).unwrap_err();
        assert!(matches!(&error, Error::Integrity(_)) && error.chain().contains(why), "{json}: {error:?}");
    }
    let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
    let list = format!(r#"{{"mediaType":"{docker}","manifests":[{config}]}}"#);
    assert_eq!(Manifest::parse(list.as_bytes()).unwrap().config.size, 1);
    assert_eq!(Manifest::parse(format!(r#"{{"config":{config}}}"#).as_bytes()).unwrap().config.size, 1);
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Manifest::parse(&bytes);
    }
}
