//! The login to a switch: with a key, a password, or the same password as the answer to a question
//! (RFC 4252, RFC 4256).

use std::sync::Arc;

use mistgate_core::base::secret::Secret;
use russh::client::{AuthResult, Handle, Handler, KeyboardInteractiveAuthResponse};
use russh::{MethodKind, MethodSet, keys::HashAlg, keys::PrivateKey, keys::PrivateKeyWithHashAlg};

use super::{Error, Key, Step, Target};

/// How many rounds of questions are answered.
const ROUNDS_MAX: usize = 4;

/// Logs in. Asks first which methods the switch accepts, which does not count as an attempt.
pub(super) async fn log_in<H: Handler>(
    handle: &mut Handle<H>,
    target: &Target,
) -> Result<(), Error> {
    let user = &target.username;
    let failed = |error| Error::new(Step::Login, error);
    let mut tried = Vec::new();
    let answer = handle.authenticate_none(user).await.map_err(failed)?;
    let Some(mut offered) = refused(answer) else { return Ok(()) };
    let all = offered.clone();
    if let Some(Key(key)) = &target.key
        && offered.contains(&MethodKind::PublicKey)
    {
        tried.push("key");
        for hash in hashes(handle, key, target.legacy_algorithms).await.map_err(failed)? {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
            let answer = handle.authenticate_publickey(user, key).await.map_err(failed)?;
            match refused(answer) {
                None => return Ok(()),
                Some(left) => offered = left,
            }
        }
    }
    if let Some(password) = &target.password {
        let is_in = if offered.contains(&MethodKind::Password) {
            tried.push("password");
            let answer = handle.authenticate_password(user, password.expose()).await;
            answer.map_err(failed)?.success()
        } else if offered.contains(&MethodKind::KeyboardInteractive) {
            tried.push("password");
            answer_questions(handle, user, password).await.map_err(failed)?
        } else {
            false
        };
        if is_in {
            return Ok(());
        }
    }
    if handle.is_closed() && tried.is_empty() {
        return Err(Error::Lost(Step::Login));
    }
    let offered = all.iter().map(|method| <&str>::from(method).to_owned()).collect();
    Err(Error::Login { username: user.clone(), tried, offered })
}

/// The methods that may still be tried; `None` if the login succeeded.
fn refused(answer: AuthResult) -> Option<MethodSet> {
    match answer {
        AuthResult::Success => None,
        AuthResult::Failure { remaining_methods, .. } => Some(remaining_methods),
    }
}

/// The digests to sign with, in turn. Servers do not always accept what they announce, and those
/// from before OpenSSH 7.2 announce nothing and know only SHA-1 for RSA keys.
async fn hashes<H: Handler>(
    handle: &Handle<H>,
    key: &PrivateKey,
    legacy: bool,
) -> Result<Vec<Option<HashAlg>>, russh::Error> {
    if !key.algorithm().is_rsa() {
        return Ok(vec![None]);
    }
    let best = handle.best_supported_rsa_hash().await?.flatten().unwrap_or(HashAlg::Sha256);
    Ok(if legacy { vec![Some(best), None] } else { vec![Some(best)] })
}

/// Gives the password when one hidden answer is wanted, and nothing when none is.
async fn answer_questions<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    password: &Secret,
) -> Result<bool, russh::Error> {
    let mut answer = handle.authenticate_keyboard_interactive_start(user, None::<String>).await?;
    let mut is_given = false;
    for _ in 0..ROUNDS_MAX {
        let responses = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => match &*prompts {
                [] => Vec::new(),
                [prompt] if !prompt.echo && !is_given => {
                    is_given = true;
                    vec![password.expose().to_owned()]
                }
                // There is no second factor to give.
                _ => return Ok(false),
            },
        };
        answer = handle.authenticate_keyboard_interactive_respond(responses).await?;
    }
    Ok(false)
}
