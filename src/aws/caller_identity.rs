//! The identity that credentials belong to.

use crate::aws::service::ServiceContext;
use crate::aws::settings::S3Settings;
use crate::aws::sts::{Sts, StsAction, text};
use crate::base::{Problem, Result};
use crate::sigv4::Credentials;

/// The identity that credentials belong to, as reported by STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallerIdentity {
    pub(crate) account: String,
    pub(crate) arn: String,
}

/// Looks up the identity of the keys in STS. Returns `None` if the bucket is in a non-AWS store, which has no such
/// service. No permission is required.
///
/// # Errors
/// If STS rejects the keys, does not respond, or cannot be found.
pub(crate) fn caller_identity(
    settings: &S3Settings,
    context: &ServiceContext,
    keys: &Credentials,
) -> Result<Option<CallerIdentity>> {
    let sts = Sts::find(context, &settings.profile)?;
    if let Some(store) = &settings.endpoint
        && sts.custom().is_none_or(|custom| *custom == store.value)
    {
        return Ok(None);
    }
    let token = keys.session_token.as_ref().map_or("", |token| token.expose());
    let action = StsAction {
        name: "GetCallerIdentity",
        form: &[],
        signer: Some(keys),
        secrets: &[keys.secret_access_key.expose(), token],
        transient: &[],
        hint,
    };
    sts.call(&action, &|result| {
        let need = |name| text(result, name).map(crate::base::shown);
        match (need("Account"), need("Arn")) {
            (Some(account), Some(arn)) => Ok(Some(CallerIdentity { account, arn })),
            _ => Err(Problem::new("it has no Account and Arn")),
        }
    })
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            "STS does not know the access key: it was deleted, or belongs to another AWS partition"
        }
        "AccessDenied" => "a policy denies sts:GetCallerIdentity; S3 does not need it",
        "ExpiredToken" | "ExpiredTokenException" => "the session has expired: get new credentials",
        "InvalidToken" | "InvalidTokenId" => "the session token does not belong to the keys: set both from one source",
        "SignatureDoesNotMatch" => "check the secret access key, and this machine's clock",
        _ => return None,
    })
}
