use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::Server;
use super::precedence::sources;
use crate::aws::{Settings, VARIABLES};
use crate::base::{Env, MapEnv};
use crate::config::{CacheOptions, CredentialOptions};
use crate::credentials::provider;

/// Records which variables are looked up.
struct Recording {
    variables: MapEnv,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Env for Recording {
    fn var(&self, name: &str) -> Option<String> {
        self.asked.lock().unwrap().insert(name.to_owned());
        self.variables.var(name)
    }

    fn is_set(&self, name: &str) -> bool {
        self.variables.is_set(name)
    }

    fn home(&self) -> Option<PathBuf> {
        self.variables.home()
    }
}

#[test]
fn every_variable_read_is_also_checked() {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let server = Server::start(|_| (404, String::new(), String::new()));
    for world in sources(&server) {
        let env = Arc::new(Recording { variables: world.env(), asked: asked.clone() });
        let options: CacheOptions = "type=s3,bucket=b".parse().unwrap();
        let settings = Settings::resolve(options.location(), options.policy(), None, &*env).unwrap();
        let Settings::S3(settings) = settings else { panic!("a directory") };
        let options = CredentialOptions::default();
        let context = world.context_in(env.clone());
        let _ = provider(&options, &*env, &settings.profile, &context).unwrap().unwrap().credentials();
    }
    let is_checked = |name: &str| VARIABLES.iter().any(|(checked, _)| *checked == name);
    let unchecked: Vec<_> = asked.lock().unwrap().iter().filter(|name| !is_checked(name)).cloned().collect();
    assert_eq!(unchecked, Vec::<String>::new());
    assert!(asked.lock().unwrap().len() > 30, "{asked:?}");
}
