//! Checks the connection to the endpoint: DNS, TCP, proxy, TLS, HTTP, and the server's clock.

use std::net::{IpAddr, SocketAddr};

use crate::base::Error;
use crate::ops::doctor::Findings;
use crate::s3::{Reach, S3Client};

/// Every step except `proxy`, which most setups lack.
pub(super) const STEPS: &[&str] = &["dns", "tcp", "tls", "http", "clock"];

/// Checks each step and returns whether the endpoint responded.
pub(super) fn examine(findings: &mut Findings<'_>, client: &S3Client) -> bool {
    let (reach, endpoint) = (client.reach(), client.endpoint());
    let mut steps = vec![
        ("dns", (reach.addresses > 0).then(|| names(&reach, &endpoint.host))),
        ("tcp", reach.peer.map(|peer| format!("connected to {peer}"))),
    ];
    if let Some((proxy, open)) = &reach.tunnel {
        steps.push(("proxy", open.then(|| format!("tunnel through {proxy}"))));
    }
    steps.push(("tls", reach.tls.map(|version| format!("{version}, and the certificate is trusted"))));
    let answer = |status: &u16| format!("the server answers ({status} to a request without a signature)");
    steps.push(("http", reach.answered.as_ref().ok().map(answer)));
    let mut broken = false;
    for (name, made) in steps {
        match (made, &reach.answered) {
            _ if name == "tls" && !endpoint.https => findings.skipped(&[name], "the endpoint is http://"),
            (Some(detail), _) => findings.passed(name, detail),
            (None, Err(error)) if !broken => {
                findings.failed(name, error);
                broken = true;
            }
            _ => findings.skipped(&[name], "an earlier step failed"),
        }
    }
    clock(findings, &reach);
    reach.answered.is_ok()
}

fn names(reach: &Reach, host: &str) -> String {
    let plural = if reach.addresses == 1 { "address" } else { "addresses" };
    let whose = match &reach.tunnel {
        Some((proxy, _)) => format!("the proxy {proxy}"),
        None if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() => {
            return format!("{host} is an address");
        }
        None => host.to_owned(),
    };
    format!("{whose} has {} {plural}", reach.addresses)
}

fn clock(findings: &mut Findings<'_>, reach: &Reach) {
    let Some(message) = reach.clock_text() else {
        let answered = reach.answered.is_ok();
        let why = if answered { "the server sent no valid date" } else { "the server did not respond" };
        return findings.skipped(&["clock"], why);
    };
    if reach.has_wrong_clock() {
        let hint =
            "set it (NTP): servers refuse signatures that are 15 minutes off, and certificates seem to be invalid";
        findings.failed("clock", &Error::setup(message).with_hint(hint));
    } else {
        findings.passed("clock", message);
    }
}
