//! Who may ask the admin endpoint for what.

use std::{fs, fs::OpenOptions, io, io::Write as _, os::unix::fs::MetadataExt as _};
use std::{os::unix::fs::OpenOptionsExt as _, os::unix::fs::fchown, path::Path};

use http_types::StatusCode;
use mistgate_core::{base::hex, base::secret::Secret, config::admin::Admin};

use crate::http::listen::{Head, Reply};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It shows something.
    Look,
    /// It changes something.
    Act,
    /// It stops something, which anybody on this machine may.
    Stop,
    /// It shows a page. Who may not look is asked to log in.
    Page,
    /// It is for those who have not logged in yet.
    Free,
}

/// The file in the state folder whose token may act where the configuration names none.
pub const TOKEN: &str = "admin-token";
/// The longest token that is read of that file, in bytes.
const TOKEN_MAX: usize = 4_096;

/// 256 random bits as hex digits, which nobody guesses.
pub fn new_token() -> io::Result<String> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(hex::encode(&random))
}

/// The token of the state folder, made by the first start.
pub(crate) fn made_token(state_dir: &str) -> io::Result<Secret> {
    let path = Path::new(state_dir).join(TOKEN);
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).clone();
    match options.open(&path) {
        Ok(mut file) => {
            // Root may start what goes on as the owner of the folder.
            let owner = fs::metadata(state_dir)?;
            fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
            let text = new_token()?;
            file.write_all(format!("{text}\n").as_bytes())?;
            Ok(Secret::new(text))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(&path)?;
            let text = text.trim_end();
            if text.len() < 16 || text.len() > TOKEN_MAX {
                return Err(io::Error::other("it holds no token — delete it"));
            }
            Ok(Secret::new(text))
        }
        Err(error) => Err(error),
    }
}

/// The tokens, and what needs none.
#[derive(Default)]
pub struct Guard {
    /// Whoever sends it may look and act.
    token: Option<Secret>,
    /// Whoever sends it may look and not act.
    view_token: Option<Secret>,
    /// Whether only this machine can reach the listener.
    is_local: bool,
    /// Whether everybody may look who can reach it.
    is_open: bool,
    /// Whether the listener speaks TLS.
    pub(super) has_tls: bool,
}

impl Guard {
    /// The guard of a configuration. `made` is the token of the state folder.
    pub(crate) fn new(admin: &Admin, made: Option<Secret>) -> Self {
        let is_local = admin.listen.ip().is_loopback();
        Self {
            is_local,
            is_open: is_local && admin.token.is_none() && admin.view_token.is_none(),
            token: admin.token.clone().or(made),
            view_token: admin.view_token.clone(),
            has_tls: admin.tls.is_some(),
        }
    }

    /// What a token allows: to `act`, or only to `look`.
    pub(super) fn allows(&self, sent: &[u8]) -> Option<&'static str> {
        let is = |token: &Option<Secret>| token.as_ref().is_some_and(|token| token.matches(sent));
        // Both are compared, whichever it is.
        match (is(&self.token), is(&self.view_token)) {
            (true, _) => Some("act"),
            (false, true) => Some("look"),
            (false, false) => None,
        }
    }

    /// Whether a form of our own page was sent. A page whose own name leads here, which its owner
    /// may change at will, has another name than this machine, and no certificate of ours.
    pub(super) fn is_of_own_page(&self, head: &Head<'_>) -> bool {
        head.is_of_own_page() && (self.has_tls || head.names_this_machine())
    }

    /// Lets a request in; else the answer, and why. `login` is the token of who has logged in.
    pub(super) fn admit(
        &self,
        head: &Head<'_>,
        role: Role,
        login: Option<&Secret>,
    ) -> Result<(), (Reply, &'static str)> {
        let is_ordered = matches!(role, Role::Act | Role::Stop);
        let is_own = login.is_some() && self.is_of_own_page(head);
        if is_ordered && head.is_of_a_page() && !is_own {
            // A page in a browser can post to this host too.
            return Err(forbidden("a page of another host"));
        }
        let sent = head.header("authorization").and_then(|value| value.split_at_checked(7));
        let sent = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        let sent = sent.map(|(_, sent)| sent).or(login.map(|login| login.expose().as_bytes()));
        let allowed = sent.and_then(|sent| self.allows(sent));
        let may_look = allowed.is_some();
        let is_free = match role {
            Role::Look | Role::Page => self.is_open,
            Role::Act => false,
            Role::Stop => self.is_local,
            Role::Free => true,
        };
        match role {
            _ if allowed == Some("act") => Ok(()),
            Role::Free => Ok(()),
            Role::Look | Role::Page if may_look => Ok(()),
            _ if is_free && head.names_this_machine() && !head.is_of_a_page() => Ok(()),
            _ if is_free => Err(forbidden("a name or a page of another host")),
            Role::Act if may_look => Err(forbidden("a token that may only look")),
            Role::Look | Role::Act | Role::Stop | Role::Page => {
                let reply = Reply::status(StatusCode::Unauthorized.into());
                Err((reply.header("www-authenticate", "Bearer"), "no token"))
            }
        }
    }
}

fn forbidden(reason: &'static str) -> (Reply, &'static str) {
    (Reply::status(StatusCode::Forbidden.into()), reason)
}
