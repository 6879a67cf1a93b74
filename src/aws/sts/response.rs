//! Responses of the Security Token Service.

use crate::aws::denial::{Denial, DenialReason};
use crate::aws::key_shape::KeyMistake;
use crate::aws::keys::fetched;
use crate::aws::partition::{is_opt_in, opt_in_hint};
use crate::aws::sts::action::StsAction;
use crate::base::{Element, Problem};
use crate::go::Timestamp;
use crate::sigv4::Credentials;

/// An error response from STS.
#[derive(Default)]
pub(crate) struct StsRefusal {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl StsRefusal {
    /// Parses an error response. A response in another format has neither code nor message.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(root) = Element::parse(body) else { return Self::default() };
        let error = child(&root, "Error").unwrap_or(&root);
        Self { code: text(error, "Code").map(str::to_owned), message: text(error, "Message").map(str::to_owned) }
    }

    /// Returns the fix if the message or the signing keys reveal more than the error code.
    pub(crate) fn hint(&self, action: &StsAction<'_>, region: &str) -> Option<String> {
        let message = self.message.as_deref().unwrap_or_default();
        let name = format!("sts:{}", action.name);
        if let Some(denial) = Denial::read(message) {
            // The error code already says as much.
            let known = denial.reason == DenialReason::NotAllowed(None) && denial.action.as_ref() == Some(&name);
            return (!known).then(|| denial.hint(&name));
        }
        let signer = action.signer?;
        match self.code.as_deref()? {
            "SignatureDoesNotMatch" if message.contains("scoped to a valid region") => {
                Some(format!("STS has no region {region}: set region to the one whose STS issues the credentials"))
            }
            code @ ("InvalidClientTokenId" | "IncompleteSignature" | "SignatureDoesNotMatch") => {
                let mistake = KeyMistake::find(signer).map(|mistake| mistake.hint("where they are configured"));
                let opt_in = || match signer.session_token {
                    Some(_) => opt_in_hint(region),
                    None => is_opt_in(region).then(|| {
                        format!(
                            "STS does not know the access key: check that its account has enabled the opt-in region \
                             {region}"
                        )
                    }),
                };
                mistake.or_else(|| if code == "InvalidClientTokenId" { opt_in() } else { None })
            }
            _ => None,
        }
    }
}

/// Extracts the result of an action. Errors do not quote the response, which may contain secrets.
pub(crate) fn result(action: &str, body: &[u8]) -> Result<Element, Problem> {
    let root = Element::parse(body).map_err(|_| Problem::new("it is not one XML document"))?;
    let name = format!("{action}Result");
    let result = root.children.into_iter().find(|child| child.name.eq_ignore_ascii_case(&name));
    result.ok_or_else(|| Problem::new(format!("it has no {name}")))
}

/// Extracts the credentials from the result of an action, with `origin` as their origin.
pub(crate) fn credentials(result: &Element, origin: &str) -> Result<Credentials, Problem> {
    let credentials = child(result, "Credentials").ok_or_else(|| Problem::new("it has no Credentials"))?;
    let need = |name| text(credentials, name).ok_or_else(|| Problem::new(format!("its Credentials have no {name}")));
    let keys = (need("AccessKeyId")?, need("SecretAccessKey")?, Some(need("SessionToken")?));
    let expiration = need("Expiration")?;
    let time = expiration.parse().or_else(|_| format!("{expiration}Z").parse::<Timestamp>());
    let time = time.ok().and_then(Timestamp::to_system_time);
    let expires = time.ok_or_else(|| Problem::new("its Expiration is not a time"))?;
    fetched(keys, Some(expires), origin)
}

/// Finds a child element, ignoring ASCII case as the Go SDK does.
fn child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.children.iter().find(|child| child.name.eq_ignore_ascii_case(name))
}

/// Returns the text of a child element, or `None` if it is missing or empty.
pub(crate) fn text<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    child(element, name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
}

/// Returns the fix for an error code that means the same for every action.
pub(super) fn common_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "RegionDisabledException" => "STS is disabled in this region: enable it in the account, or use another region",
        "SignatureDoesNotMatch" => "check the keys that assume the role, and this machine's clock",
        "RequestExpired" | "RequestTimeTooSkewed" => "this machine's clock is wrong: set it (NTP)",
        "ValidationError" => "check the role's ARN, its session name and its external id",
        _ => return None,
    })
}
