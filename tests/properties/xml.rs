//! XML documents.

use crate::base::Element;

/// A parsed document is within its limits and survives being written; any text survives being escaped.
pub fn xml(data: &[u8]) {
    if let Ok(root) = Element::parse(data) {
        let (elements, depth) = measure(&root);
        assert!(elements <= 50_000 && depth <= 32);
        if plain_names(&root) {
            assert_eq!(Element::parse(write(&root).as_bytes()).as_ref(), Ok(&root));
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let element = Element { name: "a".to_owned(), text: text.to_owned(), children: Vec::new() };
        assert_eq!(Element::parse(write(&element).as_bytes()), Ok(element));
    }
}

/// Returns the number of elements and their nesting depth, which is at most 32, so recursion is safe.
fn measure(element: &Element) -> (usize, usize) {
    let children = element.children.iter().map(measure);
    let (elements, depth) = children.fold((0, 0), |sum, child| (sum.0 + child.0, sum.1.max(child.1)));
    (elements + 1, depth + 1)
}

fn plain_names(element: &Element) -> bool {
    element.name.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !element.name.is_empty()
        && element.children.iter().all(plain_names)
}

fn write(element: &Element) -> String {
    let Element { name, text, children } = element;
    // A literal carriage return would be read as a line feed.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;");
    let children: String = children.iter().map(write).collect();
    format!("<{name}>{text}{children}</{name}>")
}
