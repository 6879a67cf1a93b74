//! Chooses the proxy for a host by the rules of Go's `httpproxy` package, which BuildKit follows.
//!
//! `HTTPS_PROXY` applies to `https` targets and `HTTP_PROXY` to `http` ones; `NO_PROXY` lists the exceptions. Upper
//! case takes precedence over lower case. In both cases the tunnel is requested with `CONNECT`.

mod no_proxy;
mod url;

use std::io;
use std::sync::Arc;

use ureq::http::Uri;

use crate::base::{Env, Error, Result, UNQUOTE, is_quoted};
use crate::http::origin::Origin;
use no_proxy::{NoProxy, RequestedHost};
use url::Unusable;

pub(crate) use url::Proxy;

/// The proxies named by the environment.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    https: Option<ProxyVariable>,
    http: Option<ProxyVariable>,
    no_proxy: NoProxy,
    /// Whether the program runs under a web server (CGI), where a client can set `HTTP_PROXY` by sending the header
    /// `Proxy`.
    cgi: bool,
}

/// A variable that is set.
#[derive(Debug)]
struct ProxyVariable {
    variable: &'static str,
    proxy: std::result::Result<Arc<Proxy>, Unusable>,
}

impl Proxies {
    /// Reads the variables. One that is not a valid URL is ignored with a warning.
    pub(crate) fn from_env(env: &dyn Env) -> Self {
        let no_proxy = first(env, ["NO_PROXY", "no_proxy"]);
        if let Some((variable, list)) = &no_proxy
            && is_quoted(list.trim())
        {
            log::warn!("{variable} has quotes around it: {UNQUOTE}");
        }
        let no_proxy = no_proxy.map(|(_, list)| list).unwrap_or_default();
        Self {
            https: named(env, ["HTTPS_PROXY", "https_proxy"]),
            http: named(env, ["HTTP_PROXY", "http_proxy"]),
            no_proxy: NoProxy::parse(&no_proxy),
            cgi: env.var("REQUEST_METHOD").is_some(),
        }
    }

    /// Returns the proxy for a server, or `None` if the server is reached directly.
    ///
    /// # Errors
    /// If the proxy for the server cannot be used.
    pub(crate) fn choose(&self, origin: Origin<'_>) -> Result<Option<&Arc<Proxy>>> {
        let Some(named) = (if origin.https { &self.https } else { &self.http }) else { return Ok(None) };
        let host = RequestedHost::of(origin);
        if host.is_metadata() {
            return Ok(None);
        }
        if self.cgi && !origin.https {
            let message = format!("{} is not used if REQUEST_METHOD is set, as in a CGI program", named.variable);
            let hint = format!("unset one of them: a web client can set {}", named.variable);
            return Err(Error::setup(message).with_hint(hint));
        }
        if host.is_loopback() || self.no_proxy.matches(&host) {
            return Ok(None);
        }
        match &named.proxy {
            Ok(proxy) => Ok(Some(proxy)),
            Err(Unusable { scheme }) => {
                let message = format!("{} names a {scheme} proxy, which is not supported", named.variable);
                let hint = "name an http:// or https:// proxy, or add the endpoint's host to NO_PROXY";
                Err(Error::setup(message).with_hint(hint))
            }
        }
    }

    /// Calls [`choose`](Self::choose) with the host of a URI.
    pub(super) fn of_uri(&self, uri: &Uri) -> std::result::Result<Option<&Arc<Proxy>>, ureq::Error> {
        self.choose(Origin::of_uri(uri)).map_err(|error| ureq::Error::Io(io::Error::other(error)))
    }

    /// Returns whether any proxy uses TLS.
    pub(super) fn need_tls(&self) -> bool {
        [&self.https, &self.http].into_iter().flatten().any(|named| named.proxy.as_ref().is_ok_and(|proxy| proxy.https))
    }
}

fn first(env: &dyn Env, variables: [&'static str; 2]) -> Option<(&'static str, String)> {
    variables.into_iter().find_map(|variable| Some((variable, env.var(variable)?)))
}

fn named(env: &dyn Env, variables: [&'static str; 2]) -> Option<ProxyVariable> {
    let (variable, value) = first(env, variables)?;
    let Some(proxy) = url::parse(&value, variable) else {
        // Do not show the value: it may contain a password.
        let fix = if is_quoted(value.trim()) { UNQUOTE } else { "write http://host:port" };
        log::warn!("ignoring {variable}, which is not the URL of a proxy: {fix}");
        return None;
    };
    Some(ProxyVariable { variable, proxy: proxy.map(Arc::new) })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::base::MapEnv;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_env(&MapEnv::new(variables.iter().copied()))
    }

    /// Returns the chosen proxy as messages show it.
    fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let (scheme, host) = url.split_once("://").unwrap();
        proxies(variables).choose(Origin { https: scheme == "https", host }).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn each_scheme_has_its_own_variables_and_upper_case_wins() {
        let both = [("HTTPS_PROXY", "s:1"), ("https_proxy", "s:2"), ("HTTP_PROXY", "p:1"), ("http_proxy", "p:2")];
        assert_eq!(chosen(&both, "https://a.com").as_deref(), Some("s:1 (HTTPS_PROXY)"));
        assert_eq!(chosen(&both, "http://a.com").as_deref(), Some("p:1 (HTTP_PROXY)"));
        assert_eq!(chosen(&both[1..2], "https://a.com").as_deref(), Some("s:2 (https_proxy)"));
        assert_eq!(chosen(&both[1..2], "http://a.com"), None);
        assert_eq!(
            chosen(&[("HTTPS_PROXY", ""), ("https_proxy", "s:2")], "https://a.com").unwrap(),
            "s:2 (https_proxy)"
        );
        assert_eq!(chosen(&[("ALL_PROXY", "s:1"), ("all_proxy", "s:1")], "https://a.com"), None);
    }

    #[test]
    fn no_proxy_loopback_and_metadata_hosts_are_reached_directly() {
        let set = [("HTTP_PROXY", "p:1"), ("NO_PROXY", "a.com,10.0.0.0/8"), ("no_proxy", "*")];
        for (url, proxied) in [
            ("http://b.com", true),
            ("http://x.a.com:9000", false),
            ("http://10.1.2.3:9000", false),
            ("http://localhost:9000", false),
            ("http://127.0.0.1", false),
            ("http://[::1]:9000", false),
            ("http://169.254.169.254", false),
            ("http://169.254.170.2", false),
            ("http://169.254.170.23", false),
            ("http://[fd00:ec2::254]", false),
            ("http://[fd00:ec2::23]", false),
            ("http://169.254.1.1", true),
        ] {
            assert_eq!(chosen(&set, url).is_some(), proxied, "{url}");
        }
        assert_eq!(chosen(&[("HTTPS_PROXY", "s:1"), ("no_proxy", "*")], "https://a.com"), None);
    }

    #[test]
    fn proxies_are_complete_or_abbreviated_urls() {
        for (value, shown) in [
            ("proxy", Some("proxy:80")),
            ("proxy:3128", Some("proxy:3128")),
            ("http://Proxy.example.com:3128/", Some("proxy.example.com:3128")),
            ("HTTP://proxy", Some("proxy:80")),
            ("https://proxy", Some("proxy:443")),
            ("https://proxy:8443/path?query#fragment", Some("proxy:8443")),
            ("http://[2001:db8::1]:3128", Some("[2001:db8::1]:3128")),
            ("[2001:db8::1]", Some("[2001:db8::1]:80")),
            ("u:p@10.0.0.1:3128", Some("10.0.0.1:3128")),
            ("http://proxy:", Some("proxy:80")),
            ("http://", None),
            ("http://proxy:port", None),
            ("http://proxy:70000", None),
            ("http://pro xy", None),
            ("http://u:p%zz@proxy", None),
            ("http://u:p\u{7f}@proxy", None),
            ("://proxy", None),
            ("[::1", None),
        ] {
            let shown = shown.map(|shown| format!("{shown} (HTTPS_PROXY)"));
            assert_eq!(chosen(&[("HTTPS_PROXY", value)], "https://a.com"), shown, "{value}");
        }
        assert!(proxies(&[("HTTP_PROXY", "https://proxy")]).need_tls());
        assert!(!proxies(&[("HTTP_PROXY", "http://proxy"), ("HTTPS_PROXY", "socks5://proxy")]).need_tls());
    }

    #[test]
    fn proxy_credentials_are_decoded_once_and_never_shown() {
        for (value, pair) in [
            ("http://user:pass@proxy", "user:pass"),
            ("user@proxy", "user:"),
            ("http://us%40er:p%3Aa%25+ss@proxy", "us@er:p:a%+ss"),
            ("http://a:b@c@proxy", "a:b@c"),
        ] {
            let proxies = proxies(&[("HTTPS_PROXY", value)]);
            let proxy = proxies.choose(Origin { https: true, host: "a.com" }).unwrap().unwrap();
            let authorization = proxy.authorization.as_ref().unwrap().expose();
            assert_eq!(*authorization, format!("Basic {}", BASE64_STANDARD.encode(pair)), "{value}");
            for secret in [authorization.trim_start_matches("Basic "), "pass", "us@er", "a:b"] {
                assert!(!format!("{proxies:?} {proxy}").contains(secret), "{secret}");
            }
        }
    }

    #[test]
    fn an_unsupported_proxy_is_an_error_only_for_hosts_that_need_it() {
        for scheme in ["socks5", "socks5h", "socks4", "ftp"] {
            let url = format!("{scheme}://marked-user:marked-password@proxy:1080");
            let proxies = proxies(&[("https_proxy", &url), ("NO_PROXY", "b.com")]);
            let error = proxies.choose(Origin { https: true, host: "a.com" }).unwrap_err();
            let text = format!("{} {error:?}", error.chain());
            assert!(text.contains("https_proxy") && text.contains(scheme) && !text.contains("marked"), "{text}");
            assert!(proxies.choose(Origin { https: true, host: "b.com" }).unwrap().is_none());
            assert!(proxies.choose(Origin { https: false, host: "a.com" }).unwrap().is_none());
        }
    }

    #[test]
    fn cgi_programs_reject_http_proxy() {
        let set = [("HTTP_PROXY", "p:1"), ("HTTPS_PROXY", "s:1"), ("REQUEST_METHOD", "GET")];
        let proxies = proxies(&set);
        assert!(proxies.choose(Origin { https: false, host: "a.com" }).unwrap_err().to_string().contains("HTTP_PROXY"));
        assert!(proxies.choose(Origin { https: false, host: "169.254.169.254" }).unwrap().is_none());
        assert!(proxies.choose(Origin { https: true, host: "a.com" }).unwrap().is_some());
    }
}
