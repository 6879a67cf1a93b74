//! Finds the name that a misspelt or half-remembered word stands for.

/// The maximum number of suggested names.
const MAX_NAMES: usize = 3;
/// A shorter prefix identifies a word too poorly.
const MIN_PREFIX: usize = 3;
/// Vendor prefixes from other tools' configuration, which add nothing to a name.
const VENDORS: &[&str] = &["aws_", "s3_", "amz_"];

/// Returns the names that `word` most likely stands for, nearest first; empty if none is close.
///
/// `aliases` lists other tools' names as (alias, name).
pub fn did_you_mean<'a>(word: &str, names: &[&'a str], aliases: &[(&str, &'a str)]) -> Vec<&'a str> {
    let word = normalized(word);
    let word = VENDORS.iter().find_map(|vendor| word.strip_prefix(vendor)).unwrap_or(&word);
    if word.is_empty() {
        return Vec::new();
    }
    let joined = |text: &str| normalized(text).replace('_', "");
    if let Some(name) = names.iter().find(|name| joined(name) == joined(word)) {
        return vec![name];
    }
    if let Some((_, name)) = aliases.iter().find(|(alias, _)| joined(alias) == joined(word)) {
        return vec![name];
    }
    let typos = nearest(names, |name| {
        let name = normalized(name);
        let most = if word.len().max(name.len()) <= 4 { 1 } else { 2 };
        Some(distance(word, &name)).filter(|distance| *distance <= most)
    });
    if typos.is_empty() { nearest(names, |name| words_apart(word, &normalized(name))) } else { typos }
}

/// Returns `did you mean a, b or c?`, or `None` if `names` is empty.
pub fn question(names: &[&str]) -> Option<String> {
    let (last, others) = names.split_last()?;
    let others = others.join(", ");
    Some(if others.is_empty() { format!("did you mean {last}?") } else { format!("did you mean {others} or {last}?") })
}

fn normalized(text: &str) -> String {
    text.trim_start_matches('-').to_ascii_lowercase().replace('-', "_")
}

/// Returns the names with the smallest distance, in their original order.
fn nearest<'a>(names: &[&'a str], distance: impl Fn(&str) -> Option<usize>) -> Vec<&'a str> {
    let known: Vec<_> = names.iter().filter_map(|name| Some((distance(name)?, *name))).collect();
    let least = known.iter().map(|(distance, _)| *distance).min();
    known.iter().filter(|(distance, _)| Some(*distance) == least).map(|(_, name)| *name).take(MAX_NAMES).collect()
}

/// Returns how many more words one has than the other, or `None` unless the words of one include all words of the
/// other.
fn words_apart(word: &str, name: &str) -> Option<usize> {
    let (words, of_name): (Vec<_>, Vec<_>) = (word.split('_').collect(), name.split('_').collect());
    let known = words.iter().filter(|word| of_name.iter().any(|other| same_word(word, other))).count();
    (known == words.len() || known == of_name.len()).then(|| words.len().abs_diff(of_name.len()))
}

fn same_word(word: &str, other: &str) -> bool {
    word == other || word.strip_suffix('s') == Some(other) || (word.len() >= MIN_PREFIX && other.starts_with(word))
}

/// Returns the number of edits that turn `a` into `b`: changing, adding or removing a letter, or swapping two
/// neighbours.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, from) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let changed = cell(&row, j) + usize::from(from != to);
            let mut best = changed.min(left + 1).min(cell(&row, j + 1) + 1);
            let swapped = j > 0 && last == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(cell(&before, j - 1) + 1);
            }
            next.push(best);
            left = best;
        }
        last = Some(from);
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_one_change() {
        for (a, b, expected) in
            [("", "", 0), ("", "ab", 2), ("name", "name", 0), ("nmae", "name", 1), ("names", "name", 1), ("ab", "c", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn typos_come_before_parts_and_ties_are_all_named() {
        let names =
            ["name", "endpoint_url", "use_accelerate_endpoint", "access_key_id", "secret_access_key", "dry-run"];
        let aliases = [("host", "endpoint_url")];
        for (word, expected) in [
            ("names", &["name"][..]),
            ("nmae", &["name"]),
            ("endpoint", &["endpoint_url"]),
            ("endpoint-url", &["endpoint_url"]),
            ("aws_endpoint_url_s3", &["endpoint_url"]),
            ("accelerate", &["use_accelerate_endpoint"]),
            ("key", &["access_key_id", "secret_access_key"]),
            ("AWS_ACCESS_KEY_ID", &["access_key_id"]),
            ("host", &["endpoint_url"]),
            ("dryrun", &["dry-run"]),
            ("--dry_run", &["dry-run"]),
            ("dry", &["dry-run"]),
            ("x", &[]),
            ("", &[]),
            ("nonsense", &[]),
        ] {
            assert_eq!(did_you_mean(word, &names, &aliases), expected, "{word}");
        }
    }

    #[test]
    fn a_question_lists_the_names() {
        assert_eq!(question(&[]), None);
        assert_eq!(question(&["a"]).as_deref(), Some("did you mean a?"));
        assert_eq!(question(&["a", "b", "c"]).as_deref(), Some("did you mean a, b or c?"));
    }
}
