use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Returns blobs done and in total, then bytes transferred and in total.
fn shown(tally: &Tally) -> (usize, usize, u64, u64) {
    (tally.done, tally.blobs(), tally.through(), tally.bytes())
}

#[test]
fn only_transfers_count_and_each_blob_once() {
    let (moved, checked) = (Digest::of(b"moved"), Digest::of(b"checked"));
    let mut tally = Tally::default();
    let add = |tally: &mut Tally, event| assert!(tally.add(&event, SECOND));
    for event in [
        Event::Planned { blobs: 1, bytes: 10 },
        Event::Started { digest: &checked, action: Action::Verify, total: 99 },
        Event::Advanced { digest: &checked, current: 99, total: 99 },
        Event::Finished { digest: &checked, action: Action::Verify, total: 99 },
        Event::Started { digest: &moved, action: Action::Upload, total: 10 },
        Event::Advanced { digest: &moved, current: 7, total: 10 },
        Event::Started { digest: &moved, action: Action::Upload, total: 10 },
        Event::Advanced { digest: &moved, current: 4, total: 10 },
    ] {
        add(&mut tally, event);
    }
    assert_eq!(shown(&tally), (0, 1, 4, 10));
    add(&mut tally, Event::Finished { digest: &moved, action: Action::Upload, total: 10 });
    assert_eq!(shown(&tally), (1, 1, 10, 10));
    // The blob was found to be corrupt when it was read back.
    add(&mut tally, Event::Started { digest: &checked, action: Action::Upload, total: 99 });
    assert_eq!(shown(&tally), (1, 2, 10, 109));
    add(&mut tally, Event::Finished { digest: &checked, action: Action::Upload, total: 99 });
    assert_eq!(shown(&tally), (2, 2, 109, 109));
    add(&mut tally, Event::Planned { blobs: 2, bytes: 20 });
    assert_eq!(shown(&tally), (0, 2, 0, 20));
    assert!(!tally.add(&Event::Warning("x"), SECOND));
}

/// One blob of 100 bytes at 10 bytes per second, which stalls halfway.
#[test]
fn percentage_rate_and_eta_follow_the_bytes() {
    let digest = Digest::of(b"x");
    let mut tally = Tally::begin(Duration::ZERO);
    tally.add(&Event::Planned { blobs: 1, bytes: 100 }, Duration::ZERO);
    tally.add(&Event::Started { digest: &digest, action: Action::Download, total: 100 }, Duration::ZERO);
    for second in 1..=5_u32 {
        let current = u64::from(second) * 10;
        tally.add(&Event::Advanced { digest: &digest, current, total: 100 }, SECOND * second);
    }
    for (second, rate, eta, idle) in [(5, 10, Some(5), 0), (8, 4, Some(13), 3), (10, 0, None, 5), (60, 0, None, 55)] {
        let view = tally.view(SECOND * second);
        assert_eq!((view.percent, view.rate, view.eta), (Some(50), Some(rate), eta), "{second}");
        assert_eq!(view.idle, SECOND * idle);
    }
    tally.add(&Event::Advanced { digest: &digest, current: 100, total: 100 }, SECOND * 61);
    assert_eq!(tally.view(SECOND * 61).percent, Some(99));
    tally.add(&Event::Finished { digest: &digest, action: Action::Download, total: 100 }, SECOND * 62);
    let View { percent, rate, eta, .. } = tally.view(SECOND * 62);
    assert_eq!((percent, rate, eta), (Some(100), None, None));
}

#[test]
fn the_phase_is_what_is_known() {
    let digest = Digest::of(b"x");
    let mut tally = Tally::begin(Duration::ZERO);
    assert_eq!(tally.view(SECOND).phase, Phase::Other("preparing"));
    let step = Step::ListBlobs;
    tally.add(&Event::Counted { step, done: 10, expected: Some(40) }, SECOND);
    let view = tally.view(SECOND);
    assert_eq!((view.phase, view.percent), (Phase::Count { step, done: 10, expected: Some(40) }, Some(25)));
    // The estimate was too low.
    tally.add(&Event::Counted { step, done: 41, expected: Some(40) }, SECOND);
    let view = tally.view(SECOND);
    assert_eq!((view.phase, view.percent), (Phase::Count { step, done: 41, expected: None }, None));
    tally.add(&Event::Planned { blobs: 0, bytes: 0 }, SECOND);
    assert_eq!(tally.view(SECOND).phase, Phase::Other("finishing"));
    tally.add(&Event::Finished { digest: &digest, action: Action::Touch, total: 9 }, SECOND);
    assert_eq!(tally.view(SECOND).phase, Phase::Existing { checked: 0, bytes: 0, touched: 1 });
    tally.add(&Event::Planned { blobs: 1, bytes: 0 }, SECOND);
    let view = tally.view(SECOND);
    assert_eq!(view.phase, Phase::Transfer { done: 0, blobs: 1, through: 0, bytes: 0 });
    assert_eq!(view.percent, Some(99));
}
