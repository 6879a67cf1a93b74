//! What a server says, as it may be shown.

/// Of what a server says at most this much is shown.
pub(crate) const MAX_SHOWN_CHARS: usize = 300;

/// So many bytes of a secret in a row are known for a part of it. A shorter secret is known as a whole only.
const TELLING_BYTES: usize = 12;
/// Secrets are looked for in so much of a text that enough is left to be shown.
const MAX_SEARCHED_CHARS: usize = 16 * MAX_SHOWN_CHARS;

/// Bounded, and on one line.
pub(crate) fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_SHOWN_CHARS).collect()
}

/// The same without secrets, which are taken out before the bound can leave the beginning of one.
pub(crate) fn shown_without(text: &str, secrets: &[&str]) -> String {
    let end = text.char_indices().nth(MAX_SEARCHED_CHARS).map_or(text.len(), |(end, _)| end);
    shown(&redacted(text.get(..end).unwrap_or_default(), secrets))
}

/// A URL without its query and fragment, which may hold a token; nothing of one that may hold a password.
pub(crate) fn shown_url(url: &str) -> String {
    if url.contains('@') {
        return "***".to_owned();
    }
    shown(url.split(['?', '#']).next().unwrap_or_default())
}

/// `***` for every part of one of `secrets`: a server may send back what it was sent, cut or encoded here and there.
pub(crate) fn redacted(text: &str, secrets: &[&str]) -> String {
    let bytes = text.as_bytes();
    let mut hidden = vec![false; bytes.len()];
    for secret in secrets.iter().map(|secret| secret.as_bytes()).filter(|secret| !secret.is_empty()) {
        let length = secret.len().min(TELLING_BYTES);
        for (at, part) in bytes.windows(length).enumerate() {
            if secret.windows(length).any(|known| known == part) {
                hidden.iter_mut().skip(at).take(length).for_each(|hidden| *hidden = true);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_secret_are_hidden_wherever_they_begin_and_end() {
        let token = "IQoJb3JpZ2luX2VjEHkaCWV1LXdlc3QtMSJHMEUCIQ+/=";
        for (text, shown) in [
            (format!("a {token} b {token}."), "a *** b ***.".to_owned()),
            (format!("a {} b", &token[..20]), "a *** b".to_owned()),
            (format!("{}: no", &token[15..]), "***: no".to_owned()),
            (format!("{}{}", &token[3..17], &token[20..]), "***".to_owned()),
            (format!("x{}y", token.replace('+', "%2B")), "x***%2B/=y".to_owned()),
            (token[..11].to_owned(), token[..11].to_owned()),
            ("ü short ü".to_owned(), "ü *** ü".to_owned()),
            (String::new(), String::new()),
        ] {
            assert_eq!(redacted(&text, &[token, "", "short"]), shown, "{text}");
        }
    }

    #[test]
    fn a_url_is_shown_without_query_fragment_and_password() {
        for (url, shown) in [
            ("https://h:9000/a/b", "https://h:9000/a/b"),
            ("https://h?token=SECRET", "https://h"),
            ("https://h/a#SECRET?x", "https://h/a"),
            ("localhost:9000?SECRET", "localhost:9000"),
            ("https://user:SECRET@h/a", "***"),
            ("https://user:SEC?RET@h/a", "***"),
            ("https://user:SEC/RET@h", "***"),
            ("?SECRET", ""),
        ] {
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }
}
