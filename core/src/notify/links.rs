//! Links into the Mist dashboard.

use alloc::string::{String, ToString};

/// The host of a cloud's dashboard, given the host of its API: `manage.` for a leading `api.`. Any
/// other host, such as that of a test, is its own dashboard (`facts/mist.md` §1).
pub fn dashboard_host(api_host: &str) -> String {
    match api_host.strip_prefix("api.") {
        Some(cloud) => alloc::format!("manage.{cloud}"),
        None => api_host.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leading_api_is_exchanged() {
        assert_eq!(dashboard_host("api.mist.com"), "manage.mist.com");
        assert_eq!(dashboard_host("api.ac2.mist.com"), "manage.ac2.mist.com");
        assert_eq!(dashboard_host("api.rapid.example"), "manage.rapid.example");
        assert_eq!(dashboard_host("127.0.0.1"), "127.0.0.1");
    }
}
