//! The table of names: what each uses of its own, and with others.

use std::fmt::Write as _;

use crate::base::{age, size};
use crate::ops::inspect::html::boxes::swatch;
use crate::ops::inspect::html::histogram::share;
use crate::ops::inspect::html::text::escaped;
use crate::ops::inspect::usage::{DiskUsage, ManifestSummary};

/// The number of names in the table. `du` and `ls` list all.
const MOST: usize = 500;

/// Writes the table.
pub(super) fn draw(page: &mut String, usage: &DiskUsage) {
    let manifests = usage.largest_first();
    if manifests.is_empty() {
        return;
    }
    let largest = manifests.iter().map(|manifest| manifest.referenced.bytes).max().unwrap_or(0);
    let _ = write!(
        page,
        "<h3>Own and shared bytes</h3>\n<div class=\"key\"><span>{}own</span><span>{}shared</span></div>\n\
         <div class=\"scroll\"><table><thead><tr><th>name</th><th></th><th>own</th><th>shared</th><th>layers</th>\
         <th>written</th><th>missing</th></tr></thead>\n<tbody>",
        swatch("own"),
        swatch("shared")
    );
    for manifest in manifests.iter().take(MOST) {
        row(page, manifest, largest);
    }
    page.push_str("</tbody></table></div>\n");
    if let Some(more) = manifests.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>{more} more names are not listed.</p>");
    }
}

fn row(page: &mut String, manifest: &ManifestSummary, largest: u64) {
    let shared = manifest.referenced.bytes.saturating_sub(manifest.own.bytes);
    let (own_width, shared_width) = (200.0 * share(manifest.own.bytes, largest), 200.0 * share(shared, largest));
    let written = manifest.age.map_or_else(|| "?".to_owned(), |time| format!("{} ago", age(time)));
    let missing = match (&manifest.problem, manifest.missing.blobs + manifest.unusable) {
        (Some(_), _) => "<span class=\"bad\">unreadable</span>".to_owned(),
        (None, 0) => "0".to_owned(),
        (None, missing) => format!("<span class=\"bad\">{missing}</span>"),
    };
    let _ = writeln!(
        page,
        "<tr><td>{}</td><td class=\"bar\"><svg viewBox=\"0 0 200 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"own\" width=\"{own_width:.1}\" height=\"14\"/>\
         <rect class=\"shared\" x=\"{own_width:.1}\" width=\"{shared_width:.1}\" height=\"14\"/></svg></td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{written}</td><td>{missing}</td></tr>",
        escaped(&manifest.name),
        size(manifest.own.bytes),
        size(shared),
        manifest.layers
    );
}
