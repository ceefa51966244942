//! A post that panics. What ships has no way to be made to panic, so its driver runs here, with a
//! format that does.

use std::sync::Arc;
use std::thread;

use mistgate_core::chat::kind::Format;
use mistgate_core::chat::outcome::Reason;
use mistgate_core::config::checked::Config;
use mistgate_core::config::files::Files;
use mistgate_core::config::raw::{Draft, Source};
use mistgate_core::config::store;
use mistgate_core::delivery::queue::output::Health;
use mistgate_core::engine::input;
use mistgate_core::http::proxy::Proxies;
use mistgate_core::incident::config::Rules;
use mistgate_runtime::base::clock::Clock;
use mistgate_runtime::base::journal;
use mistgate_runtime::base::journal::{Journal, Level};
use mistgate_runtime::base::store::{Store, file};
use mistgate_runtime::chat::driver::{Driver, Handle, Message, Settings};
use mistgate_runtime::http::{outbound::Outbound, tls};
use mistgate_tests::chat::server::{Chat, LONG};
use smol::Executor;

use crate::base::poll;

static PANICS: Format =
    Format { name: "panics", shape: |_, _, _| panic!("of this test"), warning: None };

fn settings(slack: &Chat, teams: &Chat) -> Settings {
    let text = format!(
        "[webhook]\nsecret = \"a secret of the tests\"\n\
         [chat.slack]\ndefault_url = \"{}\"\n[chat.teams]\ndefault_url = \"{}\"\n",
        slack.url("/"),
        teams.url("/")
    );
    let report = Draft::parse(Source { name: "test", text: &text }).check(&Files::new());
    let Config { chat, webhook, .. } = report.config.expect("a configuration");
    let dedup_window = webhook.expect("a section").dedup_window;
    Settings {
        engine: input::Config {
            chat,
            dedup_window,
            incidents: Rules::default(),
            dashboard_host: String::new(),
            next_batch: 1,
        },
        store: store::Store::default(),
        dashboard_host: "manage.mist.com".to_owned(),
        outbound: Outbound {
            tls: tls::connector(Vec::new()),
            proxies: Proxies::default(),
            clock: Clock::start(),
        },
    }
}

#[test]
fn a_post_that_panics_is_one_failed_attempt_of_one_chat() {
    let (slack, teams) = (Chat::open().expect("a chat"), Chat::open().expect("a chat"));
    let folder = tempfile::tempdir().expect("a folder");
    let (handle, messages) = Handle::new();
    let written = handle.clone();
    let report = move |answer| written.send(Message::Written(answer));
    let path = folder.path().join("store.redb");
    let served = Store::serve(&path, file(&path), None, report);
    let (store, storing) = served.expect("a store");
    let mut panics = settings(&slack, &teams);
    panics.engine.chat.destinations.first_mut().expect("Slack").format = &PANICS;
    let executor = Arc::new(Executor::new());
    let journal = Arc::new(Journal::new(journal::Format::Text, Level::Error));
    let tasks = (Clock::start(), journal, Arc::clone(&executor));
    let driver = Driver::start(panics, store, 1, tasks, handle.clone());
    let driving = thread::spawn(move || smol::block_on(executor.run(driver.run(messages))));
    handle.send(Message::Report("{\"type\":\"test\"}".to_owned()));
    assert_eq!(teams.wait(|posts| !posts.is_empty()).expect("a post").len(), 1);
    let health = || {
        let status = smol::block_on(handle.status()).expect("it goes on");
        status.destinations.iter().map(|to| (to.health, to.waiting)).collect::<Vec<_>>()
    };
    let expected = [(Health::Failing(Reason::Internal), 1), (Health::Ready, 0)];
    poll::within(LONG, || health() == expected, || format!("{:?}", health()));
    // The bug is gone, and the event is not.
    handle.send(Message::Configured(Box::new(settings(&slack, &teams))));
    assert_eq!(slack.wait(|posts| !posts.is_empty()).expect("a post").len(), 1);
    handle.send(Message::Stop);
    driving.join().expect("no panic");
    storing.join().expect("no panic");
}
