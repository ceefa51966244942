//! To whom: `[[chat.destination]]` and `[[chat.route]]`.

use mistgate_tests::chat::server::Chat;

use crate::base::binary::{Place, output, text};

#[test]
fn rules_say_to_whom_and_route_names_them() {
    let chat = Chat::open().expect("a chat");
    let named = |name: &str| {
        let url = chat.url(&format!("/{name}"));
        format!(
            "[[chat.destination]]\nname = \"{name}\"\nkind = \"slack\"\npace = \"off\"\n\
             url = \"{url}\"\n"
        )
    };
    let place = Place::new(&format!(
        "[chat.slack]\npace = \"off\"\ndefault_url = \"{}\"\n{}{}\
         [[chat.route]]\nsite = \"EMEA-*\"\nto = [\"emea\"]\ncontinue = true\n\
         [[chat.route]]\nseverity = \"warning\"\nsite = \"EMEA-*\"\nto = [\"oncall\"]\n\
         channel = \"critical\"\n",
        chat.url("/slack"),
        named("emea"),
        named("oncall"),
    ));
    let body = |kind: &str, site: &str| {
        format!(
            r#"{{"topic":"device-events","events":[{{"type":"{kind}","device_name":"d",
            "mac":"5c5b35000001","timestamp":1,{site}"org_id":"o"}}]}}"#
        )
    };
    let routed = |body: &str| {
        place.write("body.json", body);
        let args = ["route", "--config", "mistgate.toml", "body.json"];
        text(&output(place.path(), &args).stdout)
    };
    let emea = r#""site_name":"EMEA-1","#;
    let all = body("AP_CONFIG_FAILED", emea);
    let printed = routed(&all);
    let rules = [
        "chat.route[0]: What is of site EMEA-* goes to emea, and on to the next rule",
        "chat.route[1]: What is of site EMEA-* and of severity warning or worse goes to oncall, in \
         channel critical",
    ];
    let expected = format!(
        "device-events AP_CONFIG_FAILED -> critical: emea, oncall ({}; built-in default for \
         AP_CONFIG_FAILED)\n",
        rules.join("; ")
    );
    assert_eq!(printed, expected);
    let printed = routed(&body("AP_CONFIGURED", emea));
    assert!(printed.contains(": emea (chat.route[0]: What "), "{printed}");
    let printed = routed(&body("AP_CONFIGURED", ""));
    assert!(printed.contains(": slack/default (built-in"), "{printed}");
    assert!(printed.contains("the event does not name its site"), "{printed}");

    let checked = text(&output(place.path(), &["check", "--config", "mistgate.toml"]).stdout);
    let explained = rules.join("\n") + "\nWhat no rule takes goes to slack\n";
    assert!(checked.contains(&explained), "{checked}");

    let mistgate = place.start();
    mistgate.accept(&all);
    let posts = chat.wait(|posts| posts.len() == 2).expect("two posts");
    let path = |start: &str| start.split(" ").nth(1).unwrap_or_default().to_owned();
    let mut paths: Vec<_> = posts.iter().map(|post| path(&post.request.start)).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/emea", "/oncall"]);
    mistgate.stop();
}
