//! Counters and histograms, and their Prometheus text.
//!
//! Names and labels follow prometheus.io "Metric and label naming". Every label value is one of
//! ours (a destination's name, a closed set of reasons), so the number of series is bounded.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::base::sync::Mutex;

/// Upper bounds of the histogram buckets, in seconds.
const BUCKETS: [f64; 12] =
    [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 60.0, 3_600.0];

/// Declares the metrics of a kind, in the order of the exposition: each with its name after
/// `mistgate_` and its meaning.
macro_rules! metrics {
    ($(#[$doc:meta])* $kind:ident: $($metric:ident $name:literal $help:literal)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind {
            $(#[doc = $help] $metric,)+
        }

        impl $kind {
            const fn name_and_help(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$metric => ($name, $help),)+
                }
            }
        }
    };
}

metrics! {
    /// The metrics that only grow.
    Counter:
    Requests "http_requests_total" "Requests answered, by status."
    Connections "connections_refused_total" "Connections refused or cut, by reason."
    Rejected "rejected_total" "Webhooks refused, by reason."
    Accepted "events_accepted_total" "Events put on disk."
    AuthFailures "auth_failures_total" "Requests and connections that were not let in, by place."
    LinesLeftOut "log_lines_left_out_total" "Lines of the log that were left out, by reason."
    Duplicates "events_duplicate_total" "Events seen before and suppressed."
    Unrouted "events_unrouted_total" "Events that no channel wants."
    Broken "events_broken_total" "Members of events that are not events."
    Delivered "events_delivered_total" "Events delivered, by destination."
    Messages "messages_delivered_total" "Messages delivered, by destination."
    Retried "retries_total" "Failed attempts, by destination and reason."
    Dropped "events_dropped_total" "Events given up, by destination and reason."
    LettersKept "dead_letters_kept_total" "Events that became dead letters."
    LettersPushedOut "dead_letters_pushed_out_total" "Dead letters that found no room or gave way."
    StoreFailures "store_failures_total" "Commits that the disk refused."
    Reloads "config_reloads_total" "Configurations read again, by result."
    Peers "proxy_peers_total" "Peers that the websocket proxy let in."
    PeersRefused "proxy_refused_total" "Peers refused, by reason."
    PeersClosed "proxy_closed_total" "Connections of peers ended, by reason."
    Pairs "proxy_pairs_total" "Pairs of peers introduced to each other."
    Relayed "proxy_messages_total" "Messages passed from peer to peer."
    RelayedBytes "proxy_message_bytes_total" "Payload bytes passed from peer to peer."
    Fates "events_by_fate_total" "Events that incidents tell, by what became of them: told, summarised, superseded, held, muted or dropped."
    Incidents "incidents_total" "Incidents opened, by condition."
    AnsweredForPeers "proxy_answered_total" "Requests answered for an absent peer, by status."
    PeersDropped "proxy_dropped_total" "Messages of peers that nobody got."
    Panics "panics_total" "Jobs that a bug has ended."
    PortChanges "port_changes_total" "Changes of switch ports, by result."
    PortFailures "port_failures_total" "Failed attempts to change switch ports, by failure."
    PortRefusals "port_refusals_total" "Changes of switch ports that were refused, by rule."
}

metrics! {
    /// The metrics of time, in seconds.
    Histogram:
    Request "request_seconds" "From a webhook's arrival to its answer, disk included."
    Delivery "delivery_seconds" "From an event's acceptance to the chat's answer."
    PortChange "port_change_seconds" "From the first sign to the changed switch port."
}

/// One value that goes up and down, as read when the metrics are asked for.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// The name after `mistgate_`.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Label pairs and values.
    pub values: Vec<(Labels, f64)>,
}

/// Label names and values; the values are escaped when printed.
pub type Labels = Vec<(&'static str, String)>;

#[derive(Debug, Default)]
struct Observed {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

/// One value for each combination of labels, in their order. They are few, and nearly always there
/// already, so that counting allocates nothing.
#[derive(Debug, Default)]
struct Series<T>(Vec<(Labels, T)>);

impl<T: Default> Series<T> {
    fn of(&mut self, labels: &[(&'static str, &str)]) -> &mut T {
        let place = self.0.binary_search_by(|(known, _)| {
            let known = known.iter().map(|(name, value)| (*name, value.as_str()));
            known.cmp(labels.iter().copied())
        });
        let place = place.unwrap_or_else(|place| {
            let owned = labels.iter().map(|&(name, value)| (name, value.to_owned())).collect();
            self.0.insert(place, (owned, T::default()));
            place
        });
        self.0.get_mut(place).map(|(_, value)| value).expect("it was found or put there")
    }
}

#[derive(Debug, Default)]
struct All {
    counters: BTreeMap<Counter, Series<u64>>,
    histograms: BTreeMap<Histogram, Series<Observed>>,
}

/// All counters and histograms of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    all: Mutex<All>,
}

impl Metrics {
    /// Adds to a counter.
    pub fn add(&self, counter: Counter, labels: &[(&'static str, &str)], count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        *self.all.lock().counters.entry(counter).or_default().of(labels) += count;
    }

    /// Adds an observation to a histogram.
    pub fn observe(&self, histogram: Histogram, labels: &[(&'static str, &str)], took: Duration) {
        let secs = took.as_secs_f64();
        let mut all = self.all.lock();
        let observed = all.histograms.entry(histogram).or_default().of(labels);
        observed.count += 1;
        observed.sum += secs;
        for (bound, bucket) in BUCKETS.iter().zip(&mut observed.buckets) {
            *bucket += u64::from(secs <= *bound);
        }
    }

    /// The sum of a counter over all of its labels.
    pub fn total(&self, counter: Counter) -> u64 {
        let all = self.all.lock();
        all.counters.get(&counter).map_or(0, |Series(rows)| rows.iter().map(|(_, n)| n).sum())
    }

    /// The sum of all counters, which grows whenever something has happened.
    pub fn sum(&self) -> u64 {
        let all = self.all.lock();
        all.counters.values().flat_map(|Series(rows)| rows).map(|(_, n)| n).sum()
    }

    /// The exposition in Prometheus' text format 0.0.4.
    pub fn exposition(&self, gauges: &[Gauge]) -> String {
        let mut text = String::new();
        for Gauge { name, help, values } in gauges {
            head(&mut text, "gauge", (name, help));
            for (labels, value) in values {
                line(&mut text, name, "", labels, None, *value);
            }
        }
        let all = self.all.lock();
        for (counter, Series(rows)) in &all.counters {
            let (name, help) = counter.name_and_help();
            head(&mut text, "counter", (name, help));
            for (labels, count) in rows {
                line(&mut text, name, "", labels, None, *count as f64);
            }
        }
        for (histogram, Series(rows)) in &all.histograms {
            let (name, help) = histogram.name_and_help();
            head(&mut text, "histogram", (name, help));
            for (labels, observed) in rows {
                for (bound, count) in BUCKETS.iter().zip(observed.buckets) {
                    let bound = bound.to_string();
                    line(&mut text, name, "_bucket", labels, Some(&bound), count as f64);
                }
                let count = observed.count as f64;
                line(&mut text, name, "_bucket", labels, Some("+Inf"), count);
                line(&mut text, name, "_sum", labels, None, observed.sum);
                line(&mut text, name, "_count", labels, None, count);
            }
        }
        text
    }
}

fn head(text: &mut String, kind: &str, (name, help): (&str, &str)) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP mistgate_{name} {help}\n# TYPE mistgate_{name} {kind}");
}

fn line(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &Labels,
    bound: Option<&str>,
    value: f64,
) {
    let bound = bound.map(|bound| ("le", bound.to_owned()));
    let pairs: Vec<String> = labels
        .iter()
        .cloned()
        .chain(bound)
        .map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    let pairs = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
    let _ = writeln!(text, "mistgate_{name}{suffix}{pairs} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_is_prometheus_text() {
        let metrics = Metrics::default();
        metrics.add(Counter::Delivered, &[("destination", "slack/\"x\"")], 2);
        metrics.observe(Histogram::Request, &[], Duration::from_millis(3));
        let gauge = Gauge { name: "up", help: "Up.", values: vec![(Vec::new(), 1.0)] };
        let text = metrics.exposition(&[gauge]);
        let expected = "# HELP mistgate_up Up.\n# TYPE mistgate_up gauge\nmistgate_up 1\n\
            # HELP mistgate_events_delivered_total Events delivered, by destination.\n\
            # TYPE mistgate_events_delivered_total counter\n\
            mistgate_events_delivered_total{destination=\"slack/\\\"x\\\"\"} 2\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("mistgate_request_seconds_bucket{le=\"0.002\"} 0\n"), "{text}");
        assert!(text.contains("mistgate_request_seconds_bucket{le=\"0.005\"} 1\n"), "{text}");
        assert!(text.contains("mistgate_request_seconds_bucket{le=\"+Inf\"} 1\n"), "{text}");
        assert!(text.ends_with("mistgate_request_seconds_count 1\n"), "{text}");
        assert_eq!(metrics.total(Counter::Delivered), 2);
    }
}
