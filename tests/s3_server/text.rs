//! Percent-encoding and minimal XML for the server, independent of the crate's own.

/// Decodes `%XX`. Returns `None` for an invalid escape or invalid UTF-8. `+` is kept.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digits = [char::from(*high).to_digit(16)?, char::from(*low).to_digit(16)?];
        out.push(u8::try_from(digits[0] * 16 + digits[1]).ok()?);
        rest = tail;
    }
    String::from_utf8(out).ok()
}

/// Encodes everything but the unreserved characters and those in `keep`.
pub(crate) fn percent_encode(text: &str, keep: &str) -> String {
    text.bytes()
        .map(|byte| {
            let char = char::from(byte);
            let plain = byte.is_ascii_alphanumeric() || "-._~".contains(char) || (byte < 128 && keep.contains(char));
            if plain { char.to_string() } else { format!("%{byte:02X}") }
        })
        .collect()
}

/// Escapes text for use inside an element.
pub(crate) fn xml_escape(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\r' => "&#13;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

/// Returns an element that contains the text.
pub(crate) fn xml(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", xml_escape(text))
}

/// Returns a document whose root contains the given XML.
pub(crate) fn xml_document(root: &str, inner: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{root}>"
    )
    .into_bytes()
}

/// Returns the inner XML of every element of that name, in order. Sufficient for the flat lists that clients send.
pub(crate) fn xml_elements<'a>(document: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    document.split(&open).skip(1).filter_map(|rest| rest.split_once(&close).map(|(inner, _)| inner)).collect()
}

/// Unescapes the text of an element.
pub(crate) fn xml_unescape(text: &str) -> String {
    text.trim()
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
