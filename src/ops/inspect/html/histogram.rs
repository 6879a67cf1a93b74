//! The histogram of the ages of blobs.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::{age, size};
use crate::ops::inspect::ages::AgeBand;
use crate::ops::inspect::html::boxes::{swatch, write_text};
use crate::ops::inspect::html::text::{count, escaped};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 220.0;
/// The space above the bars for their labels, and below for the ages.
const TOP: f64 = 20.0;
const BOTTOM: f64 = 24.0;
const GAP: f64 = 12.0;

/// Writes the histogram.
pub(super) fn draw(page: &mut String, bands: &[AgeBand]) {
    page.push_str(
        "<h3>Ages</h3>\n<p>The time since a blob was uploaded or touched. Exports touch the blobs that they use.</p>\n\
         <div class=\"key\">",
    );
    for (class, label) in [("own", "used by one name"), ("shared", "shared"), ("free", "used by none")] {
        let _ = write!(page, "<span>{}{label}</span>", swatch(class));
    }
    let _ = write!(
        page,
        "</div>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Histogram of the ages of blobs\">"
    );
    let highest = bands.iter().map(total).max().unwrap_or(0).max(1);
    let step = WIDTH / bands.len().max(1).try_into().map_or(1.0, |bands: u32| f64::from(bands));
    let (mut left, mut younger) = (0.0, None);
    for band in bands {
        draw_band(page, band, (left, step), highest);
        write_text(page, "axis", left + GAP, HEIGHT - 8.0, &escaped(&label(younger, band.below)));
        (left, younger) = (left + step, band.below);
    }
    page.push_str("</svg>\n");
}

fn draw_band(page: &mut String, band: &AgeBand, (left, step): (f64, f64), highest: u64) {
    let room = HEIGHT - TOP - BOTTOM;
    let mut bottom = HEIGHT - BOTTOM;
    for (class, name, sum) in [
        ("own", "used by one name", band.own),
        ("shared", "shared", band.shared),
        ("free", "used by none", band.unreferenced),
    ] {
        let height = room * share(sum.bytes, highest);
        if sum.blobs == 0 {
            continue;
        }
        bottom -= height;
        let title = format!("{name}: {}, {}", size(sum.bytes), count(sum));
        let _ = write!(
            page,
            "<g><title>{}</title><rect class=\"{class}\" x=\"{:.1}\" y=\"{bottom:.1}\" width=\"{:.1}\" \
             height=\"{height:.1}\"/></g>",
            escaped(&title),
            left + GAP,
            step - 2.0 * GAP
        );
    }
    if total(band) > 0 {
        write_text(page, "axis", left + GAP, bottom - 5.0, &size(total(band)));
    }
}

/// Returns a part as a share of the whole, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "shares are drawn with few digits")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn total(band: &AgeBand) -> u64 {
    band.own.bytes.saturating_add(band.shared.bytes).saturating_add(band.unreferenced.bytes)
}

fn label(from: Option<Duration>, below: Option<Duration>) -> String {
    match (from, below) {
        (_, Some(below)) if from.is_none() => format!("under {}", bound(below)),
        (Some(from), Some(below)) => format!("{} to {}", bound(from), bound(below)),
        (Some(from), None) => format!("over {}", bound(from)),
        _ => "any".to_owned(),
    }
}

/// Returns the bound of a band, which is a whole number of hours or days.
fn bound(time: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    match time.as_secs() {
        3600 => "1 h".to_owned(),
        seconds if seconds % DAY == 0 => format!("{} d", seconds / DAY),
        _ => age(time),
    }
}
