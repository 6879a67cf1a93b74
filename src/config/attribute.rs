//! One row of the tables of attributes. Each table is in the file of the values that its attributes set.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::base::{Result, Secret};
use crate::config::value::AttributeValue;

/// What is known about an attribute, for messages and help.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name, as users type it.
    pub name: &'static str,
    /// What it does and its default, without a full stop.
    pub help: &'static str,
    /// Other tools' names for it. Words that are part of the name are found without an alias.
    pub aliases: &'static [&'static str],
    pub(super) content: Content,
}

/// What the text of an attribute may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Text with a grammar, so quotes around it are a mistake.
    Checked,
    /// Any text.
    Free,
    /// Any text, which is never shown.
    Secret,
    /// A setting for the build that created the layers: it has no effect, because layers are copied unchanged.
    OfLayers,
}

/// An attribute that sets a field of `T`.
pub(super) struct Attribute<T> {
    pub(super) about: About,
    set: Setter<T>,
}

/// The kind of an attribute's value, and the function that stores it. Empty text counts as unset.
enum Setter<T> {
    Text(fn(&mut T, Option<String>)),
    Secret(fn(&mut T, Option<Secret>)),
    Verbatim(fn(&mut T, String)),
    Bool(fn(&mut T, bool)),
    Number(fn(&mut T, NonZeroU32)),
    Duration(fn(&mut T, Duration)),
    Parsed(fn(&mut T, AttributeValue<'_>) -> Result<()>),
    Ignored,
}

impl About {
    pub(super) const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, aliases: &[], content: Content::Checked }
    }

    /// Returns whether its text is never shown.
    pub fn is_secret(&self) -> bool {
        self.content == Content::Secret
    }
}

impl<T> Attribute<T> {
    const fn new(name: &'static str, help: &'static str, set: Setter<T>) -> Self {
        Self { about: About::new(name, help), set }
    }

    pub(super) const fn text(name: &'static str, help: &'static str, set: fn(&mut T, Option<String>)) -> Self {
        Self::new(name, help, Setter::Text(set))
    }

    /// Returns an attribute whose text is never shown.
    pub(super) const fn secret(name: &'static str, help: &'static str, set: fn(&mut T, Option<Secret>)) -> Self {
        Self::new(name, help, Setter::Secret(set)).content(Content::Secret)
    }

    /// Returns an attribute whose text is used as it is, even if it is empty or has quotes around it.
    pub(super) const fn verbatim(name: &'static str, help: &'static str, set: fn(&mut T, String)) -> Self {
        Self::new(name, help, Setter::Verbatim(set)).content(Content::Free)
    }

    pub(super) const fn bool(name: &'static str, help: &'static str, set: fn(&mut T, bool)) -> Self {
        Self::new(name, help, Setter::Bool(set))
    }

    pub(super) const fn number(name: &'static str, help: &'static str, set: fn(&mut T, NonZeroU32)) -> Self {
        Self::new(name, help, Setter::Number(set))
    }

    pub(super) const fn duration(name: &'static str, help: &'static str, set: fn(&mut T, Duration)) -> Self {
        Self::new(name, help, Setter::Duration(set))
    }

    /// Returns an attribute with a grammar of its own.
    pub(super) const fn parsed(
        name: &'static str,
        help: &'static str,
        set: fn(&mut T, AttributeValue<'_>) -> Result<()>,
    ) -> Self {
        Self::new(name, help, Setter::Parsed(set))
    }

    /// Returns an attribute that is accepted, whatever its value, and has no effect.
    pub(super) const fn ignored(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Setter::Ignored)
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.about.aliases = aliases;
        self
    }

    pub(super) const fn content(mut self, content: Content) -> Self {
        self.about.content = content;
        self
    }

    fn set(&self, part: &mut T, value: AttributeValue<'_>) -> Result<()> {
        match self.set {
            Setter::Text(set) => set(part, value.text()),
            Setter::Secret(set) => set(part, value.text().map(Secret::from)),
            Setter::Verbatim(set) => set(part, value.text.to_owned()),
            Setter::Bool(set) => set(part, value.bool()?),
            Setter::Number(set) => set(part, value.number()?),
            Setter::Duration(set) => set(part, value.duration()?),
            Setter::Parsed(set) => set(part, value)?,
            Setter::Ignored => {}
        }
        Ok(())
    }
}

/// Sets the value in `part` if its table has the attribute. Returns whether it does.
///
/// # Errors
/// [`Error::Usage`](crate::base::Error::Usage) if the value is not valid.
pub(super) fn set<T>(table: &[Attribute<T>], part: &mut T, value: AttributeValue<'_>) -> Result<bool> {
    match table.iter().find(|attribute| attribute.about.name == value.name) {
        Some(attribute) => attribute.set(part, value).map(|()| true),
        None => Ok(false),
    }
}

/// Returns the attributes of a table.
pub(super) fn all<T>(table: &'static [Attribute<T>]) -> impl Iterator<Item = About> {
    table.iter().map(|attribute| attribute.about)
}
