//! Crowns: which records are removed on reading, and which is added on writing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::base::Digest;
use crate::cache_config::canonical::canonical;
use crate::cache_config::crown::CROWN_DIGEST;
use crate::cache_config::tests::generated::{config, reordered, some_blobs};
use crate::cache_config::tests::{blob, layer_json, refusal, time};
use crate::cache_config::{Alternatives, CacheConfig, CacheConfigBuilder, Crown, Input, Record, RecordIndex};

const CHOICES: [Crown; 3] = [Crown::Omit, Crown::Plain, Crown::Timed];

/// What the links of a crown have as selectors; only the first two are times.
const SELECTORS: [&str; 8] = [
    "2026-11-26T10:00:00Z",
    "2026-11-26T11:00:00Z",
    "",
    "2026-11-26T12:00:00.5Z",
    "2026-11-26T12:00:00+01:00",
    "2026-11-26T12:00:00z",
    "2026-11-26",
    "/src",
];
const TIMES: usize = 2;

fn read(json: &str) -> CacheConfig {
    CacheConfig::from_s3_json(json.as_bytes()).unwrap()
}

/// Returns the times by record, as text.
fn times(config: &CacheConfig) -> BTreeMap<usize, String> {
    config.leaf_times().iter().map(|(record, time)| (record.get(), time.to_string())).collect()
}

/// Returns a config with these records, after one layer.
fn with_records(records: &str) -> String {
    format!(r#"{{"layers":[{}],"records":[{records}]}}"#, layer_json("a", r#","parent":-1"#))
}

/// Returns a record with the digest of a crown, with these links.
fn crown(links: &str) -> String {
    format!(r#"{{"digest":"{CROWN_DIGEST}","inputs":[[{links}]]}}"#)
}

/// A generated file: the records of `config` with crowns between them, and the times that the crowns hold.
#[derive(Debug)]
struct Crowned {
    config: CacheConfig,
    file: Vec<u8>,
    times: BTreeMap<usize, String>,
}

/// Adds a crown for each list of links, then moves the crowns to `places` among the records.
fn crowned(config: CacheConfig, crowns: &[Vec<(usize, usize)>], places: &[usize]) -> Crowned {
    let ordinary = config.records.len();
    let (mut all, mut times) = (config.clone(), BTreeMap::new());
    for links in crowns {
        let (mut inputs, known) = (Vec::new(), all.records.len());
        for (link, selector) in links.iter().filter(|_| known > 0) {
            let link = link % known;
            inputs.push(Input { selector: SELECTORS[*selector].into(), link: RecordIndex(link) });
            if link < ordinary && *selector < TIMES {
                let latest: &mut &str = times.entry(link).or_default();
                *latest = SELECTORS[*selector].max(latest);
            }
        }
        let inputs = (!inputs.is_empty()).then(|| Alternatives::new(inputs)).into_iter().collect();
        let (results, chains) = (Box::default(), Box::default());
        all.records.push(Record { digest: CROWN_DIGEST.into(), inputs, results, chains });
    }
    let mut order: Vec<usize> = (0..ordinary).collect();
    for (at, place) in (ordinary..all.records.len()).zip(places) {
        order.insert(place % (order.len() + 1), at);
    }
    let layers: Vec<usize> = (0..all.layers.len()).collect();
    let file = reordered(&all, &layers, &order).to_s3_json_with(Crown::Omit);
    Crowned { config, file, times: times.into_iter().map(|(at, time)| (at, time.to_owned())).collect() }
}

/// Generates files with up to three crowns anywhere, also with crowns of crowns.
fn crowned_files() -> impl Strategy<Value = Crowned> {
    let links = vec((0..1000_usize, 0..SELECTORS.len()), 0..6);
    (config(), vec(links, 0..4), vec(0..100_usize, 4))
        .prop_map(|(config, crowns, places)| crowned(config, &crowns, &places))
}

proptest! {
    #[test]
    fn every_crown_is_removed_on_reading_and_its_times_are_kept(Crowned { config, file, times: expected } in crowned_files()) {
        let read = CacheConfig::from_s3_json(&file).unwrap();
        prop_assert_eq!(&read, &config);
        prop_assert_eq!(times(&read), expected);
    }

    #[test]
    fn at_most_one_crown_is_written_and_it_is_last(Crowned { file, .. } in crowned_files()) {
        let config = CacheConfig::from_s3_json(&file).unwrap();
        let plain: Value = serde_json::from_slice(&config.to_s3_json_with(Crown::Omit)).unwrap();
        let linked: BTreeSet<usize> =
            config.records.iter().flat_map(|record| record.inputs.iter().flatten()).map(|input| input.link.0).collect();
        let leaves: BTreeSet<usize> = (0..config.records.len()).filter(|at| !linked.contains(at)).collect();
        for crown in CHOICES {
            let times = if crown == Crown::Timed { times(&config) } else { BTreeMap::new() };
            let json = config.to_s3_json_with(crown);
            let mut written: Value = serde_json::from_slice(&json).unwrap();
            if crown != Crown::Omit && (leaves.len() > 1 || !times.is_empty()) {
                let last = written["records"].as_array_mut().unwrap().pop().unwrap();
                let links = leaves.iter().chain(times.keys()).copied().collect::<BTreeSet<usize>>();
                let link = |at: usize| match times.get(&at) {
                    Some(time) => json!({"selector": time, "link": at}),
                    None => json!({"link": at}),
                };
                let links: Vec<Value> = links.into_iter().map(link).collect();
                prop_assert_eq!(last, json!({"digest": CROWN_DIGEST, "inputs": [links]}));
            }
            prop_assert_eq!(&written, &plain);
        }
    }

    #[test]
    fn crowns_never_accumulate(Crowned { config, file, times: expected } in crowned_files()) {
        let mut last = CacheConfig::from_s3_json(&file).unwrap();
        for crown in [Crown::Timed, Crown::Timed, Crown::Plain, Crown::Plain, Crown::Timed, Crown::Omit] {
            let json = last.to_s3_json_with(crown);
            let again = CacheConfig::from_s3_json(&json).unwrap();
            prop_assert_eq!(&again, &config);
            prop_assert_eq!(times(&again), if crown == Crown::Timed { times(&last) } else { BTreeMap::new() });
            let descriptors = again.descriptors().collect::<Vec<_>>();
            let local = CacheConfig::from_local_json(&again.to_local_json(crown), &descriptors).unwrap();
            prop_assert_eq!(local.to_local_json(crown), again.to_local_json(crown));
            prop_assert_eq!(times(&local), times(&again));
            prop_assert_eq!(again.to_s3_json_with(crown), json);
            last = again;
        }
        prop_assert_eq!(expected, times(&CacheConfig::from_s3_json(&file).unwrap()));
    }

    #[test]
    fn times_follow_their_records(Crowned { file, .. } in crowned_files(), lost in some_blobs()) {
        let config = CacheConfig::from_s3_json(&file).unwrap();
        prop_assert_eq!(times(&config.clone().into_min().0), times(&config));
        prop_assert_eq!(times(&config.clone().without_blobs(&lost)), times(&config));
        // The subgraph of a record tells which one it is.
        let named = |config: &CacheConfig| {
            let mut named: BTreeMap<String, String> = BTreeMap::new();
            for (at, time) in times(config) {
                let latest = named.entry(subgraph(config, at)).or_default();
                *latest = time.max(latest.clone());
            }
            named
        };
        prop_assert_eq!(named(&canonical(&config)), named(&config));
    }
}

/// Returns a record's digest and the sets of what its inputs are, recursively.
fn subgraph(config: &CacheConfig, at: usize) -> String {
    let record = &config.records[at];
    let list = |list: &Alternatives| {
        let links = list.iter().map(|input| format!("{}:{}", input.selector, subgraph(config, input.link.0)));
        links.collect::<BTreeSet<String>>()
    };
    format!("{}{:?}", record.digest, record.inputs.iter().map(list).collect::<Vec<_>>())
}

#[test]
fn the_digest_is_that_of_its_text() {
    assert_eq!(CROWN_DIGEST, Digest::of(b"s3-build-cache: several leaves").to_string());
}

#[test]
fn a_config_with_one_leaf_is_written_without_a_crown() {
    let json = with_records(r#"{"digest":"root"},{"digest":"leaf","inputs":[[{"selector":"/x","link":0}]]}"#);
    let config = read(&json);
    let exact = config.to_s3_json_with(Crown::Omit);
    assert_eq!(CHOICES.map(|crown| config.to_s3_json_with(crown) == exact), [true; 3]);
    // The time of the only leaf is a reason for one.
    let crown = crown(r#"{"selector":"2026-11-26T10:00:00Z","link":1}"#);
    let timed = read(&json.replace("]}]}", &format!("]}},{crown}]}}")));
    assert_eq!(timed, config);
    let written = String::from_utf8(timed.to_s3_json_with(Crown::Timed)).unwrap();
    assert!(written.ends_with(&format!("]]}},{crown}]}}")), "{written}");
    assert_eq!(timed.to_s3_json(), exact);
}

#[test]
fn a_record_with_results_or_incoming_links_is_no_crown() {
    let leaves = r#"{"digest":"a"},{"digest":"b"}"#;
    let time = r#""createdAt":"2026-01-02T03:04:05Z""#;
    let links = r#""inputs":[[{"selector":"2026-11-26T10:00:00Z","link":0},{"link":1}]]"#;
    let other = CROWN_DIGEST.replace('f', "0");
    let above = format!(r#",{},{{"digest":"c","inputs":[[{{"link":3}}]]}}"#, crown(r#"{"link":2}"#));
    for (record, more) in [
        (format!(r#"{{"layers":[{{"layer":0,{time}}}],"digest":"{CROWN_DIGEST}",{links}}}"#), ""),
        (format!(r#"{{"chains":[{{"layers":[0],{time}}}],"digest":"{CROWN_DIGEST}",{links}}}"#), ""),
        (format!(r#"{{"chains":[{{"layers":[],{time}}}],"digest":"{CROWN_DIGEST}",{links}}}"#), ""),
        (format!(r#"{{"digest":"{CROWN_DIGEST}",{links}}}"#), r#",{"digest":"c","inputs":[[{"link":2}]]}"#),
        (format!(r#"{{"digest":"{CROWN_DIGEST}"}}"#), r#",{"digest":"c","inputs":[[{"link":2}]]}"#),
        // Not even if that is a record of the same kind.
        (format!(r#"{{"digest":"{CROWN_DIGEST}",{links}}}"#), &above),
        (format!(r#"{{"digest":"{other}",{links}}}"#), ""),
    ] {
        let records = format!("{leaves},{record}{more}");
        let config = read(&with_records(&records));
        assert_eq!(config.records.len(), 3 + more.matches("digest").count(), "{records}");
        assert_eq!(times(&config), BTreeMap::new());
        assert_eq!(CacheConfig::from_s3_json(&config.to_s3_json()).unwrap(), config);
        assert_eq!(read(&with_records(&format!("{records},{}", crown(r#"{"link":2}"#)))), config);
    }
}

#[test]
fn a_cycle_through_a_crown_is_refused() {
    let both = crown(r#"{"link":1}"#);
    assert!(refusal(&with_records(&format!("{both},{}", crown(r#"{"link":0}"#)))).contains("its own input"));
    assert!(refusal(&with_records(&crown(r#"{"link":0}"#))).contains("record 0 is its own input"));
    assert!(refusal(&with_records(&crown(""))).contains("input 0 is empty"));
    assert!(refusal(&with_records(&crown(r#"{"link":1}"#))).contains("link 1 is out of range"));
}

#[test]
fn a_crown_has_any_number_of_inputs() {
    let none = format!(r#"{{"digest":"a"}},{{"digest":"{CROWN_DIGEST}"}}"#);
    assert_eq!(read(&with_records(&none)).records.len(), 1);
    let [late, early] = [1, 0].map(|hour| format!(r#"{{"selector":"2026-11-26T1{hour}:00:00Z","link":0}}"#));
    let two = read(&with_records(&format!(r#"{{"digest":"a"}},{}"#, crown(&format!("{late}],[{early}")))));
    assert_eq!((two.records.len(), times(&two)), (1, [(0, "2026-11-26T11:00:00Z".to_owned())].into()));
}

#[test]
fn a_record_that_loses_its_results_may_become_a_crown() {
    let time = r#""createdAt":"2026-01-02T03:04:05Z""#;
    let links = r#"[[{"link":1},{"selector":"2026-11-26T10:00:00Z","link":2}]]"#;
    let record = format!(r#"{{"layers":[{{"layer":0,{time}}}],"digest":"{CROWN_DIGEST}","inputs":{links}}}"#);
    let below = crown(r#"{"selector":"2026-11-26T09:00:00Z","link":1}"#);
    let config = read(&with_records(&format!(r#"{record},{{"digest":"a"}},{{"digest":"b"}},{below}"#)));
    assert_eq!((config.records.len(), times(&config)), (3, [(1, "2026-11-26T09:00:00Z".to_owned())].into()));
    let rest = config.without_blobs(&[blob("a")].into());
    let both = [(0, "2026-11-26T09:00:00Z".to_owned()), (1, "2026-11-26T10:00:00Z".to_owned())];
    assert_eq!((rest.records.len(), times(&rest)), (2, both.into()));
    assert_eq!(CacheConfig::from_s3_json(&rest.to_s3_json()).unwrap(), rest);
}

#[test]
fn a_builder_adds_no_crown_of_the_callers() {
    let mut builder = CacheConfigBuilder::new();
    let leaves = ["a", "b"].map(|name| (builder.record(name, []), ""));
    builder.record(CROWN_DIGEST, [leaves.to_vec()]);
    let config = builder.build().unwrap();
    assert_eq!(config.records.iter().map(|record| &*record.digest).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(config.leaves().map(RecordIndex::get).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn huge_crowns_are_read_and_written() {
    const LONG: usize = 100_000;
    let list = |item: &dyn Fn(usize) -> String| (0..LONG).map(item).collect::<Vec<_>>().join(",");
    let leaves = list(&|_| r#"{"digest":"d"}"#.to_owned());
    // Many links, each twice, and the later time of both.
    let timed = |time: &str| list(&|at| format!(r#"{{"selector":"2026-11-26T1{time}:00:00Z","link":{}}}"#, at + 1));
    let crown_of_all = crown(&format!("{},{}", timed("1"), timed("0")));
    let config = read(&with_records(&format!("{crown_of_all},{leaves}")));
    assert_eq!(config.records.len(), LONG);
    let all_at_11 = |(_, at): &(RecordIndex, _)| *at == time("2026-11-26T11:00:00Z");
    assert!(config.leaf_times().len() == LONG && config.leaf_times().iter().all(all_at_11));
    for crown in CHOICES {
        let again = CacheConfig::from_s3_json(&config.to_s3_json_with(crown)).unwrap();
        assert!(again == config && (crown != Crown::Timed || again.leaf_times() == config.leaf_times()));
    }
    // A crown of a crown of a crown, and many crowns of the same records.
    let chain =
        list(&|at| at.checked_sub(1).map_or(crown(r#"{"link":0}"#), |below| crown(&format!(r#"{{"link":{below}}}"#))));
    let chain = chain.replacen(&crown(r#"{"link":0}"#), r#"{"digest":"d"}"#, 1);
    assert_eq!(read(&with_records(&chain)).records.len(), 1);
    let many = list(&|at| if at < 2 { r#"{"digest":"d"}"#.to_owned() } else { crown(r#"{"link":0},{"link":1}"#) });
    assert_eq!(read(&with_records(&many)).records.len(), 2);
}
