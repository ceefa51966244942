//! The questions of `mistgate init` and `install` to a person at a terminal, and the configuration
//! that follows from the answers. Each answer is checked when it is given, and asked for again
//! where something is wrong with it; an empty one leaves things as they are.

use std::{fs, sync::Arc};

use mistgate_core::mist::webhook::token::rights;
use mistgate_runtime::base::{clock::Clock, journal::Format, journal::Journal, journal::Level};
use mistgate_runtime::{chat::driver::post_alone, host::load::Loaded, mist, mist::Urgency};

use crate::{args::CertLeaf, cert, files, starter, terminal};

/// The parts of the example that answers replace.
const MIST: &str = "#   [mist]\n#   api_url = \"https://api.eu.mist.com\"\n#   token_file = \
                    \"/etc/mistgate/mist-token\"\n#   org_id = \
                    \"978c48e6-6ef6-11e6-8bbf-02e208b2d34f\"\n";
const TLS: &str =
    "#   tls = { cert = \"/etc/mistgate/cert.pem\", key = \"/etc/mistgate/key.pem\" }\n";
const CONSOLE: &str = "\n[chat.console]\n";
const PORTS: &str = "\n[ports]\nmode = \"observe\"\n";
const CHATS: [(&str, &str); 3] =
    [("slack", "Slack"), ("teams", "Microsoft Teams"), ("google", "Google Chat")];
const TOKEN: &str = "mist-token";
const CERTIFICATE: &str = "webhook";

/// What the answers led to.
pub(crate) struct Guided {
    pub(crate) config: String,
    /// The names of the files with secrets that were made beside it.
    pub(crate) secrets: Vec<String>,
    /// Whether Mist can be asked for the webhook.
    pub(crate) has_webhook: bool,
}

/// Asks for what `config` shall have besides. Files that it names get into its folder.
pub(crate) fn ask(dir: &str, config: String) -> Result<Guided, String> {
    let mut guide =
        Guide { dir, guided: Guided { config, secrets: Vec::new(), has_webhook: false } };
    let has_token = guide.mist()?;
    guide.guided.has_webhook = guide.host()? && has_token;
    for (kind, name) in CHATS {
        guide.chat(kind, name)?;
    }
    if !terminal::confirm("Observe the switch ports of access points, and change nothing?")? {
        guide.guided.config = guide.replaced(PORTS, "\n#   [ports]\n#   mode = \"observe\"\n");
    }
    Ok(guide.guided)
}

struct Guide<'d> {
    dir: &'d str,
    guided: Guided,
}

impl Guide<'_> {
    fn replaced(&self, part: &str, by: &str) -> String {
        self.guided.config.replacen(part, by, 1)
    }

    /// Takes this text of the configuration if it has no problems, which are printed.
    fn take(&mut self, config: String) -> Result<Option<Loaded>, String> {
        // Names in it are relative to its folder.
        let aside = format!("{}/{}.asked", self.dir, starter::CONFIG);
        files::replace(&aside, config.as_bytes(), 0o600)?;
        let loaded = crate::load(Some(&aside));
        fs::remove_file(&aside).map_err(|error| format!("{aside}: {error}"))?;
        match loaded {
            Ok(loaded) => {
                self.guided.config = config;
                Ok(Some(loaded))
            }
            Err(problems) => {
                crate::complain(&problems);
                Ok(None)
            }
        }
    }

    fn write(&self, name: &str, secret: &str) -> Result<(), String> {
        files::replace(&format!("{}/{name}", self.dir), format!("{secret}\n").as_bytes(), 0o600)
    }

    /// Asks for the cloud, the token and the organisation. Whether there is a token.
    fn mist(&mut self) -> Result<bool, String> {
        loop {
            let host = terminal::ask("Host of your Mist cloud's API [api.mist.com]: ")?;
            let host = if host.is_empty() { "api.mist.com" } else { &host };
            let url =
                if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
            let own = format!("[mist]\napi_url = {url:?}\n");
            if self.take(self.replaced(MIST, &own))?.is_some() {
                return self.token(&own);
            }
        }
    }

    fn token(&mut self, mist: &str) -> Result<bool, String> {
        loop {
            let token =
                terminal::secret("API token of the organisation (not shown; empty: none): ")?;
            if token.expose().is_empty() {
                return Ok(false);
            }
            self.write(TOKEN, token.expose())?;
            let before = self.guided.config.clone();
            let with_token = format!("{mist}token_file = {TOKEN:?}\n");
            let Some(loaded) = self.take(self.replaced(mist, &with_token))? else { continue };
            let (_, outbound) = loaded.made.outgoing(Clock::start());
            let client = mist::Client::new(&loaded.config.mist, outbound, journal());
            let client = client.ok_or("there is no token")?;
            match smol::block_on(client.run(rights(), Urgency::Question)) {
                Ok(rights) => {
                    crate::say(&format!("  it is good: {}", rights.words()));
                    self.organisation(&with_token, &rights.organisations())?;
                    self.guided.secrets.push(TOKEN.to_owned());
                    return Ok(true);
                }
                Err(refusal) => crate::complain(&refusal.to_string()),
            }
            self.guided.config = before;
        }
    }

    fn organisation(&mut self, mist: &str, known: &[&str]) -> Result<(), String> {
        loop {
            let org = match known {
                [org] => (*org).to_owned(),
                _ => terminal::ask(&format!("Id of the organisation ({}): ", known.join(", ")))?,
            };
            let with_org = format!("{mist}org_id = {org:?}\n");
            if self.take(self.replaced(mist, &with_org))?.is_some() {
                return Ok(());
            }
        }
    }

    /// Asks for our name, and makes a certificate for it. Whether there is a name.
    fn host(&mut self) -> Result<bool, String> {
        loop {
            let host = terminal::ask(
                "Host name or address under which Mist reaches this machine (empty: not yet, or \
                 through a proxy): ",
            )?;
            if host.is_empty() {
                return Ok(false);
            }
            let (root, own) = (format!("{}/{}/root", self.dir, starter::CERTIFICATES), CERTIFICATE);
            let made = cert::leaf(&CertLeaf {
                cert_basename: format!("{}/{own}", self.dir),
                subject_org_name: "mistgate webhook".to_owned(),
                expiration_in_days: starter::DAYS,
                ca_certfile: format!("{root}.cert.pem"),
                ca_keyfile: format!("{root}.key.pem"),
                san: vec![host.clone()],
                client: false,
                server: true,
                force: true,
            });
            if let Err(error) = made {
                crate::complain(&error);
                continue;
            }
            // Mist does not know our authority; what it sends is signed all the same.
            let tls = format!(
                "tls = {{ cert = \"{own}.pkeycert.pem\", key = \"{own}.pkeycert.pem\" }}\nurl = \
                 \"https://{host}:51361/webhooks\"\nverify_cert = false\n"
            );
            if self.take(self.replaced(TLS, &tls))?.is_some() {
                self.guided.secrets.push(format!("{own}.pkeycert.pem"));
                return Ok(true);
            }
        }
    }

    /// Asks for the URL of a chat, and sends a hello there.
    fn chat(&mut self, kind: &str, name: &str) -> Result<(), String> {
        loop {
            let question =
                format!("URL of an incoming webhook of {name} (not shown; empty: none): ");
            let url = terminal::secret(&question)?;
            if url.expose().is_empty() {
                return Ok(());
            }
            self.write(kind, url.expose())?;
            let before = self.guided.config.clone();
            let own = format!("[chat.{kind}]\ndefault_url_file = {kind:?}\n");
            let text = self.replaced(&commented(kind), &own).replacen(
                CONSOLE,
                "\n#   [chat.console]\n",
                1,
            );
            match self.take(text)?.map(|loaded| hello(kind, loaded)) {
                Some(Ok(())) => {
                    crate::say("  a hello is there");
                    self.guided.secrets.push(kind.to_owned());
                    return Ok(());
                }
                Some(Err(reason)) => crate::complain(&format!("the hello was refused: {reason}")),
                None => {}
            }
            self.guided.config = before;
        }
    }
}

/// A chat in the example.
fn commented(kind: &str) -> String {
    format!("#   [chat.{kind}]\n#   default_url_file = \"/etc/mistgate/{kind}\"\n")
}

/// Sends a hello to the chat of this kind.
fn hello(kind: &str, loaded: Loaded) -> Result<(), String> {
    let Loaded { config, made, .. } = loaded;
    let to = config.chat.destinations.iter().find(|to| to.kind.name == kind);
    let to = to.ok_or("there is no such chat")?;
    let (_, outbound) = made.outgoing(Clock::start());
    let title = "Hello from mistgate".to_owned();
    let summary = "Messages about your network will arrive here.".to_owned();
    let timeout = config.chat.delivery.timeout;
    smol::block_on(post_alone(outbound, to, (title, summary), timeout, &journal()))
}

/// Why something cannot be reached is in the journal.
fn journal() -> Arc<Journal> {
    Arc::new(Journal::new(Format::Text, Level::Info))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_each_part_once() {
        let config = starter::config("state");
        let chats = CHATS.map(|(kind, _)| commented(kind));
        for part in [MIST, TLS, CONSOLE, PORTS].into_iter().chain(chats.iter().map(String::as_str))
        {
            assert_eq!(config.matches(part).count(), 1, "{part}");
        }
    }
}
