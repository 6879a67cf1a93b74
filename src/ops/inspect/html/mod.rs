//! `du --html`: one page that shows what fills a bucket. It is one file without scripts or outside references, and
//! follows the light or dark scheme of the reader.

mod boxes;
mod histogram;
mod names;
mod text;
mod treemap;

use std::fmt::Write as _;

use crate::base::size;
use crate::ops::inspect::usage::DiskUsage;
use crate::ops::survey::BlobSum;
use text::{count, escaped};

const STYLE: &str = include_str!("style.css");

/// Returns an HTML page that shows what fills each of these buckets, given with the name to show. It needs no script
/// and no other file.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// # let options: s3_build_cache::CacheOptions =
/// #     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
/// use s3_build_cache::S3Cache;
/// use s3_build_cache::inspect::{Names, html_page};
///
/// let cache = S3Cache::open(&options)?;
/// let page = html_page(&[(cache.location(), cache.disk_usage(&Names::all())?)]);
/// assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("<script"));
/// # Ok(())
/// # }
/// ```
pub fn html_page(buckets: &[(String, DiskUsage)]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>What fills the build cache</title>\n<style>\n{STYLE}</style></head>\n<body>\n\
         <h1>What fills the build cache</h1>\n"
    );
    for (location, usage) in buckets {
        section(&mut page, location, usage);
    }
    page.push_str("</body></html>\n");
    page
}

fn section(page: &mut String, location: &str, usage: &DiskUsage) {
    let measured = usage.measured_at.map(|time| format!("Measured at {time}. ")).unwrap_or_default();
    let _ = write!(page, "<h2>{}</h2>\n<p>{measured}{}.</p>\n", escaped(location), manifests(usage));
    page.push_str("<div class=\"cards\">");
    for (label, sum) in [
        ("in the bucket", usage.total),
        ("used by one name", usage.own()),
        ("shared by several names", usage.shared),
        ("used by none", usage.unreferenced),
    ] {
        card(page, label, sum);
    }
    page.push_str("</div>\n");
    prune(page, usage);
    boxes::draw(page, usage);
    names::draw(page, usage);
    histogram::draw(page, &usage.ages);
}

fn manifests(usage: &DiskUsage) -> String {
    let shown = usage.manifests.len();
    let of_all = if shown < usage.all_manifests { format!(" of {}", usage.all_manifests) } else { String::new() };
    format!("{shown}{of_all} manifest{}", if usage.all_manifests == 1 { "" } else { "s" })
}

fn card(page: &mut String, label: &str, sum: BlobSum) {
    let _ = write!(page, "<div class=\"card\"><b>{}</b>{}<br><span>{label}</span></div>", size(sum.bytes), count(sum));
}

/// Writes what `prune` would free.
fn prune(page: &mut String, usage: &DiskUsage) {
    if usage.unread > 0 {
        let _ = writeln!(
            page,
            "<p class=\"bad\">{} manifests cannot be read. Their blobs may count as used by none, and prune deletes \
             nothing.</p>",
            usage.unread
        );
        return;
    }
    let (free, old) = (usage.unreferenced, usage.unreferenced_old);
    let _ = writeln!(
        page,
        "<p><b>prune</b> would free {} ({}) that no manifest uses. {} of that has not been uploaded or touched for two \
         days.</p>",
        size(free.bytes),
        count(free),
        size(old.bytes),
    );
}

#[cfg(test)]
mod tests;
