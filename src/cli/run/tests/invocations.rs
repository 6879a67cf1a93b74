use std::ffi::OsString;

use crate::run::invocation::{Invocation, Kind};

#[test]
fn the_builder_and_the_context_are_found_on_every_level() {
    for (words, kind, builder, context, of_context) in [
        (&["docker", "build", "."][..], Kind::Build, None, None, true),
        (&["docker", "--context", "a", "build", "--builder", "b", "."], Kind::Build, Some("b"), Some("a"), true),
        (&["docker", "-c=a", "buildx", "--builder=b", "build"], Kind::Build, Some("b"), Some("a"), false),
        (&["docker", "buildx", "--builder=b", "bake", "--builder", "c"], Kind::Bake, Some("c"), None, false),
        (&["docker", "builder", "bake"], Kind::Bake, None, None, true),
        (&["buildx", "--context=a", "--builder", "b", "f"], Kind::Bake, Some("b"), Some("a"), false),
        (&["docker", "build", "-c", "2", "."], Kind::Build, None, None, true),
    ] {
        let line: Vec<OsString> = words.iter().map(OsString::from).collect();
        let found = Invocation::of(&line).unwrap();
        assert_eq!((found.kind, found.of_context), (kind, of_context), "{words:?}");
        assert_eq!(found.last(&line, "builder"), builder.map(AsRef::as_ref), "{words:?}");
        assert_eq!(found.before(&line, "context"), context.map(AsRef::as_ref), "{words:?}");
    }
    let line: Vec<OsString> = ["buildctl", "--addr", "a", "build", "--addr=b"].iter().map(OsString::from).collect();
    assert_eq!(Invocation::of(&line).unwrap().last(&line, "addr"), Some("b".as_ref()));
}
