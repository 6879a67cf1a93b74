use proptest::prelude::*;

use super::*;

const KV: &str = "aws_access_key_id = MARKED\naws_secret_access_key = MARKED\n";

#[track_caller]
fn check(kind: FileKind, profile: &str, text: &str, expected: Option<(usize, &str, &str)>) {
    let found = remark(text, kind, profile);
    match (&found, expected) {
        (None, None) => {}
        (Some(remark), Some((line, why, fix))) => {
            assert_eq!(remark.line, line, "{text:?}: {remark:?}");
            assert!(remark.why.contains(why), "{text:?}: {remark:?}");
            assert!(remark.fix.contains(fix), "{text:?}: {remark:?}");
            assert!(!format!("{remark:?}").contains("MARKED"), "{remark:?}");
        }
        _ => panic!("{text:?}: {found:?}, not {expected:?}"),
    }
}

fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2], mark: bool) -> String {
    let mark = mark.then_some(0xfeff).into_iter();
    let bytes: Vec<u8> = mark.chain(text.encode_utf16()).flat_map(to_bytes).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn unreadable_encodings_and_line_endings() {
    let text = format!("[default]\r\n{KV}");
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        for mark in [true, false] {
            check(FileKind::Credentials, "default", &utf_16(&text, to_bytes, mark), Some((1, "UTF-16", "UTF-8")));
        }
    }
    let cr = format!("[default]\n{KV}").replace('\n', "\r");
    check(FileKind::Credentials, "default", &cr, Some((1, "CR alone", "LF")));
    check(FileKind::Credentials, "default", &format!("# c\n[default]\r{KV}"), Some((2, "CR alone", "LF")));
    check(FileKind::Credentials, "default", &format!("\u{feff}[default]\r\n{}", KV.replace('\n', "\r\n")), None);
}

#[test]
fn files_of_other_formats() {
    for (text, format) in [
        ("{\"Version\": 1, \"AccessKeyId\": \"MARKED\"}", "JSON"),
        ("\u{feff}\n{\n  \"Credentials\": {\n    \"AccessKeyId\": \"MARKED\"\n}}\n", "JSON"),
        ("[\n  {\"AccessKeyId\": \"MARKED\"}\n]", "JSON"),
        ("Access key ID,Secret access key\r\nMARKED,MARKED\r\n", "CSV"),
        ("\u{feff}User Name,Password,Access key ID,Secret access key,Console login link\nci,,MARKED,MARKED,x\n", "CSV"),
        ("\"Access key ID\",\"Secret access key\"\n\"MARKED\",\"MARKED\"\n", "CSV"),
    ] {
        check(
            FileKind::Credentials,
            "default",
            text,
            Some((1, &format!("the file is {format}"), "lines [default], aws_access_key_id = …")),
        );
        check(FileKind::Config, "ci", text, Some((1, &format!("the file is {format}"), "lines [profile ci], ")));
    }
    check(FileKind::Credentials, "default", &format!("[default]\n{KV}# Access key ID, Secret access key\n"), None);
}

#[test]
fn headings() {
    use FileKind::{Config, Credentials};
    let with = |heading: &str| format!("# c\n{heading}\n{KV}");
    for heading in [
        "[default] /* main */",
        "[default] // main",
        "[default] x",
        "[default]: ",
        "[default",
        "[default ; c ]",
        "\u{200b}[default]",
        "export [default]",
        "[]",
    ] {
        for kind in [Config, Credentials] {
            check(kind, "default", &with(heading), Some((2, "[", "[default]")));
        }
    }
    for line in ["default", "default]", "{default}", "<default>", "export A=1", "{\"Version\": 1,", ""] {
        let first = if line.is_empty() { 3 } else { 2 };
        check(Credentials, "ci", &with(line), Some((first, "before the first [section]", "[ci]")));
        check(Config, "ci", &with(line), Some((first, "before the first [section]", "[profile ci]")));
    }
    for (kind, profile, heading, right) in [
        (Credentials, "default", "[profile default]", "there it must be [default]"),
        (Credentials, "ci", "[profile ci]", "there it must be [ci]"),
        (Credentials, "ci", "[CI]", "there it must be [ci]"),
        (Credentials, "default", "[Default]", "there it must be [default]"),
        (Credentials, "default", "[\"default\"]", "there it must be [default]"),
        (Config, "ci", "[ci]", "there it must be [profile ci]"),
        (Config, "ci", "[Profile ci]", "there it must be [profile ci]"),
        (Config, "ci", "[profile: ci]", "there it must be [profile ci]"),
        (Config, "ci", "[profile-ci]", "there it must be [profile ci]"),
        (Config, "default", "[Default]", "there it must be [default]"),
        // Headings of another profile.
        (Config, "default", "[ci]", "there it must be [profile ci]"),
        (Credentials, "default", "[profile ci]", "there it must be [ci]"),
    ] {
        check(kind, profile, &with(heading), Some((2, heading, right)));
    }
    for (kind, profile, text) in [
        (Credentials, "ci", "[ci] # c\n"),
        (Credentials, "ci", "[default]\n[other]\n"),
        (Config, "ci", "[profile 'ci']\n[default]\n[profile x]\n[sso-session s]\n[services s]\n"),
        (Config, "default", "[profile default]\n"),
        (Config, "default", ""),
        (Config, "default", " \n"),
    ] {
        check(kind, profile, text, None);
    }
    check(Credentials, "default", "# [default]\n;x\n", Some((1, "only comments", "#")));
}

#[test]
fn profile_configures_the_metadata_service() {
    for (lines, expected) in [
        ("export AWS_ACCESS_KEY_ID=MARKED", (2, "sets no known key", "write aws_access_key_id =")),
        ("set AWS_SECRET_ACCESS_KEY=MARKED", (2, "sets no known key", "write aws_secret_access_key = …")),
        ("$env:AWS_SESSION_TOKEN = \"MARKED\"", (2, "sets no known key", "write aws_session_token = …")),
        ("aws_access_key = MARKED", (2, "sets no known key", "write aws_access_key_id = …")),
        ("access_key_id: MARKED", (2, "sets no known key", "write aws_access_key_id = …")),
        ("AccessKeyId = MARKED", (2, "sets no known key", "write aws_access_key_id = …")),
        ("aws-secret-access-key = MARKED", (2, "sets no known key", "write aws_secret_access_key = …")),
        ("aws_secret_key = MARKED", (2, "sets no known key", "write aws_secret_access_key = …")),
        ("aws_acces_key_id = MARKED", (2, "sets no known key", "write aws_access_key_id = …")),
        ("\"aws_access_key_id\": \"MARKED\",", (2, "sets no known key", "write aws_access_key_id = …")),
        ("region = r\naws_session_tokn = MARKED", (3, "sets no known key", "write aws_session_token = …")),
        ("credentials_process = MARKED", (2, "sets no known key", "write credential_process = …")),
        ("credential-process = MARKED", (2, "sets no known key", "write credential_process = …")),
        ("rolearn = MARKED", (2, "sets no known key", "write role_arn = …")),
        ("key = AKIAIOSFODNN7EXAMPLE", (2, "sets no known key", "write aws_access_key_id = …")),
        ("region =\n  aws_access_key_id = MARKED", (3, "aws_access_key_id is indented and so belongs to line 2", "")),
        ("s3 =\n  endpoint_url = x\n  secret_key = MARKED", (4, "is indented", "blanks")),
        ("aws_access_key_id =\naws_secret_access_key = MARKED", (2, "aws_access_key_id has no value", "same line")),
        ("aws_access_key_id =\n  MARKED", (2, "has no value", "")),
        ("aws_access_key_id MARKED", (2, "nor KEY = VALUE", "KEY = VALUE")),
        ("MARKED = MARKED\nregion = r", (2, "sets no known key", "aws_access_key_id")),
        // The better explanation wins over the first line.
        ("MARKED\nMARKED = x\naws_secret_key = MARKED", (4, "sets no known key", "write aws_secret_access_key = …")),
    ] {
        for (kind, heading) in [(FileKind::Credentials, "[ci]"), (FileKind::Config, "[profile ci]")] {
            check(kind, "ci", &format!("{heading}\n{lines}\n"), Some(expected));
            check(kind, "other", &format!("{heading}\n{lines}\n"), None);
        }
    }
    for lines in [
        "region = r\noutput = json\ncli_pager =\ns3 =\n  max_concurrent_requests = 2\nx_principal_arn = a\nsso_x = y",
        "  region = r\n\taws_security_token =\n",
        "endpoint_url = http://[::1]:9000",
    ] {
        check(FileKind::Credentials, "ci", &format!("[ci]\n{lines}\n"), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_looked_through(text in any::<String>(), profile in any::<String>()) {
        for kind in [FileKind::Config, FileKind::Credentials] {
            let _ = remark(&text, kind, &profile);
            let _ = remark(&format!("[default]\n{text}"), kind, "default");
        }
    }
}
