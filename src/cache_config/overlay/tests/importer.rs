//! A model of BuildKit's importer (`cache/remotecache/v1`), which decides what BuildKit can use of a config.
//!
//! It first adds each record to a set of items, and merges records that share one link in each input
//! (`CacheChains.Add`). Then it walks from each leaf towards the roots and stores the links (`addItemToStorage`). Below
//! all leaves but the first, an item that was already stored loses links. The order of maps is random there, and so is
//! every choice here.

use std::collections::{BTreeMap, BTreeSet};

use super::builds::Random;
use crate::cache_config::tests::generated::reordered;
use crate::cache_config::{Alternatives, CacheConfig, Input, Record, RecordIndex};

/// What an item is linked by: selector, input, digest.
type Key = (String, usize, String);

#[derive(Default)]
struct Item {
    digest: String,
    results: BTreeSet<String>,
    children: BTreeMap<Key, BTreeSet<usize>>,
    parents: Vec<BTreeSet<(usize, String)>>,
}

struct Importer<'a> {
    config: &'a CacheConfig,
    random: &'a mut Random,
    items: Vec<Item>,
    roots: BTreeMap<String, usize>,
    /// The item of each record, by position.
    item_of: Vec<Option<usize>>,
    /// The stored links: from an item, by a key, to items.
    links: BTreeMap<(usize, Key), Vec<usize>>,
    stored: BTreeSet<usize>,
}

impl Importer<'_> {
    fn parse(&mut self, at: usize) -> usize {
        if let Some(item) = self.item_of[at] {
            return item;
        }
        let record = self.config.records[at].clone();
        let mut inputs: Vec<Vec<(usize, String)>> = Vec::new();
        for list in &record.inputs {
            assert!(!list.is_empty());
            inputs.push(list.iter().map(|input| (self.parse(input.link.0), input.selector.to_string())).collect());
        }
        let item = self.add(&record, inputs);
        self.item_of[at] = Some(item);
        item
    }

    fn add(&mut self, record: &Record, mut inputs: Vec<Vec<(usize, String)>>) -> usize {
        let results = record.results.iter().map(|result| format!("{result:?}"));
        let results: BTreeSet<String> = results.chain(record.chains.iter().map(|chain| format!("{chain:?}"))).collect();
        let digest = record.digest.to_string();
        let known = match inputs.is_empty() {
            true => self.roots.get(&digest).copied(),
            false => self.known(&digest, &inputs),
        };
        let item = known.unwrap_or_else(|| {
            self.items.push(Item { digest: digest.clone(), ..Item::default() });
            self.items.len() - 1
        });
        self.items[item].results.extend(results);
        if inputs.is_empty() {
            self.roots.insert(digest, item);
        } else if known.is_some() {
            let below = self.below(item);
            inputs.iter_mut().for_each(|links| links.retain(|(source, _)| !below.contains(source)));
        }
        for (input, links) in inputs.into_iter().enumerate() {
            for (source, selector) in links {
                let key = (selector.clone(), input, self.items[item].digest.clone());
                if self.items[source].children.entry(key).or_default().insert(item) {
                    let parents = &mut self.items[item].parents;
                    parents.resize(parents.len().max(input + 1), BTreeSet::new());
                    parents[input].insert((source, selector));
                }
            }
        }
        item
    }

    /// Returns the item that shares a link in each input. If there are several, they are merged into one of them.
    fn known(&mut self, digest: &str, inputs: &[Vec<(usize, String)>]) -> Option<usize> {
        let sharing = inputs.iter().enumerate().map(|(input, links)| {
            let children = |(source, selector): &(usize, String)| {
                let key = (selector.clone(), input, digest.to_owned());
                self.items[*source].children.get(&key).cloned().unwrap_or_default()
            };
            links.iter().flat_map(children).collect::<BTreeSet<usize>>()
        });
        let mut found: Vec<usize> = sharing.reduce(|all, next| &all & &next)?.into_iter().collect();
        self.random.shuffle(&mut found);
        let main = found.pop()?;
        for other in found {
            for (key, children) in self.items[other].children.clone() {
                for child in children {
                    self.items[main].children.entry(key.clone()).or_default().insert(child);
                    for parents in &mut self.items[child].parents {
                        let moved = |(source, selector)| (if source == other { main } else { source }, selector);
                        *parents = std::mem::take(parents).into_iter().map(moved).collect();
                    }
                }
            }
            let results = self.items[other].results.clone();
            self.items[main].results.extend(results);
        }
        Some(main)
    }

    /// Returns an item and all items that link to it, directly or through others.
    fn below(&self, item: usize) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![item]);
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(self.items[at].children.values().flatten());
            }
        }
        seen
    }

    fn store(&mut self) {
        let mut leaves: BTreeSet<usize> = self.roots.values().flat_map(|root| self.below(*root)).collect();
        leaves.retain(|item| self.items[*item].children.is_empty());
        let mut leaves: Vec<usize> = leaves.into_iter().collect();
        self.random.shuffle(&mut leaves);
        for leaf in leaves {
            self.store_item(leaf, &mut BTreeMap::new());
        }
    }

    /// Stores an item and what it links to. Returns whether the walk that comes from it may add a link to it.
    fn store_item(&mut self, item: usize, visited: &mut BTreeMap<usize, bool>) -> bool {
        if let Some(known) = visited.get(&item) {
            return *known;
        }
        visited.insert(item, false);
        if self.stored.contains(&item) {
            return true;
        }
        for (input, parents) in self.items[item].parents.clone().into_iter().enumerate() {
            let mut parents: Vec<(usize, String)> = parents.into_iter().collect();
            self.random.shuffle(&mut parents);
            for (source, selector) in parents {
                if self.store_item(source, visited) {
                    let key = (selector, input, self.items[item].digest.clone());
                    self.links.entry((source, key)).or_default().push(item);
                }
            }
        }
        self.stored.insert(item);
        visited.insert(item, true);
        true
    }
}

/// Returns the config with one more record that links to all leaves, if there are several.
pub(super) fn with_crown(config: &CacheConfig) -> CacheConfig {
    let mut crowned = config.clone();
    let linked: BTreeSet<usize> =
        config.records.iter().flat_map(|record| record.inputs.iter().flatten()).map(|input| input.link.0).collect();
    let leaves = (0..config.records.len()).filter(|at| !linked.contains(at));
    let links: Vec<Input> = leaves.map(|at| Input { selector: "".into(), link: RecordIndex(at) }).collect();
    if links.len() > 1 {
        let inputs = Box::new([Alternatives::new(links)]);
        crowned.records.push(Record { digest: "crown".into(), inputs, results: [].into(), chains: [].into() });
    }
    crowned
}

/// Imports a config with its records in random order. Returns what went wrong: merged records, lost records, links and
/// results.
pub(super) fn import(config: &CacheConfig, random: &mut Random) -> Vec<String> {
    let mut order: Vec<usize> = (0..config.records.len()).collect();
    random.shuffle(&mut order);
    let layers: Vec<usize> = (0..config.layers.len()).collect();
    let config = &reordered(config, &layers, &order);
    let item_of = vec![None; config.records.len()];
    let (items, roots, links) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut importer = Importer { config, random, items, roots, item_of, links, stored: BTreeSet::new() };
    for at in 0..config.records.len() {
        importer.parse(at);
    }
    importer.store();
    let mut wrong = Vec::new();
    let item = |at: usize| importer.item_of[at].unwrap();
    let mut seen = BTreeSet::new();
    for (at, record) in config.records.iter().enumerate() {
        if !seen.insert(item(at)) {
            wrong.push(format!("{} was merged with another record", record.digest));
        }
        if !importer.stored.contains(&item(at)) {
            wrong.push(format!("{} was lost", record.digest));
        }
        if importer.items[item(at)].results.len() != record.results.len() + record.chains.len() {
            wrong.push(format!("{} has other results", record.digest));
        }
        for (input, link) in record.inputs.iter().enumerate().flat_map(|(input, l)| l.iter().map(move |l| (input, l))) {
            let key = (link.selector.to_string(), input, record.digest.to_string());
            let targets = importer.links.get(&(item(link.link.0), key));
            if !targets.is_some_and(|targets| targets.contains(&item(at))) {
                wrong.push(format!("{} lost a link of input {input}", record.digest));
            }
        }
    }
    wrong
}
