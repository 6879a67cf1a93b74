//! Pushes that meet a pruning, in every order of their requests.

use s3_build_cache::prune::PruneOptions;
use s3_build_cache::serve::{Mount, ServeOptions};

use crate::s3::blobs::Blobs;
use crate::s3::merge::{found, job};
use crate::s3::prune::Bucket;
use crate::s3::prune_orders::{Open, Scenario, all_orders, drops, due, old};
use crate::serve::client::Client;
use crate::serve::push::pusher::{OCI_MANIFEST, push_blob};
use crate::serve::{Serving, written};

/// How often a client pushes.
const MOST_PUSHES: usize = 5;

/// Pushes a build until its manifest is taken: what was deleted meanwhile has to be pushed again.
fn push(open: Open<'_>, more: &str, build: &Blobs) {
    let cache = open(more).open().unwrap();
    let serving = Serving::start(vec![Mount::writable("export", cache)], &ServeOptions::new());
    let (mut client, (manifest, config)) = (Client::new(serving.address), written(&build.config, |writer| writer));
    for _ in 0..MOST_PUSHES {
        for (digest, _) in build.config.blobs() {
            push_blob(&mut client, "export", &build.bytes[&digest]);
        }
        push_blob(&mut client, "export", &config);
        let answer = client.send("PUT", "/v2/export/manifests/any", &[("Content-Type", OCI_MANIFEST)], &manifest);
        if answer.status == 201 {
            return;
        }
        assert_eq!(answer.code(), "MANIFEST_BLOB_UNKNOWN", "{}", answer.text());
    }
    panic!("{MOST_PUSHES} pushes were not taken");
}

#[test]
fn a_push_meets_a_pruning_in_every_order() {
    let writer = |open: Open<'_>| push(open, ",name=again", &job(1));
    all_orders(&Scenario { name: "push", writer: &writer, ..Scenario::new(PruneOptions::new()) }, due);
}

/// The manifest that is merged with is dropped, and the blobs that only it needs are deleted at once.
#[test]
fn a_push_that_merges_with_an_old_manifest_meets_a_pruning_in_every_order() {
    let writer = |open: Open<'_>| push(open, ",name=main,on_conflict=merge", &job(2));
    let check = |bucket: &Bucket| assert!(found(&bucket.open(",name=main")).contains(&2));
    let scenario =
        Scenario { name: "push and merge", writer: &writer, check: &check, ..Scenario::new(drops().now(true)) };
    all_orders(&scenario, old("main"));
}
