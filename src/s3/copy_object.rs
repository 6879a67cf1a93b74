//! `CopyObject`. A copy of an object onto itself refreshes its last-modified time.

use std::time::{Duration, SystemTime};

use crate::base::{Element, Result};
use crate::go::Timestamp;
use crate::http::{Method, Response};
use crate::object::Version;
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::checksum::Checksum;
use crate::s3::client::S3Client;
use crate::s3::object_meta::version_in_document;
use crate::s3::put_object::CONTENT_TYPE;

/// The server copies up to 5 GiB before it responds.
pub(super) const COPY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
pub(super) const MAX_REPLY_BYTES: u64 = 64 * 1024;
/// If the last-modified time of the result is older than this, the copy did not refresh it.
const UNMOVED: Duration = Duration::from_secs(3600);

/// The body of a copy's response. A copy can fail after the server has sent status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CopyReply {
    Copied {
        /// The new last-modified time, if it can be parsed.
        modified: Option<SystemTime>,
        version: Option<Version>,
    },
    /// An error document, or an empty body.
    Failed,
    /// Not an S3 document, or a truncated one.
    Foreign,
}

impl CopyReply {
    pub(crate) fn parse(body: &[u8]) -> Self {
        match Element::parse(body) {
            Ok(reply) if reply.name == "CopyObjectResult" => {
                let modified = reply.child_text("LastModified").and_then(|text| text.parse::<Timestamp>().ok());
                let version = reply.child_text("ETag").map(version_in_document);
                Self::Copied { modified: modified.and_then(Timestamp::to_system_time), version }
            }
            Err(_) if !body.iter().all(u8::is_ascii_whitespace) => Self::Foreign,
            _ => Self::Failed,
        }
    }
}

impl S3Client {
    /// Copies an object. Properties that a copy does not preserve are sent again.
    pub(super) fn copy_object(&self, from: &str, to: &str) -> Result<Option<Version>> {
        let mut call = Call::new("CopyObject", Method::Put, Some(to));
        let now = Timestamp::from(self.now()).to_string();
        let touches = from == to;
        for (name, value, sent) in [
            ("content-type", CONTENT_TYPE, touches),
            ("x-amz-copy-source", &self.parts.endpoint.copy_source(from), true),
            // Stores reject a copy onto itself that changes nothing.
            ("x-amz-metadata-directive", "REPLACE", touches),
            ("x-amz-meta-updated-at", &now, touches),
        ] {
            call.headers.extend(sent.then(|| (name.to_owned(), value.to_owned())));
        }
        call.headers.extend(self.parts.write_headers.iter().chain(&self.parts.copy_headers).cloned());
        call.checksum = Checksum::WhenWanted;
        call.base_keys = true;
        call.answer_timeout = COPY_TIMEOUT;
        self.execute(&call, |response| self.copied(to, response)).map_err(|failed| self.explain(&call, failed))
    }

    fn copied(&self, key: &str, mut response: Response) -> std::result::Result<Option<Version>, Cause> {
        let body = response.read(MAX_REPLY_BYTES).map_err(Cause::NoAnswer)?;
        let (modified, version) = match CopyReply::parse(&body) {
            CopyReply::Copied { modified, version } => (modified, version),
            CopyReply::Failed => return Err(Answer::failed(&response, &body)),
            CopyReply::Foreign => return Err(Answer::no_document(&response, &body)),
        };
        let age = modified.map(|modified| self.server_time(&response).duration_since(modified).unwrap_or_default());
        if age.is_some_and(|age| age > UNMOVED) {
            log::info!("the copy did not refresh the last-modified time of {key}");
        }
        Ok(version)
    }
}
