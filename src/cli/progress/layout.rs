//! The lines of the bars, for a terminal of any width. Each number has a fixed place, so that nothing moves but the
//! digits.

use std::time::Duration;

use super::counted::{counted, existing};
use super::rate::{WINDOW, eta};
use super::tally::{Blob, Phase, Tally, View};
use crate::output::human;

/// The terminal echoes Ctrl-C as `^C` at the end of the last line, which must not wrap.
const FREE: usize = 2;
const BAR: std::ops::RangeInclusive<usize> = 8..=40;
const PERCENT: usize = " 100%".len();
const AMOUNT: usize = " 1023 KiB/1023 KiB".len();
const RATE: usize = " 1023 KiB/s".len();
const ETA: usize = " eta 59m59s".len();
const COUNT: usize = "1000000 manifests read".len();
const BLOB: usize = "  0123456789ab".len();
/// The number of lines for blobs, on a terminal with space for them.
const MOST_BLOBS: usize = 8;
/// Blobs that take less time would only flicker.
const SLOW_BLOB: Duration = Duration::from_secs(2);
/// Commands that take less time to find out what to do need not say that they do.
const PREPARING: Duration = Duration::from_secs(1);

/// The size of a terminal.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// The columns that fit on a line. What matters least is left out first.
struct Layout {
    name: usize,
    bar: usize,
    amount: bool,
    rate: bool,
    eta: bool,
    count: bool,
}

/// The text of a line that does not count bytes.
struct Text {
    long: String,
    /// For a terminal that is too narrow for the other.
    short: String,
    /// The columns that the long text takes at most.
    width: usize,
}

impl Layout {
    /// Chooses the columns for a line that begins with a name and may end with a text of `count` columns.
    fn of(room: usize, name: &str, count: usize) -> Self {
        // The bars of all lines begin in the same column, if there are bars.
        let fixed = BLOB + PERCENT + RATE + ETA + 1 + BAR.start();
        let name = if room >= fixed { BLOB } else { name.len() };
        let mut left = room.saturating_sub(name + PERCENT);
        let mut fits = |width: usize, spare: usize| {
            let fits = left >= width + spare;
            left -= if fits { width } else { 0 };
            fits
        };
        let (eta, rate) = (fits(ETA, 0), fits(RATE, 0));
        let bar = fits(1 + BAR.start(), 0);
        let (amount, count) = (fits(AMOUNT, 0), fits(1 + count, *BAR.start()));
        let bar = if bar { (BAR.start() + left).min(*BAR.end()) } else { 0 };
        Self { name, bar, amount, rate, eta, count }
    }

    /// Chooses the columns for a line with a text of that many columns.
    fn around(room: usize, name: &str, text: usize) -> Self {
        let left = room.saturating_sub(name.len() + PERCENT + text);
        let bar = Some(left.saturating_sub(ETA + 1)).filter(|bar| bar >= BAR.start()).unwrap_or(0);
        let bar = bar.min(*BAR.end());
        Self { name: name.len(), bar, eta: left >= ETA, amount: false, rate: false, count: false }
    }

    /// Returns the beginning of a line: name, bar and percentage.
    fn start(&self, name: &str, percent: Option<u64>) -> String {
        let mut line = format!("{name:<width$}", width = self.name);
        if let (1.., Some(percent)) = (self.bar, percent) {
            let full = usize::try_from(percent).unwrap_or(100).min(100) * self.bar / 100;
            line.push(' ');
            line.extend(std::iter::repeat_n('█', full));
            line.extend(std::iter::repeat_n('░', self.bar - full));
        }
        percent.iter().for_each(|percent| line.push_str(&format!(" {percent:>3}%")));
        line
    }
}

/// Returns the lines to show at this time.
pub(super) fn lines(doing: &str, tally: &Tally, size: Size, now: Duration) -> Vec<String> {
    let room = size.columns.saturating_sub(FREE);
    let view = tally.view(now);
    let fixed = |long| count(doing, &view, Text { long, short: String::new(), width: 0 }, room);
    let (layout, whole) = match view.phase {
        Phase::Other(_) if tally.elapsed(now) < PREPARING => return Vec::new(),
        Phase::Other(what) => fixed(format!("{what} {:>5}", human::age(tally.elapsed(now)))),
        Phase::Existing { checked, bytes, touched } => fixed(existing(checked, bytes, touched)),
        Phase::Count { step, done, expected } => {
            let most = expected.map_or(0, |expected| counted(step, expected.saturating_sub(1), Some(expected)).len());
            let (long, short) = (counted(step, done, expected), counted(step, done, None));
            count(doing, &view, Text { long, short, width: most.max(COUNT) }, room)
        }
        Phase::Transfer { done, blobs, through, bytes } => {
            transfer(doing, &view, (done, blobs), &amount(through, bytes), room)
        }
    };
    // A blob whose last byte is sent only waits for the store.
    let (mut slow, waiting): (Vec<&Blob>, Vec<_>) =
        tally.slow(now, SLOW_BLOB).partition(|blob| blob.through < blob.total);
    slow.extend(waiting);
    let space = MOST_BLOBS.min(size.rows.saturating_sub(3));
    // One line for those that have none.
    let shown = if slow.len() > space { space.saturating_sub(1) } else { slow.len() };
    let blobs = slow.iter().take(shown).map(|blob| line(blob, &layout, room));
    let others = (space > 0 && slow.len() > shown).then(|| format!("  and {} more", slow.len() - shown));
    let lines = std::iter::once(whole).chain(blobs).chain(others);
    lines.map(|line| line.chars().take(room).collect::<String>().trim_end().to_owned()).collect()
}

/// Returns the line for all transfers, of which `done` of `blobs` have ended, and where its columns are.
fn transfer(doing: &str, view: &View, (done, blobs): (usize, usize), amount: &str, room: usize) -> (Layout, String) {
    let all = human::blobs(blobs);
    let digits = all.len() - all.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let layout = Layout::of(room, doing, digits + 1 + all.len());
    let mut line = layout.start(doing, view.percent);
    if layout.amount {
        line.push_str(amount);
    }
    if layout.rate {
        let is_idle = view.idle >= WINDOW;
        let rate = match view.rate {
            None if is_idle => "finishing".to_owned(),
            Some(0) if is_idle => "stalled".to_owned(),
            rate => rate.map_or_else(String::new, |rate| format!("{}/s", human::size(rate))),
        };
        line.push_str(&format!("{rate:>RATE$}"));
    }
    if layout.eta {
        line.push_str(&time_left(view.eta));
    }
    if layout.count {
        line.push_str(&format!(" {done:>digits$}/{all}"));
    }
    (layout, line)
}

/// Returns the line with a text instead of bytes, and where its columns are.
fn count(doing: &str, view: &View, Text { long, short, width }: Text, room: usize) -> (Layout, String) {
    let layout = Layout::around(room, doing, 1 + width);
    let fits = layout.name + PERCENT + 1 + width <= room;
    let (text, width) = if fits { (long, width) } else { (short, COUNT) };
    let mut line = format!("{} {text:>width$}", layout.start(doing, view.percent));
    if layout.eta && view.percent.is_some() {
        line.push_str(&time_left(view.eta));
    }
    (layout, line)
}

/// Returns the line for a blob.
fn line(blob: &Blob, layout: &Layout, room: usize) -> String {
    let percent = blob.through.saturating_mul(100).checked_div(blob.total).unwrap_or(100);
    let mut line = layout.start(&format!("  {}", blob.digest.short()), Some(percent));
    if room >= line.chars().count() + AMOUNT {
        line.push_str(&amount(blob.through, blob.total));
    }
    line
}

fn amount(through: u64, total: u64) -> String {
    format!(" {:>8}/{:<8}", human::size(through), human::size(total))
}

fn time_left(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| " ".repeat(ETA), |seconds| format!(" eta {:>6}", eta(seconds)))
}

#[cfg(test)]
mod tests;
