//! The chart for the README: the time of the other tools relative to that of s3-build-cache.

use std::fmt::Write as _;

use super::statistics::paired;
use super::{Metric, Results};

const OURS: &str = "s3-build-cache";
const PEERS: [&str; 3] = ["s5cmd", "rclone", "aws s3"];

/// The rows: case, server and direction, with their name in the chart. Those without measurements are left out.
const PLACES: [(&str, &str, &str, &str); 12] = [
    ("big", "sink", "export", "16 × 64 MiB, export"),
    ("big", "sink", "import", "16 × 64 MiB, import"),
    ("big", "sink+tls", "export", "the same over TLS, export"),
    ("big", "sink+tls", "import", "the same over TLS, import"),
    ("big", "seaweedfs", "export", "the same to SeaweedFS"),
    ("big", "seaweedfs", "import", "the same from SeaweedFS"),
    ("small", "sink", "export", "2,000 × 16 KiB, export"),
    ("small", "sink", "import", "2,000 × 16 KiB, import"),
    ("warm", "sink", crate::cases::warm::LISTED, "200 blobs that are all there, 30 ms"),
    ("warm", "sink", crate::cases::warm::UNLISTED, "the same among 1,500 others"),
    ("resume", "sink", "import", "9 of 10 already here, import"),
    ("start", "", "version", "to start"),
];

const LABELS: f64 = 330.0;
const PANEL: f64 = 230.0;
const GAP: f64 = 40.0;
const TOP: f64 = 64.0;
const BAR: f64 = 9.0;
const GROUP: f64 = 12.0;
/// The range of the scale, in powers of two. A bar beyond it ends at the edge, with its number next to it.
const SCALE: (f64, f64) = (-2.0, 6.0);

/// Returns the chart, or `None` if there are no measurements for it.
pub(super) fn picture(results: &Results) -> Option<String> {
    let mut body = String::new();
    let mut y = TOP;
    for (case, server, what, label) in PLACES {
        let rows = rows(results, (case, server, what));
        if rows.is_empty() {
            continue;
        }
        let middle = y + BAR * rows.len() as f64 / 2.0 + 4.0;
        text(&mut body, (LABELS - 76.0, middle), "end", "label", label);
        for (peer, ratios) in &rows {
            text(&mut body, (LABELS - 24.0, y + BAR - 1.0), "end", "small", peer);
            for (panel, ratio) in ratios.iter().enumerate() {
                bar(&mut body, left(panel), y, *ratio);
            }
            y += BAR;
        }
        y += GROUP;
    }
    if results.quick {
        text(&mut body, (LABELS, y + 14.0), "start", "small", "a trial with small sizes: these numbers mean nothing");
    }
    (y > TOP).then(|| frame(&body, y))
}

type Row = (&'static str, [f64; 2]);

/// Returns the wall and CPU time of each other tool divided by ours.
fn rows(results: &Results, (case, server, what): (&str, &str, &str)) -> Vec<Row> {
    let Some(ours) = results.find(case, server, what, OURS) else { return Vec::new() };
    let of = |peer| {
        let theirs = results.find(case, server, what, peer)?;
        let ratio = |metric| paired(&theirs.all(metric).collect::<Vec<_>>(), &ours.all(metric).collect::<Vec<_>>());
        Some((peer, [ratio(Metric::Wall), ratio(Metric::Cpu)]))
    };
    PEERS.into_iter().filter_map(of).collect()
}

fn left(panel: usize) -> f64 {
    LABELS + panel as f64 * (PANEL + GAP)
}

/// Returns the position of a ratio within its panel.
fn position(ratio: f64) -> f64 {
    (ratio.log2().clamp(SCALE.0, SCALE.1) - SCALE.0) / (SCALE.1 - SCALE.0) * PANEL
}

/// Draws the bar from 1 to the ratio: to the right if the other tool takes longer.
fn bar(out: &mut String, left: f64, y: f64, ratio: f64) {
    if !ratio.is_finite() || ratio <= 0.0 {
        return;
    }
    let (one, end) = (position(1.0), position(ratio));
    let (x, width) = (left + one.min(end), (end - one).abs().max(1.0));
    let class = if ratio >= 1.0 { "more" } else { "less" };
    let height = BAR - 2.0;
    writeln!(out, r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height}"/>"#).ok();
    let number = if ratio >= 10.0 { format!("{ratio:.0}") } else { format!("{ratio:.1}") };
    let (at, anchor) = if ratio >= 1.0 { (left + end + 3.0, "start") } else { (left + end - 3.0, "end") };
    text(out, (at, y + BAR - 2.0), anchor, "small", &number);
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(out, r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#).ok();
}

fn frame(body: &str, bottom: f64) -> String {
    let (width, height) = (left(1) + PANEL + 40.0, bottom + 24.0);
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>What others take, in terms of what s3-build-cache takes</title>
<style>
text {{ font: 12px system-ui, sans-serif; fill: #59636e }}
.small {{ font-size: 9px }} .title {{ font-weight: 600 }}
.more {{ fill: #2f81f7 }} .less {{ fill: #d1772b }} line {{ stroke: #8b949e; stroke-opacity: .3 }} .one {{ stroke-opacity: 1 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #b1bac4 }} }}
</style>
"#
    );
    for (panel, title) in ["wall time of the others", "CPU time of the others"].into_iter().enumerate() {
        text(&mut out, (left(panel), 18.0), "start", "title", title);
        let mut power = SCALE.0;
        while power <= SCALE.1 {
            let ratio = power.exp2();
            let x = left(panel) + position(ratio);
            let class = if power == 0.0 { "one" } else { "grid" };
            writeln!(out, r#"<line class="{class}" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}"/>"#, TOP - 8.0)
                .ok();
            let label = if power == 0.0 { "s3-build-cache".to_owned() } else { format!("{ratio}×") };
            // On a separate line, because it is longer than the space between two labels.
            let y = if power == 0.0 { TOP - 26.0 } else { TOP - 13.0 };
            text(&mut out, (x, y), "middle", "small", &label);
            power += 1.0;
        }
    }
    out += body;
    text(&mut out, (0.0, bottom + 14.0), "start", "small", "s3-build-cache alone checks digests, in both directions");
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::sample::Sample;
    use crate::report::Key;

    #[test]
    fn ratios_stay_within_their_panel() {
        assert_eq!(position(0.25), 0.0);
        assert_eq!(position(1.0), PANEL / 4.0);
        assert_eq!(position(1000.0), PANEL);
        assert_eq!(position(0.001), 0.0);
    }

    #[test]
    fn rows_without_measurements_are_not_shown() {
        let mut results = Results { runs: 1, ..Results::default() };
        assert_eq!(picture(&results), None);
        for (tool, wall) in [(OURS, 2.0), ("s5cmd", 3.0)] {
            let key = Key { case: "big".into(), server: "sink".into(), what: "export".into(), tool: tool.into() };
            results.add(key, 1, Sample { wall, cpu: wall * wall, ..Sample::default() });
        }
        let picture = picture(&results).unwrap();
        assert!(picture.contains(">1.5<") && picture.contains(">2.2<"), "{picture}");
        assert!(picture.contains("16 × 64 MiB, export") && !picture.contains("SeaweedFS"));
    }
}
