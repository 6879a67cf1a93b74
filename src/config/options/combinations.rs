//! Checks for attributes that require or contradict each other.

use crate::base::Result;
use crate::config::options::{CacheOptions, usage};

const ACCOUNT_DIGITS: usize = 12;

/// # Errors
/// [`Error::Usage`](crate::base::Error::Usage), which names both attributes and the fix.
pub(super) fn check(options: &CacheOptions) -> Result<()> {
    options.check_keys_and_roles()?;
    options.check_anonymous()?;
    options.check_encryption()?;
    options.check_accounts()
}

impl CacheOptions {
    fn check_accounts(&self) -> Result<()> {
        let is_account = |owner: &str| owner.len() == ACCOUNT_DIGITS && owner.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(owner) = self.expected_bucket_owner.as_deref().filter(|owner| !is_account(owner)) {
            let shown: String = owner.chars().filter(|c| !c.is_control()).take(100).collect();
            let hint = "expected_bucket_owner is an AWS account: 12 digits without dashes";
            return Err(usage(&format!("expected_bucket_owner={shown} is not valid"), hint));
        }
        Ok(())
    }

    fn check_keys_and_roles(&self) -> Result<()> {
        match (&self.access_key_id, &self.secret_access_key, &self.session_token) {
            (Some(_), None, _) => {
                return Err(usage("access_key_id is given without secret_access_key", "give both or neither"));
            }
            (None, Some(_), _) => {
                return Err(usage("secret_access_key is given without access_key_id", "give both or neither"));
            }
            (None, None, Some(_)) => {
                let hint = "give access_key_id and secret_access_key too";
                return Err(usage("session_token is given without its keys", hint));
            }
            _ => {}
        }
        if self.role_arn.is_none() && (self.role_session_name.is_some() || self.external_id.is_some()) {
            return Err(usage("role_session_name and external_id need role_arn", "give role_arn, or leave them out"));
        }
        Ok(())
    }

    fn check_anonymous(&self) -> Result<()> {
        let (other, why) = if self.request_payer.is_some() {
            ("request_payer=requester", "nobody can be charged for an unsigned request")
        } else if self.access_key_id.is_some() {
            ("access_key_id", "anonymous requests are not signed")
        } else if self.role_arn.is_some() {
            ("role_arn", "anonymous requests are not signed")
        } else {
            return Ok(());
        };
        if self.anonymous {
            return Err(usage(&format!("{other} contradicts anonymous=true"), &format!("remove one of them: {why}")));
        }
        Ok(())
    }

    fn check_encryption(&self) -> Result<()> {
        if self.sse_kms_key_id.is_none() {
            return Ok(());
        }
        let hint = "set server_side_encryption=aws:kms, or remove sse_kms_key_id";
        match self.server_side_encryption.as_deref() {
            None => Err(usage("sse_kms_key_id is given without server_side_encryption", hint)),
            Some(aes) if aes.eq_ignore_ascii_case("AES256") => {
                Err(usage(&format!("sse_kms_key_id and server_side_encryption={aes} contradict each other"), hint))
            }
            Some(_) => Ok(()),
        }
    }
}
