//! Parses buildx's attribute strings, which are single CSV records.

use crate::base::{Error, Result};

/// Splits `a=1,"b=2,3"` into its fields.
///
/// Commas separate fields. A field that begins with `"` ends at the next single `"`, and `""` inside it is a quote. One
/// trailing line break is dropped; all other bytes are literal.
///
/// # Errors
/// [`Error::Usage`] with the 1-based byte column but never the text, which may be part of a secret.
pub fn parse_fields(text: &str) -> Result<Vec<String>> {
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(wrong("the attributes are empty", None));
    }
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let column = text.len() - rest.len() + 1;
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(text, quoted)?,
            None => bare_field(text, rest)?,
        };
        if field.is_empty() {
            return Err(wrong("an attribute is empty", Some(column)));
        }
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// Returns the field in CSV form, quoted if necessary.
pub fn quote_field(field: &str) -> String {
    if field.starts_with('"') || field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn bare_field<'a>(text: &str, rest: &'a str) -> Result<(String, &'a str)> {
    let (field, after) = rest.find(',').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    if let Some(at) = field.find('"') {
        return Err(wrong("there is a quote in the middle of an attribute", Some(text.len() - rest.len() + at + 1)));
    }
    no_line_break(text, rest, field)?;
    Ok((field.to_owned(), after))
}

fn quoted_field<'a>(text: &str, quoted: &'a str) -> Result<(String, &'a str)> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let Some((piece, after)) = rest.split_once('"') else {
            return Err(wrong("a quote is not closed", Some(text.len() - quoted.len())));
        };
        no_line_break(text, rest, piece)?;
        field.push_str(piece);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None if after.is_empty() || after.starts_with(',') => return Ok((field, after)),
            None => return Err(wrong("text follows a closing quote", Some(text.len() - after.len() + 1))),
        }
    }
}

fn no_line_break(text: &str, rest: &str, piece: &str) -> Result<()> {
    match piece.find(['\n', '\r']) {
        Some(at) => Err(wrong("the attributes have a line break", Some(text.len() - rest.len() + at + 1))),
        None => Ok(()),
    }
}

fn wrong(what: &str, column: Option<usize>) -> Error {
    let message = match column {
        Some(column) => format!("{what} (column {column})"),
        None => what.to_owned(),
    };
    Error::usage(message).with_hint("write type=s3,bucket=NAME,…; quote a field with a comma: \"name=a,b\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_as_buildx_splits_them() {
        for (text, fields) in [
            ("a", &["a"][..]),
            ("a=1,b=2", &["a=1", "b=2"]),
            ("a=1\n", &["a=1"]),
            ("a=1\r\n", &["a=1"]),
            ("\"a=1,2\",b", &["a=1,2", "b"]),
            ("\"a=\"\"x\"\"\"", &["a=\"x\""]),
            (" a = 1 ", &[" a = 1 "]),
            ("a=\u{fc},b", &["a=\u{fc}", "b"]),
        ] {
            assert_eq!(parse_fields(text).unwrap(), fields, "{text:?}");
        }
    }

    #[test]
    fn errors_name_the_column_and_never_the_text() {
        for (text, column) in [
            ("", None),
            ("\n", None),
            (",a", Some(1)),
            ("a,,b", Some(3)),
            ("a,", Some(3)),
            ("secret\"x", Some(7)),
            ("\u{fc}\"", Some(3)),
            ("\"secret", Some(1)),
            ("a,\"secret", Some(3)),
            ("\"secret\"x", Some(9)),
            ("\"\"", Some(1)),
            ("secret\nb", Some(7)),
            ("a=1\r", Some(4)),
            ("\"sec\nret\"", Some(5)),
        ] {
            let message = parse_fields(text).unwrap_err().to_string();
            match column {
                Some(column) => assert!(message.ends_with(&format!("(column {column})")), "{text:?}: {message}"),
                None => assert!(!message.contains("column"), "{message}"),
            }
            assert!(!message.contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn parsing_reverses_quoting(fields in proptest::collection::vec("[^\r\n]{1,12}", 1..6)) {
            let text = fields.iter().map(|field| quote_field(field)).collect::<Vec<_>>().join(",");
            prop_assert_eq!(parse_fields(&text).unwrap(), fields);
        }
    }
}
