//! The treemap: a box for each name with its own blobs, one for what several names share, and one for what none uses.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crate::base::{age, size, sort};
use crate::ops::inspect::html::text::{count, escaped, fitting};
use crate::ops::inspect::html::treemap::{Rect, divide};
use crate::ops::inspect::largest::LargeBlob;
use crate::ops::inspect::usage::{DiskUsage, MOST_DETAILED, ManifestSummary};
use crate::ops::survey::BlobSum;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 520.0;
/// The number of colors of names.
const COLORS: usize = 6;
/// The height of the line with the name, and the smallest box that has one.
const HEAD: f64 = 15.0;
const LEAST_WIDTH: f64 = 40.0;
const LEAST_HEIGHT: f64 = 34.0;
/// The width of the first digits of a digest.
const DIGEST_WIDTH: f64 = 64.0;
/// Smaller boxes are not drawn.
const LEAST_SIDE: f64 = 1.5;

/// A part of the bucket.
struct Group<'a> {
    label: String,
    class: String,
    sum: BlobSum,
    largest: &'a [LargeBlob],
}

/// Writes the treemap.
pub(super) fn draw(page: &mut String, usage: &DiskUsage) {
    page.push_str("<h3>Names and their layers</h3>\n");
    let mut groups = groups(usage);
    groups.retain(|group| group.sum.bytes > 0);
    if groups.is_empty() {
        page.push_str("<p>There are no blobs.</p>\n");
        return;
    }
    page.push_str(
        "<p>Areas are bytes, and each blob is drawn once. A name has the blobs that only it uses: they are freed when \
         its manifest is removed.</p>\n<div class=\"key\">",
    );
    for (class, label) in [("n0", "own, in the color of the name"), ("shared", "shared"), ("free", "used by none")] {
        let _ = write!(page, "<span>{}{label}</span>", swatch(class));
    }
    page.push_str("</div>\n");
    sort::sort_by_key(&mut groups, |group| Reverse(group.sum.bytes));
    let weights: Vec<u64> = groups.iter().map(|group| group.sum.bytes).collect();
    let _ =
        write!(page, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Treemap of names and layers\">");
    let area = Rect { x: 0.0, y: 0.0, width: WIDTH, height: HEIGHT };
    for (group, rect) in groups.iter().zip(divide(area, &weights)) {
        draw_group(page, group, rect);
    }
    page.push_str("</svg>\n");
}

/// Returns a square in the color of the class.
pub(super) fn swatch(class: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"12\" height=\"12\"/></svg>"
    )
}

fn groups(usage: &DiskUsage) -> Vec<Group<'_>> {
    let mut by_size: Vec<&ManifestSummary> = usage.manifests.iter().collect();
    sort::sort_by_key(&mut by_size, |manifest| Reverse(manifest.own.bytes));
    let (drawn, rest) = by_size.split_at(by_size.len().min(MOST_DETAILED));
    let mut groups: Vec<Group<'_>> = drawn.iter().enumerate().map(|(at, manifest)| named(at, manifest)).collect();
    let others = Group {
        label: format!("{} more names", rest.len()),
        class: "n0 rest".to_owned(),
        sum: rest.iter().fold(BlobSum::default(), |sum, manifest| plus(sum, manifest.own)),
        largest: &[],
    };
    groups.push(others);
    let shown = usage.manifests.iter().fold(usage.shared, |sum, manifest| plus(sum, manifest.own));
    let hidden = BlobSum {
        blobs: usage.referenced.blobs.saturating_sub(shown.blobs),
        bytes: usage.referenced.bytes.saturating_sub(shown.bytes),
    };
    let more = [
        ("names not selected", "n1 rest", hidden, &[][..]),
        ("shared by several names", "shared", usage.shared, &usage.largest_shared),
        ("used by none", "free", usage.unreferenced, &usage.largest_unreferenced),
    ];
    groups.extend(more.map(|(label, class, sum, largest)| Group {
        label: label.to_owned(),
        class: class.to_owned(),
        sum,
        largest,
    }));
    groups
}

fn named(at: usize, manifest: &ManifestSummary) -> Group<'_> {
    let class = format!("n{}", at % COLORS);
    Group { label: manifest.name.clone(), class, sum: manifest.own, largest: &manifest.largest }
}

fn plus(one: BlobSum, other: BlobSum) -> BlobSum {
    BlobSum { blobs: one.blobs.saturating_add(other.blobs), bytes: one.bytes.saturating_add(other.bytes) }
}

fn draw_group(page: &mut String, group: &Group<'_>, rect: Rect) {
    if rect.width < LEAST_SIDE || rect.height < LEAST_SIDE {
        return;
    }
    let title = format!("{}: {}, {}", group.label, size(group.sum.bytes), count(group.sum));
    let has_head = rect.width >= LEAST_WIDTH && rect.height >= LEAST_HEIGHT;
    let _ = write!(page, "<g><title>{}</title>{}", escaped(&title), shape(rect, &group.class));
    let inside = rect.inside(2.0, if has_head { HEAD } else { 0.0 });
    let drawn = group.largest.iter().map(|blob| blob.size).fold(0, u64::saturating_add);
    let rest = group.sum.bytes.saturating_sub(drawn);
    let mut weights: Vec<u64> = group.largest.iter().map(|blob| blob.size).collect();
    // The rest comes last, although it may be larger.
    weights.extend((rest > 0 && !weights.is_empty()).then_some(rest));
    for (at, rect) in divide(inside, &weights).into_iter().enumerate() {
        if let Some(blob) = group.largest.get(at) {
            draw_blob(page, blob, &group.class, rect);
        }
    }
    if has_head {
        let label = fitting(&format!("{} · {}", group.label, size(group.sum.bytes)), rect.width - 10.0);
        write_text(page, "head", rect.x + 5.0, rect.y + 13.0, &label);
    }
    page.push_str("</g>");
}

fn draw_blob(page: &mut String, blob: &LargeBlob, class: &str, rect: Rect) {
    if rect.width < LEAST_SIDE || rect.height < LEAST_SIDE {
        return;
    }
    let old = blob.age.map(|time| format!(", {} old", age(time))).unwrap_or_default();
    let title = format!("{}: {}{old}", blob.digest, size(blob.size));
    let _ = write!(page, "<g><title>{}</title>{}", escaped(&title), shape(rect, class));
    if rect.width >= DIGEST_WIDTH && rect.height >= LEAST_HEIGHT {
        let start: String = blob.digest.hex().chars().take(8).collect();
        write_text(page, "", rect.x + 4.0, rect.y + 13.0, &fitting(&start, rect.width - 6.0));
        write_text(page, "", rect.x + 4.0, rect.y + 26.0, &fitting(&size(blob.size), rect.width - 6.0));
    }
    page.push_str("</g>");
}

fn shape(rect: Rect, class: &str) -> String {
    let Rect { x, y, width, height } = rect;
    format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>")
}

/// Writes a line of text, which is escaped already.
pub(super) fn write_text(page: &mut String, class: &str, x: f64, y: f64, text: &str) {
    if !text.is_empty() {
        let _ = write!(page, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }
}
