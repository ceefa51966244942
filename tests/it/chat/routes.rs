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
    let expected = "device-events AP_CONFIG_FAILED -> critical: emea, oncall (chat.route[0]; \
                    chat.route[1]; built-in default for AP_CONFIG_FAILED)\n";
    assert_eq!(printed, expected);
    let printed = routed(&body("AP_CONFIGURED", emea));
    assert!(printed.contains(": emea (chat.route[0]; "), "{printed}");
    let printed = routed(&body("AP_CONFIGURED", ""));
    assert!(printed.contains(": slack/default (built-in"), "{printed}");
    assert!(printed.contains("the event does not name its site"), "{printed}");

    let mistgate = place.start();
    mistgate.accept(&all);
    let posts = chat.wait(|posts| posts.len() == 2).expect("two posts");
    let path = |start: &str| start.split(" ").nth(1).unwrap_or_default().to_owned();
    let mut paths: Vec<_> = posts.iter().map(|post| path(&post.request.start)).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/emea", "/oncall"]);
    mistgate.stop();
}
