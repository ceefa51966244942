//! What the load generators share: their options and measurements.

use std::{collections::BTreeMap, error::Error, str::FromStr, time::Duration};

use mistgate_tests::base::process::Usage;

pub(crate) type Failure = Box<dyn Error>;

/// The options of the command line, `name=value`, after the mode.
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let pair = |word: String| {
            let (name, value) = word.split_once('=').ok_or("expected name=value")?;
            Ok((name.to_owned(), value.to_owned()))
        };
        Ok(Self(words.map(pair).collect::<Result<_, Failure>>()?))
    }

    pub(crate) fn maybe<T: FromStr<Err: Error + 'static>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Failure> {
        Ok(self.0.get(name).map(|value| value.parse()).transpose()?)
    }

    pub(crate) fn value<T: FromStr<Err: Error + 'static>>(&self, name: &str) -> Result<T, Failure> {
        self.maybe(name)?.ok_or_else(|| format!("expected {name}=…").into())
    }
}

/// The CPU time of a process for each of `count` items, and its memory.
pub(crate) fn cost(before: &Usage, after: &Usage, count: usize) -> String {
    let count = count.max(1) as f64;
    let micros = |span: Duration| span.as_secs_f64() * 1e6 / count;
    let written = after.written.zip(before.written);
    format!(
        "cpu_us={:.1} child_cpu_us={:.1} disk_bytes={:.0} rss_before_kib={} rss_kib={} \
         rss_max_kib={}",
        micros(after.own - before.own),
        micros(after.children - before.children),
        written.map_or(0.0, |(after, before)| (after - before) as f64 / count),
        before.resident_kib,
        after.resident_kib,
        after.resident_max_kib,
    )
}

/// The median, the 99th percentile and the maximum, in milliseconds.
pub(crate) fn percentiles(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let at = |share: f64| {
        let place = (all.len() as f64 * share) as usize;
        let took = all.get(place.min(all.len().saturating_sub(1)));
        took.map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    format!("p50_ms={:.3} p99_ms={:.3} max_ms={:.3}", at(0.5), at(0.99), at(1.0))
}
