//! Text from servers and caches is escaped before it reaches the terminal.

use super::{Run, run_with};
use crate::stub::Stub;

const HOSTILE: &str = "a\u{1b}[2J\u{9b}2J\u{202e}b\u{2028}c\u{200b}\u{feff}\u{e0041}\u{7f}d";

fn tame(run: &Run) {
    let text = format!("{}{}", run.stdout, run.stderr);
    let wild =
        |c: char| (c.is_control() && c != '\n') || HOSTILE.chars().filter(|c| !c.is_ascii_graphic()).any(|h| h == c);
    assert!(!text.contains(wild), "{text:?}");
    assert!(text.contains("202e"), "{text}");
}

#[test]
fn control_characters_from_a_server_are_escaped() {
    let server = Stub::start(|_| {
        let body = format!("<Error><Code>AccessDenied</Code><Message>{HOSTILE}</Message></Error>");
        (403, format!("server: {}\r\n", HOSTILE.replace(['\u{1b}', '\u{7f}'], "")), body)
    });
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")];
    let attributes = format!("type=s3,bucket=cache,region=eu-west-1,endpoint_url={}", server.url());
    let work = tempfile::tempdir().unwrap();
    let new = work.path().join("new").display().to_string();
    for more in [&["-vv"][..], &["--json"], &["--progress=rawjson", "--json", "-v"]] {
        for command in [
            &["import", &new, "--cache-from", &attributes][..],
            &["export", "tests/fixtures/min/local", "--cache-to", &attributes],
            &["doctor", &attributes],
        ] {
            tame(&run_with(&[command, more].concat(), &keys).expect(4));
        }
    }
}
