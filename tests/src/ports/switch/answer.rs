//! The wording of a switch's replies, after those of real switches
//! (`appliance/docs/vendors/junos.md` §3; the hello: §1).

use super::xml::Node;

/// The release of a switch, by its wording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Junos 15 to 23 with its defaults.
    #[default]
    Plain,
    /// Up to 12.x: other capabilities, errors without tags, a routing engine element that is never
    /// closed.
    Old,
    /// With `set system services netconf rfc-compliant`: NETCONF's elements have a prefix.
    RfcCompliant,
    /// As `RfcCompliant`, with `version-1.1`: chunked framing.
    Chunked,
}

impl Style {
    /// All styles, the usual one first.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Old, Self::RfcCompliant, Self::Chunked];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Plain | Self::Old => "",
            Self::RfcCompliant | Self::Chunked => "nc:",
        }
    }

    /// The first message of a session.
    pub fn hello(self, session_id: u64) -> String {
        let nc = self.prefix();
        let namespace = match self {
            Self::Old => "",
            Self::Plain => " xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"",
            Self::RfcCompliant | Self::Chunked => {
                " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""
            }
        };
        let old = "urn:ietf:params:xml:ns:netconf:base:1.0";
        let (new, newer) = ("urn:ietf:params:netconf:base:1.0", "urn:ietf:params:netconf:base:1.1");
        let junos = "http://xml.juniper.net/netconf/junos/1.0";
        let known: &[&str] = match self {
            Self::Old => &[old, junos],
            Self::Plain | Self::RfcCompliant => &[new, old, junos],
            Self::Chunked => &[new, newer, old, junos],
        };
        let known: String = known
            .iter()
            .map(|uri| format!("    <{nc}capability>{uri}</{nc}capability>\n"))
            .collect();
        format!(
            "<!-- No zombies were killed during the creation of this user interface -->\n\
             <!-- user mist, class super-user -->\n<{nc}hello{namespace}>\n  <{nc}capabilities>\n\
             {known}  </{nc}capabilities>\n  <{nc}session-id>{session_id}</{nc}session-id>\n\
             </{nc}hello>\n"
        )
    }

    /// A reply to `rpc`, which repeats all its attributes.
    pub fn reply(self, rpc: &Node, body: &str) -> String {
        let nc = self.prefix();
        let mut attributes = String::new();
        if nc.is_empty() {
            attributes.push_str(" xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"");
        }
        attributes.push_str(" xmlns:junos=\"http://xml.juniper.net/junos/18.2R3/junos\"");
        for (name, value) in &rpc.attributes {
            attributes.push_str(&format!(" {name}=\"{}\"", quick_xml::escape::escape(value)));
        }
        format!("<{nc}rpc-reply{attributes}>\n{body}</{nc}rpc-reply>\n")
    }

    /// The reply to a request that succeeded.
    pub fn ok(self) -> String {
        format!("<{}ok/>\n", self.prefix())
    }

    /// The success of a commit or of its check. Some styles report it for each member.
    pub fn committed(self, success: &str) -> String {
        let engine = format!("<name>fpc0</name>\n<{success}/>\n");
        match self {
            Self::Old => {
                format!("<routing-engine junos:style=\"show-name\">\n{engine}{}", self.ok())
            }
            Self::Plain => format!(
                "<commit-results>\n<routing-engine junos:style=\"normal\">\n{engine}\
                 </routing-engine>\n</commit-results>\n{}",
                self.ok()
            ),
            Self::RfcCompliant | Self::Chunked => self.ok(),
        }
    }

    /// An error, perhaps with a path and an element.
    pub fn error(self, message: &str, path: Option<&str>, element: Option<&str>) -> String {
        self.rpc_error("error", "operation-failed", message, path, element.map(bad_element))
    }

    /// A warning, which is no failure.
    pub fn warning(self, message: &str) -> String {
        self.rpc_error("warning", "", message, None, None)
    }

    /// The refusal of a lock.
    pub fn locked_by(self, holder: u64) -> String {
        let message = format!(
            "configuration database locked by:\n  mist terminal p0 (pid {holder}) on since \
             2026-11-22 07:00:00 UTC, idle 00:01:00\n      exclusive \n"
        );
        let session = format!("<session-id>{holder}</session-id>");
        self.rpc_error("error", "lock-denied", &message, None, Some(session))
    }

    fn rpc_error(
        self,
        severity: &str,
        tag: &str,
        message: &str,
        path: Option<&str>,
        info: Option<String>,
    ) -> String {
        let nc = self.prefix();
        let element = |name: &str, text: &str| {
            let text = quick_xml::escape::partial_escape(text);
            format!("<{nc}{name}>\n{text}\n</{nc}{name}>\n")
        };
        let mut inside = String::new();
        // Warnings, and old releases, have a severity only.
        if severity == "error" && self != Self::Old {
            inside.push_str(&element("error-type", "protocol"));
            inside.push_str(&element("error-tag", tag));
        }
        inside.push_str(&element("error-severity", severity).replace('\n', ""));
        inside.push_str(&path.map(|path| element("error-path", path)).unwrap_or_default());
        inside.push_str(&element("error-message", message));
        if let Some(info) = info {
            inside.push_str(&format!("<{nc}error-info>\n{info}\n</{nc}error-info>\n"));
        }
        format!("<{nc}rpc-error>\n{inside}</{nc}rpc-error>\n")
    }
}

fn bad_element(element: &str) -> String {
    format!("<bad-element>{}</bad-element>", quick_xml::escape::partial_escape(element))
}
