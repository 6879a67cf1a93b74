//! Proxies: their URLs, the hosts reached directly, and their responses.

use crate::base::MapEnv;
use crate::http::{Origin, Proxies, connect_status};

/// The input has one line each for the proxy, `NO_PROXY` and the requested host; the rest is the proxy's response to
/// `CONNECT`.
///
/// User name and password are not shown, and a proxy survives being written. Listed hosts are reached directly, as are
/// loopback and metadata addresses in any case. Only the head of the response is consumed.
pub fn proxies(data: &[u8]) {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut line = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (url, no_proxy, host) = (line(), line(), line());
    connect(lines.next().unwrap_or_default());
    chosen(url, no_proxy, host);
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if let Some(at) = rest.get(..end).and_then(|authority| authority.rfind('@')) {
        let (user, place) = rest.split_at_checked(at).unwrap_or_default();
        // Percent-encoded text must remain valid.
        if !user.contains('%') {
            let other = user.replace(|c: char| c.is_ascii_alphanumeric(), "x");
            let other = format!("{}{other}{place}", url.get(..start).unwrap_or_default());
            assert_eq!(shown(url, no_proxy, host), shown(&other, no_proxy, host));
        }
    }
}

fn https(host: &str) -> Origin<'_> {
    Origin { https: true, host }
}

fn of(url: &str, no_proxy: &str) -> Proxies {
    Proxies::from_env(&MapEnv::new([("HTTPS_PROXY", url), ("NO_PROXY", no_proxy)]))
}

/// Returns everything that a user may see.
fn shown(url: &str, no_proxy: &str, host: &str) -> String {
    let proxies = of(url, no_proxy);
    let chosen = proxies.choose(https(host)).map(|proxy| proxy.map(|proxy| format!("{proxy} {proxy:?}")));
    format!("{proxies:?} {chosen:?}")
}

fn chosen(url: &str, no_proxy: &str, host: &str) {
    let proxies = of(url, no_proxy);
    for never in ["localhost", "127.1.2.3:9000", "[::1]:9000", "169.254.169.254", "169.254.170.2", "[fd00:ec2::23]"] {
        assert!(proxies.choose(https(never)).is_ok_and(|proxy| proxy.is_none()));
    }
    assert!(of(url, "*").choose(https(host)).is_ok_and(|proxy| proxy.is_none()));
    let same = |list: &str| match (of(url, list).choose(https(host)), proxies.choose(https(host))) {
        (Ok(one), Ok(other)) => one == other,
        (one, other) => one.is_err() == other.is_err(),
    };
    assert!(!no_proxy.is_ascii() || same(&no_proxy.to_ascii_uppercase()));
    assert!(same(&format!("{no_proxy},,")));
    // A plain name is reached directly once it is listed.
    if !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let listed = of(url, &format!("{no_proxy}, {host}"));
        assert!(listed.choose(https(host)).is_ok_and(|proxy| proxy.is_none()));
        assert!(listed.choose(https(&format!("a.{host}:1"))).is_ok_and(|proxy| proxy.is_none()));
    }
    let Ok(Some(proxy)) = proxies.choose(https(host)) else { return };
    let plain = format!("{}://{}:{}", if proxy.https { "https" } else { "http" }, proxy.host, proxy.port);
    let plain = of(&plain, no_proxy);
    let again = plain.choose(https(host)).ok().flatten();
    assert!(again.is_some_and(|again| {
        (again.https, &again.host, again.port) == (proxy.https, &proxy.host, proxy.port)
            && again.authorization.is_none()
    }));
}

fn connect(answer: &[u8]) {
    let mut rest = answer;
    let status = connect_status(&mut rest);
    let mut answer = answer;
    while let Some(head) = head(answer).filter(|head| is_interim(head)) {
        answer = answer.get(head.len()..).unwrap_or_default();
        if answer.len() < rest.len() {
            // There are more interim responses than the reader skips.
            return assert!(matches!(status, Ok(None)));
        }
    }
    let taken = answer.len() - rest.len();
    match (&status, head(answer).map(<[u8]>::len)) {
        (Ok(Some(status)), Some(head)) => {
            assert_eq!(taken, head);
            let said = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
            assert_eq!(said, Some(format!("{status:03}").as_str()));
        }
        (Ok(None), head) => assert!(Some(taken) == head || taken > 16 * 1024),
        (Err(_), head) => assert!(head.is_none() && rest.is_empty()),
        (Ok(Some(_)), None) => panic!("there is no head"),
    }
}

fn head(answer: &[u8]) -> Option<&[u8]> {
    let end = |end: &[u8]| answer.windows(end.len()).position(|part| part == end).map(|at| at + end.len());
    let length = [end(b"\r\n\r\n"), end(b"\n\n")].into_iter().flatten().min()?;
    answer.get(..length)
}

fn is_interim(head: &[u8]) -> bool {
    let digits = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or_default();
    head.len() <= 16 * 1024 && digits.starts_with(b"1") && digits.iter().all(u8::is_ascii_digit) && digits != b"101"
}
