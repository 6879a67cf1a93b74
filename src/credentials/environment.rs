//! Keys from environment variables.

use crate::aws::KeyPair;
use crate::base::{Env, Secret};

const ID: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"];
const SECRET: [&str; 2] = ["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"];
const TOKEN: &str = "AWS_SESSION_TOKEN";

/// The key pair in the environment, complete or not.
pub(super) enum EnvKeys {
    Absent,
    /// One key without the other. It is ignored, but worth a warning.
    Half {
        set: &'static str,
        missing: &'static str,
    },
    Pair(KeyPair),
}

/// Looks for a key pair. The ID and the secret may each use their legacy name.
pub(super) fn env_keys(env: &dyn Env) -> EnvKeys {
    let id = first(env, ID);
    let secret = first(env, SECRET);
    match (id, secret) {
        (None, None) => EnvKeys::Absent,
        (Some((set, _)), None) => EnvKeys::Half { set, missing: "AWS_SECRET_ACCESS_KEY" },
        (None, Some((set, _))) => EnvKeys::Half { set, missing: "AWS_ACCESS_KEY_ID" },
        (Some((id_name, id)), Some((secret_name, secret))) => {
            let token = env.var(TOKEN).map(Secret::from);
            let keys = KeyPair::new(&id, &Secret::from(secret), token.as_ref());
            EnvKeys::Pair(keys.with_variables([id_name, secret_name, TOKEN]))
        }
    }
}

/// Returns the first variable that is not blank.
fn first(env: &dyn Env, names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, env.var(name).filter(|value| !value.trim().is_empty())?)))
}
