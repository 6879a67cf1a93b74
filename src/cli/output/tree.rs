//! A tree of text.

/// Branches below this depth are not indented further.
const MOST_LEVELS: usize = 40;

/// Returns the lines of a tree. `nodes` are the text and the parent of each node. A chain of nodes with one child each is
/// not indented, because a stack of layers may be long: each is on top of the one in the line before.
pub(crate) fn lines(nodes: &[(String, Option<usize>)]) -> Vec<String> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut roots = Vec::new();
    for (at, (_, parent)) in nodes.iter().enumerate() {
        match parent.and_then(|parent| children.get_mut(parent)) {
            Some(children) => children.push(at),
            None => roots.push(at),
        }
    }
    let (mut lines, mut levels): (Vec<String>, Vec<(Vec<usize>, usize)>) = (Vec::new(), vec![(roots, 0)]);
    while let Some((siblings, next)) = levels.last_mut() {
        let Some(at) = siblings.get(*next).copied() else {
            levels.pop();
            continue;
        };
        *next += 1;
        let (before, below) = margins(&levels);
        let mut chain = Some(at);
        let mut margin = before;
        while let Some(at) = chain {
            let Some((text, _)) = nodes.get(at) else { break };
            lines.push(format!("{margin}{text}"));
            margin.clone_from(&below);
            let above = children.get_mut(at).map(std::mem::take).unwrap_or_default();
            chain = match above.as_slice() {
                [one] => Some(*one),
                [] => None,
                _ => {
                    levels.push((above, 0));
                    None
                }
            };
        }
    }
    lines
}

/// Returns the margin of the node that was taken last, and of the rest of its chain.
fn margins(levels: &[(Vec<usize>, usize)]) -> (String, String) {
    let mut margin = String::new();
    let Some(((siblings, next), outer)) = levels.split_last() else { return Default::default() };
    for (siblings, next) in outer.iter().take(MOST_LEVELS) {
        margin.push_str(if *next < siblings.len() { "│  " } else { "   " });
    }
    let has_more = *next < siblings.len();
    let (branch, rest) = if has_more { ("├─ ", "│  ") } else { ("└─ ", "   ") };
    (format!("{margin}{branch}"), format!("{margin}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(parents: &[Option<usize>]) -> Vec<String> {
        lines(&parents.iter().enumerate().map(|(at, parent)| (at.to_string(), *parent)).collect::<Vec<_>>())
    }

    #[test]
    fn branches_are_indented_and_chains_are_not() {
        let parents = [None, Some(0), Some(1), Some(2), Some(2), None];
        assert_eq!(tree(&parents), ["├─ 0", "│  1", "│  2", "│  ├─ 3", "│  └─ 4", "└─ 5"]);
        assert_eq!(tree(&[Some(1), None]), ["└─ 1", "   0"]);
        assert!(tree(&[]).is_empty());
    }

    #[test]
    fn a_deep_tree_takes_little_space() {
        let chain: Vec<Option<usize>> = (0..100_000_usize).map(|at| at.checked_sub(1)).collect();
        assert_eq!(tree(&chain).len(), 100_000);
        // Each even node has two children.
        let comb: Vec<Option<usize>> = (0..10_000_usize).map(|at| at.checked_sub(1).map(|at| at / 2 * 2)).collect();
        let lines = tree(&comb);
        assert_eq!(lines.len(), 10_000);
        assert!(lines.iter().all(|line| line.chars().count() < 3 * MOST_LEVELS + 10));
    }
}
