//! A bounded tree for the small XML documents that S3 and STS return.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::Event;

/// A listing of a thousand objects has about ten elements per object; documents nest four deep.
const MAX_ELEMENTS: usize = 50_000;
const MAX_DEPTH: usize = 32;

/// An element: its local name, its text and its children. Attributes and namespaces are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// The name without its namespace prefix.
    pub name: String,
    /// The text directly inside, with entities resolved.
    pub text: String,
    /// The child elements, in order.
    pub children: Vec<Element>,
}

/// The bytes are not an XML document within the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidXml {
    why: String,
}

impl Element {
    /// Parses a document. Leading white space, a byte order mark and a missing declaration are accepted.
    ///
    /// # Errors
    /// If the bytes are not a well-formed document, have more than 50,000 elements, or nest deeper than 32.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, InvalidXml> {
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidXml::new("it is not UTF-8"))?;
        let mut reader = Reader::from_str(text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']));
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut elements = 0_usize;
        loop {
            let event = reader.read_event().map_err(|error| InvalidXml::new(error.to_string()))?;
            let closed = match event {
                Event::Eof => break,
                Event::Start(_) | Event::Empty(_) if root.is_some() => {
                    return Err(InvalidXml::new("it has a second root element"));
                }
                Event::Start(ref start) | Event::Empty(ref start) => {
                    elements += 1;
                    if elements > MAX_ELEMENTS || open.len() >= MAX_DEPTH {
                        return Err(InvalidXml::new("it has too many elements"));
                    }
                    let name = start.local_name().as_ref().to_owned();
                    open.push(Self { name, ..Self::default() });
                    matches!(event, Event::Empty(_))
                }
                Event::End(_) => true,
                ref text => {
                    let piece = text_of(text)?;
                    match open.last_mut() {
                        Some(element) => element.text.push_str(&piece),
                        None if piece.trim().is_empty() => {}
                        None => return Err(InvalidXml::new("it has text outside its root element")),
                    }
                    false
                }
            };
            if closed && let Some(element) = open.pop() {
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
        }
        if !open.is_empty() {
            return Err(InvalidXml::new("it ends inside an element"));
        }
        root.ok_or_else(|| InvalidXml::new("it has no element"))
    }

    /// Returns the first child with this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the trimmed text of the first child with this name, unless it is empty.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }
}

fn text_of(event: &Event<'_>) -> Result<String, InvalidXml> {
    match event {
        Event::Text(text) => Ok(text.xml10_content().into_owned()),
        Event::CData(data) => Ok(data.xml10_content().into_owned()),
        Event::GeneralRef(reference) => {
            if let Some(character) = reference.resolve_char_ref().map_err(|error| InvalidXml::new(error.to_string()))? {
                return Ok(character.to_string());
            }
            let name = reference.as_ref();
            quick_xml::escape::resolve_xml_entity(name)
                .map(str::to_owned)
                .ok_or_else(|| InvalidXml::new(format!("it has an unknown entity &{name};")))
        }
        _ => Ok(String::new()),
    }
}

impl InvalidXml {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl fmt::Display for InvalidXml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid XML document: {}", self.why)
    }
}

impl std::error::Error for InvalidXml {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_documents_of_real_stores_are_parsed() {
        let document = "\u{feff}\n<?xml version=\"1.0\"?>\n<s:Error xmlns:s='x'><Code>NoSuchKey</Code>\
            <Message>a &lt;b&gt; &amp; &#x41;<![CDATA[<c>]]></Message><Empty/></s:Error>\n";
        let error = Element::parse(document.as_bytes()).unwrap();
        assert_eq!(error.name, "Error");
        assert_eq!(error.child_text("Code"), Some("NoSuchKey"));
        assert_eq!(error.child_text("Message"), Some("a <b> & A<c>"));
        assert_eq!(error.child_text("Empty"), None);
    }

    #[test]
    fn anything_but_one_complete_document_is_rejected() {
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        let wide = format!("<a>{}</a>", "<b/>".repeat(60_000));
        for text in ["", "{}", "<a>", "<a></b>", "<a/><b/>", "x<a/>", "<a>&nope;</a>", "<a>&#xD800;</a>", &deep, &wide]
        {
            assert!(Element::parse(text.as_bytes()).is_err(), "{:.40}", text);
        }
        assert!(Element::parse(b"<a>\xff</a>").is_err());
    }
}
