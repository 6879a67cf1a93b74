//! Attribute strings.

use crate::base::{Result, Secret};
use crate::config::{CacheOptions, CacheRef, parse_fields, quote_field};

/// Fields survive quoting, a parsed cache is valid, and nothing shown depends on the text of a secret.
pub fn attributes(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    the_grammar_shows_columns_only(text);
    if let Ok(fields) = parse_fields(text) {
        assert_eq!(parse_fields(&join(&fields)).ok().as_ref(), Some(&fields));
        let other: Vec<String> = fields.iter().map(|field| with_other_secret(field)).collect();
        assert_eq!(shown(&join(&fields).parse()), shown(&join(&other).parse()));
    }
    if let Ok(CacheRef::S3(options)) = text.parse() {
        assert!((1..=64).contains(&options.policy().connections()));
        let mut other = options.to_builder();
        assert_eq!(other.clone().build().ok(), Some((*options).clone()));
        if let Some(keys) = &mut other.credentials.keys {
            keys.secret = Secret::new("another");
            keys.session_token = keys.session_token.as_ref().map(|_| Secret::new("another"));
        }
        assert_eq!(format!("{:?}", options.to_builder()), format!("{other:?}"));
    }
}

/// Text of the same shape produces the same error.
fn the_grammar_shows_columns_only(text: &str) {
    let plain = |c: char| match c {
        ',' | '"' | '\n' | '\r' => c.to_string(),
        _ => "x".repeat(c.len_utf8()),
    };
    let lengths = |text: &str| match parse_fields(text) {
        Ok(fields) => Ok(fields.iter().map(String::len).collect::<Vec<_>>()),
        Err(error) => Err(error.chain()),
    };
    assert_eq!(lengths(text), lengths(&text.chars().map(plain).collect::<String>()));
}

fn join(fields: &[String]) -> String {
    fields.iter().map(|field| quote_field(field)).collect::<Vec<_>>().join(",")
}

fn with_other_secret(field: &str) -> String {
    match field.split_once('=') {
        Some((key, value)) if ["secret_access_key", "session_token"].contains(&key.to_ascii_lowercase().as_str()) => {
            format!("{key}={}", "x".repeat(value.len()))
        }
        _ => field.to_owned(),
    }
}

/// Returns everything that a user may see of the result.
fn shown(parsed: &Result<CacheOptions>) -> String {
    match parsed {
        Ok(options) => format!("{options:?} {:?}", options.keys().warnings()),
        Err(error) => format!("{error:?} {} {:?}", error.chain(), error.hint()),
    }
}
