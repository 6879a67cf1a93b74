//! Text in a page.

use crate::base::{self, printable};
use crate::ops::survey::BlobSum;

/// Returns the text with everything escaped that has a meaning in HTML, or would not be visible.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns the text, escaped and shortened to fit into this width, or nothing if only a few characters fit. The font is
/// not known, so the width of a character is an estimate.
pub(super) fn fitting(text: &str, width: f64) -> String {
    const CHARACTER: f64 = 6.4;
    const LEAST: usize = 3;
    let most = (0..200).take_while(|count| f64::from(*count) * CHARACTER <= width).count().saturating_sub(1);
    let text = printable(text);
    if text.chars().count() <= most {
        return escaped(&text);
    }
    if most < LEAST {
        return String::new();
    }
    let start: String = text.chars().take(most - 1).collect();
    format!("{}…", escaped(&start))
}

/// Returns a number of blobs: `1 blob`, `212 blobs`.
pub(super) fn count(sum: BlobSum) -> String {
    base::count(sum.blobs, "blob", "blobs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = "<script>alert('1')</script> & \"x\"\u{202e}\n";
        let shown = escaped(text);
        assert!(!shown.contains(['<', '>', '"', '\'', '\n', '\u{202e}']), "{shown}");
        assert_eq!(escaped("main"), "main");
    }

    #[test]
    fn long_text_is_shortened_before_it_is_escaped() {
        assert_eq!(fitting("main", 100.0), "main");
        assert_eq!(fitting("a<b>c<d>e", 40.0), "a&lt;b&gt;c…");
        assert_eq!(fitting("feature-branch", 10.0), "");
        assert_eq!(fitting("x", 10.0), "x");
    }
}
