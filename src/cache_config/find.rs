//! Looks up the records of a build step.

use std::collections::HashSet;

use crate::cache_config::model::{CacheConfig, Record, RecordIndex};

impl CacheConfig {
    /// Returns the records of a build step, in the order of the file, given the step's digest and what the caller knows
    /// about each of its inputs. As in BuildKit, a record matches if its digest is the same and each of its inputs lists
    /// at least one of the known pairs: the record that produced the input, and a selector, which is empty for the whole
    /// result. Returns an empty list if the step is not in the cache.
    ///
    /// Look steps up in the order in which they are built, starting with those that have no inputs. If several records
    /// match, pass all of them on to the steps that depend on this one. The arguments are the same as those of
    /// [`CacheConfigBuilder::record`](crate::cache_config::CacheConfigBuilder::record).
    ///
    /// Each call compares the digest with those of all records. Indexes from another config are not detected: they match
    /// nothing, or a wrong record.
    ///
    /// ```
    /// use s3_build_cache::LocalCache;
    /// use s3_build_cache::object::BlobSource;
    ///
    /// let cache = LocalCache::open("tests/fixtures/max/local", "latest")?;
    /// let config = cache.load()?;
    /// // The content of a directory, then the step that copies it.
    /// let content = config.find("sha256:4229c2498f6cbe7ef95577daeb76d181017606e49733fe68b64650cc94fcf9db", []);
    /// let input: Vec<_> = content.into_iter().map(|record| (record, "")).collect();
    /// let copy = config.find("sha256:18b634eef518f1c6f7dacf6d4b0a589f1c3a404287340bd40141c9d1ce11ded3", [input]);
    ///
    /// match copy.iter().find_map(|record| config.record(*record)?.newest_result()) {
    ///     Some(result) => {
    ///         for layer in config.chain(result).expect("the result is from this config") {
    ///             std::io::copy(&mut cache.open_blob(&layer.blob)?, &mut std::io::sink())?;
    ///         }
    ///     }
    ///     None => panic!("the step has to run"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn find<'a>(
        &self,
        digest: &str,
        inputs: impl IntoIterator<Item = Vec<(RecordIndex, &'a str)>>,
    ) -> Vec<RecordIndex> {
        // Sets, so that the work does not multiply if both lists are long.
        let inputs: Vec<HashSet<(RecordIndex, &str)>> = inputs.into_iter().map(HashSet::from_iter).collect();
        let matches = |record: &Record| {
            &*record.digest == digest
                && record.inputs.len() == inputs.len()
                && record.inputs.iter().zip(&inputs).all(|(alternatives, known)| {
                    alternatives.iter().any(|input| known.contains(&(input.link, &*input.selector)))
                })
        };
        let found = self.records.iter().enumerate().filter(|(_, record)| matches(record));
        found.map(|(at, _)| RecordIndex(at)).collect()
    }
}
