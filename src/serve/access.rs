//! Decides which requests the server accepts.
//!
//! A web page in a browser on this machine can send requests to loopback, but cannot suppress the headers that reveal it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::Digest;
use crate::http::server::Request;
use crate::serve::answer::{Code, Refusal};
use crate::serve::options::Users;

/// Checks requests before anything else looks at them.
pub(super) struct Access {
    /// The digest of each `USER:PASSWORD`; `None` without authentication.
    users: Option<Vec<Digest>>,
}

impl Access {
    pub(super) fn new(users: Option<&Users>) -> Self {
        Self { users: users.map(|users| users.iter().map(|user| Digest::of(user.expose().as_bytes())).collect()) }
    }

    /// Checks that the request does not come from a web page, and that its user is known.
    ///
    /// # Errors
    /// If it is not allowed.
    pub(super) fn check(&self, request: &Request<'_>) -> Result<(), Refusal> {
        self.check_headers(|name| request.header(name))
    }

    fn check_headers<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Result<(), Refusal> {
        let site = header("sec-fetch-site").is_some_and(|site| site != "none");
        if header("origin").is_some() || site {
            return Err(Refusal::new(Code::Denied, "web pages may not use this registry"));
        }
        let Some(users) = &self.users else { return Ok(()) };
        let given = header("authorization").and_then(credentials).map(|given| Digest::of(&given));
        if given.is_some_and(|given| is_any(users, &given)) {
            return Ok(());
        }
        let message =
            if header("authorization").is_some() { "wrong user or password" } else { "authentication required" };
        Err(Refusal::new(Code::Unauthorized, message)
            .hint("log in with docker login, or add the user and the password to the URL")
            .header("www-authenticate", "Basic realm=\"s3-build-cache\", charset=\"UTF-8\""))
    }
}

/// Returns `USER:PASSWORD` of Basic authentication.
fn credentials(value: &str) -> Option<Vec<u8>> {
    let (scheme, encoded) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok()).flatten()
}

/// Returns whether the digest is one of `users`, in constant time.
fn is_any(users: &[Digest], given: &Digest) -> bool {
    let differs = |user: &Digest| user.as_bytes().iter().zip(given.as_bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    users.iter().fold(false, |known, user| known | (std::hint::black_box(differs(user)) == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(access: &Access, headers: &[(&str, &str)]) -> u16 {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        access.check_headers(header).map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn web_pages_are_refused_with_any_credentials() {
        let open = Access::new(None);
        for (header, value, expected) in [
            ("origin", "http://localhost", 403),
            ("origin", "null", 403),
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-origin", 403),
            ("sec-fetch-site", "none", 200),
            ("user-agent", "curl", 200),
        ] {
            assert_eq!(status(&open, &[(header, value)]), expected, "{header}: {value}");
        }
    }

    #[test]
    fn only_known_users_with_their_own_password_are_let_in() {
        let users = Users::parse("ann:one\nbob:two:three\n").unwrap();
        let access = Access::new(Some(&users));
        assert_eq!(status(&access, &[]), 401);
        for (credentials, expected) in
            [("ann:one", 200), ("bob:two:three", 200), ("ann:two:three", 401), ("ann", 401), ("ann:", 401), ("", 401)]
        {
            let value = format!("Basic {}", STANDARD.encode(credentials));
            assert_eq!(status(&access, &[("authorization", &value)]), expected, "{credentials}");
        }
        for value in ["Bearer YW5uOm9uZQ==", "Basic", "Basic !", "YW5uOm9uZQ=="] {
            assert_eq!(status(&access, &[("authorization", value)]), 401, "{value}");
        }
        assert_eq!(status(&access, &[("authorization", "basic YW5uOm9uZQ==")]), 200);
    }
}
