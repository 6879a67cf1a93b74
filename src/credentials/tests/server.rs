//! A loopback server that stands in for STS, SSO, a container agent and an instance's metadata service.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use crate::base::percent_decode;
use crate::http::loopback::{Connection, Loopback};

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns a form field.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let value = self.body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(percent_decode(value, true).unwrap())
    }

    /// Returns the kind of request as one word, possibly with a number.
    pub(crate) fn kind(&self) -> String {
        match self.field("Action") {
            Some(action) => action,
            None => format!("{} {}", self.method, self.target),
        }
    }
}

/// The response: status, header lines, body.
pub(crate) type Answer = (u16, String, String);

pub(crate) struct Server {
    loopback: Loopback,
    requests: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        Self { loopback: Loopback::start(move |stream| serve(stream, &seen, &answer)), requests }
    }

    /// Starts a server with all services, each of which returns its own key.
    pub(crate) fn cloud() -> Self {
        Self::start(cloud)
    }

    pub(crate) fn url(&self) -> String {
        self.loopback.url()
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.requests().iter().map(Received::kind).collect()
    }
}

/// Serves one request per connection. If the status is 0, the connection is closed without a response.
fn serve(mut stream: Connection, seen: &Mutex<Vec<Received>>, answer: &dyn Fn(&Received) -> Answer) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ').map(str::to_owned);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut received =
        Received { method: first.next().unwrap(), target: first.next().unwrap(), headers, body: String::new() };
    let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    received.body = String::from_utf8(body).unwrap();
    seen.lock().unwrap().push(received.clone());
    let (status, headers, body) = answer(&received);
    if status != 0 {
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}");
        let _ = stream.write_all(text.as_bytes());
    }
}

pub(crate) const SOON: &str = "2030-01-01T01:00:00Z";

pub(crate) fn sts_answer(action: &str, id: &str) -> Answer {
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Other/><Credentials>\
         <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>MARKED-{id}</SecretAccessKey>\
         <SessionToken>MARKED-token-{id}</SessionToken><Expiration>{SOON}</Expiration></Credentials></{action}Result>\
         </{action}Response>"
    );
    (200, String::new(), body)
}

pub(crate) fn sts_error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    );
    (status, String::new(), body)
}

pub(crate) fn json_answer(body: &str) -> Answer {
    (200, "content-type: application/json\r\n".to_owned(), body.to_owned())
}

pub(crate) const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Acts as all services at once. A role's key is `ROLE-` followed by the key that it was assumed with.
pub(crate) fn cloud(received: &Received) -> Answer {
    if let Some(action) = received.field("Action") {
        let id = match received.header("authorization") {
            Some(signed) => {
                let id = signed.split_once("Credential=").unwrap().1.split('/').next().unwrap();
                format!("ROLE-{id}")
            }
            None => "AKWEB".to_owned(),
        };
        return sts_answer(&action, &id);
    }
    match (received.method.as_str(), received.target.as_str()) {
        ("PUT", "/latest/api/token") => {
            (200, "x-aws-ec2-metadata-token-ttl-seconds: 300\r\n".to_owned(), "MARKED-imds-token".to_owned())
        }
        ("GET", ROLES) => (200, String::new(), "\r\n the-role \r\nother".to_owned()),
        ("GET", target) if target.starts_with(ROLES) => json_answer(&format!(
            r#"{{"Code":"success","AccessKeyId":"AKIMDS","SecretAccessKey":"MARKED-i","Token":"MARKED-it","Expiration":"{SOON}"}}"#
        )),
        ("GET", target) if target.starts_with("/federation/credentials?") => json_answer(
            r#"{"roleCredentials":{"accessKeyId":"AKSSO","secretAccessKey":"MARKED-s","sessionToken":"MARKED-st","expiration":1893459600000}}"#,
        ),
        ("POST", "/token") => {
            json_answer(r#"{"accessToken":"MARKED-renewed","expiresIn":3600,"refreshToken":"MARKED-next"}"#)
        }
        ("GET", "/container?x=1") => json_answer(&format!(
            r#"{{"accesskeyid":"AKCONTAINER","SecretAccessKey":"MARKED-c","Token":"MARKED-ct","Expiration":"{SOON}"}}"#
        )),
        _ => (404, String::new(), String::new()),
    }
}
