//! `GetBucketLifecycleConfiguration`.

use crate::base::{Element, Error, Result};
use crate::http::Method;
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::client::S3Client;

/// A configuration has at most 1,000 rules.
const MAX_CONFIGURATION_BYTES: u64 = 1024 * 1024;

impl S3Client {
    /// Returns after how many days a rule aborts unfinished uploads to all keys that begin with `prefix`.
    pub(super) fn get_bucket_lifecycle_configuration(&self, prefix: &str) -> Result<Option<u32>> {
        if self.endpoint().zone().is_some() {
            return Err(Error::unsupported("the rules of a directory bucket are at another endpoint"));
        }
        let query = [("lifecycle", "")];
        let call = Call { query: &query, ..Call::new("GetBucketLifecycleConfiguration", Method::Get, None) };
        let read = |mut response: crate::http::Response| {
            let body = response.read(MAX_CONFIGURATION_BYTES).map_err(Cause::NoAnswer)?;
            match Element::parse(&body) {
                Ok(reply) if reply.name == "LifecycleConfiguration" => Ok(days(&reply, prefix)),
                _ => Err(Answer::no_document(&response, &body)),
            }
        };
        match self.execute(&call, read) {
            Ok(days) => Ok(days),
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.has_code(&["NoSuchLifecycleConfiguration"]) => Ok(None),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }
}

/// Returns the fewest days after which an enabled rule aborts all uploads under the prefix.
fn days(configuration: &Element, prefix: &str) -> Option<u32> {
    let rules = configuration.children.iter().filter(|child| child.name == "Rule");
    rules.filter_map(|rule| rule_days(rule, prefix)).min()
}

fn rule_days(rule: &Element, prefix: &str) -> Option<u32> {
    let days = rule.child("AbortIncompleteMultipartUpload")?.child_text("DaysAfterInitiation")?.trim().parse().ok()?;
    let filter = rule.child("Filter");
    // A filter with a tag or a size concerns only some objects.
    let is_simple = filter.is_none_or(|filter| filter.children.iter().all(|child| child.name == "Prefix"));
    let of_rule = filter.unwrap_or(rule).child("Prefix").map_or("", |prefix| prefix.text.as_str());
    (rule.child_text("Status") == Some("Enabled") && is_simple && prefix.starts_with(of_rule)).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabled_rules_for_all_uploads_count() {
        let rule = |status: &str, filter: &str, days: u32| {
            format!(
                "<Rule><Status>{status}</Status>{filter}<AbortIncompleteMultipartUpload><DaysAfterInitiation>{days}\
                 </DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
            )
        };
        let expiry = "<Rule><Status>Enabled</Status><Filter/><Expiration><Days>9</Days></Expiration></Rule>".to_owned();
        for (rules, expected) in [
            (vec![], None),
            (vec![expiry.clone()], None),
            (vec![expiry, rule("Enabled", "<Filter/>", 7)], Some(7)),
            (vec![rule("Enabled", "<Filter><Prefix></Prefix></Filter>", 7)], Some(7)),
            (vec![rule("Enabled", "<Prefix>blobs/</Prefix>", 7), rule("Enabled", "", 3)], Some(3)),
            (vec![rule("Disabled", "<Filter/>", 7)], None),
            (vec![rule("Enabled", "<Filter><Prefix>logs/</Prefix></Filter>", 7)], None),
            (vec![rule("Enabled", "<Filter><And><Prefix>blobs/</Prefix></And></Filter>", 7)], None),
        ] {
            let text = format!("<LifecycleConfiguration>{}</LifecycleConfiguration>", rules.concat());
            assert_eq!(days(&Element::parse(text.as_bytes()).unwrap(), "blobs/"), expected, "{text}");
        }
    }
}
