//! Looks up a single setting in the environment, then in the profile.

use crate::aws::profile::Profile;
use crate::aws::setting::Setting;
use crate::base::{Env, Error, Result, is_quoted, unquote};

/// Returns the flag if it is enabled. The environment is parsed strictly; in a file, everything but `true` means off.
pub(crate) fn flag(env: &dyn Env, profile: &Profile, name: &str, key: &str) -> Result<Option<Setting<bool>>> {
    let set = match bool_variable(env, name)? {
        Some(set) => Some(set),
        None => profile.setting(key).map(|setting| setting.map(|text| text.eq_ignore_ascii_case("true"))),
    };
    Ok(set.filter(|setting| setting.value))
}

/// Returns the value of a variable that is `true` or `false`, ignoring ASCII case.
///
/// # Errors
/// If it is anything else.
pub(crate) fn bool_variable(env: &dyn Env, name: &str) -> Result<Option<Setting<bool>>> {
    let Some(setting) = variable(env, name) else { return Ok(None) };
    match setting.value.to_ascii_lowercase().as_str() {
        "true" => Ok(Some(Setting::new(true, name))),
        "false" => Ok(Some(Setting::new(false, name))),
        _ => Err(invalid(&setting, "set it to true or false")),
    }
}

/// Returns the value of a variable, or `None` if it is unset or empty.
pub(crate) fn variable(env: &dyn Env, name: &str) -> Option<Setting<String>> {
    env.var(name).map(|value| Setting::new(value, name))
}

/// Returns the value of a variable, or else the setting of the profile.
pub(crate) fn variable_or_setting(env: &dyn Env, name: &str, profile: &Profile, key: &str) -> Option<Setting<String>> {
    variable(env, name).or_else(|| profile.setting(key).map(|setting| setting.map(str::to_owned)))
}

/// Returns the error for a value that is not allowed; `allowed` describes the values that are.
pub(crate) fn invalid(setting: &Setting<String>, allowed: &str) -> Error {
    let shown: String = setting.value.chars().take(100).collect();
    let hint = if is_quoted(&shown) { unquote(&setting.origin) } else { allowed };
    Error::setup(format!("{} is not valid: {shown:?}", setting.origin)).with_hint(hint)
}
