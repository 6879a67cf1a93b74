//! Step 3: the signing key and the signature.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::Secret;
use crate::sigv4::string_to_sign::Scope;

pub(super) fn signature(secret: &Secret, scope: &Scope<'_>, string_to_sign: &str) -> String {
    let mut key = hmac(format!("AWS4{}", secret.expose()).as_bytes(), scope.date());
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac(&key, part);
    }
    hex::encode(hmac(&key, string_to_sign))
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}
