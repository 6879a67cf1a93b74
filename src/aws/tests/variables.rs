use std::path::PathBuf;

use super::in_order;
use crate::aws::{Settings, VARIABLES};
use crate::base::{Env, MapEnv};
use crate::config::CacheOptions;

/// An environment in which one variable has an unreadable value.
struct Unreadable {
    variables: MapEnv,
    name: &'static str,
}

impl Env for Unreadable {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.var(name)
    }

    fn is_set(&self, name: &str) -> bool {
        name == self.name || self.variables.is_set(name)
    }

    fn is_readable(&self, name: &str) -> bool {
        name != self.name
    }

    fn home(&self) -> Option<PathBuf> {
        self.variables.home()
    }
}

#[test]
fn a_variable_that_is_not_utf_8_is_an_error() {
    let resolve = |attributes: &str, env: &Unreadable| {
        let options: CacheOptions = attributes.parse().unwrap();
        Settings::resolve(options.location(), options.policy(), None, env)
    };
    for (name, _) in VARIABLES {
        let env = Unreadable { variables: MapEnv::new([("AWS_BUCKET", "b"), ("AWS_REGION", "r")]), name };
        for attributes in ["type=s3,bucket=b", "type=s3"] {
            let error = resolve(attributes, &env).unwrap_err();
            in_order(&format!("{:?} {error}", error.kind()), &["Setup", name, "not UTF-8"]);
        }
        let directory = resolve("type=s3,bucket=my-cache,endpoint_url=file:///srv", &env);
        assert!(directory.is_ok(), "a directory needs none of them");
    }
}
