//! `mistgate replay`: where the accepted events of the last time would go.

use std::{collections::BTreeMap, path::Path};

use mistgate_core::{base::time::UnixTime, config::checked::Config, event::Event, event::Topic};
use mistgate_runtime::admin::history::{PAGE_MAX, Page};
use mistgate_runtime::base::{clock, store, store::care};
use serde::Serialize;

use crate::{args::Replay, ask::Failure, ask::ask_in, route::Routed};

pub(crate) fn run(args: &Replay) -> Result<(), Failure> {
    let load = |file: &str| crate::load(Some(file)).map(|loaded| loaded.config);
    let new = load(&args.config)?;
    let old = args.diff.as_deref().map(load).transpose()?;
    let state_dir = args.state_dir.as_ref().unwrap_or(&new.state_dir);
    let secs = i64::try_from(args.since.as_secs()).unwrap_or(i64::MAX);
    let since = clock::wall().as_secs().saturating_sub(secs);
    let since = UnixTime::from_secs(since).rfc3339();
    let mut counts = Counts::default();
    pages(state_dir, |page| {
        // Texts of this form have the order of their times.
        for batch in page.batches.iter().filter(|batch| batch.at >= since) {
            let topic = Topic::stored(&batch.topic);
            for event in batch.events.iter().filter_map(|e| Event::parse(topic.clone(), e.get())) {
                show(args, &batch.at, &event, &new, old.as_ref(), &mut counts);
            }
        }
    })?;
    if !args.json {
        crate::say(&counts.words(old.is_some()));
    }
    Ok(())
}

/// Hands over all accepted events that are still there, in order.
fn pages(state_dir: &str, mut each: impl FnMut(&Page<'_>)) -> Result<(), Failure> {
    let failed = |error: &dyn ToString| Failure::Failed(error.to_string());
    let ask = |after: u64| ask_in(state_dir, "GET", &format!("/history/{after}"), "");
    let file = Path::new(state_dir).join(store::FILE);
    let mut body = match ask(0) {
        Err(Failure::NotRunning(_)) if file.exists() => {
            let (mut accepted, mut after) = (care::accepted(&file).map_err(|e| failed(&e))?, 0);
            let unreadable = || failed(&format!("{}: it cannot be read", file.display()));
            loop {
                let batches = accepted(after, PAGE_MAX).ok_or_else(unreadable)?;
                let Some(last) = batches.last() else { return Ok(()) };
                after = last.batch;
                each(&Page::new(&batches));
            }
        }
        answer => answer?,
    };
    loop {
        let page: Page<'_> = serde_json::from_str(&body).map_err(|error| failed(&error))?;
        let Some(last) = page.batches.last() else { return Ok(()) };
        each(&page);
        body = ask(last.id)?;
    }
}

/// A JSON line. With `--diff` there is a way before.
#[derive(Serialize)]
struct Line<'a> {
    at: &'a str,
    topic: &'a str,
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Routed<'a>>,
    after: &'a Routed<'a>,
}

/// Prints where an event goes, if that is asked for, and counts it.
fn show(
    args: &Replay,
    at: &str,
    event: &Event<'_>,
    new: &Config,
    old: Option<&Config>,
    counts: &mut Counts,
) {
    let after = Routed::new(new, event);
    let before = old.map(|old| Routed::new(old, event));
    counts.add(before.as_ref(), &after);
    if before.as_ref().is_some_and(|before| before.is_same(&after)) {
        return;
    }
    let (topic, kind) = (event.topic().name(), event.kind());
    if args.json {
        let r#type = kind.as_deref();
        let line = Line { at, topic, r#type, before: before.as_ref(), after: &after };
        crate::say(&serde_json::to_string(&line).unwrap_or_default());
        return;
    }
    let before = before.map(|before| format!("{before} => ")).unwrap_or_default();
    crate::say(&format!("{at} {topic} {} -> {before}{after}", kind.as_deref().unwrap_or("-")));
}

/// How many events there are, how many go elsewhere, and how many each destination has, before and
/// after.
#[derive(Default)]
struct Counts {
    events: usize,
    changed: usize,
    by_name: BTreeMap<String, [usize; 2]>,
}

impl Counts {
    fn add(&mut self, before: Option<&Routed<'_>>, after: &Routed<'_>) {
        self.events += 1;
        self.changed += usize::from(before.is_some_and(|before| !before.is_same(after)));
        for (nth, routed) in before.into_iter().map(|before| (0, before)).chain([(1, after)]) {
            let nowhere = routed.destinations.is_empty().then_some("nowhere");
            for name in routed.destinations.iter().copied().chain(nowhere) {
                let counts = self.by_name.entry(name.to_owned()).or_default();
                counts.iter_mut().skip(nth).take(1).for_each(|count| *count += 1);
            }
        }
    }

    fn words(&self, is_diff: bool) -> String {
        let Self { events, changed, by_name } = self;
        let count = |(name, [before, after]): (&String, &[usize; 2])| match is_diff {
            true => format!("{name} {before} => {after}"),
            false => format!("{name} {after}"),
        };
        let counts = by_name.iter().map(count).collect::<Vec<_>>().join(", ");
        match (is_diff, *events) {
            (_, 0) => "there are no events of this time in the store".to_owned(),
            (true, _) => format!("{changed} of {events} events go elsewhere: {counts}"),
            (false, _) => format!("{events} events: {counts}"),
        }
    }
}
