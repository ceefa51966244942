//! Whether an access point is connected to the cloud.

use alloc::string::{String, ToString};

use super::get;
use crate::base::exchange::{Exchange, ExchangeResult, Step};
use crate::base::mac::Mac;
use crate::mist::{outcome::outcome, stats, target};

/// An exchange that finds out whether an access point is connected to Mist; `None` if Mist does not
/// say so or does not have it.
#[derive(Debug)]
pub struct Connected {
    ap: Mac,
    target: String,
}

impl Connected {
    /// Asks about an access point of the organisation `org`. `site` is the id of its site, if that
    /// is known.
    pub fn new(org: &str, ap: Mac, site: Option<&str>) -> Self {
        let target =
            site.map_or_else(|| target::aps(org, Some(ap), 1), |site| target::ap(site, ap));
        Self { ap, target }
    }
}

impl Exchange for Connected {
    type Output = Option<bool>;

    fn start(&mut self) -> Step<Option<bool>> {
        get(self.target.to_string())
    }

    fn answer(&mut self, result: ExchangeResult) -> Step<Option<bool>> {
        let aps = outcome(result).ok().and_then(|response| stats::aps(&response.body));
        let ap = aps.unwrap_or_default().into_iter().find(|ap| ap.mac == self.ap);
        Step::Done(ap.and_then(|ap| ap.is_connected))
    }
}
