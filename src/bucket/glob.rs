//! Patterns for the names of manifests.

/// A pattern: `*` matches any characters, `?` one, `[a-z]` one of a set, `[!a-z]` one that is not in it. A name is not a
/// path, so `/` is a character like any other. A `[` that nothing closes stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    One(char),
    Any,
    AnyNumber,
    Set { ranges: Vec<(char, char)>, negated: bool },
}

impl Glob {
    /// Returns whether the text is a pattern that can match other texts than itself.
    pub(super) fn is_pattern(text: &str) -> bool {
        Self::new(text).0.iter().any(|token| !matches!(token, Token::One(_)))
    }

    pub(super) fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            tokens.push(match c {
                '*' => Token::AnyNumber,
                '?' => Token::Any,
                '[' => match set(rest.as_str()) {
                    Some((token, after)) => {
                        rest = after.chars();
                        token
                    }
                    None => Token::One(c),
                },
                c => Token::One(c),
            });
        }
        Self(tokens)
    }

    /// Returns the characters with which every match begins.
    pub(super) fn start(&self) -> String {
        self.0.iter().map_while(|token| if let Token::One(c) = token { Some(*c) } else { None }).collect()
    }

    /// Takes time proportional to the product of the lengths, because only the last `*` is tried again.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut token, mut at) = (0, 0);
        // The token after the last `*`, and where its match begins next.
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() || token < self.0.len() {
            match (self.0.get(token), text.get(at)) {
                (Some(Token::AnyNumber), _) => {
                    token += 1;
                    retry = Some((token, at + 1));
                }
                (Some(one), Some(c)) if one.accepts(*c) => (token, at) = (token + 1, at + 1),
                _ => match retry {
                    Some((after, next)) if next <= text.len() => {
                        (token, at) = (after, next);
                        retry = Some((after, next + 1));
                    }
                    _ => return false,
                },
            }
        }
        true
    }
}

impl Token {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::One(one) => *one == c,
            Self::Any => true,
            Self::AnyNumber => false,
            Self::Set { ranges, negated } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

/// Reads a set after its `[`. Returns it with the rest of the pattern, or `None` if the set does not end.
fn set(text: &str) -> Option<(Token, &str)> {
    let negated = text.starts_with(['!', '^']);
    let body = if negated { text.get(1..)? } else { text };
    // A `]` that comes first is in the set.
    let end = body.char_indices().skip(1).find(|(_, c)| *c == ']')?.0;
    let mut members = body.get(..end)?.chars().peekable();
    let mut ranges = Vec::new();
    while let Some(low) = members.next() {
        let mut ahead = members.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                members = ahead;
                ranges.push((low, high));
            }
            _ => ranges.push((low, low)),
        }
    }
    Some((Token::Set { ranges, negated }, body.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell_but_across_slashes() {
        for (pattern, matching, others) in [
            ("*", &["", "a", "a/b"][..], &[][..]),
            ("pr-*", &["pr-", "pr-1", "pr-1/x"], &["pr", "xpr-1"]),
            ("*-cache", &["-cache", "a-cache-cache"], &["a-cache-", "cache"]),
            ("a*b*c", &["abc", "axbxbxc", "abbcc"], &["ab", "acb", "abcd"]),
            ("pr-?", &["pr-1", "pr-ü", "pr-/"], &["pr-", "pr-12"]),
            ("v[0-9]", &["v0", "v9"], &["va", "v", "v10"]),
            ("v[!0-9]", &["va", "v/"], &["v0", "v"]),
            ("v[^a]", &["vb"], &["va"]),
            ("[]x]", &["]", "x"], &["y", "[]x]"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("a[b", &["a[b"], &["ab"]),
            ("[[]", &["["], &["[[]"]),
            ("plain", &["plain"], &["plain2", ""]),
        ] {
            let glob = Glob::new(pattern);
            assert!(matching.iter().all(|text| glob.matches(text)), "{pattern}");
            assert!(!others.iter().any(|text| glob.matches(text)), "{pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_little_time() {
        let text = "a".repeat(5000);
        assert!(!Glob::new(&"*a".repeat(500)).matches(&format!("{text}b")));
        assert!(Glob::new(&"*a".repeat(500)).matches(&text));
    }

    #[test]
    fn only_wildcards_make_a_pattern() {
        for (text, is_pattern, start) in [
            ("main", false, "main"),
            ("a[b", false, "a[b"),
            ("pr-*", true, "pr-"),
            ("v[0-9]x", true, "v"),
            ("?", true, ""),
        ] {
            assert_eq!((Glob::is_pattern(text), Glob::new(text).start().as_str()), (is_pattern, start), "{text}");
        }
    }
}
