//! The manifests that an operation concerns.

use crate::bucket::glob::Glob;
use crate::config::KeyLayout;

/// The names of the manifests that an operation concerns: all, or those that are given, exactly or by patterns.
///
/// In a pattern, `*` matches any characters, `?` one, `[a-z]` one of a set, and `[!a-z]` one that is not in it. A name is
/// not a path, so `/` is a character like any other.
///
/// ```
/// use s3_build_cache::inspect::Names;
///
/// let names = Names::matching(["main", "pr-*"]);
/// assert!(names.contains("main") && names.contains("pr-12/arm64"));
/// assert!(!names.contains("main-2"));
/// assert!(Names::all().contains("main-2"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(Option<Vec<Name>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Exact(String),
    Pattern(Glob),
}

impl Names {
    /// Returns all names.
    pub fn all() -> Self {
        Self(None)
    }

    /// Returns these names, each exact or a pattern.
    pub fn matching(names: impl IntoIterator<Item: Into<String>>) -> Self {
        let name =
            |name: String| if Glob::is_pattern(&name) { Name::Pattern(Glob::new(&name)) } else { Name::Exact(name) };
        Self(Some(names.into_iter().map(|text| name(text.into())).collect()))
    }

    /// Returns the names given in the attributes of a cache, or all if none is given.
    pub fn of(keys: &KeyLayout) -> Self {
        if keys.names_given { Self::matching(&keys.names) } else { Self::all() }
    }

    /// Returns whether the name is one of these.
    pub fn contains(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| {
            names.iter().any(|known| match known {
                Name::Exact(exact) => exact == name,
                Name::Pattern(glob) => glob.matches(name),
            })
        })
    }

    /// Returns whether these are all names.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Returns whether all names are given exactly.
    pub fn are_exact(&self) -> bool {
        self.0.as_ref().is_some_and(|names| names.iter().all(|name| matches!(name, Name::Exact(_))))
    }

    /// Returns the names that are given exactly. A manifest of such a name is expected to exist.
    pub fn exact(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().filter_map(|name| match name {
            Name::Exact(exact) => Some(exact.as_str()),
            Name::Pattern(_) => None,
        })
    }

    /// Returns the characters with which each of these names begins, to list no others.
    pub(crate) fn start(&self) -> String {
        let mut starts = self.0.iter().flatten().map(|name| match name {
            Name::Exact(exact) => exact.clone(),
            Name::Pattern(glob) => glob.start(),
        });
        let first = starts.next().unwrap_or_default();
        starts.fold(first, |common, start| {
            common.chars().zip(start.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CacheOptions;

    fn names(attributes: &str) -> Names {
        let options: CacheOptions = format!("type=s3,bucket=my-cache{attributes}").parse().unwrap();
        Names::of(options.keys())
    }

    #[test]
    fn without_a_name_all_manifests_are_meant() {
        assert!(names("").is_all() && names("").contains("anything"));
        for given in [names(",name=buildkit"), Names::matching(["buildkit"])] {
            assert!(!given.is_all() && given.contains("buildkit") && !given.contains("anything"));
        }
        let mut builder = CacheOptions::builder("my-cache".parse().unwrap());
        builder.keys.names = vec!["app".to_owned()];
        assert!(!Names::of(builder.build().unwrap().keys()).contains("main"));
    }

    #[test]
    fn exact_names_and_patterns_can_be_mixed() {
        let names = names(",name=main;pr-*");
        assert!(names.contains("main") && names.contains("pr-7") && !names.contains("pr"));
        assert_eq!(names.exact().collect::<Vec<_>>(), ["main"]);
    }

    #[test]
    fn the_common_start_is_listed() {
        for (given, start) in [
            (&["pr-*"][..], "pr-"),
            (&["pr-1*", "pr-2"], "pr-"),
            (&["main", "pr-*"], ""),
            (&["main"], "main"),
            (&[], ""),
        ] {
            assert_eq!(Names::matching(given.iter().copied()).start(), start, "{given:?}");
        }
        assert_eq!(Names::all().start(), "");
    }
}
