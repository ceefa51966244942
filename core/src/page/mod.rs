//! The page: the status of a running mistgate as HTML, complete without a script.
//!
//! Each page is a list of tables, each table a list of columns. What is shown is the JSON of
//! `/status` and of a few other answers of the admin endpoint, so that the page says what scripts
//! read. Everything here is a function; who may see what is decided before.

mod html;

pub mod status;

mod table;

pub mod events;

mod shown;

use alloc::{format, string::String, string::ToString as _, vec::Vec};

use serde_json::Value;

use self::{html::Html, status::span, status::text, status::verdict};

/// The paths of the pages that need more than `/status` says.
pub const EVENTS: &str = "/page/events";
pub const PORTS: &str = "/page/ports";
pub const DESTINATIONS: &str = "/page/destinations";
pub const SYSTEM: &str = "/page/system";

/// The path of a page, its title, and what is on it.
pub struct Page {
    pub path: &'static str,
    title: &'static str,
    show: fn(&mut Html, &View<'_>),
}

/// The pages in the order of their links.
pub const PAGES: [Page; 6] = [
    Page { path: "/", title: "Now", show: shown::now },
    Page { path: EVENTS, title: "Events", show: shown::events },
    Page { path: PORTS, title: "Ports", show: shown::ports },
    Page { path: "/page/meetups", title: "Meetups", show: shown::meetups },
    Page { path: DESTINATIONS, title: "Destinations", show: shown::destinations },
    Page { path: SYSTEM, title: "System", show: shown::system },
];

/// Where a person logs in and out.
pub const LOGIN: &str = "/login";
pub const LOGOUT: &str = "/logout";

/// The rows of a page that has many, and how many it is given at most: one more says that there are
/// more.
pub const ROWS: usize = 200;

/// The stylesheet and the script, each with the beginning of its path. A number follows, which
/// changes with the content.
pub const STYLE: (&str, &str) = ("/style/", include_str!("page.css"));
pub const SCRIPT: (&str, &str) = ("/script/", include_str!("page.js"));

/// What is shown, and to whom.
pub struct View<'a> {
    /// The path with its query, to come back to.
    pub address: &'a str,
    /// What is searched for; empty for everything.
    pub query: &'a str,
    /// How many rows were left out before the first.
    pub skip: usize,
    /// `/status`, and what the page needs besides, as the page finds it there.
    pub status: &'a Value,
    /// What is wrong, one line each.
    pub wrong: &'a [String],
    /// As what somebody has logged in; empty where nobody has.
    pub role: &'a str,
    /// What forms send along; empty where nothing may be done.
    pub form: &'a str,
    /// Changes with what is shown.
    pub version: &'a str,
}

/// A page as a whole document.
pub fn page(page: &Page, view: &View<'_>) -> String {
    let said = verdict(view.wrong);
    document(&format!("{} — {said}", page.title), view.version, |html| {
        html.element("header", &[], |html| {
            html.leaf("a", &[("class", "brand"), ("href", "/")], "mistgate");
            html.element("nav", &[("aria-label", "Pages")], |html| {
                for Page { path, title, .. } in &PAGES {
                    let current = if *path == page.path { "page" } else { "" };
                    html.leaf("a", &[("href", path), ("aria-current", current)], title);
                }
            });
            html.element("div", &[("class", "who")], |html| who(html, view));
        });
        html.element("main", &[("id", "main"), ("tabindex", "-1")], |html| {
            let class = if view.wrong.is_empty() { "well" } else { "wrong" };
            html.element(
                "div",
                &[("id", "verdict"), ("role", "status"), ("class", class)],
                |html| {
                    html.leaf("strong", &[], if view.wrong.is_empty() { "✓ " } else { "! " });
                    html.text(&said);
                },
            );
            html.leaf("h1", &[], page.title);
            (page.show)(html, view);
        });
        let version = text(view.status, "/version");
        let uptime = status::seconds(view.status, "/uptime_seconds").unwrap_or_default();
        html.leaf("footer", &[], &format!("mistgate {version}, up {}", span(uptime)));
    })
}

fn who(html: &mut Html, view: &View<'_>) {
    if view.role.is_empty() {
        html.leaf("a", &[("href", LOGIN)], "Log in to act");
        return;
    }
    html.leaf("span", &[], if view.role == "act" { "May act" } else { "May look" });
    html.element("form", &[("method", "post"), ("action", LOGOUT)], |html| {
        html.leaf("button", &[], "Log out");
    });
}

/// The form that takes a token, below why it did not take the last one.
pub fn login(refusal: &str) -> String {
    small("Log in", |html| {
        if !refusal.is_empty() {
            html.leaf("p", &[("role", "alert"), ("class", "wrong")], refusal);
        }
        html.element("form", &[("method", "post"), ("action", LOGIN)], |html| {
            html.leaf("label", &[("for", "token")], "Token");
            let kind = [("type", "password"), ("autocomplete", "current-password")];
            let name = [("id", "token"), ("name", "token"), ("required", "required")];
            html.void("input", &[&kind[..], &name].concat());
            html.leaf("button", &[], "Log in");
        });
        let places = "It is in the file of admin.token_file or admin.view_token_file, else in \
                      admin-token of the state folder.";
        html.leaf("p", &[("class", "none")], places);
    })
}

/// What became of something that was ordered, the steps of a selftest line by line, and the way
/// back.
pub fn outcome(title: &str, said: &str, back: &str) -> String {
    let steps: Vec<Value> = serde_json::from_str(said).unwrap_or_default();
    let line = |step| match text(step, "/reason") {
        "" => format!("✓ {}", text(step, "/what")),
        reason => format!("! {}: {reason}", text(step, "/what")),
    };
    let lines = steps.iter().map(line).collect::<Vec<_>>().join("\n");
    small(title, |html| {
        html.leaf("pre", &[], if steps.is_empty() { said } else { &lines });
        html.leaf("a", &[("href", back)], "Back");
    })
}

fn small(title: &str, inside: impl FnOnce(&mut Html)) -> String {
    document(title, "", |html| {
        html.element("main", &[("id", "main"), ("class", "login")], |html| {
            html.leaf("h1", &[], title);
            inside(html);
        });
    })
}

fn document(title: &str, version: &str, body: impl FnOnce(&mut Html)) -> String {
    let mut html = Html("<!doctype html>".to_string());
    html.element("html", &[("lang", "en")], |html| {
        html.element("head", &[], |html| {
            html.void("meta", &[("charset", "utf-8")]);
            let width = "width=device-width, initial-scale=1";
            html.void("meta", &[("name", "viewport"), ("content", width)]);
            html.leaf("title", &[], &format!("{title} · mistgate"));
            html.void("link", &[("rel", "icon"), ("href", "data:,")]);
            html.void("link", &[("rel", "stylesheet"), ("href", &named(STYLE))]);
            html.leaf("script", &[("src", &named(SCRIPT)), ("defer", "defer")], "");
        });
        html.element("body", &[("data-version", version)], |html| {
            html.leaf("a", &[("class", "skip"), ("href", "#main")], "Skip to content");
            body(html);
        });
    });
    html.0
}

/// The path of a file, which changes with its content (FNV-1a).
fn named((path, content): (&str, &str)) -> String {
    let hash = content.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{path}{hash}")
}
