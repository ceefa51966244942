use super::*;

const AP: &str = "ap";

fn port(name: &str) -> PortName {
    PortName::parse(name).expect("a port")
}

fn device(text: &str) -> Device {
    Device::parse(text.as_bytes()).expect("a device")
}

fn edit(name: &str, mode: Mode, before: Option<&str>) -> Edit {
    let before = before.map(str::to_owned);
    Edit {
        port: port(name),
        mode,
        ap: None,
        lines: Vec::new(),
        before,
        is_in_doubt: false,
        back: Vec::new(),
    }
}

fn profiles(default: Option<&str>) -> Profiles {
    Profiles { ap: AP.into(), default: default.map(str::to_owned) }
}

/// Plugs in an access point: the change.
fn plug(device: &Device, name: &str) -> Change {
    let change = device.change(&[edit(name, Mode::Ap, None)], &profiles(None)).expect("a change");
    let again = change.device.change(&[edit(name, Mode::Ap, None)], &profiles(None));
    assert_eq!(again.expect("no trouble").layers, [], "twice is once");
    change
}

/// Unplugs it: the change.
fn unplug(device: &Device, name: &str, before: Option<&str>) -> Change {
    let edits = [edit(name, Mode::Default, before)];
    let change = device.change(&edits, &profiles(None)).expect("a change");
    let again = change.device.change(&edits, &profiles(None)).expect("no trouble");
    assert_eq!(again.layers, [], "twice is once");
    change
}

fn before(change: &Change) -> Option<&str> {
    change.before.first().map(|(_, before)| before.as_str())
}

/// The members of the maps, and nothing else of the device.
fn maps(device: &Device) -> (String, String) {
    (device.config.to_string(), device.local.to_string())
}

#[test]
fn the_place_follows_from_the_entry_in_port_config() {
    const OVERRIDE: &str = r#"{"usage":"ap","note":"set by mistgate"}"#;
    for (config, layers, config_after, local_after) in [
        ("{}", [Layer::Local], "{}", alloc::format!(r#"{{"ge-0/0/1":{OVERRIDE}}}"#)),
        (
            r#"{"*":{"usage":"default"}}"#,
            [Layer::Local],
            r#"{"*":{"usage":"default"}}"#,
            alloc::format!(r#"{{"ge-0/0/1":{OVERRIDE}}}"#),
        ),
        (
            r#"{"ge-0/0/1":{"usage":"iot","no_local_overwrite":false}}"#,
            [Layer::Local],
            r#"{"ge-0/0/1":{"usage":"iot","no_local_overwrite":false}}"#,
            alloc::format!(r#"{{"ge-0/0/1":{OVERRIDE}}}"#),
        ),
        (
            r#"{"ge-0/0/1":{"usage":"iot","no_local_overwrite":true,"poe_disabled":false}}"#,
            [Layer::Config],
            r#"{"ge-0/0/1":{"usage":"ap","no_local_overwrite":true,"poe_disabled":false}}"#,
            "{}".into(),
        ),
        (
            r#"{"ge-0/0/1":{"usage":"iot","description":"camera"}}"#,
            [Layer::Config],
            r#"{"ge-0/0/1":{"usage":"ap","description":"camera"}}"#,
            "{}".into(),
        ),
        (
            r#"{"ge-0/0/0-3":{"usage":"iot","no_local_overwrite":null}}"#,
            [Layer::Config],
            concat!(
                r#"{"ge-0/0/0, ge-0/0/2-3":{"usage":"iot","no_local_overwrite":null},"#,
                r#""ge-0/0/1":{"usage":"ap","no_local_overwrite":null}}"#
            ),
            "{}".into(),
        ),
    ] {
        let device = device(&alloc::format!(r#"{{"port_config":{config}}}"#));
        let change = plug(&device, "ge-0/0/1");
        assert_eq!(change.layers, layers, "{config}");
        assert_eq!(maps(&change.device), (config_after.to_owned(), local_after), "{config}");
        let back = unplug(&change.device, "ge-0/0/1", before(&change));
        assert_eq!(maps(&back.device), maps(&device), "{config}");
    }
}

#[test]
fn what_is_not_ours_keeps_its_text() {
    let text = concat!(
        r#"{"id":"d-1", "type":"switch","big":12345678901234567890123,"float":1.0e0,"#,
        r#""port_config":{"ge-0/0/1":{"usage":"iot" }},"local_port_config":{"ge-0/0/9":{ }},"#,
        r#""null":null}"#
    );
    let change = plug(&device(text), "ge-0/0/1");
    let expected = text.replace(", \"type\"", ",\"type\"");
    let expected = expected.replace(r#"{"usage":"iot" }"#, r#"{"usage":"ap"}"#);
    assert_eq!(change.device.whole(), expected);
}

#[test]
fn an_override_keeps_what_is_about_the_wire_and_comes_back_whole() {
    let entry = concat!(
        r#"{"usage":"camera","mode":"access","port_network":"cctv","speed":"100m","#,
        r#""note":"lobby"}"#
    );
    let device = device(&alloc::format!(
        r#"{{"local_port_config":{{"ge-0/0/1-2":{entry},"ge-0/0/5":{{"usage":"x"}}}}}}"#
    ));
    let change = plug(&device, "ge-0/0/1");
    let ours = r#""ge-0/0/1":{"usage":"ap","speed":"100m","note":"lobby"}"#;
    assert_eq!(
        change.device.local(),
        alloc::format!(r#"{{"ge-0/0/2":{entry},{ours},"ge-0/0/5":{{"usage":"x"}}}}"#)
    );
    assert_eq!(unplug(&change.device, "ge-0/0/1", before(&change)).device.local(), device.local());
}

#[test]
fn a_range_comes_together_again_in_any_order() {
    let range = r#"{"usage":"iot","no_local_overwrite":true}"#;
    let original =
        device(&alloc::format!(r#"{{"port_config":{{"ge-0/0/8-16, xe-0/1/0":{range}}}}}"#));
    let first = plug(&original, "ge-0/0/11");
    let second = plug(&first.device, "ge-0/0/13");
    assert_eq!(
        second.device.config.to_string(),
        alloc::format!(
            concat!(
                r#"{{"ge-0/0/8-10, ge-0/0/12, ge-0/0/14-16, xe-0/1/0":{0},"#,
                r#""ge-0/0/13":{1},"ge-0/0/11":{1}}}"#
            ),
            range,
            r#"{"usage":"ap","no_local_overwrite":true}"#
        )
    );
    let back = unplug(&second.device, "ge-0/0/11", before(&first));
    let back = unplug(&back.device, "ge-0/0/13", before(&second));
    assert_eq!(maps(&back.device), maps(&original));
}

#[test]
fn what_somebody_changed_meanwhile_is_left_alone() {
    let change = plug(&device("{}"), "ge-0/0/1");
    let theirs = device(r#"{"local_port_config":{"ge-0/0/1":{"usage":"camera"}}}"#);
    assert_eq!(unplug(&theirs, "ge-0/0/1", before(&change)).layers, []);
    let gone = device("{}");
    assert_eq!(unplug(&gone, "ge-0/0/1", before(&change)).layers, []);
}

#[test]
fn without_a_record_only_an_override_can_be_taken_back() {
    let ours = device(r#"{"local_port_config":{"ge-0/0/1":{"usage":"ap"}}}"#);
    assert_eq!(before(&plug(&ours, "ge-0/0/1")), None);
    assert_eq!(unplug(&ours, "ge-0/0/1", None).device.local(), "{}");
    assert_eq!(unplug(&ours, "ge-0/0/1", Some("not ours")).device.local(), "{}");
    assert_eq!(unplug(&device("{}"), "ge-0/0/1", None).layers, []);
    let theirs = device(r#"{"port_config":{"ge-0/0/1":{"usage":"ap"}}}"#);
    let failure = theirs.change(&[edit("ge-0/0/1", Mode::Default, None)], &profiles(None));
    assert_eq!(
        failure.map_err(|failure| failure.to_string()),
        Err("the configuration was refused: it is not known which profile ge-0/0/1 had before; \
             ports.mist.default_profile can name one"
            .to_owned())
    );
    // With one, what was there does not matter.
    let named = profiles(Some("secured"));
    let edits = [edit("ge-0/0/1", Mode::Default, before(&plug(&theirs, "ge-0/0/1")))];
    let change = theirs.change(&edits, &named).expect("a change");
    assert_eq!(change.device.config.to_string(), r#"{"ge-0/0/1":{"usage":"secured"}}"#);
    assert_eq!(change.before, []);
    // A port that had the profile before us keeps it.
    assert_eq!(unplug(&theirs, "ge-0/0/1", before(&plug(&theirs, "ge-0/0/1"))).layers, []);
}

#[test]
fn what_is_not_clear_is_not_touched() {
    for (config, expected) in [
        (r#"{"ge-0/0/0-3":{},"ge-0/0/1":{}}"#, "it is in two entries"),
        (r#"{"ge-0/0/*":{}}"#, "it may be meant by the entry \"ge-0/0/*\""),
        (r#"{"ge-0/0/0-ge-0/0/3":{}}"#, "it may be meant by the entry"),
        (r#"{"ge-0/0/1":null}"#, "is no entry"),
        (r#"{"ge-0/0/1":{"aggregated":true}}"#, "belongs to an aggregated link"),
    ] {
        let device = device(&alloc::format!(r#"{{"port_config":{config}}}"#));
        let failure = device.change(&[edit("ge-0/0/1", Mode::Ap, None)], &profiles(None));
        let text = failure.expect_err(config).to_string();
        assert!(text.contains(expected), "{text}");
        // Other ports are not concerned.
        plug(&device, "xe-0/1/0");
    }
    for text in ["", "[]", "null", "<html>", r#"{"port_config":[]}"#] {
        assert_eq!(Device::parse(text.as_bytes()), None, "{text}");
    }
    assert!(device(r#"{"type":"switch"}"#).is_switch() && !device(r#"{"type":"ap"}"#).is_switch());
}

#[test]
fn a_difference_is_shown_entry_by_entry() {
    let device = device(r#"{"port_config":{"ge-0/0/1-2":{"usage":"iot"}}}"#);
    let edits = [edit("ge-0/0/1", Mode::Ap, None), edit("ge-0/0/7", Mode::Ap, None)];
    let change = device.change(&edits, &profiles(None)).expect("a change");
    assert_eq!(change.layers, [Layer::Config, Layer::Local]);
    assert_eq!(
        change.diff,
        "[port_config]\n\
         - \"ge-0/0/1-2\": {\"usage\":\"iot\"}\n\
         + \"ge-0/0/2\": {\"usage\":\"iot\"}\n\
         + \"ge-0/0/1\": {\"usage\":\"ap\"}\n\
         [local_port_config]\n\
         + \"ge-0/0/7\": {\"usage\":\"ap\",\"note\":\"set by mistgate\"}"
    );
    let long = "é".repeat(DIFF_MAX);
    let text = cut_bytes(long, DIFF_MAX);
    assert!(text.len() <= DIFF_MAX + 3 && text.ends_with("é…"), "{}", text.len());
}
