//! Divides a rectangle into smaller ones whose areas are given, each as close to a square as possible: the squarified
//! treemap of Bruls, Huizing and van Wijk.

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    /// Returns the rectangle without a margin on each side, and without `top` at the top.
    pub(super) fn inside(self, margin: f64, top: f64) -> Self {
        Self {
            x: self.x + margin,
            y: self.y + margin + top,
            width: (self.width - 2.0 * margin).max(0.0),
            height: (self.height - 2.0 * margin - top).max(0.0),
        }
    }

    fn shorter_side(self) -> f64 {
        self.width.min(self.height)
    }

    /// Cuts off a strip of this area along the shorter side, and divides it by `weights`.
    fn cut(&mut self, weights: &[f64], out: &mut Vec<Self>) {
        let sum: f64 = weights.iter().sum();
        let lies = self.width < self.height;
        let side = self.shorter_side().max(f64::MIN_POSITIVE);
        let depth = (sum / side).min(if lies { self.height } else { self.width });
        let mut at = if lies { self.x } else { self.y };
        for weight in weights {
            let length = if sum > 0.0 { side * weight / sum } else { 0.0 };
            out.push(match lies {
                true => Self { x: at, y: self.y, width: length, height: depth },
                false => Self { x: self.x, y: at, width: depth, height: length },
            });
            at += length;
        }
        if lies {
            self.y += depth;
            self.height -= depth;
        } else {
            self.x += depth;
            self.width -= depth;
        }
    }
}

/// Divides `area` by `weights`, which are sorted in descending order. Returns one rectangle for each weight.
pub(super) fn divide(area: Rect, weights: &[u64]) -> Vec<Rect> {
    #[expect(clippy::cast_precision_loss, reason = "areas are drawn with few digits")]
    let mut weights: Vec<f64> = weights.iter().map(|weight| *weight as f64).collect();
    let sum: f64 = weights.iter().sum();
    let scale = if sum > 0.0 { area.width * area.height / sum } else { 0.0 };
    weights.iter_mut().for_each(|weight| *weight *= scale);
    let (mut left, mut out) = (area, Vec::with_capacity(weights.len()));
    let mut rest = weights.as_slice();
    while !rest.is_empty() {
        let side = left.shorter_side();
        let mut count = 1;
        while count < rest.len() && worst(rest, count + 1, side) <= worst(rest, count, side) {
            count += 1;
        }
        let (row, others) = rest.split_at(count);
        left.cut(row, &mut out);
        rest = others;
    }
    out
}

/// Returns the largest ratio of the sides of the first `count` rectangles, if they share a strip.
fn worst(weights: &[f64], count: usize, side: f64) -> f64 {
    let row = weights.get(..count).unwrap_or_default();
    let sum: f64 = row.iter().sum();
    let (Some(largest), Some(smallest)) = (row.first(), row.last()) else { return f64::INFINITY };
    if sum <= 0.0 || *smallest <= 0.0 || side <= 0.0 {
        return f64::INFINITY;
    }
    (side * side * largest / (sum * sum)).max(sum * sum / (side * side * smallest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { x: 10.0, y: 20.0, width: 600.0, height: 400.0 };

    fn size(rect: &Rect) -> f64 {
        rect.width * rect.height
    }

    #[test]
    fn areas_are_proportional_and_fill_the_whole() {
        for weights in [&[6, 6, 4, 3, 2, 2, 1][..], &[1], &[1_000_000, 1, 1, 1], &[5; 100], &[u64::MAX / 4, 3, 0, 0]] {
            let (rects, sum) = (divide(AREA, weights), weights.iter().sum::<u64>() as f64);
            assert_eq!(rects.len(), weights.len());
            for (rect, weight) in rects.iter().zip(weights) {
                let expected = size(&AREA) * *weight as f64 / sum;
                assert!((size(rect) - expected).abs() < 0.01, "{rect:?}: {expected}");
                assert!(rect.x >= AREA.x - 0.01 && rect.x + rect.width <= AREA.x + AREA.width + 0.01, "{rect:?}");
                assert!(rect.y >= AREA.y - 0.01 && rect.y + rect.height <= AREA.y + AREA.height + 0.01, "{rect:?}");
            }
            for (at, one) in rects.iter().enumerate() {
                for other in &rects[at + 1..] {
                    let width = (one.x + one.width).min(other.x + other.width) - one.x.max(other.x);
                    let height = (one.y + one.height).min(other.y + other.height) - one.y.max(other.y);
                    assert!(width < 0.01 || height < 0.01, "{one:?} covers {other:?}");
                }
            }
        }
    }

    #[test]
    fn rectangles_are_nearly_square() {
        let rects = divide(AREA, &[6, 6, 4, 3, 2, 2, 1]);
        let ratios = rects.iter().map(|rect| (rect.width / rect.height).max(rect.height / rect.width));
        assert!(ratios.clone().all(|ratio| ratio < 3.0), "{:?}", ratios.collect::<Vec<_>>());
    }

    #[test]
    fn nothing_has_no_area() {
        assert!(divide(AREA, &[]).is_empty());
        assert!(divide(AREA, &[0, 0]).iter().all(|rect| size(rect) == 0.0));
        assert!(divide(Rect { width: 0.0, ..AREA }, &[3, 2]).iter().all(|rect| size(rect) == 0.0));
    }
}
