//! Caches of related builds, as BuildKit would export them.
//!
//! The steps of a build have keys from their definition, and some of their inputs also keys from their content. Some
//! steps create the same files each time, others do not. A build may continue an earlier one, changed or not.

use std::collections::HashMap;
use std::mem;

use proptest::prelude::*;

use crate::base::Digest;
use crate::cache_config::tests::{annotations, blob, time};
use crate::cache_config::{CacheConfig, CacheConfigBuilder, LayerId, RecordId};

/// Pseudo-random numbers (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % bound
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

struct Operation {
    inputs: usize,
    reproducible: bool,
    /// The selector of the content of each input that is also known by its content.
    by_content: Vec<Option<&'static str>>,
    has_result: bool,
}

/// A base image or an operation, and the steps that it takes as inputs.
type Step = (usize, Vec<usize>);

/// What earlier builds created: the content and the minute, by definition or by content of the inputs.
type Runs = HashMap<String, (String, usize)>;

fn operations(random: &mut Random) -> Vec<Operation> {
    let count = 3 + random.below(6);
    let operation = |at| {
        let inputs = if at > 0 && random.chance(25) { 2 } else { 1 };
        let by_content = (0..inputs).map(|input| {
            random.chance(if input == 0 { 30 } else { 80 }).then(|| if random.chance(33) { "x" } else { "" })
        });
        let by_content = by_content.collect();
        Operation { inputs, reproducible: random.chance(50), by_content, has_result: random.chance(93) }
    };
    (0..count).map(operation).collect()
}

fn program(operations: &[Operation], random: &mut Random) -> Vec<Step> {
    let mut steps = vec![(random.below(2), Vec::new())];
    for _ in 0..1 + random.below(7) {
        let at = random.below(operations.len());
        let recent = steps.len().saturating_sub(2);
        let inputs = (0..operations[at].inputs).map(|_| recent + random.below(steps.len() - recent)).collect();
        steps.push((at, inputs));
    }
    steps
}

fn vary(mut steps: Vec<Step>, operations: &[Operation], random: &mut Random) -> Vec<Step> {
    for _ in 0..random.below(3) {
        let step = random.below(steps.len());
        let inputs =
            if step > 0 && random.chance(70) { steps[step].1.clone() } else { vec![random.below(steps.len())] };
        let fitting: Vec<usize> = (0..operations.len()).filter(|at| operations[*at].inputs == inputs.len()).collect();
        let operation = fitting[random.below(fitting.len())];
        match step > 0 && inputs == steps[step].1 {
            true => steps[step].0 = operation,
            false => steps.push((operation, inputs)),
        }
    }
    steps
}

/// A finished step.
struct Built {
    definition: String,
    content: String,
    layer: LayerId,
    record: RecordId,
}

fn build(steps: &[Step], operations: &[Operation], start: usize, runs: &mut Runs) -> CacheConfig {
    let mut builder = CacheConfigBuilder::new();
    let minutes = |minute: usize| time(&format!("2026-01-02T{:02}:{:02}:00Z", minute / 60 % 24, minute % 60));
    let mut built: Vec<Built> = Vec::new();
    for (at, (operation, inputs)) in steps.iter().enumerate() {
        if inputs.is_empty() {
            let name = format!("base {operation}");
            let layer = builder.layer(blob(&name), None, annotations(&name));
            let record = builder.record(name.as_str(), []);
            builder.result(record, layer, minutes(0));
            built.push(Built { definition: name.clone(), content: name, layer, record });
            continue;
        }
        let Operation { reproducible, by_content, has_result, .. } = &operations[*operation];
        let known = |content: bool| {
            let names = inputs.iter().zip(by_content).map(|(input, by_content)| {
                let input = &built[*input];
                if content && by_content.is_some() { &input.content } else { &input.definition }
            });
            Digest::of(format!("{operation} {:?}", names.collect::<Vec<_>>()).as_bytes()).to_string()
        };
        let keys = [known(false), known(true)];
        let earlier = keys.iter().find_map(|key| runs.get(key).cloned());
        let contents: Vec<&String> = inputs.iter().map(|input| &built[*input].content).collect();
        let salt = if *reproducible { String::new() } else { format!("{start} {at}") };
        let fresh = || Digest::of(format!("{operation} {contents:?} {salt}").as_bytes()).to_string();
        let (content, minute) = earlier.unwrap_or_else(|| (fresh(), start + at));
        let [definition, by_inputs] = keys;
        runs.insert(definition.clone(), (content.clone(), minute));
        runs.insert(by_inputs, (content.clone(), minute));
        let layer = builder.layer(blob(&content), Some(built[inputs[0]].layer), annotations(&content));
        let mut lists = Vec::new();
        for (place, (input, selector)) in inputs.iter().zip(by_content).enumerate() {
            let mut links = vec![(built[*input].record, "")];
            if let Some(selector) = selector {
                let key = builder.record(format!("content of {}", built[*input].content), []);
                links.push((key, *selector));
                // BuildKit leaves out the definition of what an operation takes only as files.
                links.drain(..usize::from(place > 0 && operation % 3 == 0));
            }
            lists.push(links);
        }
        let record = builder.record(format!("step {operation}"), lists);
        if *has_result {
            builder.result(record, layer, minutes(minute));
        }
        built.push(Built { definition, content, layer, record });
    }
    builder.build().unwrap()
}

/// Generates the caches of some related builds.
pub(super) fn builds(count: usize) -> impl Strategy<Value = Vec<CacheConfig>> {
    any::<u64>().prop_map(move |seed| {
        let mut random = Random::new(seed);
        let operations = operations(&mut random);
        let mut steps = program(&operations, &mut random);
        let mut runs = Runs::new();
        let build = |at: usize| {
            let changed = vary(steps.clone(), &operations, &mut random);
            let mut own = if random.chance(40) { runs.clone() } else { Runs::new() };
            let config = build(&changed, &operations, 10 + at * 100, &mut own);
            if random.chance(50) {
                steps = changed;
            }
            if random.chance(70) {
                runs = mem::take(&mut own);
            }
            config
        };
        (0..count).map(build).collect()
    })
}
