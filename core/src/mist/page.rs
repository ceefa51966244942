//! Lists that come in pages (`appliance/docs/vendors/mist.md` §7). Most number their pages and give
//! the total in a header; a search gives the address of its next page.
//!
//! A list that is not complete is refused: a missing element would look like one that does not
//! exist.

use alloc::{format, string::String, string::ToString, vec::Vec};

use crate::base::exchange::{Asking, ExchangeResult, Response};
use crate::event::Detail;

/// The most pages of a list.
pub const PAGES_MAX: usize = 1_000;
/// The longest address of a next page.
const NEXT_MAX: usize = 4_000;

/// What a page leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    More,
    /// The list is complete.
    Complete,
}

/// A list whose pages are numbered from 1.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    read: usize,
    seen: usize,
}

impl Pages {
    /// The number of the page to ask for.
    pub const fn number(&self) -> usize {
        self.read + 1
    }

    /// Counts a page of `count` elements, `new` of which were on no earlier page. `None` if the
    /// list will not be complete.
    pub fn seen(&mut self, count: usize, new: usize, total: Option<usize>) -> Option<Then> {
        self.read += 1;
        self.seen += count;
        let is_last = match total {
            Some(total) if self.seen >= total => true,
            Some(_) if count == 0 => return None,
            Some(_) => false,
            // Some lists ignore the page and come whole each time.
            None => new == 0,
        };
        let then = if is_last { Then::Complete } else { Then::More };
        (is_last || self.read < PAGES_MAX).then_some(then)
    }
}

/// Reads a list to its end. `judge` judges each result; `read` takes a page, and says how many
/// elements it has, and how many of them are new. `unclear` if a page is none, or one is missing.
pub async fn read_pages<E>(
    asking: &Asking,
    target: impl Fn(usize) -> String,
    judge: impl Fn(ExchangeResult) -> Result<Response, E>,
    unclear: E,
    mut read: impl FnMut(&[u8]) -> Option<(usize, usize)>,
) -> Result<(), E> {
    let mut pages = Pages::default();
    loop {
        let response = judge(asking.get(target(pages.number())).await)?;
        let seen = read(&response.body);
        match seen.and_then(|(count, new)| pages.seen(count, new, response.total)) {
            Some(Then::More) => {}
            Some(Then::Complete) => return Ok(()),
            None => return Err(unclear),
        }
    }
}

/// A search whose answers tell where the next page is.
#[derive(Clone, Debug)]
pub struct Search {
    path: String,
    query: String,
    pages: usize,
    seen: usize,
}

impl Search {
    /// Before the first page.
    pub const fn new(path: String, query: String) -> Self {
        Self { path, query, pages: 0, seen: 0 }
    }

    /// The page to ask for.
    pub fn target(&self) -> String {
        format!("{}?{}", self.path, self.query)
    }

    /// Takes a page. Returns its results, and whether more follow. `None` if it is no page, or if
    /// the list will not be complete.
    pub fn answered<'a>(&mut self, body: &'a [u8]) -> Option<(Vec<Detail<'a>>, Then)> {
        let whole: Detail<'a> = serde_json::from_slice(body).ok()?;
        let results = whole.get("results").filter(|results| results.raw().starts_with('['))?;
        let results = results.items();
        self.pages += 1;
        self.seen += results.len();
        let number = |name| usize::try_from(whole.get(name)?.integer()?).ok();
        let next = whole.get("next").and_then(Detail::text).filter(|_| !results.is_empty());
        let Some(next) = next else {
            let is_short = number("limit").is_none_or(|limit| results.len() < limit);
            let is_all = number("total").is_none_or(|total| self.seen >= total);
            return (is_short || is_all).then_some((results, Then::Complete));
        };
        let query = self.follow(&next)?.to_string();
        // A page that leads to itself would have no end.
        if query == self.query || self.pages >= PAGES_MAX {
            return None;
        }
        self.query = query;
        Some((results, Then::More))
    }

    /// The query of the next page, which must have the path of the first one.
    fn follow<'n>(&self, next: &'n str) -> Option<&'n str> {
        let is_plain = next.len() <= NEXT_MAX && next.bytes().all(|b| b.is_ascii_graphic());
        let (path, query) = next.split_once('?').filter(|_| is_plain)?;
        (path == self.path && !query.contains('#')).then_some(query)
    }
}

/// The elements of an answer, if it is a list.
pub fn elements(body: &[u8]) -> Option<Vec<Detail<'_>>> {
    let whole: Detail<'_> = serde_json::from_slice(body).ok()?;
    whole.raw().starts_with('[').then(|| whole.items())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_pages_end_at_the_total() {
        let mut pages = Pages::default();
        assert_eq!(pages.seen(2, 2, Some(5)), Some(Then::More));
        assert_eq!(pages.number(), 2);
        assert_eq!(pages.seen(2, 2, Some(5)), Some(Then::More));
        assert_eq!(pages.clone().seen(0, 0, Some(5)), None);
        assert_eq!(pages.seen(1, 1, Some(5)), Some(Then::Complete));
        assert_eq!(Pages::default().seen(0, 0, Some(0)), Some(Then::Complete));
    }

    #[test]
    fn pages_without_a_total_end_where_nothing_is_new() {
        let mut pages = Pages::default();
        assert_eq!(pages.seen(100, 100, None), Some(Then::More));
        assert_eq!(pages.seen(100, 0, None), Some(Then::Complete));
        let mut endless = Pages::default();
        let end = (0..=PAGES_MAX).map_while(|_| endless.seen(1, 1, None)).count();
        assert_eq!(end, PAGES_MAX - 1);
    }

    fn search() -> Search {
        Search::new("/api/v1/orgs/o/stats/ports/search".into(), "up=true".into())
    }

    #[test]
    fn a_search_follows_its_own_path_and_no_other() {
        let page =
            |next: &str| format!(r#"{{"results":[{{}}],"limit":1,"total":3,"next":{next}}}"#);
        for (next, then) in [
            (
                r#""/api/v1/orgs/o/stats/ports/search?up=true&search_after=%5B1%5D""#,
                Some(Then::More),
            ),
            (r#""https://evil.example/api/v1/orgs/o/stats/ports/search?a=b""#, None),
            (r#""//evil.example/api/v1/orgs/o/stats/ports/search?a=b""#, None),
            (r#""/api/v1/orgs/other/stats/ports/search?a=b""#, None),
            (r#""/api/v1/orgs/o/stats/ports/search""#, None),
            (r#""/api/v1/orgs/o/stats/ports/search?up=true""#, None),
            (r#""/api/v1/orgs/o/stats/ports/search?a=b c""#, None),
            // One of three, and no way to the others.
            ("null", None),
        ] {
            let (body, mut search) = (page(next), search());
            let result = search.answered(body.as_bytes());
            assert_eq!(result.map(|(results, then)| (results.len(), then)), then.map(|t| (1, t)));
            if then.is_some() {
                let target = "/api/v1/orgs/o/stats/ports/search?up=true&search_after=%5B1%5D";
                assert_eq!(search.target(), target);
            }
        }
    }

    #[test]
    fn a_search_ends_without_a_next_page() {
        for (body, complete) in [
            (r#"{"results":[],"limit":1000,"total":0}"#, true),
            (r#"{"results":[{}],"limit":1000,"total":1,"next":null}"#, true),
            (r#"{"results":[{}],"limit":1000,"total":9,"next":""}"#, true),
            (r#"{"results":[{}]}"#, true),
            (r#"{"results":[],"next":"/elsewhere?a"}"#, true),
            (r#"{"results":null}"#, false),
            (r#"{"results":{}}"#, false),
            ("{}", false),
            ("[]", false),
            ("<html>", false),
        ] {
            let then = search().answered(body.as_bytes()).map(|(_, then)| then);
            assert_eq!(then, complete.then_some(Then::Complete), "{body}");
        }
        assert!(elements(b"[{},{}]").is_some_and(|elements| elements.len() == 2));
        assert!(elements(b"{}").is_none() && elements(b"null").is_none());
    }

    #[test]
    fn a_search_without_end_is_none() {
        let mut search = search();
        let mut pages = 0;
        loop {
            let next = format!("/api/v1/orgs/o/stats/ports/search?search_after={pages}");
            let body = format!(r#"{{"results":[{{}}],"next":"{next}"}}"#);
            if search.answered(body.as_bytes()).is_none() {
                break;
            }
            pages += 1;
        }
        assert_eq!(pages, PAGES_MAX - 1);
    }
}
