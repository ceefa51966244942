//! The page: who has logged in, what they are shown, and what they order by its forms.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{borrow::Cow, net::IpAddr, sync::Arc, sync::OnceLock, time::Duration};

use http_types::{StatusCode, Url};
use mistgate_core::base::{order, secret::Secret, time::Instant};
use mistgate_core::page::{self, LOGIN, PAGES, SCRIPT, STYLE, View, events, status};
use serde_json::{Value, json};
use smol::Timer;

use super::guard::{Guard, new_token};
use super::{Admin, Answer, Asked, Caller, dead_letters, ends, incidents, ok, refused, stopping};
use crate::base::{clock, journal::Level, journal::fields, sync::Mutex};
use crate::http::listen::{Head, Reply};

/// The name of the cookie, and how long somebody stays logged in.
const COOKIE: &str = "mistgate";
const SESSION: Duration = Duration::from_hours(12);
/// The most who are logged in; another one takes the place of the first.
const SESSIONS_MAX: usize = 64;
/// The most who wait for news. Another one ends the wait of the first, which asks again later.
const WAITING_MAX: usize = 16;
/// How often there may be news, how long is waited for them, and when a browser asks again.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOKS: usize = 50;
const SOON_MS: u32 = 500;
const LATER_MS: u32 = 10_000;

const HTML: &str = "text/html; charset=utf-8";
/// Nothing comes from another host, and nothing but our own script runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
                      data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Somebody who has logged in. The token that they gave must hold for each request.
pub(super) struct Session {
    /// What their cookie holds.
    id: Secret,
    /// What their forms send along, which no page of another host knows.
    form: Secret,
    pub(super) token: Secret,
    ends_at: Instant,
}

/// What is remembered for the page while the process lives.
#[derive(Default)]
pub struct Memory {
    sessions: Mutex<VecDeque<Arc<Session>>>,
    /// How many have waited for news, and how often somebody ordered something.
    waited: AtomicUsize,
    pub(super) orders: AtomicUsize,
    /// Distinguishes the numbers of this run from those of others.
    run: OnceLock<i64>,
}

impl Memory {
    /// Who sends a request, where it has their cookie and no token.
    pub(super) fn find(&self, head: &Head<'_>, now: Instant) -> Option<Arc<Session>> {
        let cookie = head.header("cookie").filter(|_| head.header("authorization").is_none())?;
        let mut cookies = cookie.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let id = cookies.find_map(|one| one.strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="))?;
        let mut sessions = self.sessions.lock();
        sessions.retain(|session| session.ends_at > now);
        sessions.iter().find(|session| session.id.matches(id)).cloned()
    }
}

impl Admin {
    /// Changes whenever something has happened.
    fn page_version(&self) -> String {
        let run = self.page.run.get_or_init(|| clock::wall().as_secs());
        let orders = self.page.orders.load(Ordering::Relaxed) as u64;
        format!("{run}-{}", self.journal.metrics.sum() + orders)
    }
}

/// One of the pages.
pub(super) async fn show(admin: &Admin, asked: Asked<'_>) -> Answer {
    let absent = || Reply::status(StatusCode::NotFound.into());
    let page = PAGES.iter().find(|page| page.path == asked.path).ok_or_else(absent)?;
    // Before the rest, so that whatever happens meanwhile is news.
    let version = admin.page_version();
    let query = asked.head.query().unwrap_or_default();
    let fields = pairs(query.as_bytes());
    let search = fields.get("q").map_or("", String::as_str);
    let skip = fields.get("skip").and_then(|skip| skip.parse().ok()).unwrap_or_default();
    let mut shown = read(admin.status(0, String::new()).await)?;
    let unready = admin.ready().await.err();
    let unready = unready.as_ref().map(|reply| String::from_utf8_lossy(&reply.body));
    let wrong = status::wrong(&shown, unready.as_deref());
    let more = match page.path {
        "/" => read(incidents::silences(admin).await)?,
        page::EVENTS => json!({ "recent": recent(admin, search, skip).await? }),
        page::DESTINATIONS => read(dead_letters::list(admin).await)?,
        page::PORTS => read(admin.status(skip, search.to_lowercase()).await)?,
        page::SYSTEM => json!({ "certificates": ends(&admin.ends().await) }),
        _ => Value::Null,
    };
    if let (Value::Object(all), Value::Object(more)) = (&mut shown, more) {
        all.extend(more);
    }
    let session = admin.page.find(asked.head, admin.clock.now());
    let role = session
        .as_ref()
        .and_then(|session| admin.settings.get().guard.allows(session.token.expose().as_bytes()));
    let form = session.as_ref().filter(|_| role == Some("act"));
    let view = View {
        address: &format!("{}?{query}", page.path),
        query: search,
        skip,
        status: &shown,
        wrong: &wrong,
        role: role.unwrap_or_default(),
        form: form.map_or("", |session| session.form.expose()),
        version: &version,
    };
    Ok(html(StatusCode::Ok, page::page(page, &view)))
}

/// The last events, of which the driver has the bytes in memory.
async fn recent(admin: &Admin, search: &str, skip: usize) -> Result<Vec<Value>, Reply> {
    let batches = admin.driver.recent().await.ok_or_else(stopping)?;
    let settings = admin.settings.get();
    let Some(webhook) = settings.webhook.as_ref().map(|webhook| webhook.settings()) else {
        return Ok(Vec::new());
    };
    let batches = batches.iter().map(|bytes| bytes.as_ref());
    Ok(events::recent(batches, &webhook.chat, search, skip))
}

/// The JSON of another answer.
fn read(answer: Answer) -> Result<Value, Reply> {
    Ok(serde_json::from_slice(&answer?.body).unwrap_or_default())
}

/// The stylesheet or the script, which may be kept: another content has another path.
pub(super) async fn file(_: &Admin, asked: Asked<'_>) -> Answer {
    let (kind, content) = match asked.path.starts_with(STYLE.0) {
        true => ("text/css; charset=utf-8", STYLE.1),
        false => ("text/javascript; charset=utf-8", SCRIPT.1),
    };
    let reply = ok().content(kind, content).header("x-content-type-options", "nosniff");
    Ok(reply.header("cache-control", "public, max-age=31536000, immutable"))
}

/// News as server-sent events (HTML §9.2): one for each answer, as soon as there is one, or none
/// after a while. The browser then asks again, with the number of the last one.
pub(super) async fn news(admin: &Admin, asked: Asked<'_>) -> Answer {
    let last = asked.head.header("last-event-id").map(String::from_utf8_lossy);
    let query = asked.head.query().and_then(|query| query.strip_prefix("after="));
    let last = last.or(query.map(Into::into)).unwrap_or_default();
    let place = admin.page.waited.fetch_add(1, Ordering::Relaxed);
    let is_last = || admin.page.waited.load(Ordering::Relaxed) - place > WAITING_MAX;
    let (mut retry, mut version) = (SOON_MS, admin.page_version());
    for _ in 0..LOOKS {
        if version != last || is_last() || !admin.ready.load(Ordering::Relaxed) {
            retry = if is_last() { LATER_MS } else { SOON_MS };
            break;
        }
        Timer::after(LOOK_EVERY).await;
        version = admin.page_version();
    }
    let data = if version == last { "" } else { "data: news\n" };
    let text = format!("retry: {retry}\nid: {version}\n{data}\n");
    Ok(ok().content("text/event-stream", text).header("cache-control", "no-store"))
}

/// The form for a token, and what becomes of one.
pub(super) async fn log_in(admin: &Admin, asked: Asked<'_>) -> Answer {
    if asked.head.method() != "POST" {
        return Ok(html(StatusCode::Ok, page::login("")));
    }
    let settings = admin.settings.get();
    if !settings.guard.is_of_own_page(asked.head) {
        return Err(html(StatusCode::Forbidden, page::login("This form is of another host.")));
    }
    let token = pairs(asked.body).remove("token").unwrap_or_default();
    let (token, from) = (token.trim(), asked.caller);
    let Some(role) = settings.guard.allows(token.as_bytes()) else {
        admin.journal.stranger("page", Level::Warning, "page_login_refused", fields![from]);
        return Err(html(StatusCode::Unauthorized, page::login("This token is not known.")));
    };
    let random = || {
        let failed = |error| refused(StatusCode::InternalServerError, &format!("{error}"));
        new_token().map(Secret::new).map_err(failed)
    };
    let (id, form, token) = (random()?, random()?, Secret::new(token));
    let set = to("/").header("set-cookie", cookie(id.expose(), SESSION, &settings.guard));
    let session = Session { id, form, token, ends_at: admin.clock.now() + SESSION };
    let mut sessions = admin.page.sessions.lock();
    if sessions.len() >= SESSIONS_MAX {
        sessions.pop_front();
    }
    sessions.push_back(Arc::new(session));
    admin.journal.note(Level::Info, "page_login", fields![from, role]);
    Ok(set)
}

pub(super) async fn log_out(admin: &Admin, asked: Asked<'_>) -> Answer {
    let settings = admin.settings.get();
    if !settings.guard.is_of_own_page(asked.head) {
        return Err(Reply::status(StatusCode::Forbidden.into()));
    }
    if let Some(session) = admin.page.find(asked.head, admin.clock.now()) {
        admin.page.sessions.lock().retain(|one| !Arc::ptr_eq(one, &session));
    }
    Ok(to(LOGIN).header("set-cookie", cookie("", Duration::ZERO, &settings.guard)))
}

fn cookie(value: &str, age: Duration, guard: &Guard) -> String {
    let (age, secure) = (age.as_secs(), if guard.has_tls { "; Secure" } else { "" });
    format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}

/// Carries out what a form orders, by the route that programs use, and leads back to its page.
pub(super) async fn order(
    admin: &Admin,
    head: &Head<'_>,
    body: &[u8],
    session: &Session,
    from: IpAddr,
) -> Reply {
    let mut fields = pairs(body);
    let [form, back] = ["form", "back"].map(|name| fields.remove(name).unwrap_or_default());
    if !session.form.matches(form.as_bytes()) {
        let said = "The form is not of this login. Load its page again.";
        return html(StatusCode::Forbidden, page::outcome("Not done", said, "/"));
    }
    let member = |(name, value): (&String, &String)| match name.strip_prefix("match.") {
        Some(field) => ("match".to_owned(), json!({ field: value })),
        None if value == "until recovered" => ("until_recovered".to_owned(), json!(true)),
        None => (name.clone(), json!(value)),
    };
    let wanted = Value::Object(order::collect(fields.iter().map(member))).to_string();
    let reply = admin.answer(head, wanted.as_bytes(), &Caller::Page(from)).await;
    let is_done = reply.status == u16::from(StatusCode::Ok);
    let is_ours = back.starts_with('/') && !back.starts_with("//") && !back.contains('\\');
    if is_done && is_ours {
        return to(back).proven();
    }
    let said = String::from_utf8_lossy(&reply.body);
    let title = if is_done { "Done" } else { "Not done" };
    let back = if is_ours { back.as_str() } else { "/" };
    let page = html(StatusCode::Ok, page::outcome(title, &said, back));
    Reply { status: reply.status, ..page }.proven()
}

/// The names and values of a form or a query.
fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    let url = Url::parse(&format!("http://localhost/?{}", String::from_utf8_lossy(text))).ok();
    let pairs = url.iter().flat_map(Url::query_pairs);
    order::collect(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))
}

/// Leads to another path, by GET.
pub(super) fn to(path: impl Into<Cow<'static, str>>) -> Reply {
    let reply = Reply::status(StatusCode::SeeOther.into()).header("location", path);
    reply.header("cache-control", "no-store")
}

fn html(status: StatusCode, text: String) -> Reply {
    Reply::status(status.into())
        .content(HTML, text)
        .header("content-security-policy", POLICY)
        .header("x-content-type-options", "nosniff")
        .header("cross-origin-resource-policy", "same-origin")
        // With no-referrer the forms of the page would have no Origin.
        .header("referrer-policy", "same-origin")
        .header("cache-control", "no-store")
}
