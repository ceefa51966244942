//! `mistgate mist`: looks after the webhook in Mist, by Mist's API.
//!
//! What differs and what is written is decided in the core. The token is held in memory alone.

use std::{fs, io, io::BufRead as _, io::BufReader, io::Read, process::ExitCode, sync::Arc};

use http_types::Url;
use mistgate_core::mist::catalogue::{Type, catalogue};
use mistgate_core::mist::webhook::compare::{Comparison, Difference, compare};
use mistgate_core::mist::webhook::mend::{changes, mend, mended};
use mistgate_core::mist::{refusal::Refusal, webhook::survey::survey, webhook::wanted::Wanted};
use mistgate_core::{base::secret::Secret, config::checked::Config, mist};
use mistgate_runtime::base::{clock::Clock, journal::Format, journal::Journal, journal::Level};
use mistgate_runtime::mist::{Client, Urgency};
use mistgate_runtime::{host::load::Loaded, http::outbound::Outbound};

use crate::args::mist::{CheckMist, Mist, MistKind, Setup, Types};
use crate::{ask::Failure, terminal};

/// The most bytes of a token.
const TOKEN_MAX: u64 = 4_096;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.to_string())
    }
}

pub(crate) fn run(args: Mist) -> ExitCode {
    let done = match args.kind {
        MistKind::Check(CheckMist { config, token_file, url }) => {
            smol::block_on(each(&config, token_file, url, None))
        }
        MistKind::Setup(Setup { config, token_file, url, yes }) => {
            smol::block_on(each(&config, token_file, url, Some(yes)))
        }
        MistKind::Types(args) => smol::block_on(types(args)),
    };
    crate::end(done.map(|is_right| if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

/// Looks after the webhook of each organisation. Gives whether all is as it should be in the end.
async fn each(
    config: &str,
    token_file: Option<String>,
    url: Option<Url>,
    is_sure: Option<bool>,
) -> Result<bool, Failure> {
    let mut is_right = true;
    for api in Api::open(config, token_file)? {
        is_right &= look_after(&api, url.clone(), is_sure).await?;
    }
    Ok(is_right)
}

/// Says what differs and, unless it only checks, mends that: after asking, or if it `is_sure`
/// without.
async fn look_after(api: &Api, url: Option<Url>, is_sure: Option<bool>) -> Result<bool, Failure> {
    let wanted = api.wanted(url)?;
    let mut client = api.client(api.token()?)?;
    let found = client.run(survey(&wanted.org), Urgency::Question).await?;
    let comparison = compare(&wanted, &found);
    let ours = comparison.ours;
    show(&comparison, &wanted);
    let Some(is_sure) = is_sure else {
        if comparison.differences.iter().any(Difference::is_mendable) {
            crate::say("mistgate mist setup mends the webhook");
        }
        return Ok(comparison.differences.is_empty());
    };
    let changes = changes(ours, &mended(&wanted, &found, ours));
    if changes.is_empty() {
        crate::say("nothing to change");
        return Ok(comparison.differences.is_empty());
    }
    let what = ours.map_or_else(
        || "Make this webhook in".to_owned(),
        |hook| format!("Change the webhook \"{}\" of", hook.name),
    );
    crate::say(&format!("{what} organisation {}:", wanted.org));
    changes.iter().for_each(|line| crate::say(&format!("  {line}")));
    if !is_sure && !terminal::is_there() {
        let what = "there is no terminal to ask on — --yes makes the change unasked";
        return Err(what.to_owned().into());
    }
    if !is_sure && !terminal::confirm("Do this?")? {
        return Err("nothing is changed".to_owned().into());
    }
    if !found.token.may_write(&wanted.org) && api.token_file.is_none() && terminal::is_there() {
        crate::say(&format!("the token of [mist] may only read: {}", found.token.words()));
        client = api.client(typed()?)?;
    }
    let written = client.run(mend(&wanted, &found, ours), Urgency::Change).await;
    written.map_err(|refusal| {
        let is_forbidden = matches!(refusal, Refusal::Forbidden { .. });
        let advice = if is_forbidden { " — see --token-file" } else { "" };
        format!("{refusal}{advice}")
    })?;
    // What Mist has afterwards counts, and not what it answers.
    let found = client.run(survey(&wanted.org), Urgency::Question).await?;
    let comparison = compare(&wanted, &found);
    crate::say("written");
    show(&comparison, &wanted);
    Ok(comparison.differences.is_empty())
}

/// Lists the types without words of ours.
async fn types(args: Types) -> Result<bool, Failure> {
    let apis = Api::open(&args.config, args.token_file)?;
    let api = apis.first().ok_or_else(|| "there is no organisation".to_owned())?;
    let client = api.client(api.token()?)?;
    let types = client.run(catalogue(), Urgency::Question).await?;
    let unknown: Vec<&Type> = types.iter().filter(|own| !own.is_known()).collect();
    for Type { topic, key, display, severity } in &unknown {
        let severity = severity.as_ref().map(|severity| format!(" ({severity})"));
        let line = format!("{} {key}: {display}{}", topic.name(), severity.unwrap_or_default());
        crate::say(&line);
    }
    if unknown.is_empty() {
        crate::say(&format!("there are words for all {} types that Mist lists", types.len()));
    }
    Ok(true)
}

/// Prints what differs, a line for each.
fn show(comparison: &Comparison<'_>, wanted: &Wanted) {
    for difference in &comparison.differences {
        crate::say(&difference.to_string());
    }
    for note in &comparison.notes {
        crate::say(&note.to_string());
    }
    if let (Some(hook), []) = (comparison.ours, comparison.differences.as_slice()) {
        let (name, url) = (&hook.name, wanted.url.as_ref().map_or("", Url::as_str));
        crate::say(&format!("webhook \"{name}\" sends what the configuration wants to {url}"));
    }
}

/// A configuration, and what is needed to ask Mist about an organisation of it.
struct Api {
    config: Arc<Config>,
    mist: mist::Mist,
    outbound: Outbound,
    token_file: Option<String>,
}

impl Api {
    /// One for each organisation.
    fn open(config: &str, token_file: Option<String>) -> Result<Vec<Self>, String> {
        let Loaded { config, made, .. } = crate::load(Some(config))?;
        let (_, outbound) = made.outgoing(Clock::start());
        let config = Arc::new(config);
        let of = |mist: &mist::Mist| {
            let (config, mist) = (Arc::clone(&config), mist.clone());
            Self { config, mist, outbound: outbound.clone(), token_file: token_file.clone() }
        };
        Ok(config.organisations().map(of).collect())
    }

    /// Says which organisation it is about, and gives the webhook as it should be there.
    fn wanted(&self, url: Option<Url>) -> Result<Wanted, Failure> {
        if let Some(name) = &self.mist.name {
            crate::say(&format!("{name}:"));
        }
        let known = self.config.webhook.as_ref().and_then(|webhook| webhook.url.clone());
        let what = "webhook.url: missing — where Mist reaches the listener, or --url";
        let url = url.or(known).ok_or_else(|| Failure::Usage(what.to_owned()))?;
        let missing = |key| format!("{key}: missing — it says which webhook is ours");
        Ok(self.config.wanted_webhook(&self.mist, Some(url)).map_err(missing)?)
    }

    /// The token of the file in the command, else that of the configuration, else a typed one.
    fn token(&self) -> Result<Secret, Failure> {
        Ok(match (self.token_file.as_deref(), &self.mist.token) {
            (Some("-") | None, None) | (Some("-"), Some(_)) if terminal::is_there() => typed()?,
            (Some("-"), _) => {
                token(io::stdin()).map_err(|error| format!("standard input: {error}"))?
            }
            (Some(path), _) => {
                let file = fs::File::open(path).map_err(|error| error.to_string());
                file.and_then(token).map_err(|error| format!("{path}: {error}"))?
            }
            (None, Some(token)) => token.clone(),
            (None, None) => {
                return Err(Failure::Usage(
                    "mist.token_file: missing — or --token-file".to_owned(),
                ));
            }
        })
    }

    fn client(&self, token: Secret) -> Result<Client, String> {
        let mist = mist::Mist { token: Some(token), ..self.mist.clone() };
        // Why Mist cannot be reached is in the journal.
        let journal = Arc::new(Journal::new(Format::Text, Level::Info));
        let client = Client::new(&mist, self.outbound.clone(), journal);
        client.ok_or_else(|| "there is no token".to_owned())
    }
}

/// A token from the terminal.
fn typed() -> Result<Secret, String> {
    judged(terminal::secret("Token (not shown): ")?)
}

/// A token from the first line of a file.
fn token(file: impl Read) -> Result<Secret, String> {
    let mut line = String::new();
    let read = BufReader::new(file.take(TOKEN_MAX)).read_line(&mut line);
    let line = Secret::new(line);
    read.map_err(|error| error.to_string())?;
    judged(Secret::new(line.expose().trim()))
}

fn judged(token: Secret) -> Result<Secret, String> {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    match is_token(token.expose()) {
        true => Ok(token),
        false => Err("this is not a token: letters, digits and punctuation on one line".to_owned()),
    }
}
