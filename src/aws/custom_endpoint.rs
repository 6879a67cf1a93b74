//! Resolves the endpoint that the environment and the profile configure for a service.

use crate::aws::lookup::bool_variable;
use crate::aws::profile::Profile;
use crate::aws::setting::{Setting, blame};
use crate::base::{Env, Error, Result, is_quoted, unquote};
use crate::config::EndpointUrl;

const GLOBAL: &str = "AWS_ENDPOINT_URL";
pub(super) const ENDPOINT_ATTRIBUTE: &str = "the attribute endpoint_url";

/// Returns the S3 endpoint, or `None` for AWS's own. `attribute` is the endpoint that the attributes set.
pub(super) fn endpoint_url(
    attribute: Option<&EndpointUrl>,
    env: &dyn Env,
    profile: &Profile,
) -> Result<Option<Setting<EndpointUrl>>> {
    let own = attribute.map(|endpoint| Setting::new(endpoint.clone(), ENDPOINT_ATTRIBUTE));
    // Validate this setting even if the attribute is set, because it also affects the other services.
    let ignored = is_ignored(env, profile)?;
    if own.is_some() || ignored { Ok(own) } else { configured(env, profile, "s3").map(parse).transpose() }
}

/// Returns the endpoint of a service, as named in the AWS files (`sso_oidc`), or `None` for AWS's own.
pub(super) fn service_endpoint(
    env: &dyn Env,
    profile: &Profile,
    service: &str,
) -> Result<Option<Setting<EndpointUrl>>> {
    if is_ignored(env, profile)? { Ok(None) } else { configured(env, profile, service).map(parse).transpose() }
}

fn is_ignored(env: &dyn Env, profile: &Profile) -> Result<bool> {
    Ok(match bool_variable(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        Some(ignored) => ignored.value,
        None => profile.get("ignore_configured_endpoint_urls").is_some_and(|text| text.eq_ignore_ascii_case("true")),
    })
}

fn configured(env: &dyn Env, profile: &Profile, service: &str) -> Option<Setting<String>> {
    let own = format!("{GLOBAL}_{}", service.to_ascii_uppercase());
    let variable = |name: &str| env.var(name).map(|url| Setting::new(url, name));
    let every_service = || variable(GLOBAL).or_else(|| profile.setting("endpoint_url").map(owned));
    // The global variable hides the services section unless the service's own variable is set. Either may be empty.
    if env.is_set(GLOBAL) && !env.is_set(&own) {
        return every_service();
    }
    variable(&own).or_else(|| profile.service_endpoint(service).map(owned)).or_else(every_service)
}

fn owned(setting: Setting<&str>) -> Setting<String> {
    setting.map(str::to_owned)
}

/// Only the attribute can select a directory store: a variable meant for AWS tools must not redirect a cache to one.
fn parse(setting: Setting<String>) -> Result<Setting<EndpointUrl>> {
    let Setting { value, origin } = setting;
    if is_quoted(value.trim()) {
        return Err(Error::setup(format!("{origin} has quotes around it")).with_hint(unquote(&origin)));
    }
    match EndpointUrl::parse(value.trim(), "the endpoint URL") {
        Ok(EndpointUrl::File(_)) => {
            let message = format!("{origin} is a file: URL");
            let hint = "only the attribute endpoint_url can select a directory store";
            Err(Error::setup(message).with_hint(hint))
        }
        Ok(endpoint) => Ok(Setting { value: endpoint, origin }),
        Err(error) => Err(blame(&origin, error)),
    }
}
