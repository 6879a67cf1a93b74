use s3_build_cache::Digest;
use s3_build_cache::progress::{Action, Event, Step};

use super::*;

const MIB: u64 = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);
const WIDTHS: [usize; 6] = [40, 60, 80, 100, 132, 200];

fn size(columns: usize) -> Size {
    Size { columns, rows: 24 }
}

/// A transfer of 12 blobs at 7 MiB/s: one has 600 MiB, the others have 1 MiB and are done after 30 seconds. It stalls
/// after 60 seconds.
fn transfer_after(seconds: u64) -> (Tally, Duration) {
    let large = Digest::of(b"large");
    let mut tally = Tally::begin(Duration::ZERO);
    let mut add = |event: Event<'_>, at: u64| assert!(tally.add(&event, Duration::from_secs(at)));
    add(Event::Planned { blobs: 12, bytes: 611 * MIB }, 0);
    add(Event::Started { digest: &large, action: Action::Download, total: 600 * MIB }, 0);
    for second in 1..=seconds.min(60) {
        add(Event::Advanced { digest: &large, current: second * 7 * MIB, total: 600 * MIB }, second);
        if (20..31).contains(&second) {
            let small = Digest::of(&second.to_le_bytes());
            add(Event::Finished { digest: &small, action: Action::Download, total: MIB }, second);
        }
    }
    (tally, Duration::from_secs(seconds))
}

fn shown(columns: usize, seconds: u64) -> Vec<String> {
    let (tally, now) = transfer_after(seconds);
    lines("downloading", &tally, size(columns), now)
}

#[test]
fn the_columns_are_those_that_fit() {
    let whole = |columns| shown(columns, 35).swap_remove(0);
    for (columns, line) in [
        (20, "downloading  41%"),
        (30, "downloading  41% eta    50s"),
        (40, "downloading  41% 7.20 MiB/s eta    50s"),
        (60, "downloading    ██████░░░░░░░░░░  41% 7.20 MiB/s eta    50s"),
        (80, "downloading    ███████░░░░░░░░░░░  41%  256 MiB/611 MiB  7.20 MiB/s eta    50s"),
        (
            200,
            "downloading    ████████████████░░░░░░░░░░░░░░░░░░░░░░░░  41%  256 MiB/611 MiB  7.20 MiB/s eta    50s 11/12 blobs",
        ),
    ] {
        assert_eq!(whole(columns), line, "{columns}");
    }
    let blob = |columns| shown(columns, 35).swap_remove(1);
    for (columns, line) in [
        (21, "  d35c416a85b8  40%"),
        (40, "  d35c416a85b8  40%  245 MiB/600 MiB"),
        (80, "  d35c416a85b8 ███████░░░░░░░░░░░  40%  245 MiB/600 MiB"),
    ] {
        assert_eq!(blob(columns), line, "{columns}");
    }
}

/// The terminal echoes Ctrl-C at the end of the last line.
#[test]
fn no_line_wraps_even_with_an_echoed_interrupt() {
    for columns in 0..=220 {
        for seconds in [0, 1, 3, 25, 61, 90, 4000] {
            for line in shown(columns, seconds) {
                assert!(line.chars().count() + FREE <= columns.max(FREE), "{columns}: {line}");
                assert!(line.matches(['█', '░']).count() <= *BAR.end(), "{columns}: {line}");
            }
        }
    }
}

#[test]
fn columns_keep_their_place_while_the_numbers_change() {
    for columns in WIDTHS {
        let places = |line: &String, marks: &[&str]| -> Vec<usize> {
            marks.iter().filter_map(|mark| Some(line.get(..line.find(mark)?)?.chars().count())).collect()
        };
        let ends = ["%", "/s", "eta", " blobs"];
        let expected = places(&shown(columns, 30).swap_remove(0), &ends);
        for seconds in 3..=60 {
            let line = shown(columns, seconds).swap_remove(0);
            assert_eq!(places(&line, &ends), expected, "{columns}: {line}");
        }
    }
}

#[test]
fn a_stall_is_shown_without_an_estimate() {
    for (seconds, rate) in [(62, "/s eta"), (65, "stalled"), (900, "stalled")] {
        let line = shown(100, seconds).swap_remove(0);
        assert!(line.contains(rate), "{seconds}: {line}");
        assert_eq!(line.contains("eta"), seconds < 65, "{line}");
    }
}

#[test]
fn many_slow_blobs_leave_space_on_the_terminal() {
    let mut tally = Tally::begin(Duration::ZERO);
    tally.add(&Event::Planned { blobs: 64, bytes: 64 * MIB }, Duration::ZERO);
    for at in 0..64_u8 {
        tally.add(&Event::Started { digest: &Digest::of(&[at]), action: Action::Upload, total: MIB }, Duration::ZERO);
    }
    for (rows, count, last) in
        [(50, 9, "  and 57 more"), (24, 9, "  and 57 more"), (6, 4, "  and 62 more"), (3, 1, ""), (1, 1, "")]
    {
        let lines = lines("uploading", &tally, Size { columns: 80, rows }, 3 * SECOND);
        assert_eq!(lines.len(), count, "{rows}");
        assert!(last.is_empty() || lines.last().unwrap() == last, "{lines:?}");
    }
    assert_eq!(lines("uploading", &tally, size(80), SECOND).len(), 1, "young blobs have no line");
}

#[test]
fn counts_fit_every_width() {
    let mut tally = Tally::begin(Duration::ZERO);
    let step = Step::ListBlobs;
    for second in 0..=4_u32 {
        let done = u64::from(second) * 3000;
        tally.add(&Event::Counted { step, done, expected: Some(98_000) }, SECOND * second);
    }
    let now = SECOND * 4;
    for (columns, line) in [
        (40, "listing  12%   12000 objects listed"),
        (60, "listing  12% 12000 of about 98000 objects listed"),
        (80, "listing ██░░░░░░░░░░░░░░░░  12% 12000 of about 98000 objects listed eta    29s"),
        (200, "listing ████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  12% 12000 of about 98000 objects listed eta    29s"),
    ] {
        assert_eq!(lines("listing", &tally, size(columns), now), [line], "{columns}");
    }
    tally.add(&Event::Counted { step, done: 99_000, expected: Some(98_000) }, now);
    assert_eq!(lines("listing", &tally, size(80), now), ["listing   99000 objects listed"]);
}

#[test]
fn preparing_is_shown_only_if_it_takes_long() {
    let tally = Tally::begin(Duration::ZERO);
    assert_eq!(lines("uploading", &tally, size(40), SECOND / 2), [""; 0]);
    assert_eq!(lines("uploading", &tally, size(40), SECOND * 12), ["uploading preparing  12 s"]);
}
