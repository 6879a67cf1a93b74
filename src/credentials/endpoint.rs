//! Which endpoint the environment and the profile set for S3.

use crate::base::{Env, Error, Problem, Result};
use crate::config::{CacheOptions, EndpointUrl};
use crate::credentials::setting::blame;
use crate::credentials::settings::env_bool;
use crate::credentials::{Profile, Setting};

const GLOBAL: &str = "AWS_ENDPOINT_URL";
const S3: &str = "AWS_ENDPOINT_URL_S3";

/// The endpoint, or `None` for AWS's own.
pub(super) fn endpoint_url(
    options: &CacheOptions,
    env: &dyn Env,
    profile: &Profile,
) -> Result<Option<Setting<EndpointUrl>>> {
    if let Some(endpoint) = options.endpoint()? {
        return Ok(Some(Setting::new(endpoint, "the attribute endpoint_url")));
    }
    let ignored = match env_bool(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        Some(ignored) => ignored.value,
        None => profile.get("ignore_configured_endpoint_urls").is_some_and(|text| text.eq_ignore_ascii_case("true")),
    };
    if ignored {
        return Ok(None);
    }
    configured(env, profile).map(parse).transpose()
}

fn configured(env: &dyn Env, profile: &Profile) -> Option<Setting<String>> {
    let variable = |name: &str| env.var(name).map(|url| Setting::new(url, name));
    let every_service = || variable(GLOBAL).or_else(|| profile.setting("endpoint_url").map(owned));
    // A global variable, be it empty, hides the services section, unless the S3 variable is there, be it empty.
    if env.is_set(GLOBAL) && !env.is_set(S3) {
        return every_service();
    }
    variable(S3).or_else(|| profile.service_endpoint("s3").map(owned)).or_else(every_service)
}

fn owned(setting: Setting<&str>) -> Setting<String> {
    setting.map(str::to_owned)
}

/// The directory store is reached by the attribute only: a variable meant for AWS tools must not send a cache there.
fn parse(setting: Setting<String>) -> Result<Setting<EndpointUrl>> {
    let Setting { value, origin } = setting;
    match EndpointUrl::parse(value.trim(), "the endpoint URL") {
        Ok(EndpointUrl::File(_)) => {
            let message = format!("{origin} is a file: URL");
            let hint = "a directory store is named by the attribute endpoint_url only";
            Err(Error::Setup(Problem::new(message).hint(hint)))
        }
        Ok(endpoint) => Ok(Setting { value: endpoint, origin }),
        Err(error) => Err(blame(&origin, error)),
    }
}
