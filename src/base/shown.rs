//! Makes text from others safe to show: a server's response, a name in a manifest.

use std::collections::HashSet;

/// The maximum length shown of text from a server.
pub(crate) const MAX_SHOWN_CHARS: usize = 300;
/// The maximum length of a hint, which adds our own text to the server's.
const MAX_HINT_CHARS: usize = 4 * MAX_SHOWN_CHARS;

/// A run of this many bytes of a secret is masked as part of it. A shorter secret is masked only as a whole.
const TELLING_BYTES: usize = 12;
/// No store issues shorter secrets, and short words such as `test` occur in messages by chance.
const MIN_SECRET_BYTES: usize = 8;
/// Only this much of a text is searched for secrets: enough remains to be shown.
const MAX_SEARCHED_CHARS: usize = 16 * MAX_SHOWN_CHARS;

/// Escapes characters that would control a terminal or change how the surrounding text reads: control characters, line
/// and paragraph separators, bidirectional marks, and invisible characters.
///
/// ```
/// assert_eq!(s3_build_cache::error::printable("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
/// ```
pub fn printable(text: &str) -> String {
    text.chars().flat_map(escaped).collect()
}

/// Returns the text bounded, escaped, and on one line.
pub(crate) fn shown(text: &str) -> String {
    bounded(text, MAX_SHOWN_CHARS)
}

/// Does the same with `secrets` masked, before truncation can leave the start of one.
pub(crate) fn shown_without(text: &str, secrets: &[&str]) -> String {
    shown(&redacted(searched(text), secrets))
}

/// Does the same for a hint, which may be longer.
pub(crate) fn hint_without(text: &str, secrets: &[&str]) -> String {
    bounded(&redacted(searched(text), secrets), MAX_HINT_CHARS)
}

/// Returns the scheme, host and path of a URL: its user, query and fragment may contain a password or a token. Returns
/// `***` if an `@` may be part of a password.
pub(crate) fn shown_url(url: &str) -> String {
    let (scheme, rest) = match url.find("//") {
        Some(at) => url.split_at(at + 2),
        None => ("", url),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.split_once('@') {
        Some((_, host)) if !scheme.is_empty() => host,
        _ => authority,
    };
    if host.contains('@') || path.contains('@') {
        return "***".to_owned();
    }
    shown(&format!("{scheme}{host}{}", path.split(['?', '#']).next().unwrap_or_default()))
}

/// Masks every part of `secrets` with `***`: a server may echo what it was sent, truncated or encoded. Secrets of fewer
/// than eight bytes are not masked. Takes time linear in the lengths of the text and the secrets.
pub(crate) fn redacted(text: &str, secrets: &[&str]) -> String {
    let mut hidden = vec![false; text.len()];
    for length in MIN_SECRET_BYTES..=TELLING_BYTES {
        let known = secrets.iter().filter(|secret| secret.len().min(TELLING_BYTES) == length);
        hide(&mut hidden, text.as_bytes(), known.flat_map(|secret| secret.as_bytes().windows(length)), length);
    }
    let mut out = String::with_capacity(text.len());
    let mut masked = false;
    for (at, character) in text.char_indices() {
        let hide = hidden.get(at) == Some(&true);
        match (hide, masked) {
            (false, _) => out.push(character),
            (true, false) => out.push_str("***"),
            (true, true) => {}
        }
        masked = hide;
    }
    out
}

/// Marks the bytes of `text` that are in one of these `parts`, all of the same length.
fn hide<'a>(hidden: &mut [bool], text: &[u8], parts: impl Iterator<Item = &'a [u8]>, length: usize) {
    if text.len() < length {
        return;
    }
    let parts: HashSet<&[u8]> = parts.collect();
    if parts.is_empty() {
        return;
    }
    // Matches overlap: no byte is marked twice.
    let mut marked = 0;
    for (at, part) in text.windows(length).enumerate() {
        if parts.contains(part) {
            hidden.get_mut(marked.max(at)..at + length).into_iter().flatten().for_each(|hidden| *hidden = true);
            marked = at + length;
        }
    }
}

fn searched(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_SEARCHED_CHARS).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default()
}

fn bounded(text: &str, max_chars: usize) -> String {
    let one_line = text.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c });
    one_line.flat_map(escaped).take(max_chars).collect()
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let (plain, escape) = if is_plain(c) { (Some(c), None) } else { (None, Some(c.escape_default())) };
    plain.into_iter().chain(escape.into_iter().flatten())
}

fn is_plain(c: char) -> bool {
    let shapeless = matches!(c,
        // Soft hyphen, grapheme joiner, Arabic letter mark, and the fillers of Hangul, Khmer and Mongolian.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Zero-width characters, bidirectional marks, line and paragraph separators, invisible operators.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}'
        // Byte order mark, annotations, shorthand and musical controls, tags and further variation selectors.
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !shapeless
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_of_a_secret_are_redacted_at_any_offset() {
        let token = "IQoJb3JpZ2luX2VjEHkaCWV1LXdlc3QtMSJHMEUCIQ+/=";
        for (text, shown) in [
            (format!("a {token} b {token}."), "a *** b ***.".to_owned()),
            (format!("a {} b", &token[..20]), "a *** b".to_owned()),
            (format!("{}: no", &token[15..]), "***: no".to_owned()),
            (format!("{}{}", &token[3..17], &token[20..]), "***".to_owned()),
            (format!("x{}y", token.replace('+', "%2B")), "x***%2B/=y".to_owned()),
            (token[..11].to_owned(), token[..11].to_owned()),
            ("ü password ü".to_owned(), "ü *** ü".to_owned()),
            (String::new(), String::new()),
        ] {
            assert_eq!(redacted(&text, &[token, "", "password"]), shown, "{text}");
        }
    }

    /// The definition: every byte of the text that is in a part of a secret, found by comparing all with all.
    fn redacted_slowly(text: &str, secrets: &[&str]) -> String {
        let mut hidden = vec![false; text.len()];
        for secret in secrets.iter().filter(|secret| secret.len() >= MIN_SECRET_BYTES) {
            let length = secret.len().min(TELLING_BYTES);
            for (at, part) in text.as_bytes().windows(length).enumerate() {
                if secret.as_bytes().windows(length).any(|known| known == part) {
                    hidden[at..at + length].fill(true);
                }
            }
        }
        let mut out = String::new();
        for (at, c) in text.char_indices() {
            match (hidden[at], at > 0 && hidden[text[..at].char_indices().last().unwrap().0]) {
                (false, _) => out.push(c),
                (true, false) => out.push_str("***"),
                (true, true) => {}
            }
        }
        out
    }

    proptest! {
        /// Of few letters, so that parts of secrets occur, touch and overlap.
        #[test]
        fn redaction_matches_its_naive_definition(
            text in "[abü]{0,80}",
            cuts in proptest::collection::vec((0..60_usize, 0..40_usize), 0..4),
            secrets in proptest::collection::vec("[abü]{0,30}", 0..3),
        ) {
            let mut text = text;
            for (from, length) in cuts {
                let part: String = secrets.concat().chars().skip(from).take(length).collect();
                text.push_str(&part);
                text.push('c');
            }
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            prop_assert_eq!(redacted(&text, &secrets), redacted_slowly(&text, &secrets));
        }
    }

    #[test]
    fn words_too_short_to_be_secrets_are_shown() {
        for secret in ["", "a", "test", "local", "1234567"] {
            let text = "the latest local test of a1234567b";
            assert_eq!(shown_without(text, &[secret]), text, "{secret}");
        }
    }

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        let ranges: [std::ops::RangeInclusive<u32>; 12] = [
            0..=0x1f,
            0x7f..=0x9f,
            0xad..=0xad,
            0x61c..=0x61c,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfeff..=0xfeff,
            0xfff9..=0xfffb,
            0x1d173..=0x1d17a,
            0xe0001..=0xe007f,
        ];
        for c in ranges.into_iter().flatten().filter_map(char::from_u32) {
            for text in [printable(&format!("a{c}b")), shown(&format!("a{c}b")), hint_without(&format!("a{c}b"), &[])] {
                assert!(!text.contains(c) && text.starts_with('a') && text.ends_with('b'), "{text:?}");
            }
        }
        assert_eq!(printable("a\tb\nc"), "a\\tb\\nc");
        assert_eq!(shown("a\tb\r\nc\u{85}"), "a b  c\\u{85}");
    }

    #[test]
    fn letters_of_all_languages_are_kept() {
        for text in ["naïve Größe 名前 имя שם اسم नाम ชื่อ", "“quotes” – dash … €", "👍🏽 ❤️", r"C:\dir\u{1b}", "a'b\"c"]
        {
            assert_eq!(printable(text), text);
            assert_eq!(printable(&printable(text)), text);
        }
    }

    #[test]
    fn escaped_text_is_bounded_too() {
        for text in ["x".repeat(10_000), "\u{1b}".repeat(10_000), "\u{202e}ü".repeat(10_000)] {
            assert_eq!(shown(&text).chars().count(), MAX_SHOWN_CHARS);
            assert_eq!(hint_without(&text, &[]).chars().count(), MAX_HINT_CHARS);
        }
    }

    #[test]
    fn urls_are_shown_without_query_fragment_and_password() {
        for (url, shown) in [
            ("https://h:9000/a/b", "https://h:9000/a/b"),
            ("https://h?token=SECRET", "https://h"),
            ("https://h/a#SECRET?x", "https://h/a"),
            ("localhost:9000?SECRET", "localhost:9000"),
            ("https://user:SECRET@h/a", "https://h/a"),
            ("https://user:SEC?RET@h/a", "***"),
            ("https://user:SEC/RET@h", "***"),
            ("?SECRET", ""),
        ] {
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }
}
