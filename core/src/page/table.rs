//! Tables, facts and forms: what all pages are made of.

use alloc::{format, string::String, string::ToString as _, vec::Vec};

use serde_json::Value;

use super::{ROWS, View, html::Html, status::number, status::seconds, status::span, status::text};

/// A part of a cell: how it shows what a pointer leads to in the value of its row.
pub(super) enum Part {
    Text(&'static str),
    /// A name of ours in words: `reading_back` is reading back.
    Flat(&'static str),
    /// A second line, behind a few words; nothing where there is nothing, or not that.
    Small(&'static str, &'static str),
    /// A word that says how something is. Its colour only repeats that.
    Badge(&'static str),
    /// Lines with their indentation.
    Lines(&'static str),
    /// A time as RFC 3339, in UTC; the script shows it as that of the reader.
    Time(&'static str),
    /// Seconds as a span.
    Span(&'static str),
    /// A button that posts to a path with the number of the row in it.
    Post(&'static str, &'static str, &'static str),
    /// Whatever a function writes.
    Of(fn(&mut Html, &View<'_>, &Value)),
}

/// The heading of a column, and what is in its cells.
pub(super) type Column = (&'static str, &'static [Part]);

/// A heading and a table of at most [`ROWS`] rows, or `none` where there is no row. Where that is
/// empty, then nothing.
pub(super) fn table(
    html: &mut Html,
    view: &View<'_>,
    title: &str,
    columns: &[Column],
    rows: &[&Value],
    none: &str,
) {
    if !(title.is_empty() || rows.is_empty() && none.is_empty()) {
        html.leaf("h2", &[], title);
    }
    if rows.is_empty() {
        return html.leaf("p", &[("class", "none")], none);
    }
    html.element("table", &[], |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                columns.iter().for_each(|(name, _)| html.leaf("th", &[("scope", "col")], name));
            });
        });
        html.element("tbody", &[], |html| {
            for row in rows.iter().take(ROWS) {
                html.element("tr", &[], |html| {
                    for (name, parts) in columns {
                        html.element("td", &[("data-label", name)], |html| {
                            show(html, view, parts, row);
                        });
                    }
                });
            }
        });
    });
}

/// Names and values of one thing, without those that it has not.
pub(super) fn facts(html: &mut Html, view: &View<'_>, facts: &[Column], of: &Value) {
    html.element("dl", &[], |html| {
        for (name, parts) in facts {
            let mut value = Html::default();
            show(&mut value, view, parts, of);
            if !value.0.is_empty() {
                html.element("div", &[], |html| {
                    html.leaf("dt", &[], name);
                    html.element("dd", &[], |html| html.0.push_str(&value.0));
                });
            }
        }
    });
}

fn show(html: &mut Html, view: &View<'_>, parts: &[Part], row: &Value) {
    let words_at = |pointer| row.pointer(pointer).map(words).unwrap_or_default();
    for part in parts {
        match *part {
            Part::Text(at) => html.text(&words_at(at)),
            Part::Flat(at) => html.text(&words_at(at).replace('_', " ")),
            Part::Small(before, at) => {
                let is_there = row.pointer(at) != Some(&Value::Bool(false));
                let said = words_at(at);
                if is_there && !said.is_empty() {
                    html.leaf("small", &[], &format!("{before}{said}"));
                }
            }
            Part::Badge(at) => {
                let class = format!("badge {}", text(row, at));
                html.leaf("span", &[("class", &class)], &text(row, at).replace('_', " "));
            }
            Part::Lines(at) => html.leaf("pre", &[], text(row, at)),
            Part::Time(at) => {
                if let Some(minute) = text(row, at).get(..16) {
                    let shown = format!("{} UTC", minute.replace('T', " "));
                    html.leaf("time", &[("datetime", text(row, at))], &shown);
                }
            }
            Part::Span(at) => html.text(&seconds(row, at).map(span).unwrap_or_default()),
            Part::Post(before, after, label) => {
                let id = words_at("/id");
                act(html, view, &format!("{before}{id}{after}"), label, &id);
            }
            Part::Of(write) => write(html, view, row),
        }
    }
}

/// A value as people write it.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_string(),
        Value::Bool(false) => "no".to_string(),
        Value::Number(_) => number(value, "").map(|it| it.to_string()).unwrap_or_default(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let one = |(name, value)| format!("{name} {}", words(value));
            members.iter().map(one).collect::<Vec<_>>().join("; ")
        }
    }
}

/// A button that has something done, for who may do that. `about` says of what it is the button.
pub(super) fn act(html: &mut Html, view: &View<'_>, action: &str, label: &str, about: &str) {
    form(html, view, action, &[], |html| {
        let spoken = format!("{label} {about}");
        html.leaf("button", &[("aria-label", spoken.trim())], label);
    });
}

/// A form with hidden `fields`, for who may act.
pub(super) fn form(
    html: &mut Html,
    view: &View<'_>,
    action: &str,
    fields: &[(&'static str, &str)],
    inside: impl FnOnce(&mut Html),
) {
    if view.form.is_empty() {
        return;
    }
    html.element("form", &[("method", "post"), ("action", action)], |html| {
        for (name, value) in [("form", view.form), ("back", view.address)].iter().chain(fields) {
            html.void("input", &[("type", "hidden"), ("name", name), ("value", value)]);
        }
        inside(html);
    });
}

/// A field to search in this page.
pub(super) fn search(html: &mut Html, view: &View<'_>, label: &str) {
    html.element("form", &[("class", "search"), ("role", "search")], |html| {
        html.leaf("label", &[("for", "q")], label);
        let value = ("value", view.query);
        html.void("input", &[("id", "q"), ("name", "q"), ("type", "search"), value]);
        html.leaf("button", &[], "Search");
    });
}

/// Links to the rows before and behind those that are shown.
pub(super) fn pager(html: &mut Html, view: &View<'_>, rows: usize) {
    // What would need an escape in a query separates the words of a search, too.
    let is_special = |c: char| !c.is_alphanumeric() && !"-._/:".contains(c);
    let query = view.query.split(is_special).collect::<Vec<_>>().join("+");
    let links = [
        (view.skip > 0, view.skip.saturating_sub(ROWS), "← Before"),
        (rows > ROWS, view.skip.saturating_add(ROWS), "After →"),
    ];
    for (_, skip, label) in links.into_iter().filter(|(is_there, ..)| *is_there) {
        let address = format!("?q={query}&skip={skip}");
        html.leaf("a", &[("class", "pager"), ("href", &address)], label);
    }
}
